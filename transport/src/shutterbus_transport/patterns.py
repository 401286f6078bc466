"""Which topics a reader asks for: those of every camera, and the foreign ones it was told of."""

import re
from collections.abc import Mapping, Sequence

from shutterbus_transport.consuming import Kind, Subscription
from shutterbus_wire.names import DOCTOR_TOPIC, KAFKA_PATTERN, KAFKA_PREFIX, MQTT_FILTERS, MQTT_SENSORS_FILTER

_MQTT_FILTERS: Mapping[Kind, tuple[str, ...]] = {
    "frames": (MQTT_FILTERS["frames"],),
    "telemetry": (
        *(MQTT_FILTERS[kind] for kind in ("status", "reports", "readings")),
        MQTT_SENSORS_FILTER,
    ),
}
TELEMETRY_PATTERN = KAFKA_PATTERN["telemetry"]


def frames_pattern(foreign: Sequence[str]) -> str:
    """Return a regular expression for the Kafka topics that hold frames.

    In *foreign*, ``*`` stands for any characters. What only MQTT can have in a name is left out.
    """
    ours = KAFKA_PATTERN["frames"].removeprefix("^").removesuffix("$")
    globs = [
        "[a-zA-Z0-9._-]*".join(map(re.escape, topic.split("*"))) for topic in foreign if not _is_mqtt(topic)
    ]
    if not globs:
        return f"^{ours}$"
    # A pattern as wide as * must not read our telemetry, or Kafka's own topics, as frames.
    not_foreign = f"(?!{re.escape(KAFKA_PREFIX)}|{re.escape(DOCTOR_TOPIC)}$|__)"
    return f"^(?:{ours}|{not_foreign}(?:{'|'.join(globs)}))$"


def mqtt_filters(subscription: Subscription) -> list[str]:
    """Return the MQTT filters to subscribe to. Foreign topics have MQTT's own wildcards, ``+`` and ``#``."""
    ours = [topic_filter for kind in subscription.kinds for topic_filter in _MQTT_FILTERS[kind]]
    return [*ours, *(topic for topic in subscription.foreign if "*" not in topic)]


def _is_mqtt(topic: str) -> bool:
    return any(character in topic for character in "/+#")
