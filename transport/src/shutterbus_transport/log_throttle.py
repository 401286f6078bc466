"""What a client library says in the log, said seldom.

kafka-python repeats the same lines at every attempt while a broker is away, which pushes their cause out of the log.
Below INFO it logs every message with its picture in it.
"""

import logging
import threading
import time

SELDOM_S = 60.0


class RateLimitedHandler(logging.Handler):
    """Passes a line on to *target* if none of the same kind went there within a minute, and never one about *ours*."""

    def __init__(self, target: logging.Logger, ours: str) -> None:
        super().__init__(logging.INFO)
        self._target = target
        self._ours = ours
        self._lines = threading.Lock()
        self._last_s: dict[tuple[str, str], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if self._ours in record.getMessage():
            return
        kind = (record.name, str(record.msg))
        now_s = time.monotonic()
        with self._lines:
            if now_s - self._last_s.get(kind, float("-inf")) < SELDOM_S:
                return
            self._last_s[kind] = now_s
        if self._target.isEnabledFor(record.levelno):
            self._target.handle(record)


def throttle(library: str, target: logging.Logger, *, ours: str) -> None:
    """Let the logger *library* and all below it speak seldom, through *target*, and never below INFO.

    *ours* marks what we did ourselves, so that nobody has to be alarmed.
    """
    logger = logging.getLogger(library)
    logger.setLevel(logging.INFO if target.isEnabledFor(logging.DEBUG) else logging.WARNING)
    if not any(isinstance(handler, RateLimitedHandler) for handler in logger.handlers):
        logger.handlers = [RateLimitedHandler(target, ours)]
        logger.propagate = False


def silence(library: str) -> None:
    """Let the logger *library* and all below it say nothing: its owner says what matters by itself."""
    logger = logging.getLogger(library)
    logger.setLevel(logging.WARNING)  # below it builds lines with whole pictures in them
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
