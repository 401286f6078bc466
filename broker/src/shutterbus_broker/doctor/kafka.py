"""What Kafka is set to, holds and allows; asked once, then judged piece by piece."""

import contextlib
import ipaddress
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shutterbus_broker import disk, hosts, legacy, rights
from shutterbus_broker.doctor import connection, sizes
from shutterbus_broker.doctor.context import Address, CheckContext
from shutterbus_broker.identities import counted
from shutterbus_broker.installation import disk_max_bytes
from shutterbus_broker.kafka_admin import kafka_admin
from shutterbus_broker.topics import ABSENT, KINDS
from shutterbus_runtime.checks import Check, CheckResult, failure, ok, warning, worst_of
from shutterbus_transport import transport
from shutterbus_transport.errors import TransportError
from shutterbus_transport.kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, errors
from shutterbus_transport.kafka.admin import addresses as brokers_of
from shutterbus_wire.names import DOCTOR_TOPIC, camera_of_kafka_topic, kafka_topic

ASK_S = 6.0
BETTER_NAME = 'make init HOST="<a name or address that every camera knows> ..."'
GROUP = "shutterbus-doctor"
HEAP = "-Xms256m -Xmx1g"
"""What the compose file gives Kafka where ``.env`` says nothing."""


@dataclass(slots=True)
class ClusterState:
    """What Kafka says about itself."""

    broker: Mapping[str, str] = field(default_factory=dict)
    brokers: int = 1
    topics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    topic_settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    own_limits: Mapping[str, int] = field(default_factory=dict)
    difference: rights.Difference = field(default_factory=lambda: rights.Difference((), (), ()))


def checks(context: CheckContext) -> list[Check]:
    """Return the checks of Kafka, in the order in which one depends on another."""
    cluster = ClusterState()
    at, wanted = context.address("kafka"), context.message_max_bytes

    def judged(name: str, judge: Callable[[], CheckResult], needs: str = "kafka settings") -> Check:
        return Check(f"kafka {name}", judge, needs=(needs,))

    return [
        Check("kafka port", lambda: connection.port(at), needs=("settings",)),
        Check(
            "kafka TLS",
            lambda: connection.certificate(at, context.tls, context.now),
            needs=("kafka port", "certificates"),
        ),
        Check("kafka login", lambda: connection.is_kafka(at, context.tls), needs=("kafka TLS",)),
        Check("kafka advertised", lambda: _advertised(context), needs=("kafka login",), within_s=10),
        Check("kafka settings", lambda: _ask(context, cluster), needs=("kafka advertised",), within_s=10),
        judged("message size", lambda: sizes.message(cluster.broker, wanted)),
        judged("request size", lambda: sizes.requests(cluster.broker, wanted)),
        judged("fetch size", lambda: sizes.fetches(cluster.broker, wanted, cluster.brokers)),
        judged(
            "memory", lambda: sizes.memory(cluster.broker, context.settings.get("KAFKA_HEAP_OPTS") or HEAP)
        ),
        judged("replication", lambda: sizes.replication(cluster.broker, cluster.brokers)),
        judged("topics", lambda: _topics(context, cluster)),
        judged("topic sizes", lambda: sizes.limits_of_topics(cluster.own_limits, wanted)),
        judged("segments", lambda: sizes.segments(cluster.broker, _with_pictures(cluster), wanted)),
        judged("retention", lambda: _retention(context, cluster)),
        judged("compression", lambda: sizes.compression(cluster.broker, cluster.topic_settings)),
        judged("topic rules", lambda: sizes.rules_of_topics(cluster.topic_settings)),
        judged("rights", lambda: _rights(cluster)),
        judged("groups", lambda: _group(context)),
        Check("kafka record", lambda: _carries(context, 1, 7), needs=("kafka topics",)),
        Check(
            "kafka picture",
            lambda: _carries(context, context.frame_max_bytes, 11),
            needs=("kafka record",),
            within_s=12,
        ),
        judged("anonymous", lambda: sizes.client_certificates(cluster.broker)),
    ]


def _advertised(context: CheckContext) -> CheckResult:
    """Whether Kafka can be reached where it says that it is: all but a client's first packet goes there."""
    with _asking(context) as admin:
        told = set(brokers_of(admin))
        if (reached := worst_of(_reached(address, context) for address in sorted(told))).status == "failure":
            return reached
        text = _values(_described(admin, ConfigResourceType.BROKER, ["1"])["1"]).get(
            "advertised.listeners", ""
        )
    further = [address for address in addresses(text) if address not in told]
    # Names on the network that Compose makes are none of a camera's business.
    further = [address for address in further if context.inside or address[0] != "kafka"]
    return worst_of([reached, *(_reached(address, context) for address in further)])


def addresses(listeners: str) -> Iterator[Address]:
    """Yield where each of *listeners*, as Kafka lists them, is."""
    for listener in filter(None, (entry.strip() for entry in listeners.split(","))):
        host, _, port = listener.partition("://")[2].rpartition(":")
        yield host.strip("[]"), int(port)


def _reached(address: Address, context: CheckContext) -> CheckResult:
    host, number = address
    if number == legacy.KAFKA_PORT:
        return ok("")  # plain, and told as what it is elsewhere
    if context.inside and hosts.is_address(host) and ipaddress.ip_address(host).is_loopback:
        return warning(
            f"Kafka says it is at {connection.text(address)}, which means this machine only", BETTER_NAME
        )
    result = connection.port(address)
    instead = next(
        (entry for entry in context.settings.get("HOST", "").split() if hosts.is_address(entry)), ""
    )
    if (
        result.status == "failure"
        and result.sentence.startswith("no address")
        and host == context.server_name
        and instead
    ):
        result = connection.certificate((instead, number), context.tls, context.now, name=host)
        if result.status != "failure":
            return warning(
                f"no name server known here knows {host}; cameras find it by SERVER_ADDRESS={instead} alone",
                "a name server that knows it; or leave it so, where each camera's .env has SERVER_ADDRESS",
            )
    elif result.status != "failure":
        result = connection.certificate(address, context.tls, context.now)
    if result.status == "failure":
        return failure(
            f"Kafka says it is at {connection.text(address)} (advertised.listeners), but {result.sentence}",
            f"{BETTER_NAME} && docker compose up -d",
        )
    return ok(f"Kafka says it is at {connection.text(address)}, and is")


def _ask(context: CheckContext, cluster: ClusterState) -> CheckResult:
    with _asking(context) as admin:
        # Cameras have their topics in common; what others use this Kafka for is none of our business.
        topics = {
            topic["name"]: topic for topic in admin.describe_topics() if _is_ours(topic["name"], context)
        }
        nodes = [str(broker["broker_id"]) for broker in admin.describe_cluster()["brokers"]]
        settings = _described(admin, ConfigResourceType.TOPIC, topics) if topics else {}
        cluster.broker = _values(_described(admin, ConfigResourceType.BROKER, nodes[:1])[nodes[0]])
        cluster.brokers = len(nodes)
        cluster.topics = topics
        cluster.topic_settings = {name: _values(entries) for name, entries in settings.items()}
        cluster.own_limits = {
            name: int(entries[ABSENT]["value"])
            for name, entries in settings.items()
            if entries[ABSENT]["config_source"] == "DYNAMIC_TOPIC_CONFIG"
        }
        listed = legacy.on_kafka(legacy.listed(context.settings))
        cluster.difference = rights.difference(admin, context.installation.identities(), listed)
    return ok(f"{cluster.brokers} broker, {len(topics)} topics of ours")


def _is_ours(topic: str, context: CheckContext) -> bool:
    return (
        bool(camera_of_kafka_topic(topic))
        or topic == DOCTOR_TOPIC
        or topic in legacy.listed(context.settings)
    )


def _with_pictures(cluster: ClusterState) -> dict[str, Mapping[str, str]]:
    """Return those topics that hold large messages: all but a camera's other two."""
    kinds = {topic: (camera_of_kafka_topic(topic) or ("", "frames"))[1] for topic in cluster.topic_settings}
    return {topic: values for topic, values in cluster.topic_settings.items() if kinds[topic] == "frames"}


def _topics(context: CheckContext, cluster: ClusterState) -> CheckResult:
    cameras = context.installation.identities().active_cameras
    wanted = [kafka_topic(camera, kind) for camera in cameras for kind in KINDS]
    wanted += [DOCTOR_TOPIC, *legacy.on_kafka(legacy.listed(context.settings))]
    if missing := [topic for topic in wanted if topic not in cluster.topics]:
        return failure(f"there is no topic {', '.join(missing[:3])}{_more(missing)}", sizes.AGAIN)
    for name, topic in cluster.topics.items():
        partitions = topic["partitions"]
        if camera_of_kafka_topic(name) and len(partitions) != 1:
            return failure(
                f"{name} has {len(partitions)} partitions; pictures keep their order in one alone",
                f"kafka-topics.sh --delete --topic {name}; {sizes.AGAIN}",
            )
        if any(partition["leader_id"] < 0 for partition in partitions):
            return failure(f"{name} has no broker that leads it", "docker compose restart kafka")
    return ok(f"{counted(len(cameras))}, each with its topics")


def _retention(context: CheckContext, cluster: ClusterState) -> CheckResult:
    return sizes.retention(cluster.topic_settings, disk_max_bytes(context.settings), disk.OWN_BYTES)


def _rights(cluster: ClusterState) -> CheckResult:
    if missing := cluster.difference.missing:
        return failure(f"missing: {'; '.join(missing[:3])}{_more(missing)}", sizes.AGAIN)
    if extra := cluster.difference.extra:
        return failure(f"given and not meant to be: {'; '.join(extra[:3])}{_more(extra)}", sizes.AGAIN)
    if strangers := cluster.difference.strangers:
        return warning(
            f"others than this server's own have rights: {'; '.join(strangers[:3])}{_more(strangers)}",
            "kafka-acls.sh --remove for each that nobody needs",
        )
    return ok("each has what it should and nothing else")


def _group(context: CheckContext) -> CheckResult:
    until_s = time.monotonic() + ASK_S
    with _asking(context) as admin:
        while True:
            try:
                admin.list_group_offsets(GROUP)
            except errors.KafkaError as error:
                # The first request makes Kafka create the topic for it.
                if time.monotonic() > until_s:
                    return failure(
                        f"no broker keeps the place of consumer groups: {type(error).__name__}",
                        "docker compose logs --tail 50 kafka",
                    )
                time.sleep(0.3)
            else:
                return ok("consumer groups have a broker that keeps their place")


def _carries(context: CheckContext, size_bytes: int, within_s: float) -> CheckResult:
    try:
        transport("kafka").carry(context.kafka, DOCTOR_TOPIC, size_bytes, within_s)
    except TransportError as error:
        return failure(str(error), "make logs" if size_bytes == 1 else "docker compose up -d && make doctor")
    return ok(f"{size_bytes} bytes came back as they were sent" if size_bytes > 1 else "a byte came back")


@contextlib.contextmanager
def _asking(context: CheckContext) -> Iterator[KafkaAdminClient]:
    with kafka_admin(context.kafka_admin, ASK_S) as admin:
        yield admin


def _described(
    admin: KafkaAdminClient, kind: ConfigResourceType, names: Iterable[str]
) -> Mapping[str, Mapping[str, Any]]:
    answer = admin.describe_configs([ConfigResource(kind, name) for name in names], config_filter="all")
    settings: Mapping[str, Mapping[str, Any]] = answer[kind.name.lower()]
    return settings


def _values(entries: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(entry["value"]) for name, entry in entries.items() if entry["value"] is not None}


def _more(things: "list[str] | tuple[str, ...]") -> str:
    return f" and {len(things) - 3} more" if len(things) > 3 else ""
