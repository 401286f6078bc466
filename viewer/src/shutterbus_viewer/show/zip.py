"""A zip of kept frames on its way to a browser."""

from collections.abc import Callable

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from shutterbus_viewer.history.downloads import Download


class ZipResponse(StreamingResponse):
    """Sends *download* as a file called *name*. However that ends, closes it and calls *ended*."""

    def __init__(self, download: Download, name: str, ended: Callable[[], None]) -> None:
        super().__init__(
            download,
            media_type="application/zip",
            headers={
                "Content-Length": str(download.size_bytes),
                "Content-Disposition": f'attachment; filename="{name}"',
                "Cache-Control": "no-store, private",
                "X-Accel-Buffering": "no",
            },
        )
        self._download = download
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._download.close()
            self._ended()
