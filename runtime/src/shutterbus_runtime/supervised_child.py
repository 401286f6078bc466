"""A child process as its parent sees it: started, listened to, and killed when it falls silent."""

import os
import queue
import re
import selectors
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from shutterbus_runtime import child_channel
from shutterbus_runtime.child_process import ChildProcess
from shutterbus_runtime.clock import Clock

CLOSING_S = 2.0
"""How long a child that was asked to end, or said that it ends, may take for it."""
SAID_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Program:
    """What a child runs, and what people call it.

    Attributes:
        name: Of the process in sentences, such as ``the capture process``.
        work: What hangs where it hangs, such as ``the camera``.
        command: The number of its socket is added as last argument; see ``child_channel.ToParent``.
        environment: All that it finds there.
        line_prefix: Pattern of what its libraries print before each line, which is left out; colours always are.
    """

    name: str
    work: str
    command: Sequence[str]
    environment: Mapping[str, str]
    line_prefix: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """When patience ends.

    Attributes:
        silence_s: Without a beat for this long, a child hangs.
        opening_s: One that is not ready by then hangs.
    """

    silence_s: float = 10.0
    opening_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Message:
    """Something that a child said."""

    kind: str
    metadata: dict[str, Any]
    body: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a child is no more, and since when (monotonic).

    Attributes:
        error: The word by which the child itself named its error; empty where it was killed or died.
    """

    error: str
    sentence: str
    at_s: float


class SupervisedChild:
    """One process. Never restarted; the next one is another ``SupervisedChild``.

    Attributes:
        opened: Its first message, that it is ready; None before.
        answers: Everything it said but beats, in order, and ``Ended`` last.
    """

    def __init__(
        self,
        program: Program,
        limits: Limits,
        clock: Clock,
        said: Callable[[str], None],
    ) -> None:
        """Start *program*; each line that it prints goes to *said*."""
        self.opened: Message | None = None
        self.answers: queue.SimpleQueue[Message | Ended] = queue.SimpleQueue()
        self._program = program
        self._clock = clock
        self._limits = limits
        self._said = said
        self._last_line = ""
        self._verdict: Ended | None = None
        ours, self._theirs = socket.socketpair()
        self._connection = Connection(ours.detach())
        self._process: ChildProcess | None = None
        self._starting = threading.Lock()
        self._thread = threading.Thread(target=self._live, name=program.name, daemon=True)
        self._thread.start()

    def send(self, kind: str, metadata: Mapping[str, Any] | None = None, body: bytes = b"") -> None:
        """Tell or ask it something; what it says to that comes through ``answers``, and so does its end if it has gone."""
        try:
            child_channel.send(self._connection, kind, metadata, body)
        except OSError:
            return

    @property
    def condemned(self) -> Ended | None:
        """Why it ends or has ended; None while it is of use."""
        return self._verdict

    def kill(self, sentence: str) -> None:
        """End it now, for the reason given."""
        self._condemn("", sentence)
        with self._starting:
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """Ask it to end, and see to it that it does."""
        try:
            child_channel.send(self._connection, "close")
        except OSError:
            pass
        else:
            self._thread.join(CLOSING_S)
        self.kill("closed")
        self._thread.join(CLOSING_S)

    def _condemn(self, error: str, sentence: str) -> None:
        if self._verdict is None:  # the first reason is the cause, the others follow from it
            self._verdict = Ended(error, sentence, self._clock.monotonic_s())

    def _live(self) -> None:
        # The process is started by this thread, which outlives it: Linux sends the parent-death signal when the
        # thread that started a child ends, not only when its process does.
        with self._starting:
            try:
                self._process = ChildProcess(
                    [*self._program.command, str(self._theirs.fileno())],
                    self._program.environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    pass_fds=(self._theirs.fileno(),),
                )
            except OSError as error:
                self._condemn("", f"{self._program.name} does not start: {error}")
        self._theirs.close()
        if self._process is not None:
            if self._verdict is not None:  # killed before it was there
                self._process.kill()
            with selectors.DefaultSelector() as sources:
                self._listen(self._process, sources)
            self._reap(self._process)
        self._connection.close()
        assert self._verdict is not None
        self.answers.put(self._verdict)

    def _listen(self, process: ChildProcess, sources: selectors.BaseSelector) -> None:
        """Return when the process has closed its end of the socket, or has to be killed."""
        assert process.output is not None
        output = process.output.fileno()
        for source in (self._connection, output):
            sources.register(source, selectors.EVENT_READ)
        # Time is counted in waits, not between clock readings: a machine or container that was frozen for a while
        # must not take its own absence for the child's.
        tick_s = min(self._limits.silence_s, self._limits.opening_s) / 10
        silent_s = opening_s = 0.0
        heard = False
        while True:
            before_s = time.monotonic()
            ready = [key.fileobj for key, _ in sources.select(tick_s)]
            waited_s = min(time.monotonic() - before_s, tick_s)
            silent_s += waited_s
            if output in ready and not self._read_output(output):
                sources.unregister(output)
            if self._connection in ready:
                silent_s, heard = 0.0, True
                if not self._read_message():
                    return
            if self.opened is None:
                opening_s += waited_s
            # Until its first word it is Python that starts, which the limit for opening covers.
            if heard and silent_s >= self._limits.silence_s:
                self.kill(f"{self._program.work} hangs: no sign of life for {self._limits.silence_s:g} s")
            elif opening_s >= self._limits.opening_s:
                self.kill(f"{self._program.work} hangs: not open after {self._limits.opening_s:g} s")
            if self._verdict is not None:
                return

    def _read_message(self) -> bool:
        try:
            kind, metadata, body = child_channel.receive(self._connection)
        except (EOFError, OSError):
            return False
        if kind == "error":
            self._condemn(metadata["error"], metadata["sentence"])
        elif kind != "beat":
            message = Message(kind, metadata, body)
            self.opened = self.opened or message
            self.answers.put(message)
        return True

    def _read_output(self, output: int) -> bool:
        """Pass on what its libraries print; False when there will be no more."""
        text = os.read(output, SAID_MAX_BYTES).decode(errors="replace")
        for line in text.splitlines():
            plain = re.sub(r"\x1b\[[0-9;]*m", "", line)
            plain = re.sub(f"^{self._program.line_prefix}", "", plain).strip()
            if plain:
                self._last_line = plain
                self._said(plain)
        return bool(text)

    def _reap(self, process: ChildProcess) -> None:
        code = process.wait(CLOSING_S)
        assert process.output is not None
        os.set_blocking(process.output.fileno(), False)
        try:
            while self._read_output(process.output.fileno()):
                pass
        except BlockingIOError:
            pass  # a process that it started and that left its group may hold the pipe open
        process.close_output()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        cause = f": {self._last_line}" if self._last_line else ""
        self._condemn("", f"{self._program.name} ended with {how}{cause}")
