"""Time as a dependency: the one way any part of Shutterbus learns what time it is, and waits."""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks and a way to wait. Tests pass one that they move themselves."""

    def utc_us(self) -> int:
        """Return us since 1970-01-01T00:00:00Z. May jump, in either direction, when the clock is set."""

    def monotonic_s(self) -> float:
        """Return seconds since some fixed point. Never jumps; the one to use for intervals and ages."""

    def wait(self, duration_s: float, stop: threading.Event) -> bool:
        """Return after *duration_s* or as soon as *stop* is set; True if it was set."""


class SystemClock:
    """The machine's own clocks."""

    def utc_us(self) -> int:
        return time.time_ns() // 1_000

    def monotonic_s(self) -> float:
        return time.monotonic()

    def wait(self, duration_s: float, stop: threading.Event) -> bool:
        return stop.wait(max(0.0, duration_s))
