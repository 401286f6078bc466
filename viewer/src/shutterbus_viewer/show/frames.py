"""One frame by its id: the file as it was taken, and its facts. From memory while it is on a screen, else from the archive."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse

from shutterbus_viewer.accounts.access_log import Event
from shutterbus_viewer.archive import frame_facts
from shutterbus_viewer.archive.files import PresentFile
from shutterbus_viewer.archive.history import Absence, KeptFile
from shutterbus_viewer.archive.past import Past
from shutterbus_viewer.history.maker import WIDTHS_PX, width_of
from shutterbus_viewer.latest import LatestFrame
from shutterbus_viewer.show.exposure import client_address
from shutterbus_viewer.show.history import asked, past_of
from shutterbus_viewer.show.making import made
from shutterbus_viewer.show.parameters import CameraName, FrameName
from shutterbus_viewer.show.services import get_principal, get_services
from shutterbus_viewer.state import picture_facts
from shutterbus_wire.frame import Frame
from shutterbus_wire.identity import FrameId

router = APIRouter(prefix="/api/cameras/{camera}/frames")

Answer = TypeVar("Answer")

FOR_GOOD = {"Cache-Control": "private, max-age=31536000, immutable"}
"""The bytes of a frame never change."""

PICTURE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}}

WHY_ABSENT = {
    Absence.NEVER: (404, "the archive has never had frame {} of {}"),
    Absence.GONE: (410, "frame {} of {} was kept and is no more: it aged out, or somebody erased it"),
    Absence.QUARANTINED: (
        404,
        "frame {} of {} came and could not be used: it is in the archive's quarantine",
    ),
}


LadderWidth = Annotated[
    int,
    Query(
        ge=0,
        le=WIDTHS_PX[-1],
        description=f"Width in pixels, rounded up to one of {', '.join(map(str, WIDTHS_PX))}, never wider than it is; 0: the file itself.",
    ),
]


PIECE_MAX_BYTES = 512 * 1024
"""A file that is no larger is read by the thread that looks for it, since each change of thread costs as much as the reading."""


class FrameResponse(FileResponse):
    """A large file, a piece at a time: many of them at once must not fill the memory."""

    chunk_size = PIECE_MAX_BYTES


@router.get("/{frame}.jpg", responses=PICTURE, response_class=Response)
@router.head("/{frame}.jpg", include_in_schema=False)
async def picture(request: Request, camera: CameraName, frame: FrameName, width: LadderWidth = 0) -> Response:
    """The frame of this id as it came, or scaled: while it is on a screen, and for as long as the archive keeps it."""
    if not width:
        user, address = (
            get_principal(request).user,
            client_address(request.scope, get_services(request).exposure),
        )
        get_services(request).accounts.log.note(Event.DOWNLOAD, user=user, address=address, camera=camera)
        live = _in_memory(request, camera, frame)
        if live is not None:
            headers = {"ETag": f'"{frame}"', **_named(camera, frame), **FOR_GOOD}
            return Response(live.frame.data, media_type=live.frame.content_type, headers=headers)
    sent_whole = not (width or request.method == "HEAD" or _asks_for_less(request))
    look = partial(_look, read_max_bytes=PIECE_MAX_BYTES if sent_whole else 0)
    kept, present = await _of_archive(request, camera, frame, look)
    tag = f'"{kept.crc:08x}{f"-{width_of(width)}" if width else ""}"'
    headers = {"ETag": tag, **_named(camera, frame, None if width else present), **FOR_GOOD}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if width:
        jpeg = await made(get_services(request).maker.scaled(present.path, width))
        return Response(jpeg, media_type="image/jpeg", headers=headers)
    if present.data is not None:
        return Response(
            present.data, media_type=kept.content_type, headers={"Accept-Ranges": "bytes", **headers}
        )
    return FrameResponse(
        present.path, headers=headers, media_type=kept.content_type, stat_result=present.status
    )


@router.get("/{frame}.json")
async def facts(request: Request, camera: CameraName, frame: FrameName) -> dict[str, Any]:
    """What is known of the frame of this id, as of a live picture."""
    shown = _in_memory(request, camera, frame)
    known = picture_facts(shown) if shown else await made(_of_archive(request, camera, frame, _facts))
    return {"camera": camera, **known}


def _in_memory(request: Request, camera: str, frame: str) -> LatestFrame | None:
    services = get_services(request)
    newest = services.cameras.picture(camera)
    return newest if newest and newest.id == frame else services.on_screen.get(camera, frame)


def _asks_for_less(request: Request) -> bool:
    """Whether only a part of the file is wanted, or perhaps nothing."""
    return any(name in request.headers for name in ("range", "if-none-match"))


async def _of_archive(
    request: Request, camera: str, frame: str, question: Callable[[Past, str, FrameId], Answer]
) -> Answer:
    """Return the archive's answer to *question* about a frame; raise HTTPException where it has no such frame."""
    past = get_services(request).past
    if past is None:
        raise HTTPException(
            404,
            f"the viewer has frame {frame} of {camera} no more: it keeps the newest, and there is no archive",
        )
    try:
        return await asked(question, past, camera, FrameId.parse(frame))
    except HTTPException as error:
        if error.status_code == 404:
            await past_of(request, camera)  # says so where it is the camera that nobody knows
        raise


def _look(past: Past, camera: str, frame: FrameId, read_max_bytes: int = 0) -> tuple[KeptFile, PresentFile]:
    """Return row and file of a frame; raise HTTPException where it is not. Asked again where it went in between."""
    for _ in range(2):
        kept = past.history.file(camera, frame)
        if isinstance(kept, Absence):
            status, sentence = WHY_ABSENT[kept]
            raise HTTPException(status, sentence.format(frame, camera))
        if present := past.files.look(kept, read_max_bytes):
            return kept, present
    raise HTTPException(
        404,
        f"the file of frame {frame} of {camera} is missing from the archive's store: make audit says what else is",
    )


def _facts(past: Past, camera: str, frame: FrameId) -> dict[str, Any]:
    """Return what is known of a kept frame, as of a live one."""
    kept, present = _look(past, camera, frame)
    metadata, header = frame_facts.read(kept, present)
    # Its pixels, which are not read, are not told either.
    begun = LatestFrame(Frame(metadata, b"", kept.content_type, known_header=header), kept.archived_us)
    return {**picture_facts(begun), "bytes": present.status.st_size}


def _named(camera: str, frame: str, present: PresentFile | None = None) -> dict[str, str]:
    suffix = present.path.suffix if present else ".jpg"
    return {"Content-Disposition": f'inline; filename="{camera}-{frame}{suffix}"'}
