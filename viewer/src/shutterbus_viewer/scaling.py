"""A picture decoded at the size that is wanted, and turned upright. The caller has made a ``Plan`` of what it costs."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shutterbus_viewer.decode_plan import Plan
from shutterbus_viewer.errors import UndrawableError

Pixels = NDArray[Any]
"""Rows of columns of blue, green and red."""

QUALITY = 82

_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_QUARTER = {
    5: cv2.ROTATE_90_CLOCKWISE,
    6: cv2.ROTATE_90_CLOCKWISE,
    7: cv2.ROTATE_90_COUNTERCLOCKWISE,
    8: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
_FLIP = {2: 1, 3: -1, 4: 0, 5: 1, 7: 1}
"""What makes a picture of an EXIF orientation upright: a quarter turn, then a flip (1: left and right, 0: up and down, -1: both)."""


def upright(picture: bytes, how: Plan, to_width_px: int) -> Pixels:
    """Return *picture* decoded and upright, *to_width_px* wide, or less where it is decoded smaller than that.

    Raises:
        UndrawableError: The decoder cannot make anything of it.
    """
    # OpenCV obeys orientations that no browser does, and the picture as it is shall look the same.
    flags = _REDUCED[how.divisor] | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(picture, np.uint8), flags)
        if image is None:
            raise UndrawableError(f"{len(picture)} bytes that cannot be decoded")
        height_px, width_px = image.shape[:2]
        upright_px = height_px if how.orientation in _QUARTER else width_px
        if upright_px > to_width_px:
            scale = to_width_px / upright_px
            size = max(1, round(width_px * scale)), max(1, round(height_px * scale))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return _turned(image, how.orientation)
    except (cv2.error, MemoryError) as error:
        raise UndrawableError(f"cannot be scaled: {error or 'no memory is left'}") from error


def encoded(image: Pixels, quality: int = QUALITY) -> bytes:
    """Return *image* as a JPEG.

    Raises:
        UndrawableError: The encoder cannot.
    """
    try:
        done, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error as error:
        raise UndrawableError(f"cannot be encoded as JPEG: {error}") from error
    if not done:
        raise UndrawableError("cannot be encoded as JPEG")
    return jpeg.tobytes()


def scaled(picture: bytes, how: Plan, to_width_px: int) -> bytes:
    """Return *picture* as an upright JPEG that is *to_width_px* wide, or less where it is decoded smaller than that.

    Raises:
        UndrawableError: See ``upright``.
    """
    return encoded(upright(picture, how, to_width_px))


def _turned(image: Pixels, orientation: int) -> Pixels:
    if orientation in _QUARTER:
        image = cv2.rotate(image, _QUARTER[orientation])
    return cv2.flip(image, _FLIP[orientation]) if orientation in _FLIP else image
