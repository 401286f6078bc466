"""Packet ids mean something on the connection that brought them alone: which acknowledgements reach the broker."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from fakes import FakeClock
from shutterbus_transport.consuming import Delivery, Group
from shutterbus_transport.mqtt.reader import MqttReader
from shutterbus_transport.settings import BrokerSettings
from transport.rig import Notes

TOPIC = "shutterbus/gate/frames"


class Wire:
    """A connection that brings messages and notes which of them are acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []

    def ack(self, mid: int, qos: int) -> None:
        assert qos == 1
        self.acknowledged.append(mid)


def message(mid: int, *, dup: bool = False, retain: bool = False) -> Any:
    return SimpleNamespace(
        topic=TOPIC, payload=b"picture", mid=mid, qos=1, retain=retain, dup=dup, properties=None
    )


def reading() -> tuple[MqttReader, Notes, Callable[[], Wire]]:
    """A reader in a group, and what gives it its next connection, as one that broke would."""
    notes = Notes(TOPIC, acknowledges=False)
    settings = BrokerSettings(type="mqtt", brokers=(("127.0.0.1", 1),))
    reader = MqttReader(settings, [TOPIC], notes, FakeClock(), Group("archive", "archive-1"))

    def connect() -> Wire:
        made = Wire()
        reader._held_bytes.clear()
        reader._connection = cast("Any", made)
        return made

    return reader, notes, connect


def test_what_an_older_connection_brought_is_not_acknowledged_on_this_one() -> None:
    """The broker was killed and numbers from 1 again: it would take another message for delivered."""
    reader, notes, connect = reading()
    before = connect()
    reader._take(cast("Any", before), message(1))
    now = connect()
    reader._take(cast("Any", now), message(1))
    old, new = notes.deliveries

    reader.acknowledge([old])
    assert (before.acknowledged, now.acknowledged) == ([], [])
    reader.acknowledge([new])
    assert (before.acknowledged, now.acknowledged) == ([], [1])


def test_message_is_acknowledged_once() -> None:
    reader, notes, connect = reading()
    wire = connect()
    reader._take(cast("Any", wire), message(1))
    reader.acknowledge([*notes.deliveries, *notes.deliveries])
    assert wire.acknowledged == [1]
    reader.acknowledge(
        [Delivery(notes.deliveries[0].arrival)]
    )  # of quality 0: there is nothing to acknowledge
    assert wire.acknowledged == [1]
