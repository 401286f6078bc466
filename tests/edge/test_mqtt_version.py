"""Which MQTT version a broker speaks is found out once, and a broker that is going away changes nothing about it."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from shutterbus_transport.errors import BrokerUnavailableError
from shutterbus_transport.mqtt.sending import MqttClient, Version
from shutterbus_transport.settings import BrokerSettings

CONNACK_OLD = bytes.fromhex("20020001")  # MQTT 3.1.1: unacceptable protocol version


@contextlib.contextmanager
def broker_that(answer: bytes) -> Iterator[BrokerSettings]:
    """Something on loopback that reads a CONNECT, answers with *answer*, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(4096)
                        connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield BrokerSettings(type="mqtt", brokers=(server.getsockname(),))


def test_a_broker_that_hangs_up_while_it_goes_away_is_away_and_nothing_else() -> None:
    """It spoke MQTT 5 a minute ago; its last connections are closed without a word. The lane has to wait, not to die."""
    version = Version(5)
    version.settled = True
    with broker_that(b"") as settings, pytest.raises(BrokerUnavailableError):
        MqttClient(settings, "gate", version)

    assert (version.protocol, version.settled) == (5, True)


def test_a_broker_put_back_to_an_older_one_is_asked_anew() -> None:
    """Then the next connection may settle on 3.1.1."""
    version = Version(5)
    version.settled = True
    with broker_that(CONNACK_OLD) as settings, pytest.raises(BrokerUnavailableError):
        MqttClient(settings, "gate", version)

    assert not version.settled
