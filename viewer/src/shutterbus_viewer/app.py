"""The viewer: readers in threads, pages on one loop, ``Cameras`` between them."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn

from shutterbus_runtime.clock import Clock, SystemClock
from shutterbus_transport import transport
from shutterbus_transport.consuming import Reader, Subscription
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.consume.intake import Intake
from shutterbus_viewer.errors import ViewerError
from shutterbus_viewer.settings import ServeSettings, ViewerSettings
from shutterbus_viewer.show.app import make_app
from shutterbus_viewer.show.auth import Login
from shutterbus_viewer.show.gate import Place
from shutterbus_viewer.show.pages import open_paths
from shutterbus_viewer.show.parts import Caps, Parts
from shutterbus_viewer.show.thumbnails import Thumbnails

log = logging.getLogger("shutterbus_viewer")

STOP_S = 2.0
SHUTDOWN_S = 1
CLIENT_MESSAGE_MAX_BYTES = 1_048_576
PONG_S = 90.0
"""A slow line may be busy with one picture for that long before it gets to an answer."""

STUCK_MS = 20_000
"""A client whose buffer takes nothing for this long is gone, by the kernel's hand; a slow one that takes some stays."""


class Server(uvicorn.Server):
    """Ends on SIGTERM and SIGINT like uvicorn's own, but lets ``run`` end the rest and choose the exit code."""

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


def run(settings: ViewerSettings, clock: Clock | None = None) -> int:
    """Consume and show until SIGTERM or SIGINT; return the exit code.

    A reader that ends for a reason nobody foresaw ends the process: whoever runs it starts it again.
    """
    clock = clock or SystemClock()
    cameras = Cameras(clock)
    intake = Intake(cameras, clock)
    readers = make_readers(settings, intake, clock)
    died = threading.Event()
    with listen(settings.serve) as listener:
        server = Server(_uvicorn(settings, cameras, intake, readers, clock))
        for reader in readers:
            threading.Thread(target=_attend, args=(reader, server, died), daemon=True).start()
        log.info("serving at %s", address(settings.serve, listener))
        server.run(sockets=[listener])
    for reader in readers:
        reader.stop()
    for reader in readers:
        reader.join(STOP_S)
    return 1 if died.is_set() else 0


def make_readers(settings: ViewerSettings, intake: Intake, clock: Clock) -> list[Reader]:
    """Return a reader for all that *settings* name, not started."""
    subscription = Subscription(foreign=settings.topics)
    return [
        reader
        for broker in (settings.kafka, settings.mqtt)
        if broker
        for reader in transport(broker.type).readers(broker, subscription, intake, clock)
    ]


def listen(serve: ServeSettings) -> socket.socket:
    """Return the socket that browsers connect to.

    Raises:
        ViewerError: The address cannot be used.
    """
    family = socket.AF_INET6 if ":" in serve.bind else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_MS)
    try:
        listener.bind((serve.bind, serve.port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        raise ViewerError(
            f"VIEWER_BIND={serve.bind} VIEWER_PORT={serve.port} cannot be listened on: {error.strerror}"
        ) from error
    return listener


def address(serve: ServeSettings, listener: socket.socket) -> str:
    """Return where a browser finds us."""
    scheme = "https" if serve.effective_tls in {"own", "files"} else "http"
    host = f"[{serve.bind}]" if ":" in serve.bind else serve.bind
    return f"{scheme}://{host}:{listener.getsockname()[1]}/"


def _uvicorn(
    settings: ViewerSettings, cameras: Cameras, intake: Intake, readers: Sequence[Reader], clock: Clock
) -> uvicorn.Config:
    serve, login = settings.serve, settings.login
    secure = serve.effective_tls != "off"
    place = Place(
        open_paths=open_paths(),
        cookie=f"shutterbus_{serve.port}",
        secure=secure,
        behind_proxy=serve.effective_tls == "proxy",
        loopback_only=serve.loopback_only and serve.effective_tls != "proxy",
    )
    parts = Parts(cameras, intake, Thumbnails(), clock, Caps(serve.streams_per_user))
    door = Login(
        login.user,
        login.password.get_secret_value() if login.password else None,
        login.password_hash.get_secret_value() if login.password_hash else None,
        clock,
        serve.tls_key.read_bytes() if serve.tls_key and serve.tls_key.is_file() else None,
    )
    tls: dict[str, Any] = {}
    if serve.effective_tls in {"own", "files"}:
        tls = {"ssl_certfile": os.fspath(serve.tls_cert or ""), "ssl_keyfile": os.fspath(serve.tls_key or "")}
    return uvicorn.Config(
        make_app(
            parts,
            door,
            place,
            connected=lambda: {reader.name: reader.connected for reader in readers},
            alive=lambda: all(reader.is_alive() for reader in readers),
        ),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws_max_size=CLIENT_MESSAGE_MAX_BYTES,
        ws_per_message_deflate=False,  # JPEG does not get smaller, only later
        ws_ping_timeout=PONG_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
        **tls,
    )


def _attend(reader: Reader, server: Server, died: threading.Event) -> None:
    """Start *reader*; should it end before the server does, end the server."""
    reader.start()
    reader.join()
    if not server.should_exit:
        log.critical("%s ended by itself", reader.name)
        died.set()
        server.should_exit = True
