"""What ``compose.legacy.yml`` opens to clients without a certificate: topics that the user lists, and nothing else.

Anybody who can send a packet to such a listener may write to those topics, and read nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from shutterbus_broker.errors import SetupError
from shutterbus_broker.identities import ARCHIVE, VIEWER
from shutterbus_wire.names import KafkaRight, MqttRight, Rights

KAFKA_PORT = 9092
MQTT_PORT = 1883
ANYBODY = "ANONYMOUS"
"""What Kafka calls who shows no certificate."""

_KAFKA_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
# Ours, the brokers' own, and what stands for more than one topic.
_NOT_TO_BE_OPENED = re.compile(r"shutterbus([./-].*)?|__.*|[$/].*|.*[+#*\s].*|\.\.?", re.DOTALL)


def address(settings: Mapping[str, str]) -> str:
    """Return where old clients are listened to, empty when they are not."""
    return settings.get("LEGACY_ADDRESS", "").strip()


def listed(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Return the topics in ``LEGACY_TOPICS``.

    Raises:
        SetupError: One of them cannot be opened to everybody.
    """
    topics = tuple(dict.fromkeys(filter(None, re.split(r"[\s,]+", settings.get("LEGACY_TOPICS", "")))))
    for topic in topics:
        if _NOT_TO_BE_OPENED.fullmatch(topic):
            raise SetupError(
                f"LEGACY_TOPICS: {topic} cannot be opened to everybody; name each topic of the old devices, "
                "without wildcards, and none of this server's own"
            )
    return topics


def on_kafka(topics: Iterable[str]) -> tuple[str, ...]:
    """Return those that Kafka can have; the others, with a slash for example, are MQTT's alone."""
    return tuple(topic for topic in topics if _KAFKA_TOPIC.fullmatch(topic))


def rights(topics: Sequence[str]) -> Iterator[tuple[str, Rights]]:
    """Yield who may do what on *topics*: anybody writes, viewer and archive read."""
    if not topics:
        return
    kafka = on_kafka(topics)
    yield (
        ANYBODY,
        Rights(
            kafka=tuple(KafkaRight("WRITE", "TOPIC", topic) for topic in kafka),
            mqtt=tuple(MqttRight("write", topic) for topic in topics),
        ),
    )
    for reader in (VIEWER, ARCHIVE):
        yield (
            reader,
            Rights(
                kafka=tuple(KafkaRight("READ", "TOPIC", topic) for topic in kafka),
                mqtt=tuple(MqttRight("read", topic) for topic in topics),
            ),
        )
