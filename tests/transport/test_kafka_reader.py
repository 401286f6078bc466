"""The Kafka consumer's decisions, on a log that lies in memory."""

from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from kafka.errors import CorruptRecordError, TopicAuthorizationFailedError

from fakes import FakeClock
from shutterbus_transport.broker_list import BrokerList
from shutterbus_transport.kafka import reader as module
from shutterbus_transport.kafka.availability import PartitionState
from shutterbus_transport.kafka.bounds import Bound
from shutterbus_transport.kafka.offsets import NewestFrames
from shutterbus_transport.kafka.reader import KafkaReader
from shutterbus_transport.kafka.unpacking import Unpacking
from shutterbus_transport.settings import BrokerSettings
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.consume.intake import Intake
from shutterbus_wire.message import encode_frame, kafka_headers
from viewer.fakes_viewer import EPOCH, LATER_EPOCH, frame


class Partition(NamedTuple):
    topic: str
    partition: int


class Record(NamedTuple):
    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    headers: list[tuple[str, bytes]]
    value: bytes


class Batch(NamedTuple):
    topic_partition: Partition


GATE = Partition("shutterbus.gate.frames", 0)
YARD = Partition("shutterbus.yard.frames", 0)
DAMAGED = b"damaged on disk"


class Log:
    """A broker's logs, and the one consumer of them; behaves as kafka-python does where it matters here."""

    def __init__(self) -> None:
        self.records: dict[Partition, list[Any]] = {}
        self.positions: dict[Partition, int] = {}
        self.read = 0
        self.connected = True
        self.leaderless: set[Partition] = set()
        self.refusal: Exception | None = None
        self.polls_left = 60
        self.stop: Any = None
        self._fetcher = self._cluster = self
        self.ids: dict[str, UUID] = {}
        self.expected: list[bool] = []
        self._next_partition_records: Any = None
        self.kafka = self
        self.failure = ""
        self.told: list[PartitionState] = []
        self.each_poll: Callable[[], None] = lambda: None

    def add(self, partition: Partition, *values: Any) -> None:
        self.records.setdefault(partition, []).extend(values)

    def states(self, partitions: Iterable[Partition]) -> list[PartitionState]:
        return self.told

    def topic_id(self, topic: str) -> UUID:
        return self.ids.get(topic, UUID(int=7))

    def expect_more(self, *, soon: bool) -> None:
        self.expected.append(soon)

    def paused(self) -> set[Partition]:
        return set()

    def subscribe(self, pattern: str) -> None:
        self.pattern = pattern

    def assignment(self) -> set[Partition]:
        return set(self.records)

    def bounds(self, partitions: Collection[Partition]) -> dict[Partition, Bound]:
        return {
            partition: Bound(0, len(self.records[partition]))
            for partition in partitions
            if partition not in self.leaderless
        }

    def seek(self, partition: Partition, offset: int) -> None:
        self.positions[partition] = offset
        self._next_partition_records = None

    def position(self, partition: Partition, timeout_ms: int | None = None) -> int:
        return self.positions[partition]

    def highwater(self, partition: Partition) -> int:
        return len(self.records[partition])

    def poll(self, timeout_ms: int) -> dict[Partition, list[Record]]:
        self.polls_left -= 1
        self.each_poll()
        if self.polls_left <= 0:
            self.stop()
        assert self._next_partition_records is None, "kafka-python's next poll would never return"
        if self.refusal:
            refusal, self.refusal = self.refusal, None
            raise refusal
        for partition, values in self.records.items():
            offset = self.positions.setdefault(partition, len(values))
            if offset >= len(values):
                continue
            if values[offset] == DAMAGED:
                self._next_partition_records = Batch(partition)
                raise CorruptRecordError("Record batch failed crc check")
            self.positions[partition] += 1
            self.read += 1
            return {partition: [self._record(partition, offset)]}
        return {}

    def close(self) -> None:
        pass

    def _record(self, partition: Partition, offset: int) -> Record:
        value = self.records[partition][offset]
        if isinstance(value, bytes):
            return Record(*partition, offset, 0, 1, [], value)
        message = encode_frame(value, "jpeg", value.lane or "live")
        return Record(*partition, offset, 0, 1, kafka_headers(message), message.value)


class Viewer:
    """The reader under test, run in this thread until the log has been polled enough."""

    def __init__(self, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = FakeClock()
        self.cameras = Cameras(self.clock)
        self.intake = Intake(self.cameras, self.clock)
        settings = BrokerSettings(type="kafka", brokers="127.0.0.1:1")
        self.offsets = NewestFrames(self.clock)
        brokers = BrokerList(settings.brokers, self.clock, module.log)
        self.follower = KafkaReader(
            settings, "frames", "", self.intake, self.clock, self.offsets, Unpacking(None), brokers
        )
        self.log = log
        monkeypatch.setattr(module, "Consumer", lambda settings, options: log)

    def run(self, polls: int = 60) -> None:
        self.log.polls_left = polls
        self.log.stop = self.follower.stop
        self.follower.run()

    def problems(self, camera: str) -> list[str] | None:
        return self.cameras.read(camera, lambda known, _: self.cameras.problems(known))

    def newest(self, camera: str = "gate") -> str | None:
        picture = self.cameras.picture(camera)
        return picture.id if picture else None


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def viewer(log: Log, monkeypatch: pytest.MonkeyPatch) -> Viewer:
    return Viewer(log, monkeypatch)


def test_last_live_picture_is_shown_and_no_more_than_needed_is_read(viewer: Viewer, log: Log) -> None:
    log.add(GATE, *(frame(seq) for seq in range(100)))

    viewer.run()

    assert viewer.newest() == f"{EPOCH}-99"
    assert log.read == 1


def test_live_picture_is_found_behind_a_backlog(viewer: Viewer, log: Log) -> None:
    log.add(GATE, *(frame(seq) for seq in range(50, 60)), *(frame(seq, lane="backlog") for seq in range(20)))

    viewer.run(200)

    assert viewer.newest() == f"{EPOCH}-59"


def test_highest_of_a_backlog_stands_in(viewer: Viewer, log: Log) -> None:
    log.add(GATE, *(frame(seq, lane="backlog") for seq in range(50)))

    viewer.run(200)

    assert viewer.newest() == f"{EPOCH}-49"


def test_damaged_batch_is_skipped_wherever_it_lies(viewer: Viewer, log: Log) -> None:
    log.add(GATE, frame(0), frame(1), DAMAGED)
    log.add(YARD, frame(5, camera="yard"))

    viewer.run(200)

    assert (viewer.newest(), viewer.newest("yard")) == (f"{EPOCH}-1", f"{EPOCH}-5")
    assert viewer.intake.counts()[1] == {("kafka", "corrupt-batch"): 1}


def test_viewer_that_fell_behind_goes_to_the_newest(
    viewer: Viewer, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that slept for an hour must not show that hour."""
    log.add(GATE, frame(0))
    take = viewer.offsets.take

    def sleep_once(*arguments: Any) -> None:
        take(*arguments)
        if len(log.records[GATE]) == 2:
            log.add(GATE, *(frame(seq) for seq in range(2, 1_000)))
        if len(log.records[GATE]) == 1:
            log.add(GATE, frame(1))

    monkeypatch.setattr(viewer.offsets, "take", sleep_once)

    viewer.run(100)

    assert viewer.newest() == f"{EPOCH}-999"
    assert log.read < 10


def test_partition_without_a_leader_does_not_stop_the_others(viewer: Viewer, log: Log) -> None:
    log.add(GATE, frame(0))
    log.add(YARD, frame(0, camera="yard"))
    log.leaderless = {GATE}
    viewer.run(10)
    assert (viewer.newest("gate"), viewer.newest("yard")) == (None, f"{EPOCH}-0")

    log.leaderless = set()
    viewer.follower._end.clear()
    viewer.run(20)

    assert viewer.newest("gate") == f"{EPOCH}-0"


def test_topic_that_may_not_be_read_does_not_stop_the_others(viewer: Viewer, log: Log) -> None:
    log.add(GATE, frame(0))
    log.refusal = TopicAuthorizationFailedError({"secret"})

    viewer.run(20)

    assert viewer.newest() == f"{EPOCH}-0"


def test_mistake_in_kafka_python_costs_a_moment(viewer: Viewer, log: Log) -> None:
    """It trips over a partition whose position is not known yet."""
    log.add(GATE, frame(0))
    log.refusal = AttributeError("'NoneType' object has no attribute 'offset'")

    viewer.run(20)

    assert viewer.newest() == f"{EPOCH}-0"
    assert viewer.intake.counts()[1] == {}


def test_topic_that_vanishes_and_comes_back_is_read_anew(viewer: Viewer, log: Log) -> None:
    """A broker that starts may not know all its topics in its first answer."""
    log.add(GATE, frame(0))
    viewer.run(5)
    gone = log.records.pop(GATE)
    viewer.follower._end.clear()
    viewer.run(5)
    log.records[GATE] = [*gone, frame(0, epoch=LATER_EPOCH)]
    viewer.follower._end.clear()
    viewer.run(10)

    assert viewer.newest() == f"{LATER_EPOCH}-0"


def test_brokers_do_not_wait_with_their_answers_while_records_come(viewer: Viewer, log: Log) -> None:
    log.add(GATE)
    log.add(YARD)
    viewer.run(3)
    log.add(GATE, frame(0), frame(1))
    viewer.follower._end.clear()
    viewer.run(6)

    assert log.expected.count(True) == log.read > 0
    assert not log.expected[-1]


def test_topic_made_anew_is_read_from_its_beginning(viewer: Viewer, log: Log) -> None:
    """Nothing else tells: the partition is the same, and kafka-python goes to where it believes that the log was cut."""
    log.add(GATE, frame(0), frame(1))

    def make_anew() -> None:
        if log.polls_left == 30:
            log.ids[GATE.topic] = UUID(int=8)
            log.records[GATE] = [frame(0, epoch=LATER_EPOCH)]
            log.positions[GATE] = 1
            viewer.clock.pass_s(module.LOOK_S)

    log.each_poll = make_anew
    viewer.run(60)

    assert viewer.newest() == f"{LATER_EPOCH}-0"


def test_broker_that_is_away_is_told_after_a_moment(
    viewer: Viewer, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kafka-python says nothing: a poll returns nothing, as when nothing comes."""
    log.add(GATE, frame(0))
    viewer.run(5)
    log.connected = False
    poll = log.poll

    def slow_poll(timeout_ms: int) -> dict[Partition, list[Record]]:
        viewer.clock.pass_s(timeout_ms / 1_000)
        return poll(timeout_ms)

    monkeypatch.setattr(log, "poll", slow_poll)
    viewer.follower._end.clear()
    viewer.run(3)
    assert viewer.cameras.outages() == []
    viewer.follower._end.clear()
    viewer.run(10)

    assert "cannot be reached" in viewer.cameras.outages()[0].sentence
    assert not viewer.follower.connected


def test_topic_without_leader_is_a_problem_of_its_camera_alone_until_it_has_one(
    log: Log, viewer: Viewer
) -> None:
    for camera in ("gate", "yard"):
        log.add(Partition(f"shutterbus.{camera}.frames", 0), frame(0, camera=camera))
    log.told = [PartitionState("shutterbus.gate.frames", None, False, 0, 3)]
    seen: list[list[str] | None] = []

    def each_poll() -> None:
        viewer.clock.pass_s(1)
        if log.polls_left == 10:
            seen.extend([viewer.problems("gate"), viewer.problems("yard"), viewer.cameras.lacks()])
            log.told = [PartitionState("shutterbus.gate.frames", "127.0.0.1:1", False, 3, 3)]

    log.each_poll = each_poll
    viewer.run(30)

    sentence = "topic shutterbus.gate.frames has no leader; nothing comes from there"
    assert seen == [[sentence], [], [sentence]]
    assert viewer.problems("gate") == viewer.cameras.lacks() == []
