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
TAKEN = {4: bytes.fromhex("20020000"), 5: bytes.fromhex("2003000000")}
HANGS_UP = b""


@contextlib.contextmanager
def broker_that(*answers: bytes, known: tuple[int, ...] = ()) -> Iterator[BrokerSettings]:
    """Something on loopback that reads a CONNECT, answers it, and hangs up unless it takes the connection.

    The first connections get *answers*; after them it takes those who speak one of the versions in *known*.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer(connection: socket.socket, said: bytes | None) -> None:
            with connection:
                version = connection.recv(4096)[8]
                if said is None:
                    said = TAKEN[version] if version in known else HANGS_UP
                connection.sendall(said)
                if said in TAKEN.values():
                    connection.recv(4096)  # until it is closed

        def serve() -> None:
            left = list(answers)
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    said = left.pop(0) if left else None
                    threading.Thread(target=answer, args=(connection, said), daemon=True).start()

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


def test_a_broker_that_hung_up_once_is_not_taken_for_an_older_one() -> None:
    """It had no memory left in that moment. In 3.1.1 it would confirm what it throws away."""
    version = Version(5)
    with broker_that(HANGS_UP, known=(4, 5)) as settings:
        client = MqttClient(settings, "gate", version)
        client.close()

    assert (version.protocol, version.settled, version.warned) == (5, True, False)


def test_a_broker_that_hangs_up_on_5_and_takes_3_1_1_is_an_older_one() -> None:
    """It is asked anew with each connection, for it has not said so."""
    version = Version(5)
    with broker_that(known=(4,)) as settings:
        client = MqttClient(settings, "gate", version)
        client.close()

    assert (version.protocol, version.settled, version.warned) == (5, False, True)
