"""The days of a zone: when each begins, and what a camera took on it. A day has 23, 24 or 25 hours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shutterbus_viewer.archive.history import Buckets, History
from shutterbus_wire import instant
from shutterbus_wire.identity import FrameId

_US = timedelta(microseconds=1)
_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
ONE = timedelta(days=1)
HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Day:
    """A day on which something was taken.

    Attributes:
        start_us, end_us: Its first instant, and the first of the next day.
        noon: The frame nearest to its noon.
    """

    day: date
    start_us: int
    end_us: int
    frames: int
    size_bytes: int
    noon: FrameId | None


def start_us(day: date, zone: ZoneInfo) -> int:
    """Return when *day* begins there; where its midnight does not exist, the first instant that does."""
    return _us(day, time(), zone)


def noon_us(day: date, zone: ZoneInfo) -> int:
    """Return when it is twelve o'clock there."""
    return _us(day, time(12), zone)


def day_of(at_us: int, zone: ZoneInfo) -> date:
    """Return on which day of *zone* an instant is."""
    return instant.at(at_us).astimezone(zone).date()


def days(history: History, camera: str, zone: ZoneInfo, from_us: int, to_us: int) -> list[Day]:
    """Return the days of the range on which *camera* took something that is kept, in order.

    Raises:
        ArchiveUnreadableError: See ``CatalogReader.ask``.
    """
    counted = list(_counted(history.buckets(camera, from_us, to_us), zone))
    noons = history.nearest(camera, [(noon_us(day, zone), start, end) for day, start, end, _, _ in counted])
    return [
        Day(day, start, end, frames, size_bytes, noon.id if noon else None)
        for (day, start, end, frames, size_bytes), noon in zip(counted, noons, strict=True)
    ]


def _counted(buckets: Buckets, zone: ZoneInfo) -> Iterator[tuple[date, int, int, int, int]]:
    """Add up buckets by day. A zone's days begin on whole buckets: no zone of today is apart from UTC by less than 15 minutes."""
    index = 0
    while index < len(buckets.start_us):
        day = day_of(buckets.start_us[index], zone)
        start, end = start_us(day, zone), start_us(day + ONE, zone)
        frames = size_bytes = 0
        while index < len(buckets.start_us) and buckets.start_us[index] < end:
            frames += buckets.frames[index]
            size_bytes += buckets.size_bytes[index]
            index += 1
        yield day, start, end, frames, size_bytes


def _us(day: date, at: time, zone: ZoneInfo) -> int:
    # A midnight that a clock skips is read by the offset before: the instant at which it was skipped.
    return (datetime.combine(day, at, zone).astimezone(UTC) - _ZERO) // _US


def borders(from_us: int, to_us: int, zone: ZoneInfo, *, hourly: bool) -> list[int]:
    """Return where the hours or days begin that the range touches, and where the last of them ends."""
    if from_us >= to_us:
        return []
    if not hourly:
        day = day_of(from_us, zone)
        made = [start_us(day, zone)]
        while made[-1] < to_us:
            day += ONE
            made.append(start_us(day, zone))
        return made
    # Hours begin where the zone's clock says so; all that change it do so by whole and half hours.
    offset_us = (instant.at(from_us).astimezone(zone).utcoffset() or timedelta()) // _US
    first = from_us - (from_us + offset_us) % HOUR_US
    return list(range(first, to_us + HOUR_US, HOUR_US))
