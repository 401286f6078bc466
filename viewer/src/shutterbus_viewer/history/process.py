"""The maker process as the viewer sees it: asked for one thing at a time, and replaced when a picture has hung or killed it.

Such a picture costs itself alone. A sheet is made again without it; one that has ended two processes is not decoded any
more, while after the first it may have been the kernel that was short of memory.
"""

import logging
import os
import queue
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shutterbus_runtime.clock import Clock
from shutterbus_runtime.restarts import Backoff, Restarts
from shutterbus_runtime.supervised_child import Ended, Limits, Message, Program, SupervisedChild
from shutterbus_viewer.decode_plan import memory_budget_bytes
from shutterbus_viewer.errors import MakerUnavailableError, UndrawableError
from shutterbus_viewer.history.kept_frame import ERRORS
from shutterbus_viewer.history.sheets import Sheet, SheetFrame

CHILD = (sys.executable, "-m", "shutterbus_viewer.history")
"""The command; added are the bytes of memory that decoding may take, and the number of its socket."""
SHARE_OF_BUDGET = 2
"""Half of what is for decoding, since the viewer's own may take all of it meanwhile."""
SECRETS = "VIEWER_"
LIMITS = Limits(silence_s=20.0, opening_s=60.0)
ENDS_MAX = 2
"""So many processes a picture may end."""
SUSPECTS_MAX = 1_000
ATTEMPTS = 4
"""How often a sheet is begun, each time without the picture that ended the process."""
KILLED_S = 10.0
"""How long the kernel may take to take away a process that was killed."""
STUCK = "the maker process cannot be ended: it waits for a file, and the disk or server that has it does not answer"
ENDING = "the viewer is about to end"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """When patience ends.

    Attributes:
        picture_s: One that takes longer hangs.
        job_s: What was asked for is given up.
    """

    picture_s: float = 20.0
    job_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Scaled:
    """A frame at the size asked for.

    Attributes:
        as_it_is: Whether it is the file itself, which need not be smaller.
    """

    picture: bytes
    as_it_is: bool


class _PictureEndedItError(Exception):
    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(sentence)
        self.path = path


class MakerProcess:
    """Makes one thing at a time, from one thread; ``close`` may come from another. Started when first needed."""

    def __init__(
        self,
        clock: Clock,
        command: Sequence[str] = CHILD,
        limits: Limits = LIMITS,
        deadlines: Deadlines | None = None,
        budget_bytes: int | None = None,
    ) -> None:
        self._clock = clock
        self._command = [*command, str(budget_bytes or memory_budget_bytes() // SHARE_OF_BUDGET)]
        self._limits = limits
        self._deadlines = deadlines or Deadlines()
        self._child: SupervisedChild | None = None
        self._restarts = Restarts(Backoff())
        self._why_none = ""
        self._closed = False
        self._stuck = False
        self._ends: Counter[str] = Counter()
        """By path: how many processes that picture has ended."""

    def sheet(self, frames: Sequence[SheetFrame]) -> Sheet:
        """Return the sheet of an hour's *frames*; see ``sheets.sheet``.

        Raises:
            UndrawableError: Too many of them crash or hang the decoder.
            MakerUnavailableError: There is no process, or it takes too long.
        """
        asked = [frame for frame in frames if self._ends[frame.path] < ENDS_MAX]
        complete = True
        for _ in range(ATTEMPTS):
            try:
                answer = self._ask("sheet", {"frames": asked})
            except _PictureEndedItError as error:
                asked = [frame for frame in asked if frame.path != error.path]
                complete = False
            else:
                made = Sheet.from_bytes(answer.body)
                return replace(made, complete=complete and answer.metadata["complete"])
        raise UndrawableError(f"of this hour at least {ATTEMPTS} pictures crash or hang the decoder")

    def scaled(self, path: str, width_px: int) -> Scaled:
        """Return the frame in *path* as an upright JPEG *width_px* wide, or as it is where it is no wider.

        Raises:
            FrameGoneError: The file is not there any more.
            ArchiveUnreadableError: It cannot be read now.
            UndrawableError: It cannot be decoded.
            MakerUnavailableError: There is no process.
        """
        if self._ends[path] >= ENDS_MAX:
            raise UndrawableError("crashes or hangs the decoder, and is not tried again")
        try:
            answer = self._ask("scaled", {"path": path, "width": width_px})
        except _PictureEndedItError as error:
            raise UndrawableError(f"cannot be decoded: {error}") from error
        return Scaled(answer.body, answer.metadata["as_it_is"])

    def rest(self) -> None:
        """End the process, which takes memory, until something is asked for again."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def close(self) -> None:
        """End the process, and with it what is being made; there will be no other."""
        self._closed = True
        if (child := self._child) is not None:
            child.kill("closed")

    def _ask(self, kind: str, metadata: dict[str, Any]) -> Message:
        """Return what the process answers."""
        ended = ""
        for _ in range(ENDS_MAX):
            child = self._ready_child()
            child.send(kind, metadata)
            answer, path = self._answer(child)
            if isinstance(answer, Message):
                return _checked(answer)
            ended = answer.sentence
            if path:
                self._suspect(path, answer)
            # Killed before it began, as by a kernel that was short of memory: another one will do.
        raise MakerUnavailableError(f"{ended}; try again later")

    def _answer(self, child: SupervisedChild) -> tuple[Message | Ended, str]:
        """Return the answer, or why there is none and the path of the picture that was being decoded."""
        path = ""
        until_s = self._clock.monotonic_s() + self._deadlines.job_s
        while True:
            left_s = until_s - self._clock.monotonic_s()
            answer = _next(child, max(0.0, min(left_s, self._deadlines.picture_s)))
            if answer is None and left_s <= self._deadlines.picture_s:  # not this picture's fault
                child.kill(f"not made within {self._deadlines.job_s:g} s")
                raise MakerUnavailableError(self._end_of(child).sentence)
            if answer is None:
                child.kill(f"no end of it within {self._deadlines.picture_s:g} s")
                return self._end_of(child), path
            if isinstance(answer, Ended):
                self._child = None
                return answer, path
            if answer.kind != "begin":
                return answer, path
            path = answer.metadata["path"]

    def _ready_child(self) -> SupervisedChild:
        """Return a process that waits for work, starting one if there is none."""
        if self._closed:
            raise MakerUnavailableError(ENDING)
        if self._child is not None and self._child.condemned:
            self._end_of(self._child)
        if self._child is not None:
            return self._child
        if self._why_none and not self._restarts.is_due(self._clock.monotonic_s()):
            raise MakerUnavailableError(self._why_none)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(SECRETS)}
        environment["OPENBLAS_NUM_THREADS"] = "1"  # whose threads take memory and have nothing to do
        program = Program("the maker process", "the decoder", self._command, environment)
        child = self._child = SupervisedChild(
            program, self._limits, self._clock, lambda line: log.debug("%s", line)
        )
        if self._closed:  # perhaps while we were starting it
            child.kill("closed")
        answer = child.answers.get()
        if isinstance(answer, Ended):
            self._child = None
            if not self._closed:
                log.error("%s", answer.sentence)
            self._why_none = answer.sentence
            self._restarts.ended(answer.at_s, 0.0)
            self._restarts.started()
            raise MakerUnavailableError(answer.sentence)
        self._why_none, self._restarts = "", Restarts(Backoff())
        return child

    def _end_of(self, child: SupervisedChild) -> Ended:
        """Return why *child* has ended, once its process is gone; there is no other as long as it is not."""
        within_s = 0.0 if self._stuck else KILLED_S
        while not isinstance(answer := _next(child, within_s), Ended):
            if answer is None:
                self._stuck = True
                raise MakerUnavailableError(STUCK)
        self._child, self._stuck = None, False
        return answer

    def _suspect(self, path: str, ended: Ended) -> None:
        if self._closed:
            raise MakerUnavailableError(ENDING)
        log.warning("%s while it decoded %s", ended.sentence, path)
        self._ends[path] += 1
        if len(self._ends) > SUSPECTS_MAX:
            del self._ends[next(iter(self._ends))]
        raise _PictureEndedItError(path, ended.sentence)


def _checked(answer: Message) -> Message:
    if (error := ERRORS.get(answer.kind)) is not None:
        raise error(answer.metadata["sentence"])
    return answer


def _next(child: SupervisedChild, within_s: float) -> Message | Ended | None:
    try:
        return child.answers.get(timeout=within_s)
    except queue.Empty:
        return None
