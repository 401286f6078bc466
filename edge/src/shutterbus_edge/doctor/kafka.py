"""What a Kafka broker lets us do: asked, not tried, so that no reader ever sees anything of it."""

from contextlib import AbstractContextManager
from typing import Any

from shutterbus_edge.doctor import reach, sizes
from shutterbus_edge.doctor.by_transport import Patience
from shutterbus_edge.doctor.context import CheckContext
from shutterbus_runtime.checks import Check, CheckResult, failure, ok, skipped, warning, worst_of
from shutterbus_transport.errors import LoginRefusedError, TransportError
from shutterbus_transport.kafka import admin
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire.names import kafka_topic

ANSWER_S = 6.0
TIMEOUTS = ("request_timeout_ms", "delivery_timeout_ms")
WAITS_S = 120.0
"""The request time-out of our producer where nobody has set another, see ``BrokerSettings.kafka_producer``."""
UNKNOWN_TOPIC = 3
NOT_ALLOWED = 29


def _asking(broker: BrokerSettings) -> AbstractContextManager[admin.KafkaAdminClient]:
    return admin.connect(broker, ANSWER_S)


def checks(context: CheckContext) -> list[Check]:
    """Return the checks of a Kafka broker."""
    return [
        Check("login", lambda: _login(context), needs=("TLS",)),
        Check("anonymous", lambda: _anonymous(context), needs=("login",)),
        Check("advertised", lambda: _advertised(context), needs=("login",)),
        Check("topics", lambda: _topics(context), needs=("advertised",)),
        Check("size", lambda: _size(context), needs=("topics",)),
        Check("compression", lambda: _compression(context), needs=("topics",)),
    ]


def patience(context: CheckContext, picture_s: float) -> Patience:  # noqa: ARG001 (the same for every picture)
    """Return how long the client waits for a picture."""
    options = context.settings.broker.kafka_producer()
    name = min(TIMEOUTS, key=lambda name: options[name])
    waits_s = float(options[name]) / 1000
    longer = f"in .env: no SS_{name.upper()}" if waits_s < WAITS_S else None
    # Half of it, so that there is time for a second attempt.
    return waits_s / 2, f"{name} is {waits_s:.0f} s", longer


def _login(context: CheckContext) -> CheckResult:
    broker = context.settings.broker
    try:
        with _asking(broker):
            pass
    except TransportError as error:
        cause = error.__cause__ or error
        if broker.username and isinstance(error, LoginRefusedError):
            return failure(
                f"the user {broker.username} is refused ({broker.sasl_mechanism or 'PLAIN'}): {cause}",
                "in .env: SS_USERNAME and SS_PASSWORD, or SS_SASL_MECHANISM",
            )
        return failure(
            f"it does not answer as a Kafka broker that we may talk to: {cause}",
            context.look_at_broker
            if broker.username
            else "in .env: SS_USERNAME and SS_PASSWORD, if it wants them",
        )
    who = f"the user {broker.username}" if broker.username else "we"
    return ok(f"{who} may connect")


def _anonymous(context: CheckContext) -> CheckResult:
    broker = context.settings.broker
    if broker.username is None and (broker.tls is None or broker.tls.certfile is None):
        return warning(
            "we come without certificate and password, so anybody may",
            context.advice(context.enroll, theirs="a user and password, or a certificate"),
        )
    try:
        with _asking(reach.nobody(broker)) as client:
            topics = client.describe_topics()
    except TransportError:
        return ok("a client without certificate and password is refused")
    return warning(
        f"anybody may connect without certificate and password, and sees {len(topics)} topics",
        context.advice("on the server: make doctor", theirs="a listener that asks who comes"),
    )


def _advertised(context: CheckContext) -> CheckResult:
    with _asking(context.settings.broker) as client:
        brokers = admin.addresses(client)
    return reach.advertised(brokers, context)


def _topics(context: CheckContext) -> CheckResult:
    encoder = context.encoder
    wanted = {encoder.frames_topic: "WRITE"}
    if encoder.is_ours:
        wanted[kafka_topic(context.camera, "telemetry")] = "WRITE"
    try:
        with _asking(context.settings.broker) as client:
            topics = {topic["name"]: topic for topic in client.describe_topics(list(wanted))}
    except TransportError as error:
        return failure(
            f"the broker does not say which topics there are: {error.__cause__ or error}",
            context.look_at_broker,
        )
    return worst_of(_topic(name, topics.get(name, {}), right, context) for name, right in wanted.items())


def _topic(name: str, topic: dict[str, Any], right: str, context: CheckContext) -> CheckResult:
    allow = context.advice(context.enroll, theirs=f"the right Write on topic {name}")
    match topic.get("error_code", UNKNOWN_TOPIC):
        case 0:
            pass
        case code if code == NOT_ALLOWED:
            return failure(f"we may not write to topic {name}, or it is not there", allow)
        case code if code == UNKNOWN_TOPIC:
            make = context.advice(
                context.enroll, theirs=f"topic {name} (shutterbus-broker topics {context.camera} makes it)"
            )
            return failure(f"there is no topic {name}", make)
        case code:
            return failure(f"topic {name}: {admin.errors.for_code(code).__name__}", context.look_at_broker)
    if right not in topic["authorized_operations"]:
        return failure(f"we may not write to topic {name}", allow)
    look = context.advice("on the server: make doctor", theirs="are all brokers up?")
    for partition in topic["partitions"]:
        if partition["leader_id"] < 0:
            return failure(f"topic {name} has no leader for partition {partition['partition_index']}", look)
        in_sync, replicas = len(partition["isr_nodes"]), len(partition["replica_nodes"])
        if in_sync < replicas:
            return warning(f"topic {name} has {in_sync} of {replicas} replicas in sync", look)
    return ok(f"{name} is there and ours to write")


def _configuration(context: CheckContext) -> dict[str, dict[str, Any]] | None:
    topic = context.encoder.frames_topic
    resource = admin.ConfigResource(
        admin.ConfigResourceType.TOPIC, topic, ["max.message.bytes", "compression.type"]
    )
    try:
        with _asking(context.settings.broker) as client:
            configs = client.describe_configs([resource], config_filter="all")
    except TransportError:
        return None
    entries: dict[str, dict[str, Any]] | None = configs.get("topic", {}).get(topic)
    return entries or None


def _size(context: CheckContext) -> CheckResult:
    entries = _configuration(context)
    if entries is None:
        return warning(
            "the broker does not tell us how large a message may be",
            context.advice(
                context.enroll,
                theirs=f"the right DescribeConfigs on topic {context.encoder.frames_topic}, or its max.message.bytes for "
                "SS_MAX_REQUEST_SIZE",
            ),
        )
    entry = entries["max.message.bytes"]
    of_topic = entry["config_source"] == "DYNAMIC_TOPIC_CONFIG"
    where = (
        f"topic {context.encoder.frames_topic} (its own max.message.bytes)"
        if of_topic
        else "the broker (message.max.bytes)"
    )
    return sizes.judge(int(entry["value"]), where, context)


def _compression(context: CheckContext) -> CheckResult:
    entries = _configuration(context)
    if entries is None:
        return skipped("the broker does not tell us")
    kind = entries["compression.type"]["value"]
    if kind == "uncompressed":
        return ok("the broker stores messages as they are")
    return warning(
        f"compression.type is {kind}: a small message can unpack to a gigabyte in every reader",
        context.advice(
            "on the server: KAFKA_COMPRESSION_TYPE=uncompressed",
            theirs=f"compression.type=uncompressed on topic {context.encoder.frames_topic}",
        ),
    )
