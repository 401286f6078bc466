"""Topics by camera, and who may use them. A broker knows a topic, not a key, so the topic is the camera's fence."""

import hashlib
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from shutterbus_wire.identity import CAMERA_PATTERN, check_camera

KafkaKind = Literal["frames", "telemetry", "confirmations", "commands"]
MqttKind = Literal["frames", "status", "reports", "readings", "confirmations", "commands"]
TO_THE_EDGE: tuple[Literal["confirmations", "commands"], ...] = ("confirmations", "commands")
"""Kinds that a device reads and never writes, on both brokers."""

DOCTOR_TOPIC = "shutterbus-doctor"
"""On both brokers, outside every pattern below: what is sent there reaches no viewer."""

MQTT_MEMORY_TOPIC = "$SYS/broker/heap/current"
"""Where Mosquitto says how many bytes it uses."""

ARCHIVE_GROUP = "shutterbus-archive"
"""Kafka's consumer group of the archive for frames; the one for telemetry has ``.telemetry`` behind it."""

KAFKA_PREFIX = "shutterbus."
MQTT_PREFIX = "shutterbus/"

KAFKA_PATTERN: Mapping[KafkaKind, str] = MappingProxyType({
    kind: rf"^shutterbus\.{CAMERA_PATTERN}\.{kind}$" for kind in get_args(KafkaKind)
})  # fmt: skip
"""For subscribing to one kind of topic of every camera, those that come later included."""

MQTT_FILTERS: Mapping[MqttKind, str] = MappingProxyType({
    kind: f"shutterbus/+/{kind}" for kind in get_args(MqttKind)
})  # fmt: skip
"""Likewise. ``+`` matches names that are no camera's; ``camera_of_mqtt_topic`` tells."""

MQTT_SENSORS_FILTER = f"{MQTT_FILTERS['readings']}/+"
"""The readings of each sensor, on a topic of its own since version 0.2."""

_KAFKA = re.compile(rf"shutterbus\.({CAMERA_PATTERN})\.({'|'.join(get_args(KafkaKind))})")
_MQTT = re.compile(rf"shutterbus/({CAMERA_PATTERN})/({'|'.join(get_args(MqttKind))})")
_SENSOR = re.compile(rf"shutterbus/({CAMERA_PATTERN})/(readings)/([^/]*)", re.DOTALL)
_SEPARATORS = re.compile(r"[/.]+")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")
_NAME_MAX = 48


def kafka_topic(camera: str, kind: KafkaKind) -> str:
    """Return ``shutterbus.<camera>.<kind>``; raise IdentityError if *camera* is no camera's name."""
    return f"shutterbus.{check_camera(camera)}.{kind}"


def mqtt_topic(camera: str, kind: MqttKind) -> str:
    """Return ``shutterbus/<camera>/<kind>``; raise IdentityError if *camera* is no camera's name."""
    return f"shutterbus/{check_camera(camera)}/{kind}"


def sensor_topic(camera: str, sensor: str) -> str:
    """Return ``shutterbus/<camera>/readings/<sensor>``; raise IdentityError if either cannot be named so."""
    return f"{mqtt_topic(camera, 'readings')}/{check_camera(sensor)}"


def camera_of_kafka_topic(topic: str) -> tuple[str, str] | None:
    """Return camera and kind of a topic of ours, None for a foreign one."""
    match = _KAFKA.fullmatch(topic)
    return (match[1], match[2]) if match else None


def camera_of_mqtt_topic(topic: str) -> tuple[str, str] | None:
    """Return camera and kind of a topic of ours, None for a foreign one.

    Every topic that the camera's right to ``readings/+`` covers is that camera's, whatever the sensor is called.
    """
    match = _MQTT.fullmatch(topic) or _SENSOR.fullmatch(topic)
    return (match[1], match[2]) if match else None


def sensor_of_mqtt_topic(topic: str) -> str | None:
    """Return the last level of a sensor's topic, unchecked; None for any other topic."""
    match = _SENSOR.fullmatch(topic)
    return match[3] if match else None


def expand(topic_template: str, camera: str) -> str:
    """Return the topic that the user named, with ``{camera}`` in it replaced and nothing else touched."""
    return topic_template.replace("{camera}", check_camera(camera))


def foreign_camera(
    topic: str, own_cameras: Container[str], claimed: str | None = None, others: Container[str] = ()
) -> str:
    """Return the name that a camera on a foreign *topic* gets: the one its pictures claim, else the topic's.

    Slashes and dots of a topic become ``-``. Where its name loses anything else (letters of other scripts, capitals,
    length), is one of *others*, which further foreign topics have, or has a topic of ours, it gets ``-`` and 8 hex digits
    of the topic's SHA-256. So two topics never share a camera, and a foreign one cannot show a picture as a camera of ours.
    """
    if claimed and claimed not in own_cameras:
        return claimed
    separated = _SEPARATORS.sub("-", topic).strip("-")
    spelt = _NOT_IN_A_NAME.sub("-", separated.lower()).strip("-")[:_NAME_MAX].rstrip("-")
    name = claimed or spelt
    if name and name == separated and name not in own_cameras and name not in others:
        return name
    digest = hashlib.sha256(topic.encode("utf-8", "surrogatepass")).hexdigest()
    # A suffixed name may be taken too; 64 digits cannot all be.
    for digits in range(8, _NAME_MAX - 3):
        suffixed = f"{name[: _NAME_MAX - 1 - digits].rstrip('-') or 'topic'}-{digest[:digits]}"
        if suffixed not in own_cameras and suffixed not in others:
            break
    return suffixed


@dataclass(frozen=True, slots=True)
class KafkaRight:
    """One ACL entry: *operation* on the *resource* called *name*, or on all that begin with it if *prefixed*."""

    operation: Literal["READ", "WRITE", "DESCRIBE_CONFIGS"]
    resource: Literal["TOPIC", "GROUP"]
    name: str
    prefixed: bool = False


@dataclass(frozen=True, slots=True)
class MqttRight:
    """One ACL line: *access* to what *topic_filter* matches."""

    access: Literal["read", "write"]
    topic_filter: str


@dataclass(frozen=True, slots=True)
class Rights:
    """All that one identity may do; what is not listed is refused."""

    kafka: tuple[KafkaRight, ...]
    mqtt: tuple[MqttRight, ...]


def device_rights(camera: str) -> Rights:
    """Return what a camera's own identity may do: write its named topics, ask their limits, read what is sent to it.

    Each topic is named in full. A prefix, or ``shutterbus/<camera>/+``, would let the device write its own commands.
    """
    written: tuple[KafkaKind, ...] = ("frames", "telemetry")
    published: tuple[MqttKind, ...] = ("frames", "status", "reports", "readings")
    return Rights(
        kafka=(
            *(
                KafkaRight(operation, "TOPIC", kafka_topic(camera, kind))
                for kind in written
                for operation in ("WRITE", "DESCRIBE_CONFIGS")
            ),
            *(KafkaRight("READ", "TOPIC", kafka_topic(camera, kind)) for kind in TO_THE_EDGE),
        ),
        mqtt=(
            *(MqttRight("write", mqtt_topic(camera, kind)) for kind in published),
            # Sensors are named at the edge. Edges of version 0.1.0 write readings without naming the sensor.
            MqttRight("write", f"{mqtt_topic(camera, 'readings')}/+"),
            *(MqttRight("read", mqtt_topic(camera, kind)) for kind in TO_THE_EDGE),
        ),
    )


def reader_rights(group_prefix: str | None = None) -> Rights:
    """Return what the viewer, or a person or program that only reads, may do.

    *group_prefix* is what the reader's Kafka consumer groups must begin with; without it, it has none.
    """
    groups = () if group_prefix is None else (KafkaRight("READ", "GROUP", group_prefix, prefixed=True),)
    return Rights(
        kafka=(KafkaRight("READ", "TOPIC", KAFKA_PREFIX, prefixed=True), *groups),
        mqtt=(MqttRight("read", f"{MQTT_PREFIX}#"),),
    )


def archive_rights() -> Rights:
    """Return what the archive may do: read, and remember in its two groups how far it came."""
    reads = reader_rights()
    groups = (ARCHIVE_GROUP, f"{ARCHIVE_GROUP}.telemetry")
    return Rights(
        kafka=(*reads.kafka, *(KafkaRight("READ", "GROUP", name) for name in groups)), mqtt=reads.mqtt
    )


def doctor_rights() -> Rights:
    """Return what the server's doctor may do: send to itself, ask the limits of every topic, and Mosquitto's memory."""
    return Rights(
        kafka=(
            KafkaRight("WRITE", "TOPIC", DOCTOR_TOPIC),
            KafkaRight("READ", "TOPIC", DOCTOR_TOPIC),
            KafkaRight("DESCRIBE_CONFIGS", "TOPIC", DOCTOR_TOPIC),
            KafkaRight("DESCRIBE_CONFIGS", "TOPIC", KAFKA_PREFIX, prefixed=True),
        ),
        mqtt=(
            MqttRight("write", DOCTOR_TOPIC),
            MqttRight("read", DOCTOR_TOPIC),
            MqttRight("read", MQTT_MEMORY_TOPIC),
        ),
    )
