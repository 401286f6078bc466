"""uvicorn, but connections are accepted and counted here, and TLS begins afterwards."""

import asyncio
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from shutterbus_viewer.errors import ViewerError
from shutterbus_viewer.show.connections import REQUEST_S, STATE, SWEEP_S, Connection, Connections

log = logging.getLogger(__name__)

RETRY_S = 0.1
"""After an accept that failed, most likely because no more files may be open."""


class Server(uvicorn.Server):
    """Ends on SIGTERM and SIGINT like uvicorn's own, but lets its owner end the rest and choose the exit code."""

    def __init__(self, config: uvicorn.Config, connections: Connections) -> None:
        super().__init__(config)
        self._connections = connections
        self._tasks: set[asyncio.Task[None]] = set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept on *sockets*."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise ViewerError("The viewer cannot start; what is above says why.")
        self.servers = []  # uvicorn's own way to accept
        for listener in sockets or ():
            listener.setblocking(False)
            self._run(self._accept(listener))
        self._run(self._sweep())
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nothing more, drop who has not asked for anything yet, and let the others finish."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await super().shutdown(sockets)

    def _run(self, work: Any) -> "asyncio.Task[None]":
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, peer = await loop.sock_accept(listener)
            except OSError as error:
                log.warning("a connection cannot be accepted: %s", error.strerror)
                await asyncio.sleep(RETRY_S)
                continue
            connection = self._connections.open(str(peer[0]))
            if connection is None:
                accepted.close()
            else:
                beginning = self._run(self._serve_one(accepted, connection))
                beginning.add_done_callback(partial(_close_cancelled, accepted))
                connection.abort = beginning.cancel
            # A connection that waits already is accepted without a pause: others must get their turn.
            await asyncio.sleep(0)

    async def _serve_one(self, accepted: socket.socket, connection: Connection) -> None:
        """Begin TLS where there is any, and HTTP; both then run by themselves."""

        def http() -> HttpProtocol:
            return HttpProtocol(self.config, self.server_state, {**self.lifespan.state, STATE: connection})

        tls = self.config.ssl
        try:
            # Else a small answer waits until the client has acknowledged its headers, which takes 40 ms. asyncio sees to that
            # for sockets that were made with the number of TCP, not for all.
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                http, accepted, ssl=tls, ssl_handshake_timeout=REQUEST_S if tls else None
            )
        except OSError as error:  # ssl.SSLError and TimeoutError too: it spoke no TLS, or went
            log.debug("a connection came to nothing: %s", error)
            connection.ended()
        else:
            connection.abort = transport.abort

    async def _sweep(self) -> None:
        while True:
            self._connections.sweep()
            await asyncio.sleep(SWEEP_S)


def _close_cancelled(accepted: socket.socket, beginning: "asyncio.Task[None]") -> None:
    if beginning.cancelled():
        accepted.close()


class _Counted(asyncio.Protocol):
    """Gives the place of its connection free when that has ended."""

    app_state: dict[str, Any]

    def connection_lost(self, exc: Exception | None) -> None:
        connection: Connection = self.app_state[STATE]
        connection.ended()
        super().connection_lost(exc)


class HttpProtocol(_Counted, H11Protocol):
    """HTTP/1.1."""


class WebSocketProtocol(_Counted, WebSocketsSansIOProtocol):
    """What an HTTP connection becomes when a page opens a WebSocket."""
