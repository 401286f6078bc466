"""What a client library says in the log: nothing, and with ``LOG_LEVEL=DEBUG`` seldom.

kafka-python tells of a broker that goes away in errors and tracebacks, and again at every attempt, which pushes the cause out
of the log. Below INFO it logs every message with its picture in it.
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


def quiet(library: str, target: logging.Logger, *, ours: str) -> None:
    """Have the logger *library* and all below it say nothing: whoever uses the library says what matters, in a sentence.

    Where *target* logs DEBUG, they speak through it, seldom and never below INFO. *ours* marks what we did ourselves, so that
    nobody has to be alarmed.
    """
    logger = logging.getLogger(library)
    opened = target.isEnabledFor(logging.DEBUG)
    logger.setLevel(logging.INFO if opened else logging.CRITICAL + 1)
    logger.propagate = False
    wanted = RateLimitedHandler if opened else logging.NullHandler
    if not any(isinstance(handler, wanted) for handler in logger.handlers):
        logger.handlers = [RateLimitedHandler(target, ours) if opened else logging.NullHandler()]
