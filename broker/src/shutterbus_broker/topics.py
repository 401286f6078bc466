"""The Kafka topics of a camera: created explicitly, and brought back to what they should be.

Four a camera and one partition each, because Kafka authorises by topic, never by key: a device that may write
a shared topic can write as any camera. Everything here can be repeated at any time and says what it changed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from shutterbus_broker.errors import SetupError
from shutterbus_transport.kafka.admin import (
    AlterConfigOp,
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    NewTopic,
    errors,
)
from shutterbus_wire.names import DOCTOR_TOPIC, KafkaKind, kafka_topic

KINDS: tuple[KafkaKind, ...] = get_args(KafkaKind)

MIB = 1 << 20

FIXED = {
    # A capture time as record timestamp is refused when a clock runs ahead and deleted early when a backlog is old.
    "message.timestamp.type": "LogAppendTime",
    # Makes the broker unpack batches and check their true size: a compressed bomb is refused, not stored.
    "compression.type": "uncompressed",
    "cleanup.policy": "delete",
}
# A topic's own limit overrides the broker's and outlives every change of it: the usual "I did set it".
ABSENT = "max.message.bytes"


@dataclass(frozen=True, slots=True)
class Room:
    """How much of its log a topic keeps. A partition can hold this and two segments more before it is trimmed."""

    retention_bytes: int
    segment_bytes: int

    @property
    def peak_bytes(self) -> int:
        """What is on the disk just before it is trimmed."""
        return self.retention_bytes + 2 * self.segment_bytes


@dataclass(frozen=True, slots=True)
class Rooms:
    """The room of each of a camera's topics."""

    frames: Room = field(default=Room(1024 * MIB, 64 * MIB))
    telemetry: Room = field(default=Room(16 * MIB, 4 * MIB))
    # Together what commands alone had in version 0.1.0, so that no disk that was large enough then is too small now.
    confirmations: Room = field(default=Room(2 * MIB, MIB))
    commands: Room = field(default=Room(2 * MIB, MIB))

    @property
    def small_peak_bytes(self) -> int:
        """What all topics but that of the pictures hold at their peak, together."""
        return sum(getattr(self, kind).peak_bytes for kind in KINDS if kind != "frames")

    def config(self, kind: KafkaKind) -> dict[str, str]:
        """Return the settings that give a topic of this *kind* its room."""
        room: Room = getattr(self, kind)
        return {"retention.bytes": str(room.retention_bytes), "segment.bytes": str(room.segment_bytes)}


def names_of(cameras: Iterable[str]) -> list[str]:
    """Return the names of all topics of *cameras*."""
    return [kafka_topic(camera, kind) for camera in cameras for kind in KINDS]


def ensure_topics(
    admin: KafkaAdminClient, cameras: Iterable[str], rooms: Rooms | None = None, replicas: int = -1
) -> Iterator[str]:
    """Create what is missing, correct what differs, and yield a sentence for each topic.

    Without *rooms* a topic that exists keeps the room it has, and a new one gets the defaults of ``Rooms``. A new one is
    kept on *replicas* brokers, -1 for what the cluster has set.
    """
    wanted = {kafka_topic(camera, kind): kind for camera in cameras for kind in KINDS}
    existing = {topic["name"]: topic for topic in admin.describe_topics() if topic["name"] in wanted}
    yield from _create(
        admin,
        {name: kind for name, kind in wanted.items() if name not in existing},
        rooms or Rooms(),
        replicas,
    )
    for name, topic in existing.items():
        if len(topic["partitions"]) != 1:
            raise SetupError(
                f"{name} has {len(topic['partitions'])} partitions; a camera's pictures need exactly one to keep their "
                f"order. Delete the topic (kafka-topics.sh --delete --topic {name}) and run this again"
            )
    yield from _correct(admin, {name: wanted[name] for name in existing}, rooms)


def ensure_legacy_topics(admin: KafkaAdminClient, names: Iterable[str], rooms: Rooms) -> Iterator[str]:
    """Likewise for topics that the user listed for old clients; each has the room of a camera's pictures."""
    wanted: dict[str, KafkaKind] = dict.fromkeys(names, "frames")
    existing = admin.list_topics()
    yield from _create(admin, {name: kind for name, kind in wanted.items() if name not in existing}, rooms)
    yield from _correct(admin, {name: kind for name, kind in wanted.items() if name in existing}, rooms)


def ensure_doctor_topic(admin: KafkaAdminClient, message_max_bytes: int) -> None:
    """Create the topic that the doctor sends to itself on, with room for a few of the largest messages."""
    room = max(4 * MIB, 2 * message_max_bytes)
    settings = {**FIXED, "retention.bytes": str(room), "segment.bytes": str(room), "retention.ms": "3600000"}
    if DOCTOR_TOPIC not in admin.list_topics():
        admin.create_topics(
            {DOCTOR_TOPIC: {"num_partitions": 1, "replication_factor": -1, "configs": settings}}
        )
        return
    # Made when messages were smaller, it would refuse the largest of now: a segment holds at least one.
    answer = admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, DOCTOR_TOPIC, settings)])
    if (said := answer["topic"][DOCTOR_TOPIC]) != "OK":
        raise SetupError(f"{DOCTOR_TOPIC} could not be changed: {said}")


def _create(
    admin: KafkaAdminClient, missing: Mapping[str, KafkaKind], rooms: Rooms, replicas: int = -1
) -> Iterator[str]:
    if not missing:
        return
    new = [
        NewTopic(
            name, num_partitions=1, replication_factor=replicas, topic_configs={**FIXED, **rooms.config(kind)}
        )
        for name, kind in missing.items()
    ]
    answer = admin.create_topics(new, raise_errors=False)
    for topic in answer["topics"]:
        error = errors.for_code(topic["error_code"])
        if error is errors.TopicAlreadyExistsError:
            yield f"{topic['name']}: made meanwhile by somebody else; run this again to check it"
        elif error is not errors.NoError:
            raise SetupError(
                f"{topic['name']} could not be created: {topic['error_message'] or error.__name__}"
            )
        else:
            yield f"{topic['name']}: created"


def _correct(admin: KafkaAdminClient, topics: Mapping[str, KafkaKind], rooms: Rooms | None) -> Iterator[str]:
    if not topics:
        return
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
    configs: dict[str, dict[str, Any]] = admin.describe_configs(resources, config_filter="all")["topic"]
    changes: list[ConfigResource] = []
    sentences: list[str] = []
    for name, kind in topics.items():
        has = configs[name]
        changed: dict[str, tuple[AlterConfigOp, str | None]] = {
            key: (AlterConfigOp.SET, value)
            for key, value in (FIXED | (rooms.config(kind) if rooms else {})).items()
            if has[key]["value"] != value
        }
        told = [f"{key} {has[key]['value']} -> {value}" for key, (_, value) in changed.items()]
        if has[ABSENT]["config_source"] == "DYNAMIC_TOPIC_CONFIG":
            changed[ABSENT] = (AlterConfigOp.DELETE, None)
            told.append(f"its own {ABSENT} {has[ABSENT]['value']} removed, the broker's holds")
        if changed:
            changes.append(ConfigResource(ConfigResourceType.TOPIC, name, changed))
        sentences.append(f"{name}: {', '.join(told) or 'as it should be'}")
    if changes:
        answers: dict[str, str] = admin.alter_configs(changes)["topic"]
        for name, answer in answers.items():
            if answer != "OK":
                raise SetupError(f"{name} could not be changed: {answer}")
    yield from sentences
