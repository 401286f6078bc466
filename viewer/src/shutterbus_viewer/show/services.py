"""What the routes work with."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from shutterbus_runtime.clock import Clock
from shutterbus_viewer.accounts.access_log import AccessLog
from shutterbus_viewer.accounts.sessions import Sessions
from shutterbus_viewer.archive.past import Past
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.consume.intake import Intake
from shutterbus_viewer.errors import TooManyError
from shutterbus_viewer.groups import Groups
from shutterbus_viewer.history.ahead import Ahead
from shutterbus_viewer.history.cache import Cache
from shutterbus_viewer.history.download_notes import DownloadNotes
from shutterbus_viewer.history.downloads import Downloads
from shutterbus_viewer.history.maker import Maker
from shutterbus_viewer.show.access import AccessPolicy, Principal
from shutterbus_viewer.show.connections import Connections
from shutterbus_viewer.show.exposure import Exposure
from shutterbus_viewer.show.first_camera import FirstCamera
from shutterbus_viewer.show.frames_on_screen import FramesOnScreen
from shutterbus_viewer.show.login import Login
from shutterbus_viewer.show.state_texts import StateTexts
from shutterbus_viewer.show.thumbnails import Thumbnails

LIVE_MAX = 100
STREAMS_MAX = 64


@dataclass(slots=True)
class Caps:
    """How many connections may be open that stay open; one script must not lock everybody out."""

    streams_per_user: int
    streams: Counter[str] = field(default_factory=Counter)
    lives: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def live(self, user: str) -> Iterator[None]:
        """Count a WebSocket of *user*; raise TooManyError if there are too many."""
        if self.lives.total() >= LIVE_MAX:
            raise TooManyError(f"{LIVE_MAX} pages are open already; close one")
        with _counted(self.lives, user):
            yield

    @contextmanager
    def stream(self, user: str) -> Iterator[None]:
        """Count an MJPEG stream of *user*; raise TooManyError if there are too many."""
        if self.streams[user] >= self.streams_per_user:
            raise TooManyError(
                f"{self.streams_per_user} streams of {user} are open already; close one, or raise VIEWER_STREAMS_PER_USER"
            )
        if self.streams.total() >= STREAMS_MAX:
            raise TooManyError(f"{STREAMS_MAX} streams are open already; close one")
        with _counted(self.streams, user):
            yield


@contextmanager
def _counted(counter: Counter[str], user: str) -> Iterator[None]:
    counter[user] += 1
    try:
        yield
    finally:
        counter[user] -= 1
        if not counter[user]:
            del counter[user]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Who may come in, who did, and the log of it."""

    login: Login
    sessions: Sessions
    log: AccessLog


@dataclass(frozen=True, slots=True)
class Services:
    """Handed to every route through ``app.state.services``."""

    cameras: Cameras
    intake: Intake
    thumbnails: Thumbnails
    on_screen: FramesOnScreen
    first_camera: FirstCamera
    states: StateTexts
    clock: Clock
    caps: Caps
    accounts: Accounts
    groups: Groups
    policy: AccessPolicy
    exposure: Exposure
    connections: Connections
    maker: Maker
    ahead: Ahead
    cache: Cache
    """What the maker keeps."""
    downloads: Downloads
    download_notes: DownloadNotes
    past: Past | None
    """None where the viewer was not told of an archive."""


def get_services(connection: HTTPConnection) -> Services:
    """Return the services of the app that *connection* belongs to."""
    services = connection.app.state.services
    assert isinstance(services, Services)
    return services


def get_principal(connection: HTTPConnection) -> Principal:
    """Return who asks; only behind the login."""
    principal = connection.state.principal
    assert isinstance(principal, Principal)
    return principal
