"""A session on a real Mosquitto: what is unacknowledged is bounded in bytes, and the connection outlives that."""

from collections.abc import Iterator

import pytest

from shutterbus_transport.consuming import TURN_S, Group
from shutterbus_transport.mqtt import reader as module
from stack.brokers import mosquitto
from transport.rig import Broker, Notes, message, reading, send

pytestmark = pytest.mark.stack

MIB = 1 << 20


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with mosquitto("max_queued_bytes 134217728") as running:
        yield Broker("mqtt", running)


def test_more_bytes_than_the_bound_are_left_unread_until_some_are_acknowledged(broker: Broker) -> None:
    topic, group = broker.topic("heavy"), Group("archive", "heavy-session")
    with reading(broker, Notes(topic), group):
        pass  # the session is there from now on
    with broker.client("heavy") as client:
        for seq in range(8):
            send(client, topic, *(message("heavy", 6 * seq + offset, MIB) for offset in range(6)))
    notes = Notes(topic, acknowledges=False)
    with reading(broker, notes, group) as reader:
        notes.wait(lambda: len(notes.deliveries) > module.HELD_MAX_BYTES // MIB)
        # Longer than one and a half times the keepalive of this connection, without a byte read.
        notes.turn_round(int(1.5 * broker.settings.keepalive_s / TURN_S) + 4)
        assert len(notes.deliveries) == module.HELD_MAX_BYTES // MIB + 1
        assert reader.connected
        assert not notes.down
        notes.acknowledges = True
        notes.in_turn(lambda: reader.acknowledge(notes.deliveries[:33]))
        notes.wait(lambda: len(notes.deliveries) == 48)
    assert notes.seqs == list(range(48))
