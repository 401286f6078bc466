"""Cameras and their pictures for scripts; the pages use the same."""

import asyncio
from email.utils import formatdate
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response

from shutterbus_viewer.accounts.access_log import Event
from shutterbus_viewer.errors import ArchiveUnreadableError, UndrawableError
from shutterbus_viewer.latest import LatestFrame
from shutterbus_viewer.show.auth_middleware import NOT_FOUND
from shutterbus_viewer.show.exposure import client_address
from shutterbus_viewer.show.history import NO_ARCHIVE
from shutterbus_viewer.show.mjpeg import MjpegResponse
from shutterbus_viewer.show.parameters import CameraName
from shutterbus_viewer.show.services import get_principal, get_services
from shutterbus_viewer.show.state_texts import encode, joined
from shutterbus_viewer.show.thumbnails import WIDTH_MAX_PX
from shutterbus_viewer.state import RECENT_POINTS
from shutterbus_wire.identity import CAMERA_PATTERN

router = APIRouter(prefix="/api")

Width = Annotated[
    int,
    Query(ge=0, le=WIDTH_MAX_PX, description="Width in pixels, rounded up to a multiple of 64; 0: as it is."),
]


class JsonText(Response):
    """JSON that is written already."""

    media_type = "application/json"


PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}


@router.get("/cameras", response_class=JsonText)
async def list_cameras(request: Request) -> Response:
    """Every camera that you may see, its newest picture and its state."""
    services = get_services(request)
    visible = services.policy.visible(get_principal(request), services.cameras.ids())
    states = (services.states.full(camera, RECENT_POINTS) for camera in visible)
    cameras = joined(state for state in states if state is not None)
    outages = [outage.sentence for outage in services.cameras.outages()]
    now_us, problems = services.clock.utc_us(), encode([*outages, *services.cameras.lacks()])
    return JsonText(f'{{"now_us":{now_us},"cameras":{cameras},"problems":{problems}}}')


@router.get("/cameras/{camera}", response_class=JsonText)
async def one_camera(request: Request, camera: CameraName) -> Response:
    """One camera, with all readings since the viewer started."""
    state = get_services(request).states.full(camera)
    if state is None:
        raise _unknown(camera)
    return JsonText(state)


@router.get("/archive")
async def kept(
    request: Request,
    camera: Annotated[
        str | None, Query(pattern=f"^{CAMERA_PATTERN}$", description="Name of a camera; without it all.")
    ] = None,
) -> dict[str, Any]:
    """What the archive keeps of the cameras that you may see: pictures, bytes, and the instants of the oldest and newest.

    Where that cannot be told now, ``problem`` says why.
    """
    services = get_services(request)
    if services.past is None:
        return {
            "problem": NO_ARCHIVE,
            "cameras": [],
        }
    try:
        cameras = {row.camera: row for row in await asyncio.to_thread(services.past.catalog.cameras, camera)}
    except ArchiveUnreadableError as error:
        return {"problem": str(error), "cameras": []}
    visible = services.policy.visible(get_principal(request), cameras)
    return {
        "problem": "",
        "cameras": [
            {
                "id": name,
                "frames": cameras[name].frames,
                "bytes": cameras[name].size_bytes,
                "oldest_us": cameras[name].oldest_us,
                "newest_us": cameras[name].newest_us,
            }
            for name in visible
        ],
    }


@router.get("/log")
async def access_log(
    request: Request, limit: Annotated[int, Query(ge=1, le=10_000, description="Most rows.")] = 1_000
) -> dict[str, Any]:
    """Logins, refusals and downloads of the last 90 days, counted by the hour, newest first; for admins."""
    return {"events": await get_services(request).accounts.log.newest(limit)}


@router.get("/cameras/{camera}/latest.jpg", responses=PICTURE, response_class=Response)
@router.head("/cameras/{camera}/latest.jpg", include_in_schema=False)
async def latest(request: Request, camera: CameraName, width: Width = 0) -> Response:
    """The newest picture. Ask again with ``If-None-Match``: 304 until there is a newer one."""
    services = get_services(request)
    picture = services.cameras.picture(camera)
    if picture is None:
        raise (
            _unknown(camera)
            if camera not in services.cameras
            else HTTPException(404, f"{camera} has sent no picture yet")
        )
    tag = _tag(picture, width)
    if tag in request.headers.get("if-none-match", "") or request.headers.get("if-none-match") == "*":
        return Response(status_code=304, headers=_headers(picture, width))
    try:
        thumbnail = await services.thumbnails.jpeg(camera, width)
    except UndrawableError as error:
        services.cameras.trouble(camera, "undrawable", str(error))
        raise HTTPException(502, f"the newest picture of {camera} {error}") from error
    if thumbnail is None:
        raise _unknown(camera)
    user, address = get_principal(request).user, client_address(request.scope, services.exposure)
    services.accounts.log.note(Event.DOWNLOAD, user=user, address=address, camera=camera)
    # It may be newer than the one that was looked at first.
    return Response(thumbnail.jpeg, media_type="image/jpeg", headers=_headers(thumbnail.picture, width))


@router.get("/cameras/{camera}/stream.mjpg", response_class=Response)
async def stream(request: Request, camera: CameraName, width: Width = 0) -> Response:
    """The camera as multipart MJPEG, from its newest picture on."""
    services = get_services(request)
    if camera not in services.cameras:
        raise _unknown(camera)
    user, address = get_principal(request).user, client_address(request.scope, services.exposure)
    services.accounts.log.note(Event.STREAM, user=user, address=address, camera=camera)
    return MjpegResponse(services, request, camera, width)


def _tag(picture: LatestFrame, width: int) -> str:
    return f'"{picture.id}{f"-{width}" if width else ""}"'


def _headers(picture: LatestFrame, width: int) -> dict[str, str]:
    return {
        "ETag": _tag(picture, width),
        "Last-Modified": formatdate(picture.taken_at_us / 1e6, usegmt=True),
        "Cache-Control": "no-cache, private",
        "Content-Disposition": f'inline; filename="{picture.camera}-{picture.id}.jpg"',
    }


def _unknown(camera: str) -> HTTPException:
    return HTTPException(404, NOT_FOUND.format(camera))
