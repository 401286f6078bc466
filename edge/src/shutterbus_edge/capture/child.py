"""The capture process as its parent sees it: started, listened to, and killed when it falls silent."""

import logging
import os
import queue
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from typing import Literal

from shutterbus_edge.capture import Picture, Shot, channel
from shutterbus_runtime.clock import Clock

log = logging.getLogger(__name__)

CLOSING_S = 2.0
"""How long a child that was asked to end, or said that it ends, may take for it."""
SAID_MAX_BYTES = 4096
SECRETS = ("SS_", "SSCFG_")


@dataclass(frozen=True, slots=True)
class Limits:
    """When patience ends.

    Attributes:
        silence_s: Without a beat for this long, a child hangs.
        opening_s: A camera that is not open by then hangs. Importing picamera2 on the smallest Pi takes 20 s.
        backoff_first_s: Pause before the first restart; doubles with each further failure.
        backoff_max_s: The longest pause.
    """

    silence_s: float = 10.0
    opening_s: float = 60.0
    backoff_first_s: float = 0.5
    backoff_max_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a child is no more, and since when (monotonic)."""

    kind: Literal["unavailable", "finished", "misconfigured"]
    sentence: str
    at_s: float


class Child:
    """One capture process. Never restarted; the next one is another ``Child``.

    Attributes:
        opened: What the camera is, as soon as it is open.
        answers: Everything it said but beats, in order, and ``Ended`` last.
    """

    def __init__(
        self,
        command: Sequence[str],
        address: str,
        picture_json: str,
        clock: Clock,
        limits: Limits,
        said: Callable[[str], None],
    ) -> None:
        self.opened: channel.Opened | None = None
        self.answers: queue.SimpleQueue[channel.Opened | Picture | Ended] = queue.SimpleQueue()
        self._clock = clock
        self._limits = limits
        self._said = said
        self._last_line = ""
        self._verdict: Ended | None = None
        ours, self._theirs = socket.socketpair()
        self._connection = Connection(ours.detach())
        channel.send(self._connection, "open", {"address": address}, picture_json.encode())
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()
        self._thread = threading.Thread(target=self._live, args=(command,), name="capture", daemon=True)
        self._thread.start()

    def ask(self, shot: Shot) -> None:
        """Ask for a picture; it comes through ``answers``."""
        try:
            channel.send_shot(self._connection, shot)
        except OSError:
            return  # it has gone; its end comes through ``answers``

    @property
    def condemned(self) -> Ended | None:
        """Why it ends or has ended; None while it is of use."""
        return self._verdict

    def kill(self, sentence: str) -> None:
        """End it now, for the reason given."""
        self._condemn("unavailable", sentence)
        with self._starting:
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """Ask it to end, and see to it that it does."""
        try:
            channel.send(self._connection, "close")
        except OSError:
            pass
        else:
            self._thread.join(CLOSING_S)
        self.kill("closed")
        self._thread.join(CLOSING_S)

    def _condemn(self, kind: Literal["unavailable", "finished", "misconfigured"], sentence: str) -> None:
        if self._verdict is None:  # the first reason is the cause, the others follow from it
            self._verdict = Ended(kind, sentence, self._clock.monotonic_s())

    def _live(self, command: Sequence[str]) -> None:
        # The process is started by this thread, which outlives it: Linux sends the parent-death signal when the
        # thread that started a child ends, not only when its process does.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(SECRETS)}
        with self._starting:
            try:
                self._process = subprocess.Popen(
                    [*command, str(self._theirs.fileno())],
                    pass_fds=(self._theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    # Ctrl-C in a terminal is for the parent, which then ends its child in good order.
                    process_group=0,
                )
            except OSError as error:
                self._condemn("unavailable", f"the capture process does not start: {error}")
        self._theirs.close()
        if self._process is not None:
            with self._process:
                if self._verdict is not None:  # killed before it was there
                    self._process.kill()
                self._listen(self._process)
                self._reap(self._process)
        self._connection.close()
        assert self._verdict is not None
        self.answers.put(self._verdict)

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Return when the process has closed its end of the socket, or has to be killed."""
        assert process.stdout is not None
        output: int | None = process.stdout.fileno()
        # Time is counted in waits, not between clock readings: a machine or container that was frozen for a while
        # must not take its own absence for the camera's.
        tick_s = min(self._limits.silence_s, self._limits.opening_s) / 10
        silent_s = opening_s = 0.0
        heard = False
        while True:
            sources: list[Connection | int] = [self._connection, *([output] if output is not None else [])]
            before_s = time.monotonic()
            ready = connection.wait(sources, tick_s)
            waited_s = min(time.monotonic() - before_s, tick_s)
            silent_s += waited_s
            if output in ready and not self._read_output(output):
                output = None
            if self._connection in ready:
                silent_s, heard = 0.0, True
                if not self._read_message():
                    return
            if self.opened is None:
                opening_s += waited_s
            # Until its first word it is Python that starts, which the limit for opening covers.
            if heard and silent_s >= self._limits.silence_s:
                self.kill(f"the camera hangs: no sign of life for {self._limits.silence_s:g} s")
            elif opening_s >= self._limits.opening_s:
                self.kill(f"the camera hangs: not open after {self._limits.opening_s:g} s")
            if self._verdict is not None:
                return

    def _read_message(self) -> bool:
        try:
            kind, metadata, body = channel.receive(self._connection)
        except (EOFError, OSError):
            return False
        match kind:
            case "opened":
                self.opened = channel.read_opened(metadata)
                self.answers.put(self.opened)
            case "picture":
                self.answers.put(channel.read_picture(metadata, body))
            case "error":
                self._condemn(metadata["error"], metadata["sentence"])
        return True

    def _read_output(self, output: int | None) -> bool:
        """Pass on what camera libraries print; False when there will be no more."""
        assert output is not None
        text = os.read(output, SAID_MAX_BYTES).decode(errors="replace")
        for line in text.splitlines():
            # libcamera colours its log and begins each line with its uptime.
            plain = re.sub(r"\x1b\[[0-9;]*m|^\[[\d:.]+\] *\[\d+\] *", "", line).strip()
            if plain:
                self._last_line = plain
                self._said(plain)
        return bool(text)

    def _reap(self, process: subprocess.Popen[bytes]) -> None:
        try:
            process.wait(CLOSING_S)
        except subprocess.TimeoutExpired:
            process.kill()
        code = process.wait()
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        try:
            while self._read_output(process.stdout.fileno()):
                pass
        except BlockingIOError:
            pass  # a grandchild may hold the pipe open
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        cause = f": {self._last_line}" if self._last_line else ""
        self._condemn("unavailable", f"the capture process ended with {how}{cause}")
