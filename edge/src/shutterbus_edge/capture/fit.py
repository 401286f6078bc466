"""Keeping a JPEG within a number of bytes: lower quality first, then fewer pixels."""

from collections.abc import Callable

QUALITY_STEP = 10
QUALITY_FLOOR = 35
"""Below it fewer pixels look better than worse ones."""
SCALES = (0.75, 0.5, 0.375, 0.25, 0.125)
ROOMY = 0.4
"""A picture below this part of the limit lets the next one try a step better."""


class Fit:
    """Remembers what fitted last, so that a stream over the limit does not encode every picture several times."""

    def __init__(self, quality: int) -> None:
        lower = range(quality - QUALITY_STEP, QUALITY_FLOOR - 1, -QUALITY_STEP)
        floor = min(quality, QUALITY_FLOOR)
        self._steps = [(quality, 1.0), *((q, 1.0) for q in lower), *((floor, scale) for scale in SCALES)]
        self._step = 0

    def encode(self, encoder: Callable[[int, float], bytes], limit_bytes: int | None) -> bytes:
        """Return what *encoder* makes with the best (quality 1 to 100, scale 0 to 1) within *limit_bytes*.

        If not even the last step is small enough its result is returned all the same: the spool sets it aside
        and says so.
        """
        if limit_bytes is None:
            self._step = 0
        while True:
            jpeg = encoder(*self._steps[self._step])
            if limit_bytes is None or len(jpeg) <= limit_bytes:
                break
            if self._step == len(self._steps) - 1:
                return jpeg
            self._step += 1
        if self._step and limit_bytes is not None and len(jpeg) < ROOMY * limit_bytes:
            self._step -= 1
        return jpeg
