"""The viewer: readers in threads, pages on one loop, ``Cameras`` between them."""

import logging
import os
import socket
import threading
from collections.abc import Sequence
from typing import Any

import uvicorn

from shutterbus_runtime.clock import Clock, SystemClock
from shutterbus_transport import transport
from shutterbus_transport.consuming import Reader, Subscription
from shutterbus_viewer.accounts.access_log import AccessLog
from shutterbus_viewer.accounts.database import Database
from shutterbus_viewer.accounts.sessions import Sessions
from shutterbus_viewer.accounts.users import Users
from shutterbus_viewer.archive.past import Past
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.consume.intake import Intake
from shutterbus_viewer.errors import ViewerError
from shutterbus_viewer.groups import Groups, groups_of_setting
from shutterbus_viewer.history.ahead import Ahead
from shutterbus_viewer.history.cache import Cache
from shutterbus_viewer.history.download_notes import DownloadNotes
from shutterbus_viewer.history.downloads import Downloads
from shutterbus_viewer.history.maker import Maker
from shutterbus_viewer.history.process import MakerProcess
from shutterbus_viewer.settings import ServeSettings, ViewerSettings
from shutterbus_viewer.show.access import AccessPolicy
from shutterbus_viewer.show.app import make_app
from shutterbus_viewer.show.connections import Connections
from shutterbus_viewer.show.exposure import Exposure
from shutterbus_viewer.show.first_camera import first_camera
from shutterbus_viewer.show.frames_on_screen import FramesOnScreen
from shutterbus_viewer.show.login import Login
from shutterbus_viewer.show.pages import public_paths
from shutterbus_viewer.show.server import HttpProtocol, Server, WebSocketProtocol
from shutterbus_viewer.show.services import Accounts, Caps, Services
from shutterbus_viewer.show.state_texts import StateTexts
from shutterbus_viewer.show.thumbnails import Thumbnails

log = logging.getLogger("shutterbus_viewer")

CACHE_FOLDER = "cache"
STOP_S = 2.0
SHUTDOWN_S = 1
CLIENT_MESSAGE_MAX_BYTES = 1_048_576
PONG_S = 90.0
"""A slow line may be busy with one picture for that long before it gets to an answer."""

STUCK_MS = 20_000
"""A client whose buffer takes nothing for this long is gone, by the kernel's hand; a slow one that takes some stays."""


def run(settings: ViewerSettings, clock: Clock | None = None) -> int:
    """Consume and show until SIGTERM or SIGINT; return the exit code.

    A reader that ends for a reason nobody foresaw ends the process: Docker or systemd starts it again.
    """
    clock = clock or SystemClock()
    database = open_database(settings)
    cameras = Cameras(clock)
    intake = Intake(cameras, clock)
    readers = make_readers(settings, intake, clock)
    died = threading.Event()
    with listen(settings.serve) as listener:
        services = make_services(settings, database, cameras, intake, clock)
        server = Server(uvicorn_config(settings.serve, services, readers), services.connections)
        for reader in readers:
            threading.Thread(target=_attend, args=(reader, server, died), daemon=True).start()
        log.info("serving at %s", address(settings.serve, listener))
        server.run(sockets=[listener])
    for reader in readers:
        reader.stop()
    for reader in readers:
        reader.join(STOP_S)
    database.close()
    return 1 if died.is_set() else 0


def make_readers(settings: ViewerSettings, intake: Intake, clock: Clock) -> list[Reader]:
    """Return a reader for all that *settings* name, not started."""
    subscription = Subscription(foreign=settings.topics, state_dir=settings.state_dir)
    return [
        reader
        for broker in settings.brokers
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


def open_database(settings: ViewerSettings) -> Database:
    """Return the database of users, sessions and the access log, with the user that the settings name.

    Raises:
        ViewerError: See ``Database``.
    """
    database = Database(settings.state_dir)
    Users(database).apply_settings(settings.login)
    return database


def make_services(
    settings: ViewerSettings, database: Database, cameras: Cameras, intake: Intake, clock: Clock
) -> Services:
    """Return what the routes work with."""
    serve = settings.serve
    behind_proxy = serve.effective_tls == "proxy"
    thumbnails = Thumbnails(cameras.picture, clock=clock)
    archives_floor = settings.archive_min_free_bytes
    cache = Cache(
        settings.state_dir / CACHE_FOLDER if settings.state_dir else None,
        settings.history_cache_max_bytes,
        # A little more than the archive leaves free, so that this gives way before it stops.
        None if archives_floor is None else archives_floor + archives_floor // 16,
    )
    maker = Maker(cache, MakerProcess(clock), clock, lambda: thumbnails.busy)
    past = Past.of(settings.archive_state_dir, settings.archive_dir) if settings.archive_state_dir else None
    return Services(
        cameras=cameras,
        intake=intake,
        thumbnails=thumbnails,
        on_screen=FramesOnScreen(),
        first_camera=first_camera(settings.brokers),
        states=StateTexts(cameras, clock),
        clock=clock,
        caps=Caps(serve.streams_per_user),
        accounts=Accounts(
            Login(Users(database).all(), clock), Sessions(database, clock), AccessLog(database, clock)
        ),
        groups=Groups(database, groups_of_setting(settings.groups)),
        policy=AccessPolicy(),
        exposure=Exposure(
            public_paths=public_paths(),
            cookie=f"shutterbus_{serve.port}",
            secure=serve.effective_tls != "off",
            behind_proxy=behind_proxy,
            loopback_only=serve.loopback_only and not behind_proxy,
        ),
        connections=Connections(clock, per_address=not behind_proxy),
        maker=maker,
        ahead=Ahead(maker, cache, past.frames_of_hour if past else lambda *_: (), clock),
        cache=cache,
        downloads=Downloads(),
        download_notes=DownloadNotes(settings.state_dir, clock),
        past=past,
    )


def uvicorn_config(serve: ServeSettings, services: Services, readers: Sequence[Reader]) -> uvicorn.Config:
    """Return what ``Server`` runs."""
    tls: dict[str, Any] = {}
    if serve.effective_tls in {"own", "files"}:
        tls = {"ssl_certfile": os.fspath(serve.tls_cert or ""), "ssl_keyfile": os.fspath(serve.tls_key or "")}
    return uvicorn.Config(
        make_app(
            services,
            connected=lambda: {reader.name: reader.connected for reader in readers},
            alive=lambda: all(reader.is_alive() for reader in readers),
        ),
        http=HttpProtocol,
        ws=WebSocketProtocol,
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
