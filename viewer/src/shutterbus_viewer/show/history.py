"""A camera's past for scripts; the camera page uses the same: days, buckets, frames and readings."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Query, Request, Response

from shutterbus_viewer.archive import days
from shutterbus_viewer.archive.frame_order import Kept
from shutterbus_viewer.archive.history import BUCKET_US
from shutterbus_viewer.archive.past import Past
from shutterbus_viewer.archive.readings import Series
from shutterbus_viewer.errors import ArchiveUnreadableError
from shutterbus_viewer.show.auth_middleware import NOT_FOUND
from shutterbus_viewer.show.parameters import (
    DAY_US,
    Begin,
    CameraName,
    End,
    Instant,
    Stretch,
    Zone,
    cursor,
    day_or_instant_us,
    zone_of,
)
from shutterbus_viewer.show.services import get_services
from shutterbus_wire.identity import FRAME_ID_PATTERN, FrameId
from shutterbus_wire.instant import LAST_US

router = APIRouter(prefix="/api/cameras/{camera}")

Answer = TypeVar("Answer")

NO_ARCHIVE = "this server has no archive: it shows what is live and keeps nothing"
PAGE_MAX = 5_000
POINTS_MAX = 5_000
STRETCHES_MAX = 20_000
"""Hours of two years, or days of fifty."""

SETTLED_US = DAY_US
"""What a range that ended so long ago holds may still change, when a camera comes back with what it held, but seldom."""

HOUR_US = 3_600_000_000


@router.get("/days")
async def list_days(
    request: Request,
    camera: CameraName,
    begin: Annotated[
        str | None,
        Query(alias="from", max_length=40, description="First day, 2026-11-27, or instant, RFC 3339."),
    ] = None,
    end: Annotated[
        str | None, Query(alias="to", max_length=40, description="First day or instant that is not meant.")
    ] = None,
    zone: Zone = None,
) -> Response:
    """The days on which the camera took something that is kept: its frames, bytes, and the frame nearest to noon."""
    past = await past_of(request, camera)
    theirs = zone or camera_zone(request, camera)
    from_us = day_or_instant_us("from", begin, theirs, 0)
    to_us = day_or_instant_us("to", end, theirs, LAST_US)
    listed = await asked(days.days, past.history, camera, theirs, from_us, to_us)
    value = {
        "zone": theirs.key,
        "days": [
            {
                "date": day.day.isoformat(),
                "start_us": day.start_us,
                "end_us": day.end_us,
                "frames": day.frames,
                "bytes": day.size_bytes,
                "noon": day.noon and str(day.noon),
            }
            for day in listed
        ],
    }
    return answer(request, value, to_us)


@router.get("/buckets")
async def list_buckets(request: Request, camera: CameraName, begin: Begin, end: End) -> Response:
    """How many frames, of how many bytes, were taken in each five minutes that have any; in columns."""
    past = await past_of(request, camera)
    buckets = await asked(past.history.buckets, camera, begin, end)
    value = {
        "bucket_us": BUCKET_US,
        "start_us": buckets.start_us,
        "frames": buckets.frames,
        "bytes": buckets.size_bytes,
    }
    return answer(request, value, end)


@router.get("/frames")
async def list_frames(
    request: Request,
    camera: CameraName,
    begin: Annotated[Instant | None, Query(alias="from", description="First instant, RFC 3339.")] = None,
    end: Annotated[Instant | None, Query(alias="to", description="First instant that is not meant.")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="Most frames of a page.")] = 500,
    after: Annotated[
        str | None,
        Query(alias="cursor", max_length=100, description="Of the page before: what comes behind it."),
    ] = None,
    every: Annotated[
        Stretch | None, Query(description="Only the first frame of each such stretch: 60s, 1h.")
    ] = None,
    at: Annotated[
        Instant | None, Query(description="Instead of a range: the frame beside this instant.")
    ] = None,
    direction: Annotated[
        Literal["next", "previous", "nearest"], Query(description="Which one beside it.")
    ] = "nearest",
    beside: Annotated[
        str | None,
        Query(
            alias="id",
            pattern=f"^{FRAME_ID_PATTERN}$",
            description="The frame that was taken then, to go on from it.",
        ),
    ] = None,
) -> Response:
    """Frames of a range, oldest first, a page at a time; or the one beside an instant."""
    past = await past_of(request, camera)
    if at is not None:
        kept = await asked(past.history.neighbour, camera, at, direction, beside and FrameId.parse(beside))
        return answer(request, {"frame": kept and _frame(kept)}, LAST_US)
    if begin is None or end is None:
        raise HTTPException(422, "from and to are needed, or at: which frames are meant?")
    last = None if after is None else cursor(after)
    if every is None:
        page = await asked(past.history.frames, camera, begin, end, limit, last)
    else:
        page = await asked(past.history.thinned, camera, begin, end, every, limit, last)
    more = f"{page[-1].captured_us}-{page[-1].id}" if len(page) == limit else None
    value = {"frames": [[kept.captured_us, str(kept.id), kept.size_bytes] for kept in page], "cursor": more}
    return answer(request, value, end)


@router.get("/readings")
async def list_readings(
    request: Request,
    camera: CameraName,
    begin: Begin,
    end: End,
    points: Annotated[int, Query(ge=2, le=POINTS_MAX, description="About how many of each quantity.")] = 600,
    every: Annotated[
        Literal["1h", "1d"] | None, Query(description="Instead of points: whole hours or days of the zone.")
    ] = None,
    zone: Zone = None,
) -> Response:
    """Readings of a range: least, mean and greatest value of each stretch; stretches without a value are left out."""
    past = await past_of(request, camera)
    if every is None:
        series = await asked(past.readings.points, camera, begin, end, points)
    else:
        if (end - begin) // (HOUR_US if every == "1h" else DAY_US) >= STRETCHES_MAX:
            raise HTTPException(
                422, f"that is more than {STRETCHES_MAX:,} stretches: ask for a shorter range"
            )
        borders = days.borders(begin, end, zone or camera_zone(request, camera), hourly=every == "1h")
        series = await asked(past.readings.stretches, camera, borders)
    return answer(request, {"series": [_series(each) for each in series]}, end)


async def past_of(request: Request, camera: str) -> Past:
    """Return what the archive is asked with.

    Raises:
        HTTPException: There is no archive, it cannot be read now, or it has never kept anything of a camera that nobody knows.
    """
    services = get_services(request)
    if services.past is None:
        raise HTTPException(404, NO_ARCHIVE)
    if camera not in services.cameras and not await asked(services.past.history.knows, camera):
        raise HTTPException(404, NOT_FOUND.format(camera))
    return services.past


async def asked(question: Callable[..., Answer], *arguments: Any) -> Answer:
    """Return the archive's answer to *question*, which is asked in a thread; raise HTTPException where it has none now."""
    try:
        return await asyncio.to_thread(partial(question, *arguments))
    except ArchiveUnreadableError as error:
        raise HTTPException(503, str(error)) from error


def camera_zone(request: Request, camera: str) -> ZoneInfo:
    """Return where *camera* says it is; UTC where it has not said so, or in no words that are known here."""
    try:
        return zone_of(get_services(request).cameras.zone(camera) or "UTC")
    except ValueError:
        return ZoneInfo("UTC")


def _frame(kept: Kept) -> dict[str, Any]:
    return {"captured_us": kept.captured_us, "id": str(kept.id), "bytes": kept.size_bytes}


def _series(series: Series) -> dict[str, Any]:
    return {
        "sensor": series.sensor,
        "name": series.name,
        "unit": series.unit,
        "at_us": series.at_us,
        "min": series.least,
        "mean": series.mean,
        "max": series.greatest,
    }


def answer(request: Request, value: object, end_us: int) -> Response:
    """Answer *value*, about a range that ends at *end_us*; only its tag where the browser has it already."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    settled = end_us <= get_services(request).clock.utc_us() - SETTLED_US
    return tagged(request, text, settled=settled)


def tagged(request: Request, text: bytes, *, settled: bool) -> Response:
    """Answer *text*, which is JSON, or only its tag where the browser has it; *settled*: without asking again for an hour."""
    headers = {
        "ETag": f'"{hashlib.sha256(text).hexdigest()[:16]}"',
        "Cache-Control": "private, max-age=3600" if settled else "private, no-cache",
    }
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(text, media_type="application/json", headers=headers)
