"""What a group has committed, and in which topic: one that was made anew under the same name is read from its beginning."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from kafka import OffsetAndMetadata, TopicPartition

from shutterbus_transport.consuming import Delivery, Gap, Group
from shutterbus_transport.kafka.consumer import topic_id
from shutterbus_transport.kafka.offsets import CommittedOffsets
from shutterbus_wire.message import Arrival

GATE = TopicPartition("shutterbus.gate.frames", 0)
FIRST, LATER = UUID(int=7), UUID(int=8)


class Broker:
    """A topic, what was committed of it, and the consumer that reads it."""

    def __init__(self, made: UUID = FIRST) -> None:
        self.made = made
        self.committed: dict[TopicPartition, OffsetAndMetadata] = {}
        self.position = -1
        self._cluster = self._coordinator = self

    def topic_id(self, _topic: str) -> UUID:
        return self.made

    def fetch_committed_offsets(self, partitions: set[Any], timeout_ms: int) -> Mapping[Any, Any]:
        return self.committed

    def seek(self, _partition: TopicPartition, offset: int) -> None:
        self.position = offset

    def commit_async(self, offsets: Mapping[Any, Any], callback: Any) -> Any:
        self.committed.update(offsets)
        return SimpleNamespace(is_done=True)


class Rig:
    """The policy at work on that topic, without a reader."""

    def __init__(self) -> None:
        self.broker = Broker()
        self.gaps: list[Gap] = []
        self.offsets = CommittedOffsets(Group("archive", "archive-1"), self.gaps.append)

    def assign(self, begin: int = 0, end: int = 0) -> None:
        self.offsets.lost([GATE])
        self.offsets.assigned(self.broker, {GATE: begin}, {GATE: end})

    def deliver(self, *offsets: int) -> list[Delivery]:
        """Let the reader bring records of the topic as it is now."""
        made = topic_id(self.broker, GATE.topic)
        deliveries = [
            Delivery(
                Arrival("kafka", GATE.topic, b"", {}, None, (0, offset), 0, topic_id=made),
                receipt=(GATE, offset, 1),
            )
            for offset in offsets
        ]
        records = [SimpleNamespace(offset=offset) for offset in offsets]
        self.offsets.take(self.broker, GATE, records, lambda _: ())
        return deliveries

    def acknowledge(self, deliveries: list[Delivery]) -> int | None:
        """Return what is committed by then."""
        self.offsets.acknowledge(deliveries)
        self.offsets.turn(self.broker)
        commit = self.broker.committed.get(GATE)
        return commit.offset if commit else None


def test_reading_begins_where_the_group_has_committed() -> None:
    rig = Rig()
    rig.assign()
    assert rig.acknowledge(rig.deliver(0, 1, 2)[:2]) == 2
    rig.assign(end=3)
    assert rig.broker.position == 2
    assert rig.gaps == []


def test_commit_of_the_topic_that_was_there_before_means_nothing_in_the_new_one() -> None:
    """Though the new one is as long already: nothing else would tell."""
    rig = Rig()
    rig.assign()
    rig.acknowledge(rig.deliver(0, 1))
    rig.broker.made = LATER
    rig.assign(end=5)
    assert rig.broker.position == 0
    assert rig.acknowledge(rig.deliver(0)) == 1
    rig.assign(end=5)
    assert rig.broker.position == 1


def test_acknowledgement_of_what_the_topic_before_brought_finishes_nothing_in_the_new_one() -> None:
    """It may be held while its store is away; at the same offset something else lies now."""
    rig = Rig()
    rig.assign()
    late = rig.deliver(0)
    rig.broker.made = LATER
    rig.assign(end=1)
    new = rig.deliver(0)
    assert rig.acknowledge(late) is None
    assert rig.acknowledge(new) == 1


def test_commit_of_a_version_that_did_not_note_its_topic_counts() -> None:
    rig = Rig()
    rig.broker.committed[GATE] = OffsetAndMetadata(2, "", -1)
    rig.assign(end=5)
    assert rig.broker.position == 2
