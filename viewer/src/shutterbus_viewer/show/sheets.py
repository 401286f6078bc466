"""An hour of a camera at a glance: one small picture a minute, on one sheet, and what is where on it."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

from shutterbus_viewer.history.sheets import Sheet
from shutterbus_viewer.show.frames import FOR_GOOD, PICTURE
from shutterbus_viewer.show.history import HOUR_US, answer, asked, past_of
from shutterbus_viewer.show.making import made
from shutterbus_viewer.show.parameters import CameraName
from shutterbus_viewer.show.services import get_services
from shutterbus_wire import instant

router = APIRouter(prefix="/api/cameras/{camera}/sheets")

Hour = Annotated[
    str,
    Path(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d$",
        description="Hour of UTC: 2026-11-27T22.",
        examples=["2026-11-27T22"],
    ),
]
Version = Annotated[
    str | None,
    Query(alias="v", max_length=32, description="As the JSON says it: that sheet, which never changes."),
]


@router.get("/{hour}.json")
async def layout(request: Request, camera: CameraName, hour: Hour) -> Response:
    """Which minutes have a small picture, of which frame, and the size of a cell; ``version`` names the sheet as it is now."""
    sheet, end_us = await _sheet(request, camera, hour)
    return answer(request, {**sheet.layout, "version": _version(sheet)}, end_us)


@router.get("/{hour}.jpg", responses=PICTURE, response_class=Response)
async def picture(request: Request, camera: CameraName, hour: Hour, version: Version = None) -> Response:
    """The sheet: 10 x 6 small pictures, one a minute, row by row. A minute without a picture is black."""
    sheet, _ = await _sheet(request, camera, hour)
    now = _version(sheet)
    headers = {"ETag": f'"{now}"', **(FOR_GOOD if version == now else {"Cache-Control": "private, no-cache"})}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(sheet.jpeg, media_type="image/jpeg", headers=headers)


async def _sheet(request: Request, camera: str, hour: str) -> tuple[Sheet, int]:
    """Return the sheet of *hour*, and when that ends."""
    begin_us = instant.parse(f"{hour}:00:00Z")
    if begin_us is None:
        raise HTTPException(422, f"hour: {hour} is none: write it as 2026-11-27T22")
    past, services = await past_of(request, camera), get_services(request)
    services.ahead.look_at(camera)
    frames = await asked(past.frames_of_hour, camera, begin_us)
    if not frames:
        raise HTTPException(404, f"{camera} has no pictures from {hour}:00 to the next hour")
    return await made(services.maker.sheet(frames)), begin_us + HOUR_US


def _version(sheet: Sheet) -> str:
    return hashlib.sha256(repr(sheet.layout).encode()).hexdigest()[:16]
