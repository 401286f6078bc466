"""Members of one group on a real Kafka: they share the work, lose nothing when one dies, and say what was deleted unread."""

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.consumer.fetcher import Fetcher
from kafka.coordinator.consumer import ConsumerCoordinator

from shutterbus_transport.consuming import Gap, Group
from shutterbus_transport.kafka.offsets import HEARTBEAT_INTERVAL_MS
from shutterbus_transport.kafka.reader import POLL_MS
from stack.brokers import kafka
from stack.viewing import make_topics
from stack.waiting import wait_until
from transport.rig import EPOCH, Broker, Notes, deliver, message, reading, send

pytestmark = [
    pytest.mark.stack,
    # kafka-python leaves the socket of a refused connection to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

MEMBER = Path(__file__).parent / "group_member.py"
_cameras = itertools.count()


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with kafka() as running:
        yield Broker("kafka", running)


@pytest.fixture
def camera(broker: Broker) -> str:
    name = f"gap-{next(_cameras)}"
    make_topics(broker.container.address, [name])
    return name


def delete_before(broker: Broker, camera: str, offset: int) -> None:
    """Have the broker forget all records below *offset*, as its retention does."""
    with KafkaAdminClient(bootstrap_servers=broker.container.address) as admin:
        admin.delete_records({TopicPartition(broker.topic(camera), 0): offset})


@pytest.mark.alone
def test_two_members_share_twenty_topics_and_a_killed_one_loses_nothing(
    broker: Broker, tmp_path: Path
) -> None:
    cameras = [f"share-{number}" for number in range(20)]
    make_topics(broker.container.address, cameras)
    files = {name: tmp_path / name for name in ("one", "two")}
    members: dict[str, subprocess.Popen[bytes]] = {}

    def start(name: str) -> None:
        command = [sys.executable, str(MEMBER), broker.container.address, "sharers", name, str(files[name])]
        members[name] = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def noted(name: str) -> list[str]:
        return files[name].read_text().splitlines() if files[name].exists() else []

    def send_round(seq: int) -> set[str]:
        for camera in cameras:
            deliver(client, broker.topic(camera), message(camera, seq))
        return {f"{broker.topic(camera)} {EPOCH}-{seq}" for camera in cameras}

    seqs, sent = itertools.count(), set[str]()
    with broker.client(cameras[0]) as client:
        try:
            start("one")
            start("two")
            deadline_s = time.monotonic() + 60
            while not (noted("one") and noted("two")):
                assert time.monotonic() < deadline_s, {name: len(noted(name)) for name in files}
                sent |= send_round(next(seqs))
            members["one"].kill()
            members["one"].wait()
            before = len(noted("one"))
            sent |= send_round(next(seqs))
            start("one")
            restarted_s = time.monotonic()
            while len(noted("one")) == before:
                assert time.monotonic() - restarted_s <= 5, "nothing within 5 s of the restart"
                sent |= send_round(next(seqs))
            deadline_s = time.monotonic() + 60
            while missing := sent - {*noted("one"), *noted("two")}:
                assert time.monotonic() < deadline_s, f"{len(missing)} of {len(sent)} are missing"
                members["two"].poll()
        finally:
            for member in members.values():
                member.kill()
                member.wait()
    print(f"sent {len(sent)}, one {len(noted('one'))}, two {len(noted('two'))}, missing 0")


def test_topic_made_anew_while_it_is_read_begins_again_under_another_id(broker: Broker, camera: str) -> None:
    topic, notes = broker.topic(camera), Notes(broker.topic(camera))
    with reading(broker, notes, Group(f"group-{camera}", camera)), broker.client(camera) as client:
        send(client, topic, message(camera, 0), message(camera, 1))
        notes.wait(lambda: notes.seqs == [0, 1])
        with KafkaAdminClient(bootstrap_servers=broker.container.address) as admin:
            admin.delete_topics([topic, topic.replace("frames", "telemetry")])
            wait_until(lambda: topic not in admin.list_topics(), 30, lambda: "the topic is still there")
        make_topics(broker.container.address, [camera])
        deliver(client, topic, message(camera, 7))
        before = notes.deliveries[0].arrival
        assert before.position == (0, 0)

        def begun_again() -> bool:
            return any(
                each.arrival.position == (0, 0) and each.arrival.topic_id != before.topic_id
                for each in notes.deliveries
            )

        notes.wait(begun_again, 60)
    assert all(each.arrival.topic_id for each in notes.deliveries)


def test_join_that_takes_longer_than_a_poll_is_finished_all_the_same(
    broker: Broker, camera: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what a busy machine is assigned is never read; see ``finish_joins``."""
    join_and_sync = ConsumerCoordinator._do_join_and_sync_async

    async def slowly(self: ConsumerCoordinator) -> object:
        assigned = await join_and_sync(self)
        await self._manager._net.sleep(3 * POLL_MS / 1000)
        return assigned

    later = f"gap-{next(_cameras)}"
    topic, notes = broker.topic(later), Notes(broker.topic(later))
    with reading(broker, notes, Group(f"group-{camera}", camera)), broker.client(camera) as client:
        notes.wait(lambda: not notes.down)
        monkeypatch.setattr(ConsumerCoordinator, "_do_join_and_sync_async", slowly)
        make_topics(broker.container.address, [later])
        deliver(client, topic, message(later, 7))
        notes.wait(lambda: notes.seqs == [7])


def test_what_was_deleted_while_the_group_was_away_is_told_with_its_numbers(
    broker: Broker, camera: str
) -> None:
    group, topic = Group(f"group-{camera}", camera), broker.topic(camera)
    with broker.client(camera) as client:
        first = Notes(topic)
        with reading(broker, first, group):
            send(client, topic, *(message(camera, seq) for seq in range(3)))
            first.wait(lambda: first.seqs == [0, 1, 2])
        send(client, topic, *(message(camera, seq) for seq in range(3, 8)))
    delete_before(broker, camera, 6)
    later = Notes(topic)
    with reading(broker, later, group):
        later.wait(lambda: later.seqs == [6, 7])
    assert [gap for gap in later.gaps if gap.topic == topic] == [Gap("kafka", topic, camera, 3, 5)]
    assert later.gaps[0].count == 3


def test_what_was_deleted_while_reading_was_paused_is_told_too(broker: Broker, camera: str) -> None:
    topic, notes = broker.topic(camera), Notes(broker.topic(camera))
    with reading(broker, notes, Group(f"group-{camera}", camera)) as reader, broker.client(camera) as client:
        send(client, topic, message(camera, 0))
        notes.wait(lambda: notes.seqs == [0])
        reader.pause()
        notes.turn_round()
        send(client, topic, *(message(camera, seq) for seq in range(1, 9)))
        delete_before(broker, camera, 5)
        reader.resume()
        notes.wait(lambda: notes.seqs == [0, 5, 6, 7, 8])
    assert [gap for gap in notes.gaps if gap.topic == topic] == [Gap("kafka", topic, camera, 1, 4)]


def test_lag_is_what_the_group_is_not_finished_with_also_while_paused(broker: Broker, camera: str) -> None:
    topic, notes = broker.topic(camera), Notes(broker.topic(camera), acknowledges=False)
    with reading(broker, notes, Group(f"group-{camera}", camera)) as reader, broker.client(camera) as client:
        send(client, topic, *(message(camera, seq) for seq in range(5)))
        notes.wait(lambda: notes.seqs == [0, 1, 2, 3, 4] and reader.lag.get(topic) == 5)
        notes.in_turn(lambda: reader.acknowledge(notes.deliveries[:3]))
        notes.wait(lambda: reader.lag[topic] == 2)
        reader.pause()
        send(client, topic, *(message(camera, seq) for seq in range(5, 9)))
        notes.wait(lambda: reader.lag[topic] == 6)
        notes.acknowledges = True
        notes.in_turn(lambda: reader.acknowledge(notes.deliveries))
        reader.resume()
        notes.wait(lambda: reader.lag[topic] == 0)


def test_what_a_rebalance_brings_while_paused_is_paused_too(
    broker: Broker, camera: str, tmp_path: Path
) -> None:
    """A member that dies leaves its partitions to one that may not read now."""
    group, topic = f"group-{camera}", broker.topic(camera)
    other = subprocess.Popen(
        [sys.executable, str(MEMBER), broker.container.address, group, "other", str(tmp_path / "other")],
        stderr=subprocess.DEVNULL,
    )
    notes = Notes(topic)
    try:
        with broker.client(camera) as client:
            deadline_s = time.monotonic() + 30
            while not (tmp_path / "other").exists() or topic not in (tmp_path / "other").read_text():
                assert time.monotonic() < deadline_s
                send(client, topic, message(camera, 0))
            with reading(broker, notes, Group(group, "paused")) as reader:
                reader.pause()
                other.kill()
                other.wait()
                send(client, topic, message(camera, 1))
                # The broker gives the dead member's partitions away after its session of 10 s.
                notes.turn_round(60)
                assert notes.seqs == []
                reader.resume()
                notes.wait(lambda: 1 in notes.seqs)
    finally:
        other.kill()
        other.wait()


def test_broker_that_is_frozen_is_not_asked_without_a_pause(
    broker: Broker, camera: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its member's heartbeat is due and cannot be sent, and the library would ask for records as fast as it can."""
    asked = 0
    fetch = Fetcher.fetch_records

    def count_and_fetch(fetcher: Fetcher, *arguments: Any, **options: Any) -> Any:
        nonlocal asked
        asked += 1
        return fetch(fetcher, *arguments, **options)

    monkeypatch.setattr(Fetcher, "fetch_records", count_and_fetch)
    notes = Notes(broker.topic(camera))
    with reading(broker, notes, Group(f"group-{camera}", camera)), broker.client(camera) as client:
        send(client, broker.topic(camera), message(camera, 0))
        notes.wait(lambda: notes.seqs == [0])
        broker.container.pause()
        try:
            time.sleep(2 * HEARTBEAT_INTERVAL_MS / 1000)  # the second heartbeat has no answer to the first
            asked_before, begun_s = asked, time.monotonic()
            time.sleep(2)
            asked_a_second = (asked - asked_before) / (time.monotonic() - begun_s)
        finally:
            broker.container.unpause()
        send(client, broker.topic(camera), message(camera, 1))
        notes.wait(lambda: notes.seqs == [0, 1])
    assert asked_a_second < 30
