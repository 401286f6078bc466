"""Which topics the viewer reads: those of every camera, and the foreign ones it was told of."""

import re
from collections.abc import Sequence

from shutterbus_wire.names import DOCTOR_TOPIC, KAFKA_PATTERN, KAFKA_PREFIX, MQTT_FILTERS

TELEMETRY_PATTERN = KAFKA_PATTERN["telemetry"]


def picture_pattern(foreign: Sequence[str]) -> str:
    """Return a regular expression for the Kafka topics that hold pictures.

    In *foreign*, ``*`` stands for any characters. What only MQTT can have in a name is left out.
    """
    ours = KAFKA_PATTERN["frames"].removeprefix("^").removesuffix("$")
    globs = [
        "[a-zA-Z0-9._-]*".join(map(re.escape, topic.split("*"))) for topic in foreign if not _is_mqtt(topic)
    ]
    if not globs:
        return f"^{ours}$"
    # A pattern as wide as * must not read our telemetry, or Kafka's own topics, as pictures.
    not_foreign = f"(?!{re.escape(KAFKA_PREFIX)}|{re.escape(DOCTOR_TOPIC)}$|__)"
    return f"^(?:{ours}|{not_foreign}(?:{'|'.join(globs)}))$"


def mqtt_filters(foreign: Sequence[str]) -> list[str]:
    """Return the MQTT filters to subscribe to. In *foreign*, ``+`` and ``#`` are MQTT's own wildcards."""
    ours = [MQTT_FILTERS[kind] for kind in ("frames", "status", "reports", "readings")]
    return [*ours, *(topic for topic in foreign if "*" not in topic)]


def _is_mqtt(topic: str) -> bool:
    return any(character in topic for character in "/+#")
