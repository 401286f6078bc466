"""Pictures at the width they are shown at: scaled once, for everyone who watches."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np

from shutterbus_viewer.errors import UndrawableError
from shutterbus_viewer.latest import Picture

WIDTH_STEP_PX = 64
"""Widths are rounded up to a multiple of this, so that tiles of nearly the same size share a picture."""

WIDTH_MAX_PX = 8_192
WORKERS = 2
QUALITY = 82

_REDUCED = ((8, cv2.IMREAD_REDUCED_COLOR_8), (4, cv2.IMREAD_REDUCED_COLOR_4), (2, cv2.IMREAD_REDUCED_COLOR_2))

Scale = Callable[[bytes, int, int], bytes]


def scaled(picture: bytes, from_width_px: int, to_width_px: int) -> bytes:
    """Return *picture* as an upright JPEG that is *to_width_px* wide; *from_width_px* is its own upright width.

    A JPEG is decoded at a half, a quarter or an eighth where that suffices, which costs as much less. How many
    pixels it claims was checked when it arrived.

    Raises:
        UndrawableError: The decoder cannot make anything of it.
    """
    reduced = (flag for divisor, flag in _REDUCED if from_width_px // divisor >= to_width_px)
    try:
        image = cv2.imdecode(np.frombuffer(picture, np.uint8), next(reduced, cv2.IMREAD_COLOR))
        if image is None:
            raise UndrawableError(f"{len(picture)} bytes that cannot be decoded")
        height_px, width_px = image.shape[:2]
        if width_px > to_width_px:
            size = to_width_px, max(1, round(height_px * to_width_px / width_px))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    except cv2.error as error:
        raise UndrawableError(f"cannot be scaled: {error}") from error
    if not done:
        raise UndrawableError("cannot be encoded as JPEG")
    return encoded.tobytes()


class Thumbnails:
    """Scales in threads of its own. Only on the loop."""

    def __init__(self, scale: Scale = scaled) -> None:
        cv2.setNumThreads(1)
        self._scale = scale
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="scale")
        self._made: dict[str, tuple[str, dict[int, asyncio.Future[bytes]]]] = {}

    async def jpeg(self, picture: Picture, width_px: int = 0) -> bytes:
        """Return *picture* as a JPEG about *width_px* wide, never wider than it is; 0 means as it is.

        A JPEG that need not be smaller is returned untouched. Every picture is scaled to a width only once,
        however many wait for it.

        Raises:
            UndrawableError: See ``scaled``.
        """
        target_px = -(-width_px // WIDTH_STEP_PX) * WIDTH_STEP_PX
        if not width_px or target_px >= picture.width_px:
            if picture.frame.content_type == "image/jpeg":
                return picture.frame.picture
            target_px = picture.width_px
        made_of, widths = self._made.get(picture.camera, ("", {}))
        if made_of != picture.id:
            widths = {}
            self._made[picture.camera] = picture.id, widths
        if target_px not in widths:
            work = partial(self._scale, picture.frame.picture, picture.width_px, target_px)
            widths[target_px] = asyncio.get_running_loop().run_in_executor(self._pool, work)
            widths[target_px].add_done_callback(_look)
        # Whoever stops waiting must not take the picture away from the others.
        return await asyncio.shield(widths[target_px])

    def close(self) -> None:
        """Begin no more work."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _look(done: asyncio.Future[bytes]) -> None:
    """See the outcome, so that asyncio does not complain of one that nobody waited for any more."""
    if not done.cancelled():
        done.exception()
