"""What every transport knows without its client library, and what its settings take from it."""

import socket
import subprocess
import sys
from contextlib import closing

import pytest

from shutterbus_transport import TRANSPORTS, TransportName, transport
from shutterbus_transport.settings import BrokerSettings, fixed_for


def settings(name: str) -> BrokerSettings:
    return BrokerSettings.model_validate(
        {"type": name, "brokers": "broker", "username": "gate", "password": "p"}
    )


@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_transport_is_called_what_it_is_registered_as(name: str) -> None:
    """``SS_TYPE``, metrics and log lines say the same."""
    assert transport(name).name == name
    assert transport(name).title.lower() == name


@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_port_of_its_own_for_tls(name: str) -> None:
    """A password must not go to the open port because a certificate was forgotten."""
    assert transport(name).default_port(tls=True) != transport(name).default_port(tls=False)


@pytest.mark.parametrize("name", TRANSPORTS)
def test_its_own_topics_can_be_named(name: str) -> None:
    """And what no broker would take as a topic cannot."""
    registered_transport = transport(name)

    registered_transport.check_topic(registered_transport.topic("gate", "frames"))
    for topic in ("a/#" if name == "mqtt" else "a/b", "{place}"):
        with pytest.raises(ValueError, match=r"topic .* is expected"):
            registered_transport.check_topic(topic)


def test_settings_are_checked_without_any_client_library() -> None:
    """A doctor or a set-up command does not load two libraries to learn a port."""
    program = (
        "import sys; from shutterbus_transport.settings import BrokerSettings;"
        "[BrokerSettings.model_validate({'type': t, 'brokers': 'h', 'topic': 'x'}) for t in ('kafka', 'mqtt')];"
        "print([name for name in ('kafka', 'paho') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "of_another"),
    [("kafka", ("protocol", "websocket_path", "keepalive_s")), ("mqtt", ("security_protocol",))],
)
def test_what_another_transport_alone_looks_at_has_no_name(
    name: TransportName, of_another: tuple[str, ...]
) -> None:
    """Where a name says the transport already; and a reader is not asked what to send."""
    reads, writes = fixed_for(name, reads=True), fixed_for(name, reads=False)

    assert reads["type"] == writes["type"] == name
    assert writes.keys() >= set(of_another)
    assert reads.keys() - writes.keys() == {"topic", "max_request_size", "consistency", "qos", "retain"}
    assert BrokerSettings.model_validate({"brokers": "h", **reads}) == BrokerSettings.model_validate(
        {"brokers": "h", "type": name}
    )


@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_message_is_begun_with_the_size_it_would_have(name: str) -> None:
    """So that the broker waits for the rest, and stores nothing of it."""
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        theirs.sendall(b"\x20\x02\x00\x00")  # what an MQTT broker says to a login
        beginning = transport(name).begin_message(ours, settings(name), "t/x", 262_144)
        ours.shutdown(socket.SHUT_WR)
        login = theirs.recv(1024)

    if name == "kafka":
        assert (int.from_bytes(beginning[:4], "big"), login) == (262_144, b"")
    else:
        assert beginning == b"\x30\x80\x80\x10\x00\x03t/x"
        assert login.startswith(b"\x10")
        assert b"\x00\x04gate\x00\x01p" in login


def test_a_broker_that_hangs_up_at_the_login_is_an_error() -> None:
    """The line cannot be measured then."""
    ours, theirs = socket.socketpair()
    with closing(ours):
        theirs.shutdown(socket.SHUT_WR)
        with closing(theirs), pytest.raises(ConnectionError, match="hung up"):
            transport("mqtt").begin_message(ours, settings("mqtt"), "t", 262_144)
