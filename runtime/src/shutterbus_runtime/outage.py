"""Say once that something broke, and once that it works again."""

import logging
import threading

from shutterbus_runtime.clock import Clock


class Outage:
    """Turns a stream of failures into two log lines.

    A broker that is away for a night is one event, not thirty thousand lines that push the cause out of the
    log. A failure for another reason is a new event and is said too.
    """

    def __init__(self, what: str, clock: Clock, log: logging.Logger) -> None:
        self._what = what
        self._clock = clock
        self._log = log
        self._lock = threading.Lock()
        self._since_s: float | None = None
        self._reason = ""

    @property
    def reason(self) -> str:
        """Why it does not work, or an empty string while it does."""
        return self._reason

    def failed(self, error: Exception | str) -> None:
        """Note one failure; log it if it is the first, or the first for this reason."""
        with self._lock:
            reason = str(error)
            if self._since_s is None:
                self._since_s = self._clock.monotonic_s()
            elif reason == self._reason:
                return
            self._reason = reason
        self._log.warning("%s: %s", self._what, reason)

    def succeeded(self) -> None:
        """Note one success; log it if it ends an outage."""
        with self._lock:
            if self._since_s is None:
                return
            away_s = self._clock.monotonic_s() - self._since_s
            self._since_s, self._reason = None, ""
        self._log.info("%s: back after %.0f s", self._what, away_s)
