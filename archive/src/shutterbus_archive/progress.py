"""How far a long command has come: one line on a terminal, drawn anew; nothing where the output is read by a program."""

import sys
import time
from types import TracebackType
from typing import Self

EVERY_S = 0.2


class Progress:
    """Counts what is done of *total*; ``with`` takes the line away at the end."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._drawn_s = 0.0
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            self._draw("")

    def advance(self, count: int = 1) -> None:
        """Note that *count* more are done."""
        self._done += count
        now_s = time.monotonic()
        if self._terminal and now_s - self._drawn_s >= EVERY_S:
            self._drawn_s = now_s
            percent = min(100, 100 * self._done // max(1, self._total))
            line = f"{self._what}: {self._done:,} of {self._total:,} ({percent} %)"
            self._draw(line)

    def _draw(self, line: str) -> None:
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()
