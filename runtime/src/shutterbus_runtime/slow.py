"""Say once that an operation has become slow, and once that it is quick again."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shutterbus_runtime.clock import Clock

SLOW_S = 1.0
"""An operation that takes longer is slow: each of those that are timed takes milliseconds on sound hardware."""
QUIET_S = 60.0
"""So long no call may have been slow before the operation counts as quick again."""


class Slowness:
    """Times every call of one operation, and turns slow ones into a count and two log lines.

    A dying SD card stalls a thousand times a night: that is one event. The first slow call is logged when it returns, with
    *look_at*, what its cause may be; the rest are told in one line when none was slow for a minute. Any thread may call.

    Attributes:
        name: What people know the operation by: ``fsync``.
        count: Calls that were slow, since this process started.
    """

    def __init__(self, name: str, clock: Clock, log: logging.Logger, *, look_at: str) -> None:
        self.name = name
        self.count = 0
        self._clock = clock
        self._log = log
        self._look_at = look_at
        self._lock = threading.Lock()
        self._last_slow_s: float | None = None
        self._in_a_row = 0
        self._longest_s = 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Time what is done inside, also if it fails."""
        began_s = self._clock.monotonic_s()
        try:
            yield
        finally:
            now_s = self._clock.monotonic_s()
            if now_s - began_s > SLOW_S:
                self._slow(now_s, now_s - began_s)
            elif self._last_slow_s is not None:
                self._quick(now_s)

    def _slow(self, now_s: float, took_s: float) -> None:
        with self._lock:
            is_first = self._last_slow_s is None
            self._last_slow_s = now_s
            self.count += 1
            self._in_a_row = 1 if is_first else self._in_a_row + 1
            self._longest_s = took_s if is_first else max(self._longest_s, took_s)
        if is_first:
            self._log.warning("%s took %.1f s: %s", self.name, took_s, self._look_at)

    def _quick(self, now_s: float) -> None:
        with self._lock:
            if self._last_slow_s is None or now_s - self._last_slow_s < QUIET_S:
                return
            self._last_slow_s = None
            in_a_row, longest_s = self._in_a_row, self._longest_s
        self._log.info(
            "%s is quick again: %d took over %g s, the longest %.1f s", self.name, in_a_row, SLOW_S, longest_s
        )
