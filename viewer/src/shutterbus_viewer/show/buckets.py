"""How much was taken when, of all cameras together: one request for a whole wall."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response

from shutterbus_viewer.archive.history import BUCKET_US
from shutterbus_viewer.errors import ArchiveUnreadableError
from shutterbus_viewer.show.history import NO_ARCHIVE, tagged
from shutterbus_viewer.show.services import get_principal, get_services

router = APIRouter(prefix="/api")

HOUR_US = 3_600_000_000
HOURS_MAX = 48
SLICES_MAX = 576
"""Each of five minutes, the least that is counted."""


@router.get("/buckets")
async def all_buckets(
    request: Request,
    hours: Annotated[int, Query(ge=1, le=HOURS_MAX, description="How far back.")] = 24,
    count: Annotated[
        int,
        Query(
            alias="slices",
            ge=1,
            le=SLICES_MAX,
            description="In how many equal parts; each of 5, 10, 15, … minutes.",
        ),
    ] = 96,
) -> Response:
    """How many frames were taken in each slice of the last hours, of each kept camera that you may see.

    The last slice has begun and goes on. Ask again with ``If-None-Match``: 304 until something came.
    """
    services = get_services(request)
    if services.past is None:
        raise HTTPException(404, NO_ARCHIVE)
    slice_us, rest = divmod(hours * HOUR_US, count)
    if rest or slice_us % BUCKET_US:
        raise HTTPException(
            422,
            f"slices: {count} do not divide {hours} h into parts of 5, 10, 15, ... minutes; 24 h have 96 of 15",
        )
    try:
        beat = await services.past.beats.last(services.clock.utc_us(), slice_us, count)
    except ArchiveUnreadableError as error:
        raise HTTPException(503, str(error)) from error
    visible = services.policy.visible(get_principal(request), beat.cameras)
    cameras = ",".join(beat.cameras[camera] for camera in visible)
    text = f'{{"start_us":{beat.start_us},"slice_us":{slice_us},"cameras":{{{cameras}}}}}'
    return tagged(request, text.encode(), settled=False)
