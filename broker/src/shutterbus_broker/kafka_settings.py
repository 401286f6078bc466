"""Which ``KAFKA_*`` lines of ``.env`` reach Kafka, and which name nothing that it knows."""

import difflib
from collections.abc import Iterator, Mapping
from importlib.resources import files

PREFIX = "KAFKA_"
COMPOSE_ONLY = frozenset({"KAFKA_DISK_MAX", "KAFKA_MEMORY", "KAFKA_LOG4J_LOGGERS"})
"""Ours, or the image's, and no setting of Kafka's."""


def passed_on() -> frozenset[str]:
    """Return the names that ``compose.server.yml`` passes on to Kafka."""
    text = (files("shutterbus_broker") / "kafka_settings.env").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line.startswith(PREFIX))


def warnings(settings: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each setting that looks like Kafka's and would have no effect."""
    known = passed_on() | COMPOSE_ONLY
    for name in settings:
        if name.startswith(PREFIX) and name not in known:
            similar = difflib.get_close_matches(name, known, n=1)
            suggestion = f"; did you mean {similar[0]}?" if similar else ""
            yield f"{name} in .env is no setting of this version of Kafka, and has no effect{suggestion}"
