"""When a process that has ended is started again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the next start.

    Attributes:
        first_s: Pause before the first restart; doubles with each further failure.
        max_s: The longest pause.
        sound_s: A process that worked this long failed for a new reason: the pause begins anew.
    """

    first_s: float = 0.5
    max_s: float = 30.0
    sound_s: float = 30.0


class Restarts:
    """The restarts of one process, on the monotonic clock.

    Attributes:
        count: How often it was started after the first time.
    """

    def __init__(self, backoff: Backoff) -> None:
        self.count = 0
        self._backoff = backoff
        self._pause_s = backoff.first_s
        self._due_s = 0.0

    def ended(self, at_s: float, worked_s: float) -> None:
        """Note that it ended at *at_s*, after *worked_s* of good work."""
        if worked_s >= self._backoff.sound_s:
            self._pause_s = self._backoff.first_s
        self._due_s = at_s + self._pause_s

    def is_due(self, now_s: float) -> bool:
        """Whether the pause after its last end is over."""
        return now_s >= self._due_s

    def started(self) -> None:
        """Note that it was started again."""
        self.count += 1
        self._pause_s = min(self._pause_s * 2, self._backoff.max_s)
