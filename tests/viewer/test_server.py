"""What the server does to connections before any route sees them."""

import asyncio
import socket

import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from fakes import FakeClock
from shutterbus_viewer.app import listen
from shutterbus_viewer.settings import ServeSettings
from shutterbus_viewer.show import server
from shutterbus_viewer.show.connections import Connections


def test_small_answer_does_not_wait_until_its_headers_are_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nagle's algorithm holds it back, and clients take 40 ms to acknowledge."""
    held_back: list[bool] = []

    class Noting(server.HttpProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            accepted = transport.get_extra_info("socket")
            held_back.append(not accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            super().connection_made(transport)

    monkeypatch.setattr(server, "HttpProtocol", Noting)

    assert asyncio.run(one_answer()).endswith(b"\r\n\r\nshort")
    assert held_back == [False]


async def one_answer() -> bytes:
    """Return all that a client is sent that asks once."""
    with listen(ServeSettings(port=0)) as listener:
        config = uvicorn.Config(PlainTextResponse("short"), log_config=None, lifespan="off")
        serving = server.Server(config, Connections(FakeClock(), per_address=True))
        running = asyncio.create_task(serving.serve([listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        serving.should_exit = True
        await running
    return answer
