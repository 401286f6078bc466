"""The camera in a process of its own, so that one that hangs or crashes is started again and nothing else stops.

No call of picamera2 has a time-out by default, a loose cable makes some wait without end, and a driver can take the
process down with it. So the library runs in a child that beats every second; this side kills it when it falls
silent or misses the deadline of a shot, and starts another when the next picture is asked for.
"""

import logging
import os
import queue
import sys
from typing import NoReturn

from shutterbus_edge.capture import CapturedImage, Shot, channel, parse_address
from shutterbus_edge.capture.channel import Opened
from shutterbus_edge.errors import CameraFinishedError, CameraUnavailableError
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.clock import Clock
from shutterbus_runtime.restarts import Backoff, Restarts
from shutterbus_runtime.supervised_child import Ended, Limits, Message, Program, SupervisedChild

CHILD = [sys.executable, "-m", "shutterbus_edge.capture"]
"""The command; the number of its socket is added as last argument."""
SECRETS = ("SS_", "SSCFG_")
LIBCAMERA_UPTIME = r"\[[\d:.]+\] *\[\d+\] *"

LIMITS = Limits(silence_s=10.0, opening_s=60.0)
"""Importing picamera2 on the smallest Pi takes 20 s."""
LINES_MAX = 100
"""Different lines of a camera library that are logged; a chatty one is not given the whole log."""

KILLED_S = 3.0
"""How long the kernel may take to take away a process that was killed, or that is closing its camera."""
STUCK = (
    "the capture process cannot be ended: the camera's driver does not let go of it; unplug the camera or restart "
    "the machine"
)

_log = logging.getLogger(__name__)


class CaptureProcess:
    """Takes pictures, one at a time, from one thread; ``close`` may come from another.

    The child is started here, so that the camera is warm for the first shot.

    Raises:
        MisconfiguredError: *address* names no source of this version.
    """

    def __init__(
        self,
        address: str,
        settings: CaptureSettings,
        clock: Clock,
        log: logging.Logger = _log,
        limits: Limits = LIMITS,
    ) -> None:
        self._address = str(parse_address(address))
        self._settings_json = settings.model_dump_json()
        self._clock = clock
        self._log = log
        self._limits = limits
        self._lines: set[str] = set()
        self._noted: Message | None = None
        self._restarts = Restarts(Backoff())
        self._ended: Ended | None = None
        self._closed = False
        self._opened: Opened | None = None
        self._opened_at_s = 0.0
        self._child: SupervisedChild | None = None
        self._start()

    @property
    def opened(self) -> Opened | None:
        """What the camera was when last opened; None before the first time."""
        child = self._child
        if child is not None and child.opened is not None:
            self._opened = channel.read_opened(child.opened.metadata)
        return self._opened

    @property
    def restarts(self) -> int:
        """How often a child was started after the first."""
        return self._restarts.count

    def shoot(self, shot: Shot, deadline_s: float) -> CapturedImage:
        """Return the next picture, within *deadline_s* for the shot itself (and as much again if it is still opening).

        A camera that is known to be away is answered for at once, and tried again when its back-off is over.

        Raises:
            CameraUnavailableError: None was taken; ask again when the next is due.
            CameraFinishedError: The source was to be played once, and that is done.
        """
        child = self._ready_child()
        if child.opened is None or self._noted is not child.opened:
            self._wait_opened(child, deadline_s)
        child.send(*channel.shot_message(shot))
        answer = self._answer(child, deadline_s)
        if answer is None:
            child.kill(f"the camera hangs: no picture within {deadline_s:g} s")
            answer = self._end_of(child)
        if isinstance(answer, Ended):
            self._fail(answer)
        return channel.read_picture(answer.metadata, answer.body)

    def close(self) -> None:
        """End the child, and with it a shot that is under way."""
        self._closed = True
        if self._child is not None:
            self._child.close()

    def _start(self) -> None:
        # It runs other people's drivers, and needs none of what the brokers ask for.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(SECRETS)}
        program = Program("the capture process", "the camera", CHILD, environment, LIBCAMERA_UPTIME)
        self._child = SupervisedChild(program, self._limits, self._clock, self._said)
        self._child.send("open", {"address": self._address}, self._settings_json.encode())

    def _ready_child(self) -> SupervisedChild:
        """Return a child that runs, starting one if its time has come."""
        if self._child is not None and self._child.condemned:
            self._note_end(self._end_of(self._child))
        if self._child is None:
            assert self._ended is not None
            due = self._restarts.is_due(self._clock.monotonic_s())
            if self._closed or self._ended.error == "finished" or not due:
                self._raise(self._ended)
            self._restarts.started()
            self._start()
            if self._closed:  # while we were starting it
                self.close()
        assert self._child is not None
        return self._child

    def _wait_opened(self, child: SupervisedChild, within_s: float) -> None:
        answer = self._answer(child, within_s)
        if answer is None:
            raise CameraUnavailableError(f"{self._address} is still being opened")
        if isinstance(answer, Ended):
            self._fail(answer)
        if self._noted is None or self._noted != answer:
            opened = channel.read_opened(answer.metadata)
            self._log.info("camera open: %s, %d x %d", opened.description, *opened.size_px)
            for note in opened.notes:
                self._log.warning("%s", note)
        self._noted = answer
        self._opened_at_s = self._clock.monotonic_s()

    @staticmethod
    def _answer(child: SupervisedChild, within_s: float) -> Message | Ended | None:
        try:
            return child.answers.get(timeout=within_s)
        except queue.Empty:
            return None

    @staticmethod
    def _end_of(child: SupervisedChild) -> Ended:
        """Return why *child* has ended, once its process is gone and the camera is free."""
        try:
            while not isinstance(answer := child.answers.get(timeout=KILLED_S), Ended):
                pass  # a picture that came too late
        except queue.Empty:
            raise CameraUnavailableError(STUCK) from None
        return answer

    def _note_end(self, ended: Ended) -> None:
        was_open = self._child is not None and self._child.opened is not None
        self._restarts.ended(ended.at_s, ended.at_s - self._opened_at_s if was_open else 0.0)
        self._ended, self._child = ended, None

    def _fail(self, ended: Ended) -> NoReturn:
        self._note_end(ended)
        self._raise(ended)

    @staticmethod
    def _raise(ended: Ended) -> NoReturn:
        if ended.error == "finished":
            raise CameraFinishedError(ended.sentence)
        raise CameraUnavailableError(ended.sentence)

    def _said(self, line: str) -> None:
        # The same complaint with other numbers is the same complaint.
        shape = "".join("0" if character.isdigit() else character for character in line)
        if shape not in self._lines and len(self._lines) < LINES_MAX:
            self._lines.add(shape)
            self._log.warning("camera says: %s", line)
