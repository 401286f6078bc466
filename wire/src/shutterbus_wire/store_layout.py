"""Where each frame lies in a store: a name that follows from what the frame is, and says it to people.

``frames/camera=gate/date=2026-11-27/hour=22/20261127T220400.123456Z_9f2c4e1a77b0d3c5-118.jpg``: all times UTC, since a local
day has an hour twice. Nothing in a name is random, so the same frame stored again is the same file. No ``:``, which FAT and
SMB do not take.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shutterbus_wire.identity import EPOCH_PATTERN, SEQ_MAX, FrameId, check_camera
from shutterbus_wire.jpeg import ContentType

MARKER = ".shutterbus-archive.json"
"""The file at its root that says which store it is. A folder without it is none: a disk that is not mounted."""
FRAMES = "frames"
SUFFIXES: dict[ContentType, str] = {"image/jpeg": ".jpg", "image/png": ".png"}
DAY_US = 86_400_000_000
FILED_FROM_US = 946_684_800_000_000  # 2000-01-01
"""A frame dated earlier is filed by its arrival: a Pi without a clock would fill 1970, and retention by age would empty it."""
AHEAD_MAX_US = DAY_US
"""As is one dated this much later than its arrival."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = re.compile(
    r"frames/camera=(?P<camera>[^/]+)/date=(?P<date>\d{4}-\d\d-\d\d)/hour=(?P<hour>\d\d)/"
    r"(?P<at>\d{8}T\d{6}\.\d{6})Z_(?P<epoch>" + EPOCH_PATTERN + r")-(?P<seq>\d{1,19})(?P<suffix>\.jpg|\.png)"
)


@dataclass(frozen=True, slots=True)
class FrameKey:
    """What the name of a frame says.

    Attributes:
        filed_at_us: The instant it is filed under, us since 1970, UTC: when it was taken, or, where that cannot be, when it arrived.
    """

    camera: str
    id: FrameId
    filed_at_us: int
    content_type: ContentType = "image/jpeg"

    @property
    def day(self) -> str:
        """The UTC day it is filed under, as its folder says it."""
        return day_of(self.filed_at_us)

    def __str__(self) -> str:
        at = _EPOCH + timedelta(microseconds=self.filed_at_us)
        return (
            f"{FRAMES}/camera={self.camera}/date={at:%Y-%m-%d}/hour={at:%H}/"
            f"{at:%Y%m%dT%H%M%S.%f}Z_{self.id}{SUFFIXES[self.content_type]}"
        )


def filed_at_us(captured_at_us: int, arrived_at_us: int) -> int:
    """Return the instant to file a frame under."""
    if captured_at_us < FILED_FROM_US or captured_at_us > arrived_at_us + AHEAD_MAX_US:
        return arrived_at_us
    return captured_at_us


def day_of(at_us: int) -> str:
    """Return the UTC day of an instant, ``2026-11-27``."""
    return f"{_EPOCH + timedelta(microseconds=at_us):%Y-%m-%d}"


def folder_of_day(camera: str, day: str) -> str:
    """Return what the keys of all frames of a camera's day begin with."""
    return f"{FRAMES}/camera={camera}/date={day}/"


def start_of_day_us(day: str) -> int:
    """Return when *day* begins, us since 1970, UTC; raise ValueError if it is none."""
    at = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    return (at - _EPOCH) // timedelta(microseconds=1)


def is_day(text: str) -> bool:
    """Whether *text* is a day as a folder says it."""
    try:
        return day_of(start_of_day_us(text)) == text
    except ValueError:
        return False


def content_epoch(data: bytes) -> str:
    """Return the epoch of a picture that has an id of its own, because another frame has the one that it names."""
    return hashlib.sha256(data).hexdigest()[:16]


def parse(key: str) -> FrameKey | None:
    """Return what *key* says; None if it is no name that this module gives."""
    match = _KEY.fullmatch(key)
    if match is None or int(match["seq"]) > SEQ_MAX:
        return None
    try:
        at = datetime.strptime(match["at"], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
        camera = check_camera(match["camera"])
    except ValueError:
        return None
    content_type: ContentType = "image/png" if match["suffix"] == ".png" else "image/jpeg"
    parsed = FrameKey(
        camera,
        FrameId(match["epoch"], int(match["seq"])),
        (at - _EPOCH) // timedelta(microseconds=1),
        content_type,
    )
    return parsed if str(parsed) == key else None
