"""What edge and viewer mend in kafka-python, each for itself: the wire package, which they share, does not know it."""

import socket
import ssl
from types import ModuleType
from typing import Any

import pytest
from kafka.errors import KafkaConnectionError, KafkaTimeoutError

from shutterbus_transport.kafka import library as kafka_net
from shutterbus_viewer.consume import kafka_client
from shutterbus_viewer.consume.kafka_client import Connection

pytestmark = [
    pytest.mark.timeout(20),
    pytest.mark.usefixtures("sockets_left_to_the_collector"),
    pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning"),
]


def test_broker_that_takes_connections_and_is_mute_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that is frozen does: its kernel accepts, and no word of TLS ever comes."""
    monkeypatch.setattr(kafka_client, "HANDSHAKE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(KafkaTimeoutError):
        Connection(
            {
                "bootstrap_servers": f"127.0.0.1:{mute.getsockname()[1]}",
                "security_protocol": "SSL",
                "bootstrap_timeout_ms": 600,
            }
        )


class Resetting:
    """A context for TLS whose connections are always reset before it can begin."""

    def wrap_socket(self, raw: socket.socket, **_: Any) -> ssl.SSLSocket:
        raw.close()
        raise ConnectionResetError(104, "Connection reset by peer")


@pytest.mark.parametrize("mended", [kafka_net, kafka_client], ids=["edge", "viewer"])
def test_connection_reset_before_tls_begins_fails_as_any_other(mended: ModuleType) -> None:
    """Else the library's task that refreshes metadata would end, and nothing says so."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        net = mended.Selector()
        manager = mended.Manager(
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
