"""Cameras and their pictures for scripts; the pages use the same."""

from email.utils import formatdate
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

from shutterbus_viewer.errors import UndrawableError
from shutterbus_viewer.show.mjpeg import MjpegResponse
from shutterbus_viewer.show.parts import parts_of
from shutterbus_viewer.show.thumbnails import WIDTH_MAX_PX
from shutterbus_viewer.state import camera_state, camera_states
from shutterbus_wire.identity import CAMERA_PATTERN

router = APIRouter(prefix="/api")

CameraName = Annotated[str, Path(pattern=f"^{CAMERA_PATTERN}$", description="Name of a camera.")]
Width = Annotated[
    int,
    Query(ge=0, le=WIDTH_MAX_PX, description="Width in pixels, rounded up to a multiple of 64; 0: as it is."),
]
PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}


@router.get("/cameras")
async def list_cameras(request: Request) -> dict[str, Any]:
    """Every camera, its newest picture and its state."""
    parts = parts_of(request)
    return {
        "now_us": parts.clock.utc_us(),
        "cameras": camera_states(parts.cameras),
        "problems": parts.cameras.outages(),
    }


@router.get("/cameras/{camera}")
async def one_camera(request: Request, camera: CameraName) -> dict[str, Any]:
    """One camera, with all readings since the viewer started."""
    state = camera_state(parts_of(request).cameras, camera, points=None)
    if state is None:
        raise _unknown(camera)
    return state


@router.get("/cameras/{camera}/latest.jpg", responses=PICTURE, response_class=Response)
@router.head("/cameras/{camera}/latest.jpg", include_in_schema=False)
async def latest(request: Request, camera: CameraName, width: Width = 0) -> Response:
    """The newest picture. Ask again with ``If-None-Match``: 304 until there is a newer one."""
    parts = parts_of(request)
    picture = parts.cameras.picture(camera)
    if picture is None:
        raise (
            _unknown(camera)
            if camera not in parts.cameras
            else HTTPException(404, f"{camera} has sent no picture yet")
        )
    tag = f'"{picture.id}{f"-{width}" if width else ""}"'
    headers = {
        "ETag": tag,
        "Last-Modified": formatdate(picture.taken_at_us / 1e6, usegmt=True),
        "Cache-Control": "no-cache, private",
        "Content-Disposition": f'inline; filename="{camera}-{picture.id}.jpg"',
    }
    if tag in request.headers.get("if-none-match", "") or request.headers.get("if-none-match") == "*":
        return Response(status_code=304, headers=headers)
    try:
        jpeg = await parts.thumbnails.jpeg(picture, width)
    except UndrawableError as error:
        parts.cameras.trouble(camera, "undrawable", str(error))
        raise HTTPException(502, f"the newest picture of {camera} {error}") from error
    return Response(jpeg, media_type="image/jpeg", headers=headers)


@router.get("/cameras/{camera}/stream.mjpg", response_class=Response)
async def stream(request: Request, camera: CameraName, width: Width = 0) -> Response:
    """The camera as multipart MJPEG, from its newest picture on."""
    parts = parts_of(request)
    if camera not in parts.cameras:
        raise _unknown(camera)
    return MjpegResponse(parts, request, camera, width)


def _unknown(camera: str) -> HTTPException:
    return HTTPException(404, f"no camera {camera} is known; a camera appears with its first message")
