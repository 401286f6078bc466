"""What the cameras of ``kept_past`` look at: footage of a street and two photographs, as bright as the hour makes them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from cv2.typing import MatLike

from shutterbus_wire.jpeg import Header, check_whole
from stack.footage import FOOTAGE, footage

LANDSCAPE_PX, PORTRAIT_PX = (640, 360), (360, 640)
NOON_UTC_H = 10.85
"""When the sun is highest in Berlin in October."""
NIGHT = np.array([0.09, 0.06, 0.05])
"""What is left of blue, green and red in the dark."""
LEVELS = 12
"""How many brightnesses there are between night and day: each picture is encoded once in each."""
QUALITY = 70
STILLS, APART = 20, 8
"""So many pictures of the footage, each so many later than the one before: 16 s in which people cross the street."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG without EXIF, and its header."""

    jpeg: bytes
    header: Header


class Scene:
    """A place whose pictures are those of *views*, over and over, in the light of their time."""

    def __init__(self, views: Sequence[MatLike]) -> None:
        self._views = views
        self._made: dict[tuple[int, int], Picture] = {}

    def picture(self, number: int, at_us: int) -> Picture:
        """Return the *number*-th picture, taken at *at_us*."""
        key = number % len(self._views), round(daylight(at_us) * LEVELS)
        if key not in self._made:
            self._made[key] = _encode(self._views[key[0]], key[1] / LEVELS)
        return self._made[key]


def scenes(folder: Path) -> dict[str, Scene]:
    """Return what each camera sees. *folder* is where the footage is unpacked to, if it is packed."""
    yard, tower = (cv2.imread(str(FOOTAGE.with_name(name))) for name in ("leuvenA.jpg", "home.jpg"))
    assert yard is not None
    assert tower is not None
    return {
        "street": Scene([_cut(still, LANDSCAPE_PX) for still in _stills(footage(folder))]),
        "yard": Scene([_cut(yard[:, left : left + 740], LANDSCAPE_PX) for left in (0, 3, 6, 3)]),
        "tower": Scene([_cut(tower[:, 250:], PORTRAIT_PX)]),
    }


def daylight(at_us: int) -> float:
    """Return how light it is in Berlin in October: 0 at night, 1 in the middle of the day."""
    hour = at_us / 3.6e9 % 24
    height = math.cos((hour - NOON_UTC_H) / 24 * math.tau)
    return min(1.0, max(0.0, (height - 0.15) / 0.45))


def _stills(film: Path) -> Iterator[MatLike]:
    capture = cv2.VideoCapture(str(film))
    for _ in range(STILLS):
        for _ in range(APART):
            capture.grab()
        read, still = capture.retrieve()
        assert read
        yield still
    capture.release()


def _cut(image: MatLike, size_px: tuple[int, int]) -> MatLike:
    """Return the middle of *image* that has the shape of *size_px*, in that size."""
    width, height = size_px
    scale = max(width / image.shape[1], height / image.shape[0])
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    return cv2.resize(large[top : top + height, left : left + width], size_px)


def _encode(view: MatLike, light: float) -> Picture:
    seen = (view * (NIGHT + (1 - NIGHT) * light)).astype(np.uint8)
    made, data = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert made
    jpeg = data.tobytes()
    return Picture(jpeg, check_whole(jpeg))
