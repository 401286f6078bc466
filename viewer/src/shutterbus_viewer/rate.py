"""How often a camera takes pictures."""

from collections import deque

PICTURES_COUNTED = 32


class Rate:
    """Pictures per second over the last few, by the time they were taken, and falling when they stop coming.

    Arrival would say how fast a backlog empties.
    """

    def __init__(self) -> None:
        self._taken_us: deque[int] = deque(maxlen=PICTURES_COUNTED)
        self._noted_s = 0.0

    def note(self, taken_at_us: int, now_s: float) -> None:
        """Count a picture; *now_s* is on the monotonic clock. A clock that was set back begins anew."""
        if self._taken_us and taken_at_us <= self._taken_us[-1]:
            self._taken_us.clear()
        self._taken_us.append(taken_at_us)
        self._noted_s = now_s

    def per_second(self, now_s: float) -> float:
        """Return the rate as it looks at *now_s*; 0 while fewer than two have come."""
        gaps = len(self._taken_us) - 1
        if gaps < 1:
            return 0.0
        span_s = (self._taken_us[-1] - self._taken_us[0]) / 1e6
        silent_s = now_s - self._noted_s
        if silent_s <= 2 * span_s / gaps:
            return gaps / span_s
        return (gaps + 1) / (span_s + silent_s)
