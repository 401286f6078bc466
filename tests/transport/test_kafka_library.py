"""What is mended in kafka-python, and that what the mends rely on is still there."""

import socket
import ssl
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import KafkaConnectionError, KafkaError

from shutterbus_transport.kafka import library
from shutterbus_transport.kafka.consumer import BUSY_WAIT_MS, Consumer
from shutterbus_transport.settings import BrokerSettings

pytestmark = [
    pytest.mark.timeout(20),
    pytest.mark.usefixtures("sockets_left_to_the_collector"),
    pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning"),
]


def test_broker_that_takes_connections_and_is_mute_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that is frozen does: its kernel accepts, and no word of TLS ever comes."""
    monkeypatch.setattr(library, "HANDSHAKE_S", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        pytest.raises(KafkaError, match=r"timed out|Timeout"),
    ):
        Consumer(
            BrokerSettings.model_validate({"brokers": f"127.0.0.1:{mute.getsockname()[1]}", "tls": {}}), {}
        )


def test_time_that_a_broker_may_wait_is_read_with_each_fetch() -> None:
    """What ``Consumer.expect_more`` relies on."""
    partition = TopicPartition("shutterbus.gate.frames", 0)
    cluster = SimpleNamespace(leader_for_partition=lambda _: 1, leader_epoch_for_partition=lambda _: 0)
    manager = SimpleNamespace(
        cluster=cluster, connection_delay=lambda _: 0, broker_version=(4, 3), _net=SimpleNamespace()
    )
    position = SimpleNamespace(offset=0, leader_epoch=0)
    place = SimpleNamespace(position=position, preferred_read_replica=lambda: None)
    subscriptions = SimpleNamespace(fetchable_partitions=lambda: [partition], assignment={partition: place})
    client = SimpleNamespace(_manager=manager, throttle_delay=lambda _: 0)
    consumer = object.__new__(Consumer)
    consumer.kafka = SimpleNamespace(_fetcher=Fetcher(client, subscriptions))
    consumer._idle_wait_ms = 500

    waits_ms = []
    for soon in (True, False):
        consumer.expect_more(soon=soon)
        [(request, _)] = consumer.kafka._fetcher._create_fetch_requests().values()
        waits_ms.append(request.max_wait_ms)
    assert waits_ms == [BUSY_WAIT_MS, 500]


class Resetting:
    """A context for TLS whose connections are always reset before it can begin."""

    def wrap_socket(self, raw: socket.socket, **_: Any) -> ssl.SSLSocket:
        raw.close()
        raise ConnectionResetError(104, "Connection reset by peer")


def test_connection_reset_before_tls_begins_fails_as_any_other() -> None:
    """Else the library's task that refreshes metadata would end, and nothing says so."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        net = library.Selector()
        manager = library.Manager(
            net,
            bootstrap_servers=f"127.0.0.1:{server.getsockname()[1]}",
            security_protocol="SSL",
            ssl_context=Resetting(),
        )
        [broker] = manager.cluster.bootstrap_brokers()

        async def connect() -> None:
            await manager.get_connection(broker.node_id)

        with pytest.raises(KafkaConnectionError, match="reset by peer"):
            manager.run(connect)
        manager.close()
        net.close()
