"""Files of frames as a store has them, some of which are not what they should be."""

from pathlib import Path

import cv2
import numpy as np

from shutterbus_viewer.history.sheets import SheetFrame
from viewer.fakes_viewer import EPOCH, jpeg

HOUR_US = 1_764_284_400_000_000


def frame(folder: Path, minute: int, picture: bytes | None = None, name: str = "") -> SheetFrame:
    """Return the frame of a minute, with its file: a landscape in a shade of its own unless told."""
    path = folder / f"{name or minute}.jpg"
    path.write_bytes(jpeg(320, 180, shade(minute)) if picture is None else picture)
    return SheetFrame(minute, HOUR_US + minute * 60_000_000, f"{EPOCH}-{minute}", str(path))


def shade(minute: int) -> int:
    """Return how bright ``frame`` draws a minute."""
    return 40 + 3 * minute


def pixels(picture: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return a JPEG decoded as it stands, in blue, green and red."""
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    assert image is not None
    return image.astype(np.uint8)
