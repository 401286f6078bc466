"""Why nothing is acknowledged: one sentence that names the topic, what it lacks, and the brokers that are away."""

import contextlib
import socket
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaConnectionError, NotEnoughReplicasError, RequestTimedOutError
from kafka.producer.sender import Sender

from shutterbus_transport.kafka.library import note_refusals
from shutterbus_transport.kafka.unacknowledged import cause
from shutterbus_transport.probe import Address
from shutterbus_transport.upload import Upload
from stack.brokers import free_port

TOPIC = "shutterbus.gate.frames"


class Cluster:
    """What kafka-python knows of a cluster: brokers from number 1 on, and one topic."""

    def __init__(self, *brokers: Address, leader: int = 1, in_sync: int = 3) -> None:
        self._brokers = [
            SimpleNamespace(node_id=n, host=host, port=port) for n, (host, port) in enumerate(brokers, 1)
        ]
        partition = SimpleNamespace(leader_id=leader, isr_nodes=[*range(in_sync)], replica_nodes=[1, 2, 3])
        self._partitions: dict[str, Any] = {TOPIC: {0: partition}}

    def brokers(self) -> list[Any]:
        return self._brokers


@pytest.fixture
def living() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


@pytest.fixture
def dead() -> Address:
    return "127.0.0.1", free_port()


def why(cluster: Cluster, *listed: Address, refusal: Exception | None = None) -> str | None:
    return cause(cluster, TOPIC, listed, refusal, Upload())


def test_topic_without_leader(living: Address, dead: Address) -> None:
    """The cluster does not tell of a broker that it has given up: the list of the settings does."""
    assert why(Cluster(living, leader=-1), living, dead) == (
        f"topic {TOPIC} has no leader; 127.0.0.1:{dead[1]} refuses the connection"
    )


def test_topic_that_the_cluster_does_not_tell_of(living: Address) -> None:
    cluster = Cluster(living)
    cluster._partitions = {}
    assert why(cluster, living) == f"the cluster tells nothing of topic {TOPIC}"


def test_too_few_replicas(living: Address, dead: Address) -> None:
    # Refused, or taken before they were too few and left unanswered since.
    refused = why(Cluster(living, in_sync=1), dead, refusal=NotEnoughReplicasError())
    unanswered = why(Cluster(living, in_sync=1), dead)
    assert refused == unanswered
    assert refused == (
        f"topic {TOPIC} has too few replicas in sync: 1 of 3, fewer than its min.insync.replicas; "
        f"127.0.0.1:{dead[1]} refuses the connection"
    )


def test_leader_or_replicas_that_are_away(living: Address, dead: Address) -> None:
    assert why(Cluster(dead, living)) == (
        f"topic {TOPIC} is led by 127.0.0.1:{dead[1]}; 127.0.0.1:{dead[1]} refuses the connection"
    )


def test_leader_that_is_there_and_mute(living: Address) -> None:
    assert why(Cluster(living)) == f"the leader of topic {TOPIC}, 127.0.0.1:{living[1]}, does not answer"
    said = why(Cluster(living), refusal=RequestTimedOutError("after 30 s"))
    assert said is not None
    assert said.endswith("(RequestTimedOutError: after 30 s)") or "after 30 s" in said


def test_picture_that_is_still_on_its_way_on_a_slow_line(living: Address) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as sending,
    ):
        reading, _ = server.accept()
        sending.setblocking(False)
        upload = Upload()
        upload.look([sending])
        sending.send(bytes(8 * 1024 * 1024))  # more than the other side takes before it is read
        upload.look([sending])
        assert upload.moves
        assert cause(Cluster(living), TOPIC, [], None, upload) is None
        # What was taken is read, and nothing waits any more.
        reading.settimeout(1)
        with contextlib.suppress(TimeoutError):
            while reading.recv(1 << 20):
                pass
        upload.look([sending])
        assert not upload.moves
        reading.close()


def test_line_that_carries_nothing_is_not_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as sending,
    ):
        sending.setblocking(False)
        sending.send(bytes(8 * 1024 * 1024))
        upload = Upload()
        upload.look([sending])
        monkeypatch.setattr("shutterbus_transport.upload.MOVING_S", 0.0)
        upload.look([sending])
        assert not upload.moves


class Accumulator:
    """Notes what is to be sent again, and what may be sent."""

    delivery_timeout_ms = 1_000

    def __init__(self) -> None:
        self.again: list[Any] = []
        self.muted = {TopicPartition(TOPIC, 0)}

    def reenqueue(self, batch: Any) -> None:
        self.again.append(batch)


def test_reason_for_a_further_attempt_is_noted_and_the_attempt_is_made() -> None:
    """Also where the connection was lost: else the topic would stay closed for good."""
    accumulator, refusals = Accumulator(), dict[str, Exception]()
    sender = Sender(
        SimpleNamespace(cluster=SimpleNamespace(request_update=lambda: None)),
        None,
        accumulator,
        guarantee_message_order=True,
    )
    note_refusals(sender, refusals)
    batch = SimpleNamespace(
        topic_partition=TopicPartition(TOPIC, 0),
        record_count=1,
        attempts=0,
        created=0.0,
        final_state=None,
        has_reached_delivery_timeout=lambda _: False,
    )
    lost = KafkaConnectionError("socket disconnected")
    sender._failed_produce([batch], 1, lost)

    assert refusals == {TOPIC: lost}
    assert accumulator.again == [batch]
    assert accumulator.muted == set()
