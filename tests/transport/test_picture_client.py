"""What is made quick in paho gives what paho itself gives, byte for byte."""

import itertools
import socket
from contextlib import closing
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from shutterbus_transport.mqtt.picture_client import MessageProperties, PictureClient, read_properties

PAIRS = [("specversion", "1.0"), ("camera", "gate"), ("camera", "ворота"), ("", "")]


def theirs(**values: object) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # theirs
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


OURS = theirs(ContentType="image/jpeg", UserProperty=PAIRS)
MANY = theirs(UserProperty=[(f"name-{number}", "x" * 200) for number in range(100)])
UNUSUAL = theirs(ContentType="image/jpeg", UserProperty=PAIRS, MessageExpiryInterval=60)


def block(properties: Properties) -> bytes:
    """Return *properties* without their length."""
    packed: bytes = properties.pack()  # type: ignore[no-untyped-call] # theirs
    return packed[next(at for at, byte in enumerate(packed) if byte < 0x80) + 1 :]


def client(kind: type[Client], protocol: MQTTProtocolVersion, near: socket.socket) -> Client:
    made = kind(CallbackAPIVersion.VERSION2, protocol=protocol)
    made._sock = near  # connected, without a broker
    return made


def publish(protocol: MQTTProtocolVersion, **message: Any) -> bytes:
    """Return what paho writes for *message*."""
    near, far = socket.socketpair()
    with closing(near), closing(far):
        client(Client, protocol, near).publish("shutterbus/gate/frames", **message)
        return far.recv(1_000_000)


def take(kind: type[Client], protocol: MQTTProtocolVersion, wire: bytes) -> tuple[MQTTErrorCode, Any, bytes]:
    """Return the code, the message and the answer of a client of *kind* that *wire* is sent to."""
    near, far = socket.socketpair()
    with closing(near), closing(far):
        near.setblocking(False)
        far.sendall(wire)
        far.settimeout(0.5)
        taken: list[MQTTMessage] = []
        reading = client(kind, protocol, near)
        reading.on_message = lambda _client, _data, message: taken.append(message)
        code = reading.loop_read()
        answer = b"" if code or not wire[0] & 0x06 else far.recv(100)
        if wire[0] & 0x06 == 0x04:  # kept until it is released
            far.sendall(b"\x62\x02" + answer[2:4])
            reading.loop_read()
        if not taken:
            return code, None, answer
        (message,) = taken
        properties = message.properties
        pairs, content_type = (getattr(properties, name, None) for name in ("UserProperty", "ContentType"))
        about = message.topic, message.mid, message.qos, message.retain, message.dup
        return code, (about, bytes(message.payload), pairs or [], content_type), answer


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("size_bytes", [0, 100_000])
@pytest.mark.parametrize("properties", [None, OURS, MANY, UNUSUAL])
def test_a_message_is_what_paho_makes_of_it(qos: int, size_bytes: int, properties: Properties | None) -> None:
    payload = bytes(itertools.islice(itertools.cycle(range(256)), size_bytes))
    wire = publish(MQTTv5, payload=payload, qos=qos, retain=True, properties=properties)
    taken = take(PictureClient, MQTTv5, wire)
    assert taken == take(Client, MQTTv5, wire)
    assert taken[1][1] == payload


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_so_is_one_of_the_older_version(qos: int) -> None:
    wire = publish(MQTTv311, payload=b"\xff\xd8 light", qos=qos)
    taken = take(PictureClient, MQTTv311, wire)
    assert taken == take(Client, MQTTv311, wire)
    assert taken[1][1] == b"\xff\xd8 light"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0",
        b"\0\x05gate",
        b"\0\x04gate",
        b"\0\x04gate\0",
        b"\0\x04gate\0\1",
        b"\0\x04gate\0\1\xff\xff\xff\xff\xff\x01",
        b"\0\x04gate\0\1\x05\x03\0\x09abc",
        b"\0\x04gate\0\1\x06\x03\0\x03a\0c",
        b"\0\x04gate\0\1\x06\x03\0\x03\xef\xbb\xbf",
        b"\0\x04gate\0\1\x04\x03\0\x01\xff",
        b"\0\x04gate\0\1\x09\x26\0\x01a",
        b"\0\x04gate\0\1\x02\xfe\x01light",
        b"\0\x04gate\0\1\x0a\x26\0\x01a\0\x01b",  # torn where a property ends
    ],
)
def test_what_paho_refuses_is_refused(body: bytes) -> None:
    wire = bytes([0x32, len(body)]) + body
    code, message, _ = take(PictureClient, MQTTv5, wire)
    assert (code, message) == take(Client, MQTTv5, wire)[:2]
    assert message is None


@pytest.mark.parametrize(
    ("content_type", "pairs", "properties"),
    [
        ("image/jpeg", PAIRS, OURS),
        (None, [("a", "b")], theirs(UserProperty=[("a", "b")])),
        ("text/plain", [], theirs(ContentType="text/plain")),
    ],
)
def test_properties_are_written_as_paho_writes_them_and_read_again(
    content_type: str | None, pairs: list[tuple[str, str]], properties: Properties
) -> None:
    assert MessageProperties(content_type, pairs).pack() == properties.pack()  # type: ignore[no-untyped-call] # theirs
    again = read_properties(block(properties))
    assert again
    assert (again.UserProperty, getattr(again, "ContentType", None)) == (pairs, content_type)


def test_properties_that_no_message_of_ours_has_are_left_to_paho() -> None:
    assert read_properties(block(UNUSUAL)) is None
    assert read_properties(2 * block(theirs(ContentType="image/jpeg"))) is None


def test_they_print_like_those_of_paho() -> None:
    assert str(MessageProperties("image/jpeg", PAIRS)) == str(OURS)


def test_paho_still_calls_what_is_made_quick() -> None:
    near, far = socket.socketpair()
    with closing(near), closing(far):
        near.setblocking(False)
        far.sendall(publish(MQTTv5, payload=b"light", qos=0, properties=OURS))
        taken: list[MQTTMessage] = []
        reading = client(PictureClient, MQTTv5, near)
        reading.on_message = lambda _client, _data, message: taken.append(message)
        reading.loop_read()
    assert [type(message.properties) for message in taken] == [MessageProperties]


@pytest.mark.parametrize("protocol", [MQTTv5, MQTTv311])
@pytest.mark.parametrize(
    "puback", ["40020001", "40020002", "4003000100", "4003000110", "4003000187", "400100"]
)
def test_a_confirmation_is_what_paho_makes_of_it(protocol: MQTTProtocolVersion, puback: str) -> None:
    """With and without a reason, for a message that was not sent, and torn."""
    assert confirm(PictureClient, protocol, puback) == confirm(Client, protocol, puback)


def confirm(kind: type[Client], protocol: MQTTProtocolVersion, puback: str) -> tuple[Any, ...]:
    near, far = socket.socketpair()
    with closing(near), closing(far):
        near.setblocking(False)
        answers: list[tuple[int, int, str]] = []
        sending = client(kind, protocol, near)
        sending.on_publish = lambda _client, _data, mid, code, properties: answers.append(
            (mid, code.value, str(properties))
        )
        info = sending.publish("shutterbus/gate/frames", b"light", qos=1)
        far.sendall(bytes.fromhex(puback))
        return sending.loop_read(), answers, info._published
