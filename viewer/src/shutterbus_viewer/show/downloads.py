"""Many frames of a camera as one zip."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response

from shutterbus_viewer.accounts.access_log import Event
from shutterbus_viewer.archive.past import Past
from shutterbus_viewer.errors import ArchiveUnreadableError, TooLargeError, TooManyError
from shutterbus_viewer.history.downloads import Row
from shutterbus_viewer.show.exposure import client_address
from shutterbus_viewer.show.history import past_of
from shutterbus_viewer.show.parameters import Begin, CameraName, End, Stretch
from shutterbus_viewer.show.services import get_principal, get_services
from shutterbus_viewer.show.zip import ZipResponse
from shutterbus_wire import instant
from shutterbus_wire.identity import FrameId

router = APIRouter(prefix="/api/cameras/{camera}")

PAGE = 2_000


@router.get("/frames.zip", response_class=Response)
async def frames_zip(
    request: Request,
    camera: CameraName,
    begin: Begin,
    end: End,
    every: Annotated[
        Stretch | None, Query(description="Only the first frame of each such stretch: 60s, 1h.")
    ] = None,
) -> Response:
    """The frames of a range as files of a zip, whose length is known before. What is missing is named in ``MISSING.txt``."""
    services = get_services(request)
    past = await past_of(request, camera)
    principal = get_principal(request)
    with ExitStack() as unless_sent:
        note = await asyncio.to_thread(services.download_notes.begin, camera, begin, end)
        unless_sent.callback(note.end)
        try:
            rows = _rows(past, camera, begin, end, every)
            download = await services.downloads.begin(principal.user, camera, rows)
        except TooManyError as error:
            raise HTTPException(429, str(error), {"Retry-After": "30"}) from error
        except TooLargeError as error:
            raise HTTPException(413, str(error)) from error
        except ArchiveUnreadableError as error:
            raise HTTPException(503, str(error)) from error
        unless_sent.pop_all()
    address = client_address(request.scope, services.exposure)
    services.accounts.log.note(Event.DOWNLOAD, user=principal.user, address=address, camera=camera)

    name = f"{camera}-{instant.at(begin):%Y%m%dT%H%M%SZ}-{instant.at(end):%Y%m%dT%H%M%SZ}.zip"
    return ZipResponse(download, name, note.end)


def _rows(past: Past, camera: str, from_us: int, to_us: int, every_us: int | None) -> Iterator[Row]:
    """Yield what the catalog has, a page at a time."""
    after: tuple[int, FrameId] | None = None
    while True:
        if every_us is None:
            page = past.history.frames(camera, from_us, to_us, PAGE, after)
        else:
            page = past.history.thinned(camera, from_us, to_us, every_us, PAGE, after)
        for kept in page:
            yield Row(kept.captured_us, str(kept.id), str(past.files.path(kept.key)), kept.size_bytes)
        if len(page) < PAGE:
            return
        after = page[-1].captured_us, page[-1].id
