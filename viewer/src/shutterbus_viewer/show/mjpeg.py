"""A camera as multipart MJPEG, for everything that can show an ``<img>``.

The header of the next part follows each picture at once. Chrome shows a picture when the part ends, and
without that it ends when the next one comes: a whole period late, a minute at one picture a minute.
"""

import asyncio
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from shutterbus_viewer.changes import Change
from shutterbus_viewer.errors import TooManyError, UndrawableError
from shutterbus_viewer.show.services import Services
from shutterbus_viewer.show.wait_first import wait_first

BOUNDARY = "shutterbus"
HEADER = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
LOGIN_CHECK_S = 30.0
WRITE_S = 60.0


class MjpegResponse(Response):
    """Streams one camera until the client goes, its login ends, or it takes too long for a picture."""

    media_type = f"multipart/x-mixed-replace; boundary={BOUNDARY}"

    def __init__(self, services: Services, request: Request, camera: str, width_px: int) -> None:
        self._services = services
        self._request = request
        self._camera = camera
        self._width_px = width_px
        self._newer = asyncio.Event()
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-store, private", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._services.caps.stream(self._request.state.principal.user):
                await self._until_someone_leaves(receive, send)
        except TooManyError as error:
            await JSONResponse({"detail": str(error)}, 429, {"Retry-After": "30"})(scope, receive, send)

    async def _until_someone_leaves(self, receive: Receive, send: Send) -> None:
        deaf = self._services.cameras.changes.listen(self._changed)
        try:
            ended = await wait_first(self._stream(send), _gone(receive))
        finally:
            deaf()
        if ended and not isinstance(ended, OSError):  # too slow, or gone
            raise ended

    def _changed(self, change: Change) -> None:
        if self._camera in change.pictures:
            self._newer.set()

    async def _stream(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _write(send, HEADER)
        self._newer.set()
        shown = ""
        while self._request.state.still_valid():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOGIN_CHECK_S):  # wait_for loses cancellations in Python 3.11
                    await self._newer.wait()
            self._newer.clear()
            picture = self._services.cameras.picture(self._camera)
            if picture is None or picture.id == shown:
                continue
            try:
                thumbnail = await self._services.thumbnails.jpeg(self._camera, self._width_px)
            except UndrawableError as error:
                self._services.cameras.trouble(self._camera, "undrawable", str(error))
                shown = picture.id
                continue
            if thumbnail:
                shown = thumbnail.picture.id
                await _write(send, thumbnail.jpeg + b"\r\n" + HEADER)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _write(send: Send, data: bytes) -> None:
    async with asyncio.timeout(WRITE_S):
        await send({"type": "http.response.body", "body": data, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
