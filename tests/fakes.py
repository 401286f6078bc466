"""Time that moves only when somebody waits or the test says so."""

import threading
from dataclasses import dataclass, field


@dataclass
class FakeClock:
    """Two clocks under the test's control; ``utc_offset_us`` makes the wall clock jump alone.

    ``wait`` returns at once, later: it moves both clocks by what was asked for.
    """

    monotonic_now_s: float = 1_000.0
    utc_offset_us: int = 1_750_000_000_000_000  # 2025-06-15T15:06:40Z at monotonic 0
    waits: list[float] = field(default_factory=list)

    def utc_us(self) -> int:
        return self.utc_offset_us + int(self.monotonic_now_s * 1e6)

    def monotonic_s(self) -> float:
        return self.monotonic_now_s

    def wait(self, duration_s: float, stop: threading.Event) -> bool:
        self.waits.append(duration_s)
        if not stop.is_set():
            self.monotonic_now_s += max(0.0, duration_s)
        return stop.is_set()

    def pass_s(self, seconds: float) -> None:
        """Let time go by on both clocks."""
        self.monotonic_now_s += seconds

    def jump_s(self, seconds: float) -> None:
        """Set the wall clock forward (or back), as NTP does; the monotonic clock knows nothing of it."""
        self.utc_offset_us += int(seconds * 1e6)
