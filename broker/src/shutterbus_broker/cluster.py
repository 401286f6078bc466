"""A Kafka cluster of somebody else's: how to log in to it, and what it made of our topics."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

from shutterbus_broker.errors import SetupError
from shutterbus_runtime import settings as machinery
from shutterbus_runtime.settings import Given, Prefix, sources
from shutterbus_runtime.settings.sources import SECRETS, NamedSettings
from shutterbus_transport.kafka import admin
from shutterbus_transport.kafka.availability import least_in_sync
from shutterbus_transport.settings import BrokerSettings, fixed_for

PREFIX = "SS_"
KNOWN_WITHIN_S = 10.0
"""A topic that was just made is not known to every broker at once."""
TOLD_WITHIN_S = 3.0
"""For its settings likewise; where we may not see them, nothing comes."""


class ClusterSettings(NamedSettings):
    """What an edge is told of its broker, by the same names."""

    broker: Annotated[BrokerSettings, Prefix(PREFIX, fixed_for("kafka", reads=True))]


def load(
    options: Mapping[str, str | None],
    environ: Mapping[str, str],
    secrets: Path = SECRETS,
    env_file: Path = Path(".env"),
) -> BrokerSettings:
    """Return how to reach the cluster, as an edge with the same settings would.

    Args:
        options: Of the command line, by the name of the setting whose place they take; None where they were not given.
        environ: The environment; secrets and ``.env`` count too.
        secrets: The folder of Docker's secrets.
        env_file: The ``.env``.

    Raises:
        SettingsError: With a sentence for each thing to put right.
    """
    given = sources.given(environ, secrets, env_file, (PREFIX,))
    for name, value in options.items():
        if value is not None:
            given[name] = Given(name, value, "command line")
    resolved = machinery.resolve(ClusterSettings, given)
    # The rest of an edge's settings, which is checked there.
    resolved.values.get("broker", {}).pop("client_options", None)
    return machinery.build(ClusterSettings, resolved).broker


def replication(client: admin.KafkaAdminClient, topics: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for each kind of replication that *topics* have, with what it means where that is not safe."""
    brokers = len(admin.addresses(client))
    by_kind: dict[tuple[int, int | None], list[str]] = {}
    replicas_of = _replicas(client, topics)
    in_sync_min = _least(client, topics)
    for topic, replicas in replicas_of.items():
        by_kind.setdefault((replicas, in_sync_min.get(topic)), []).append(topic)
    for (replicas, least), names in by_kind.items():
        needed = f", min.insync.replicas {least}" if least else ""
        yield f"{', '.join(names)}: {replicas} replica{'' if replicas == 1 else 's'}{needed}{_danger(replicas, least, brokers)}"


def _danger(replicas: int, least: int | None, brokers: int) -> str:
    if brokers > 1 and replicas == 1:
        return (
            f". One broker of {brokers} that dies takes them with it; delete them and run this again with --replicas "
            f"{min(3, brokers)}"
        )
    if replicas > 1 and least == 1:
        return ". A frame is acknowledged when one broker has it; min.insync.replicas 2 is safer"
    if replicas > 1 and least is not None and least >= replicas:
        return (
            ". Any broker of theirs that is away stops these cameras; min.insync.replicas has to be smaller"
        )
    return ""


def _replicas(client: admin.KafkaAdminClient, topics: Sequence[str]) -> dict[str, int]:
    """Return how many replicas each topic has."""
    until_s = time.monotonic() + KNOWN_WITHIN_S
    while True:
        described = {
            topic["name"]: len(topic["partitions"][0]["replica_nodes"])
            for topic in client.describe_topics(list(topics))
            if topic["partitions"]
        }
        if missing := set(topics) - described.keys():
            if time.monotonic() > until_s:
                raise SetupError(
                    f"{', '.join(sorted(missing))}: made, and not known to the broker after a while"
                )
            time.sleep(0.2)
            continue
        return described


def _least(client: admin.KafkaAdminClient, topics: Sequence[str]) -> dict[str, int]:
    """Return min.insync.replicas of *topics*, as far as we may know it."""
    until_s = time.monotonic() + TOLD_WITHIN_S
    while True:
        least = least_in_sync(client, topics)
        if least.keys() == set(topics) or time.monotonic() > until_s:
            return least
        time.sleep(0.2)
