"""What addresses of the history may say: instants, zones, stretches of time."""

import re
from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import HTTPException, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BeforeValidator, WithJsonSchema

from shutterbus_viewer.archive import days
from shutterbus_wire import instant
from shutterbus_wire.errors import WireError
from shutterbus_wire.identity import CAMERA_PATTERN, FRAME_ID_PATTERN, FrameId

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
UNITS_S = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}


def instant_us(text: Any) -> int:
    """Return the instant that RFC 3339 *text* names; raise ValueError with a sentence."""
    # A plus that somebody did not escape arrives as a space.
    at_us = instant.parse(re.sub(r" (?=\d\d:?\d\d$)", "+", str(text)))
    if at_us is None:
        raise ValueError(
            f"{str(text)[:40]!r} is no instant: write it as 2026-11-27T22:04:00Z, with Z or the offset of its zone"
        )
    return at_us


def zone_of(text: Any) -> ZoneInfo:
    """Return the zone of that name; raise ValueError with a sentence."""
    try:
        return ZoneInfo(str(text))
    except (OSError, ValueError, KeyError):  # KeyError: ZoneInfoNotFoundError
        raise ValueError(f"{str(text)[:40]!r} is no time zone: write it as Europe/Berlin") from None


def stretch_us(text: Any) -> int:
    """Return a length of time, ``60s`` or ``1h``, in us; raise ValueError with a sentence."""
    match = re.fullmatch(r"(\d{1,6}) ?(s|m|min|h|d)?", str(text), re.ASCII)
    length_us = int(match[1]) * UNITS_S[match[2] or "s"] * SECOND_US if match else 0
    if not SECOND_US <= length_us <= DAY_US:
        raise ValueError(f"{str(text)[:40]!r} is no length of time from 1s to 1d: write it as 60s or 1h")
    return length_us


def cursor(text: str) -> tuple[int, FrameId]:
    """Return which frame a page ended with, and when that was taken, as the answer said it; raise HTTPException if it did not."""
    captured_us, _, identity = text.partition("-")
    try:
        return int(captured_us), FrameId.parse(identity)
    except (ValueError, WireError):
        raise HTTPException(422, f"cursor: {text[:60]!r} is none; take the one of the page before") from None


def day_or_instant_us(name: str, text: str | None, zone: ZoneInfo, otherwise_us: int) -> int:
    """Return when a day of *zone* begins, or an instant; raise HTTPException where *text* is neither."""
    if text is None:
        return otherwise_us
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return days.start_us(date.fromisoformat(text), zone)
        return instant_us(text)
    except (ValueError, OverflowError) as error:
        raise HTTPException(422, f"{name}: {error}") from error


_RFC_3339 = WithJsonSchema({"type": "string", "format": "date-time"})
_TEXT = WithJsonSchema({"type": "string"})

CameraName = Annotated[str, Path(pattern=f"^{CAMERA_PATTERN}$", description="Name of a camera.")]
Instant = Annotated[int, BeforeValidator(instant_us), _RFC_3339]
Begin = Annotated[Instant, Query(alias="from", description="First instant, RFC 3339.")]
End = Annotated[Instant, Query(alias="to", description="First instant that is not meant, RFC 3339.")]
Zone = Annotated[
    Annotated[ZoneInfo, BeforeValidator(zone_of), _TEXT] | None,
    Query(alias="zone", description="Time zone by its name; without it the camera's own."),
]
Stretch = Annotated[int, BeforeValidator(stretch_us), _TEXT]
FrameName = Annotated[str, Path(pattern=f"^{FRAME_ID_PATTERN}$", description="Id of a frame.")]


def sentence(error: RequestValidationError) -> str:
    """Return what is wrong with an address: of the first that is, its name and what was expected."""
    first = error.errors()[0]
    name = str(first["loc"][-1])
    return f"{name}: {str(first['msg']).removeprefix('Value error, ')}"
