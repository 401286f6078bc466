"""Why a Kafka cluster acknowledges nothing, found by asking it: its topic's leader and replicas, and its brokers.

kafka-python tries by itself for minutes and says nothing meanwhile.
"""

import threading
from collections.abc import Iterable
from typing import Any

from kafka.errors import NotEnoughReplicasAfterAppendError, NotEnoughReplicasError

from shutterbus_transport.probe import Address, away
from shutterbus_transport.upload import Upload

REFRESH_S = 2.0
"""How long a broker may take to say what it knows of a topic."""
ACCEPT_S = 2.0
"""How long a broker may take to accept a connection; with ``REFRESH_S`` below what ``SendingClient.unconfirmed`` may take."""

TOO_FEW = (NotEnoughReplicasError, NotEnoughReplicasAfterAppendError)


def refresh(cluster: Any) -> None:
    """Ask for what the cluster knows of our topics now; without an answer what was known stays."""
    answered = threading.Event()
    cluster.request_update().add_both(lambda *_: answered.set())
    answered.wait(REFRESH_S)


def cause(
    cluster: Any, topic: str, listed: Iterable[Address], refusal: Exception | None, upload: Upload
) -> str | None:
    """Return why nothing sent to *topic* is acknowledged; None while it is on its way on a slow line.

    Args:
        cluster: kafka-python's metadata.
        topic: Of one partition.
        listed: The brokers of the settings: the cluster does not tell of those that it has given up.
        refusal: Why the last attempt was not taken, where it was answered.
        upload: What our connections carry.
    """
    brokers = {broker.node_id: (broker.host, broker.port) for broker in cluster.brokers()}
    partition = cluster._partitions.get(topic, {}).get(0)  # noqa: SLF001 - it has no other way to ask for replicas
    dead = away({*brokers.values(), *listed}, ACCEPT_S)
    because = f"; {dead}" if dead else ""
    if partition is None:
        return f"the cluster tells nothing of topic {topic}{because}"
    if partition.leader_id == -1:
        return f"topic {topic} has no leader{because}"
    leader = brokers.get(partition.leader_id)
    where = f"{leader[0]}:{leader[1]}" if leader else f"node {partition.leader_id}"
    if refusal is None and upload.moves:
        return None
    in_sync, replicas = len(partition.isr_nodes), len(partition.replica_nodes)
    # A message that was taken before the replicas were too few is left unanswered by a leader that is there.
    leader_answers = where not in {word.strip(",;:") for word in dead.split()}
    if isinstance(refusal, TOO_FEW) or (in_sync < replicas and leader_answers):
        return f"topic {topic} has too few replicas in sync: {in_sync} of {replicas}, fewer than its min.insync.replicas{because}"
    if dead:
        return f"topic {topic} is led by {where}; {dead}"
    said = f" ({refusal})" if refusal else ""
    return f"the leader of topic {topic}, {where}, does not answer{said}"
