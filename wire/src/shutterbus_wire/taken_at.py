"""When a picture says it was taken, in all the ways in which cameras write it into EXIF."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from shutterbus_wire import tiff
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.jpeg import Header, exif_block

ORIGINAL, DIGITIZED, CHANGED = (0x9003, 0x9011, 0x9291), (0x9004, 0x9012, 0x9292), (0x0132, 0x9010, 0x9290)
"""Tags of a date, its offset from UTC, and its fraction of a second. Who has no original date has one of the others."""

_DATE = re.compile(
    r"(\d{4})[:./-](\d\d?)[:./-](\d\d?)[ T]+(\d\d?):(\d\d):(\d\d)(?:[.,](\d+))? *(Z|[+-]\d\d?(?::?\d\d)?)?"
)
_OFFSET = re.compile(r"(Z)|([+-])(\d\d?):?(\d\d)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NoInstantError(ValueError):
    """The picture says when it was taken, and it cannot have been then."""


def taken_at_us(tags: Mapping[int, str]) -> int | None:
    """Return the instant in us since 1970, UTC, of the texts *tags*; None where they say none.

    A date without an offset, or with one that says nothing (blank is how EXIF writes an unknown one), is local time.

    Raises:
        NoInstantError: All that it says is a time before 1970, which is what a camera with an empty battery writes.
    """
    impossible = ""
    for date_tag, offset_tag, fraction_tag in (ORIGINAL, DIGITIZED, CHANGED):
        text = _plain(tags.get(date_tag, ""))
        if not (match := _DATE.fullmatch(text)):
            continue
        *numbers, fraction, offset = match.groups()
        zone = _zone(offset or _plain(tags.get(offset_tag, "")))
        try:
            at = datetime(*map(int, numbers), tzinfo=zone).astimezone(UTC)  # type: ignore[misc, arg-type] # six of them
        except (ValueError, OverflowError, OSError):
            continue
        if at < _EPOCH:
            impossible = impossible or f"{text}, which is before 1970"
            continue
        digits = (fraction or _plain(tags.get(fraction_tag, "")))[:6]
        fraction_us = int(digits.ljust(6, "0")) if digits.isascii() and digits.isdigit() else 0
        return (at - _EPOCH) // timedelta(microseconds=1) + fraction_us
    if impossible:
        raise NoInstantError(impossible)
    return None


def texts_of(picture: bytes, header: Header) -> Mapping[int, str]:
    """Return the texts in the EXIF of *picture*, by tag; none where it has none, or one beyond repair."""
    try:
        tags = tiff.read(exif_block(picture, header.exif[0])) if header.exif else tiff.Tags()
    except MalformedError:
        return {}
    return {
        tag: value.data.decode("ascii", "replace")
        for directory in (tags.image, tags.photo)
        for tag, value in directory.items()
    }


def _plain(text: str) -> str:
    return text.partition("\0")[0].strip()


def _zone(offset: str) -> tzinfo | None:
    """Return the zone of *offset*; None, which is this machine's, for one that says nothing."""
    match = _OFFSET.fullmatch(offset)
    if not match:
        return None
    utc, sign, hours, minutes = match.groups()
    if utc:
        return UTC
    ahead = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return timezone(-ahead if sign == "-" else ahead) if ahead < timedelta(hours=24) else None
