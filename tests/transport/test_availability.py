"""What topics lack is said when it has lasted, with how many they are."""

from collections.abc import Sequence

import pytest

from fakes import FakeClock
from shutterbus_transport.kafka.availability import Availability, Lack, PartitionState

HERE = "127.0.0.1:9092"


class Watch:
    """Topics as their cluster tells of them, looked at every second. ``least`` is their min.insync.replicas, if told."""

    def __init__(self, least: int | None = 2) -> None:
        self.clock = FakeClock()
        self.asked: list[str] = []
        self._least = least
        self._availability = Availability(self.clock, self._ask)

    def _ask(self, topics: Sequence[str]) -> dict[str, int]:
        self.asked += topics
        return {} if self._least is None else dict.fromkeys(topics, self._least)

    def after_s(self, duration_s: int, *states: PartitionState) -> dict[Lack, str]:
        for _ in range(duration_s):
            self._availability.look(states)
            self.clock.pass_s(1)
        return {lack: sentence for lack, (sentence, _) in self._availability.look(states).items()}


@pytest.fixture
def watch() -> Watch:
    return Watch()


def state(
    camera: str = "gate", leader: str | None = HERE, *, fails: bool = False, in_sync: int = 3
) -> PartitionState:
    return PartitionState(f"shutterbus.{camera}.frames", leader, fails, in_sync, 3)


def test_topic_whose_replicas_are_all_in_sync_lacks_nothing(watch: Watch) -> None:
    assert watch.after_s(60, state()) == {}
    assert watch.asked == []


def test_leader_is_missed_after_ten_seconds(watch: Watch) -> None:
    assert watch.after_s(9, state(leader=None)) == {}
    assert watch.after_s(1, state(leader=None)) == {
        Lack.LEADER: "topic shutterbus.gate.frames has no leader; nothing comes from there"
    }
    assert watch.after_s(1, state()) == {}
    assert watch.after_s(9, state(leader=None)) == {}


def test_leader_that_gives_no_connection_is_named(watch: Watch) -> None:
    assert watch.after_s(10, state(fails=True), state("yard")) == {
        Lack.ANSWER: "topic shutterbus.gate.frames has a leader that gives no connection (127.0.0.1:9092); "
        "nothing comes from there"
    }


def test_replicas_are_too_few_only_below_what_the_topic_wants(watch: Watch) -> None:
    """One of three away is nothing to people."""
    assert watch.after_s(60, state(in_sync=2)) == {}
    assert watch.asked == ["shutterbus.gate.frames"]
    assert watch.after_s(1, state(in_sync=1)) == {
        Lack.REPLICAS: "topic shutterbus.gate.frames has too few replicas in sync for min.insync.replicas; "
        "nothing comes from there"
    }
    assert watch.after_s(1, state()) == {}


def test_replicas_that_are_too_few_from_the_beginning_are_said_after_ten_seconds(watch: Watch) -> None:
    assert watch.after_s(9, state(in_sync=1)) == {}
    assert Lack.REPLICAS in watch.after_s(1, state(in_sync=1))


def test_without_the_right_to_ask_nothing_is_claimed() -> None:
    assert Watch(least=None).after_s(60, state(in_sync=1)) == {}


def test_many_topics_are_one_sentence(watch: Watch) -> None:
    states = [state(f"camera-{number}", leader=None) for number in range(500)]
    assert watch.after_s(10, *states) == {
        Lack.LEADER: "500 topics, among them shutterbus.camera-0.frames, have no leader; nothing comes from there"
    }
