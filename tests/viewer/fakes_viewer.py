"""Pictures, messages and a whole viewer without brokers, network or waiting."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from fastapi.testclient import TestClient

from fakes import FakeClock
from shutterbus_runtime.clock import Clock
from shutterbus_viewer.accounts.access_log import AccessLog
from shutterbus_viewer.accounts.database import Database
from shutterbus_viewer.accounts.sessions import Sessions
from shutterbus_viewer.accounts.users import Role, User, Users
from shutterbus_viewer.archive.past import Past
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.consume.intake import Intake
from shutterbus_viewer.groups import Group, Groups
from shutterbus_viewer.history.ahead import Ahead
from shutterbus_viewer.history.cache import Cache
from shutterbus_viewer.history.download_notes import DownloadNotes
from shutterbus_viewer.history.downloads import Downloads
from shutterbus_viewer.history.maker import Maker
from shutterbus_viewer.history.process import MakerProcess
from shutterbus_viewer.latest import LatestFrame
from shutterbus_viewer.show.access import AccessPolicy
from shutterbus_viewer.show.app import make_app
from shutterbus_viewer.show.connections import Connections
from shutterbus_viewer.show.exposure import Exposure
from shutterbus_viewer.show.first_camera import ENROLL
from shutterbus_viewer.show.frames_on_screen import FramesOnScreen
from shutterbus_viewer.show.login import Login
from shutterbus_viewer.show.pages import public_paths
from shutterbus_viewer.show.services import Accounts, Caps, Services
from shutterbus_viewer.show.state_texts import StateTexts
from shutterbus_viewer.show.thumbnails import Thumbnails
from shutterbus_wire import exif, names
from shutterbus_wire.frame import Frame, FrameMetadata, Lane
from shutterbus_wire.identity import FrameId
from shutterbus_wire.message import Arrival, encode_frame
from shutterbus_wire.telemetry import Reading, Report, Status, encode_telemetry

EPOCH, LATER_EPOCH = "00000000000000aa", "00000000000000bb"
NOW_US = 1_750_001_000_000_000
PASSWORD = "correct horse battery"
BASE = "http://127.0.0.1:8080"
LIVE = "ws://127.0.0.1:8080/api/live"
"""In full: the test client believes that WebSockets live on another host."""


def jpeg(width_px: int = 64, height_px: int = 48, shade: int = 90) -> bytes:
    """Return a plain JPEG of one shade with a bright corner, so that turning it shows."""
    image = np.full((height_px, width_px, 3), shade, np.uint8)
    image[: height_px // 4, : width_px // 4] = 255
    return bytes(cv2.imencode(".jpg", image)[1])


def png(width_px: int = 64, height_px: int = 48) -> bytes:
    return bytes(cv2.imencode(".png", np.full((height_px, width_px, 3), 90, np.uint8))[1])


PLAIN = jpeg()


def frame(
    seq: int = 0,
    *,
    camera: str = "gate",
    epoch: str = EPOCH,
    lane: Lane | None = "live",
    captured_at_us: int | None = None,
    picture: bytes = PLAIN,
    orientation: int | None = None,
    camera_metadata: dict[str, Any] | None = None,
) -> Frame:
    """Return a frame of ours, taken a second after the one before."""
    at_us = NOW_US - 10_000_000 + seq * 1_000_000 if captured_at_us is None else captured_at_us
    metadata = FrameMetadata(
        camera, FrameId(epoch, seq), at_us, "sensor", clock_synced=True, camera_metadata=camera_metadata or {}
    )
    return Frame(
        metadata, exif.stamp(picture, metadata, software="test", orientation=orientation), "image/jpeg", lane
    )


def picture(seq: int = 0, *, arrived_at_us: int = NOW_US, **metadata: Any) -> LatestFrame:
    """Return ``frame(...)`` as it stands in the viewer."""
    return LatestFrame(frame(seq, **metadata), arrived_at_us)


def arrival(seq: int = 0, *, topic: str | None = None, **metadata: Any) -> Arrival:
    """Return ``frame(...)`` as Kafka delivers it."""
    sent_frame = frame(seq, **metadata)
    message = encode_frame(sent_frame, "jpeg", sent_frame.lane or "live")
    attributes = message.attributes if sent_frame.lane else {}
    where = topic or names.kafka_topic(sent_frame.metadata.camera, "frames")
    return Arrival("kafka", where, message.value, attributes, message.content_type, (0, seq), NOW_US)


def status(camera: str = "gate", state: Any = "online", since_us: int = NOW_US) -> Status:
    return Status(camera=camera, state=state, since_us=since_us, expected_interval_s=5.0, version="0.1.0")


def report(
    seq: int = 0, *, camera: str = "gate", epoch: str = EPOCH, at_us: int = NOW_US, **members: Any
) -> Report:
    return Report(
        camera=camera,
        epoch=epoch,
        seq=seq,
        at_us=at_us,
        event="minute",
        captured=members.pop("captured", 10),
        published=members.pop("published", 7),
        missed=1,
        held_frames=2,
        held_bytes=200_000,
        clock_synced=True,
        status=status(camera),
        **members,
    )


def reading(seq: int = 0, *, camera: str = "gate", at_us: int = NOW_US, **values: float) -> Reading:
    return Reading(
        camera=camera,
        epoch=EPOCH,
        seq=seq,
        at_us=at_us,
        sensor="cpu",
        values=values,
        units={"temperature": "°C"},
    )


def telemetry(telemetry: Status | Report | Reading) -> Arrival:
    """Return *telemetry* as Kafka delivers it."""
    message = encode_telemetry(telemetry, "live")
    topic = names.kafka_topic(telemetry.camera, "telemetry")
    return Arrival("kafka", topic, message.value, message.attributes, message.content_type, (0, 0), NOW_US)


def header_of(message: bytes) -> dict[str, Any]:
    """Return the header of a binary message of ``/api/live``."""
    import json

    assert message[0] == 1
    metadata: dict[str, Any] = json.loads(message[3 : 3 + int.from_bytes(message[1:3])])
    return metadata


def body_of(message: bytes) -> bytes:
    """Return the picture in a binary message of ``/api/live``."""
    return message[3 + int.from_bytes(message[1:3]) :]


@dataclass
class Viewer:
    """Everything but brokers and a port."""

    clock: FakeClock
    services: Services
    app: Any
    http: TestClient
    connected: dict[str, bool] = field(default_factory=dict)

    @property
    def cameras(self) -> Cameras:
        return self.services.cameras

    @property
    def intake(self) -> Intake:
        return self.services.intake

    def log_in(self, user: str = "admin") -> TestClient:
        """Log in as a person does, in a browser that knows nothing yet."""
        self.http.cookies.clear()
        self.http.get("/login")
        answer = self.http.post("/login", data=self.form(username=user))
        assert answer.status_code == 303, answer.text
        return self.http

    def form(self, **fields: str) -> dict[str, str]:
        """Return what the login form sends."""
        csrf = self.http.cookies.get("shutterbus_login") or ""
        return {"username": "admin", "password": PASSWORD, "csrf": csrf, **fields}


def make_services(
    cameras: Cameras,
    clock: Clock,
    database: Database | None = None,
    users: tuple[User, ...] = (),
    past: Past | None = None,
    groups: tuple[Group, ...] = (),
    **exposure: Any,
) -> Services:
    """Return what routes work with; passwords are all ``PASSWORD``, with a hash that costs nothing."""
    database = database or Database(None)
    for user in (User("admin", Role.ADMIN, None, CHEAP_HASH), *users):
        Users(database).save(user)
    where = {
        "public_paths": public_paths(),
        "cookie": "shutterbus_8080",
        "secure": False,
        "behind_proxy": False,
        "loopback_only": True,
        **exposure,
    }
    cache = Cache(None, 1 << 24)
    maker = Maker(cache, MakerProcess(clock), clock)
    return Services(
        cameras=cameras,
        intake=Intake(cameras, clock),
        thumbnails=Thumbnails(cameras.picture),
        on_screen=FramesOnScreen(),
        first_camera=ENROLL,
        states=StateTexts(cameras, clock),
        clock=clock,
        caps=Caps(streams_per_user=4),
        accounts=Accounts(
            Login(Users(database).all(), clock), Sessions(database, clock), AccessLog(database, clock)
        ),
        groups=Groups(database, groups),
        policy=AccessPolicy(),
        exposure=Exposure(**where),
        connections=Connections(clock, per_address=True),
        maker=maker,
        ahead=Ahead(maker, cache, past.frames_of_hour if past else lambda *_: (), clock),
        cache=cache,
        downloads=Downloads(),
        download_notes=DownloadNotes(None, clock),
        past=past,
    )


@contextmanager
def viewer(
    users: tuple[User, ...] = (),
    database: Database | None = None,
    clock: FakeClock | None = None,
    **exposure: Any,
) -> Iterator[Viewer]:
    """A viewer that runs, with a client that is not logged in."""
    clock = clock or FakeClock()
    services = make_services(Cameras(clock), clock, database, users, **exposure)
    connected = {"kafka": True}
    app = make_app(services, lambda: connected, lambda: True)
    with TestClient(app, base_url=BASE, follow_redirects=False) as http:
        yield Viewer(clock, services, app, http, connected)


def user(name: str, role: Role = Role.LOOK, *cameras: str) -> User:
    """Return a user who may see *cameras*, without any: all."""
    return User(name, role, frozenset(cameras) if cameras else None, CHEAP_HASH)


def _cheap_hash() -> str:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


CHEAP_HASH = _cheap_hash()
