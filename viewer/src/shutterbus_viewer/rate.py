"""How often pictures come."""

from collections import deque

PICTURES_COUNTED = 32


class Rate:
    """Pictures per second over the last few, falling when they stop coming."""

    def __init__(self) -> None:
        self._arrived_s: deque[float] = deque(maxlen=PICTURES_COUNTED)

    def note(self, now_s: float) -> None:
        """Count a picture; *now_s* is on the monotonic clock."""
        self._arrived_s.append(now_s)

    def per_second(self, now_s: float) -> float:
        """Return the rate as it looks at *now_s*; 0 while fewer than two have come."""
        gaps = len(self._arrived_s) - 1
        if gaps < 1:
            return 0.0
        first_s, last_s = self._arrived_s[0], self._arrived_s[-1]
        usual_s = (last_s - first_s) / gaps
        if now_s - last_s <= 2 * usual_s:
            return gaps / max(last_s - first_s, 1e-3)
        return (gaps + 1) / max(now_s - first_s, 1e-3)
