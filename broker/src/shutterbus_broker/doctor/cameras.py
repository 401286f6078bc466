"""A line for each camera that was ever enrolled: when its last picture came, and how new the newest is in the archive.

Kafka is asked for the time of each topic's newest record, Mosquitto for the picture that it keeps of each camera, one
after the other: neither is sent more than one picture at a time.
"""

import datetime as dt
import queue
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from shutterbus_broker.doctor.context import CheckContext
from shutterbus_broker.errors import SetupError
from shutterbus_broker.identities import Enrolment, counted
from shutterbus_broker.kafka_admin import kafka_admin
from shutterbus_runtime.checks import Check, CheckResult, ok, skipped, warning
from shutterbus_transport.kafka.admin import KafkaAdminClient
from shutterbus_transport.mqtt.connection import Connection
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.message import arrival_from_mqtt, decode_frame
from shutterbus_wire.names import kafka_topic, mqtt_topic

ASK_S = 6.0
ANSWER_S = 3.0
OLD = dt.timedelta(hours=25)
"""A camera whose schedule is a picture a day is in order for so long."""
AHEAD = dt.timedelta(minutes=2)
_NEWEST = -3
"""Stands for the newest record's time in a request for offsets."""


class _Partition(NamedTuple):
    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class LastPicture:
    """When a camera's last picture came, or was taken where the broker does not say, and over which broker.

    *at* is None where the picture does not say it either.
    """

    at: dt.datetime | None
    broker: str


@dataclass(slots=True)
class LastPictures:
    """What the brokers know of each camera's last picture, which of them gave no answer, and what the archive has."""

    by_camera: dict[str, LastPicture] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)
    archived: Mapping[str, dt.datetime] = field(default_factory=dict)

    def note(self, camera: str, at_us: int | None, broker: str) -> None:
        """Take note of a picture, if it is the newest so far; None is before all others."""
        at = None if at_us is None else dt.datetime.fromtimestamp(at_us / 1e6, dt.UTC)
        known = self.by_camera.get(camera)
        if known is None or (at and (known.at is None or at > known.at)):
            self.by_camera[camera] = LastPicture(at, broker)


def checks(
    context: CheckContext, profiles: frozenset[str], archived: Mapping[str, dt.datetime]
) -> list[Check]:
    """Return a line for the question to the brokers, and one a camera.

    *archived* has, by then, when the newest picture in the archive was taken, of each camera that has one.
    """
    try:
        cameras = context.installation.identities().cameras
    except SetupError:
        return []  # said by the line about settings
    if not cameras:
        return []
    last = LastPictures(archived=archived)
    asked = Check("cameras", lambda: _ask(context, profiles, last), needs=("settings",), within_s=15)
    return [asked, *(_line(context, name, cameras, last) for name in sorted(cameras))]


def _line(context: CheckContext, name: str, cameras: Mapping[str, Enrolment], last: LastPictures) -> Check:
    return Check(f"camera {name}", lambda: judge(name, cameras[name], last, context.now), needs=("cameras",))


def judge(name: str, enrolment: Enrolment, last: LastPictures, now: dt.datetime) -> CheckResult:
    """Whether a camera sends, as far as its last picture tells."""
    picture = last.by_camera.get(name)
    said = _said(picture, now)
    if archived_at := last.archived.get(name):
        said += f", newest in the archive from {_ago(now - archived_at)}"
    if not enrolment.active:
        return skipped(f"revoked; {said}")
    look = f"where the camera is, in its folder {name}: docker compose up -d && docker compose run --rm edge doctor"
    if picture is None:
        if last.silent:
            return skipped(f"{' and '.join(last.silent)} cannot be asked for its last picture")
        return warning(said, look)
    if picture.at is None:
        return ok(said)
    if picture.at - now > AHEAD:
        return warning(f"its clock is ahead: {said}", "where the camera is: timedatectl set-ntp true")
    return warning(said, look) if now - picture.at > OLD else ok(said)


def _ask(context: CheckContext, profiles: frozenset[str], last: LastPictures) -> CheckResult:
    cameras = sorted(context.installation.identities().cameras)
    questions: dict[str, tuple[str, Callable[[CheckContext, list[str], LastPictures], None]]] = {
        "kafka": ("Kafka", _ask_kafka),
        "mqtt": ("Mosquitto", _ask_mosquitto),
    }
    for profile, (broker, ask) in questions.items():
        if profile in profiles:
            try:
                ask(context, cameras, last)
            except (SetupError, OSError, queue.Empty):  # what is wrong with it has a line of its own
                last.silent.append(broker)
    if last.silent:
        return skipped(f"{' and '.join(last.silent)} cannot be asked for pictures")
    return ok(f"{counted(len(cameras))}, of {len(last.by_camera)} of them there is a picture")


def _ask_kafka(context: CheckContext, cameras: list[str], last: LastPictures) -> None:
    with kafka_admin(context.kafka_admin, ASK_S) as admin:
        for camera, at_ms in newest_records(admin, cameras).items():
            last.note(camera, at_ms * 1000, "Kafka")


def newest_records(admin: KafkaAdminClient, cameras: list[str]) -> dict[str, int]:
    """Return the time of the newest record of each camera's pictures, in ms; those that have one."""
    topics = {kafka_topic(camera, "frames"): camera for camera in cameras}
    wanted = {_Partition(topic, 0): _NEWEST for topic in topics.keys() & set(admin.list_topics())}
    answers = admin.list_partition_offsets(wanted) if wanted else {}
    return {
        topics[partition.topic]: newest.timestamp
        for partition, newest in answers.items()
        if newest.timestamp > 0
    }


def _ask_mosquitto(context: CheckContext, cameras: list[str], last: LastPictures) -> None:
    for camera, at_us in kept_pictures(context, cameras).items():
        last.note(camera, at_us, "MQTT")


def kept_pictures(context: CheckContext, cameras: list[str]) -> dict[str, int | None]:
    """Return when the picture that Mosquitto keeps of each camera was taken, None where it does not say."""
    settings = context.installation.broker("mqtt", "setup")
    settings = settings.model_copy(update={"brokers": context.mosquitto.brokers})
    connected: queue.SimpleQueue[bool] = queue.SimpleQueue()
    unsubscribed: queue.SimpleQueue[None] = queue.SimpleQueue()
    taken_at_us: dict[str, int | None] = {}
    client = Connection(settings, f"shutterbus-doctor-{secrets.token_hex(8)}", settings.protocol)
    client.on_connect = lambda _c, _d, _f, code, _p: connected.put(not code.is_failure)
    client.on_disconnect = lambda *_: connected.put(False)
    # The broker takes one step after the other, so what it keeps has been sent when it has forgotten the subscription.
    client.on_unsubscribe = lambda *_: unsubscribed.put(None)
    arrived: queue.SimpleQueue[tuple[bytes, object]] = queue.SimpleQueue()
    client.on_message = lambda _c, _d, message: arrived.put((bytes(message.payload), message.properties))
    client.begin()
    try:
        if not connected.get(timeout=ANSWER_S):
            raise SetupError("Mosquitto refuses the connection")
        for camera in cameras:
            topic = mqtt_topic(camera, "frames")
            client.subscribe(topic)
            client.unsubscribe(topic)
            unsubscribed.get(timeout=ANSWER_S)
            while not arrived.empty():
                payload, properties = arrived.get()
                taken_at_us[camera] = _taken_at_us(topic, payload, properties)
    finally:
        client.end(properly=True)
    return taken_at_us


def _taken_at_us(topic: str, payload: bytes, properties: object) -> int | None:
    try:
        arrival = arrival_from_mqtt(topic, payload, getattr(properties, "UserProperty", ()), None, True, 0)
        return decode_frame(arrival).metadata.captured_at_us or None
    except MalformedError:
        return None


def _said(picture: LastPicture | None, now: dt.datetime) -> str:
    if picture is None:
        return "no picture has come yet"
    when = "at a time that it does not say" if picture.at is None else _ago(now - picture.at)
    return f"last picture {when}, over {picture.broker}"


def _ago(age: dt.timedelta) -> str:
    seconds = age.total_seconds()
    if seconds < 0:
        return f"in {_span(-seconds)}"
    return f"{_span(seconds)} ago"


def _span(seconds: float) -> str:
    for unit, length_s in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"
