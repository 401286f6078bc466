"""How much Kafka holds that the archive has not read yet, against what it keeps: what is older it deletes, read or not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from shutterbus_broker import legacy
from shutterbus_broker.doctor.context import CheckContext
from shutterbus_broker.errors import SetupError
from shutterbus_broker.kafka_admin import kafka_admin
from shutterbus_runtime.checks import CheckResult, failure, ok, warning
from shutterbus_transport.kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from shutterbus_wire.names import ARCHIVE_GROUP, camera_of_kafka_topic

ASK_S = 6.0
HALF = 0.5
_EARLIEST, _LATEST = -2, -1
"""Stand for the ends of a log in a request for offsets."""


class Place(NamedTuple):
    """A partition, as the client library spells it."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Unread:
    """What of one topic the archive has not read.

    Attributes:
        messages: How many.
        share: Their bytes as a part of what Kafka keeps of the topic; 0 where that has no limit.
    """

    topic: str
    messages: int
    share: float


def look(context: CheckContext) -> CheckResult:
    """Return the line."""
    listed = set(legacy.on_kafka(legacy.listed(context.settings)))
    try:
        with kafka_admin(context.kafka_admin, ASK_S) as admin:
            return judge(unread(admin, listed))
    except SetupError as error:
        return failure(f"Kafka does not say how far the archive came: {error}", "make logs SERVICE=kafka")


def judge(backlog: list[Unread]) -> CheckResult:
    """Whether anything comes near to being deleted unread."""
    messages = sum(entry.messages for entry in backlog)
    text = f"{messages:,} messages in Kafka are not in the archive yet"
    worst = max(backlog, key=lambda entry: entry.share, default=None)
    if worst is None or worst.share < HALF:
        return ok(text)
    return warning(
        f"{text}; those of {worst.topic} are {min(worst.share, 1):.0%} of what Kafka keeps of it, and it deletes the oldest unread",
        "docker compose logs --tail 20 archive; in .env: a larger KAFKA_DISK_MAX; make up",
    )


def unread(admin: KafkaAdminClient, listed: set[str]) -> list[Unread]:
    """Return what is unread of the topics that the archive reads: those of cameras, and *listed* ones."""
    topics = {topic["name"]: topic["partitions"] for topic in admin.describe_topics()}
    groups = {topic: group for topic in topics if (group := _group(topic, listed))}
    if not groups:
        return []
    places = [Place(topic, entry["partition_index"]) for topic in groups for entry in topics[topic]]
    begins = admin.list_partition_offsets(dict.fromkeys(places, _EARLIEST))
    ends = admin.list_partition_offsets(dict.fromkeys(places, _LATEST))
    committed = {
        Place(*place): entry.offset
        for group, offsets in admin.list_group_offsets(sorted({*groups.values()})).items()
        for place, entry in offsets.items()
        if groups.get(place.topic) == group
    }
    sizes, limits = _sizes(admin), _limits(admin, groups)
    backlog = []
    for place in places:
        begin, end = begins[place].offset, ends[place].offset
        messages = max(0, end - max(begin, committed.get(place, begin)))
        unread_bytes = sizes.get(place, 0) * messages / (end - begin) if end > begin else 0.0
        limit = limits.get(place.topic, -1)
        backlog.append(Unread(place.topic, messages, unread_bytes / limit if limit > 0 else 0.0))
    return backlog


def _group(topic: str, listed: set[str]) -> str | None:
    """Return which of the archive's groups reads *topic*; None for none."""
    if topic in listed:
        return ARCHIVE_GROUP
    owner = camera_of_kafka_topic(topic)
    if owner is None or owner[1] not in {"frames", "telemetry"}:
        return None
    return ARCHIVE_GROUP if owner[1] == "frames" else f"{ARCHIVE_GROUP}.telemetry"


def _sizes(admin: KafkaAdminClient) -> dict[Place, int]:
    """Return the bytes of each partition's log; of the leader's and its followers', the largest."""
    sizes: dict[Place, int] = {}
    for broker in admin.describe_log_dirs():
        for folder in broker["log_dirs"]:
            for topic in folder["topics"]:
                for partition in topic["partitions"]:
                    place = Place(topic["name"], partition["partition_index"])
                    sizes[place] = max(sizes.get(place, 0), partition["partition_size"])
    return sizes


def _limits(admin: KafkaAdminClient, topics: Iterable[str]) -> dict[str, int]:
    """Return how many bytes Kafka keeps of each of *topics*; -1 where there is no limit."""
    wanted = [ConfigResource(ConfigResourceType.TOPIC, topic, ["retention.bytes"]) for topic in topics]
    configs: Mapping[str, Any] = admin.describe_configs(wanted, config_filter="all")["topic"]
    return {topic: int(entries["retention.bytes"]["value"]) for topic, entries in configs.items()}
