"""The viewer on a real Kafka: the newest picture is there soon, comes back, and nothing stops it."""

import threading
import time
from collections.abc import Iterator

import pytest

from shutterbus_viewer.state import camera_state
from shutterbus_wire import names, sinetstream
from stack.brokers import KafkaContainer, docker, free_port, kafka
from stack.viewing import PATIENT_S, make_topics, sending, watching
from stack.waiting import wait_until
from viewer.fakes_viewer import EPOCH, LATER_EPOCH, frame, jpeg, reading, report

pytestmark = [
    pytest.mark.stack,
    # kafka-python leaves the socket of a refused connection to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaContainer]:
    """One Kafka for all tests of this module."""
    with kafka() as running:
        yield running


@pytest.mark.alone
def test_last_picture_of_every_camera_is_back_within_five_seconds_of_a_restart(
    broker: KafkaContainer,
) -> None:
    """Whatever the end of its log looks like: a live picture, a backlog behind it, a backlog alone, nothing."""
    many = [f"many-{number}" for number in range(40)]
    make_topics(broker.address, [*many, "behind", "all-late", "empty", "far"])
    with sending(broker.address) as send:
        for number, camera in enumerate(many):
            send.frames(*(frame(seq, camera=camera) for seq in range(number % 4 + 1)))
        send.frames(frame(100, camera="behind"))
        send.frames(*(frame(seq, camera="behind", lane="backlog") for seq in range(20)))
        send.frames(*(frame(seq, camera="all-late", lane="backlog") for seq in range(40)))
        send.frames(frame(200, camera="far"))
        send.frames(*(frame(seq, camera="far", lane="backlog") for seq in range(60)))
    started = time.monotonic()
    with watching(kafka=broker.address) as viewer:
        expected = {camera: f"{EPOCH}-{number % 4}" for number, camera in enumerate(many)}
        expected |= {"behind": f"{EPOCH}-100", "all-late": f"{EPOCH}-39", "far": f"{EPOCH}-59"}
        wait_until(
            lambda: all(viewer.newest(camera) == newest_id for camera, newest_id in expected.items()),
            PATIENT_S,
            lambda: str({camera: viewer.newest(camera) for camera in expected}),
        )
        assert time.monotonic() - started < 5
        assert viewer.newest("empty") is None
        with sending(broker.address) as send:
            send.frames(frame(41, camera="all-late"), frame(0, camera="empty"))
            viewer.wait_newest("all-late", f"{EPOCH}-41")
            viewer.wait_newest("empty", f"{EPOCH}-0")
        assert viewer.refused() == {}


@pytest.mark.alone
def test_camera_appears_by_itself_within_seconds(broker: KafkaContainer) -> None:
    with watching(kafka=broker.address) as viewer, sending(broker.address) as send:
        wait_until(lambda: viewer.consumers[0].connected, PATIENT_S, lambda: "not connected")
        make_topics(broker.address, ["newcomer"])
        created = time.monotonic()
        send.frames(frame(0, camera="newcomer"))

        viewer.wait_newest("newcomer", f"{EPOCH}-0")
        assert time.monotonic() - created < 5


def test_each_new_picture_is_shown(broker: KafkaContainer) -> None:
    make_topics(broker.address, ["prompt"])
    with watching(kafka=broker.address) as viewer, sending(broker.address) as send:
        send.frames(frame(0, camera="prompt"))
        viewer.wait_newest("prompt", f"{EPOCH}-0")
        for seq in range(1, 11):
            send.frames(frame(seq, camera="prompt", picture=jpeg(1_280, 720)))
            viewer.wait_newest("prompt", f"{EPOCH}-{seq}")


def test_bad_messages_are_counted_and_the_next_good_one_is_shown(broker: KafkaContainer) -> None:
    make_topics(broker.address, ["hostile", "other"])
    topic = "shutterbus.hostile.frames"
    with sending(broker.address) as send:
        send.frames(frame(0, camera="hostile"))
        for value in (b"", b"<svg/>", jpeg()[:200], b"\x89PNG\r\n\x1a\n" + bytes(50)):
            send.raw(topic, value)
        send.raw(topic, jpeg(), [("ce_specversion", b"1.0")] * 40)
        with watching(kafka=broker.address) as viewer:
            viewer.wait_newest("hostile", f"{EPOCH}-0")
            send.frames(frame(1, camera="hostile"))
            viewer.wait_newest("hostile", f"{EPOCH}-1")

            assert sum(viewer.refused().values()) >= 5
            state = camera_state(viewer.cameras, "hostile")
            assert state is not None
            assert any("not-a-picture" in sentence for sentence in state["problems"])


def test_batch_damaged_on_the_brokers_disk_is_skipped(broker: KafkaContainer) -> None:
    """kafka-python would stay at that place for ever, and with it every camera."""
    make_topics(broker.address, ["damaged", "sound"])
    with sending(broker.address) as send:
        # Each in a batch of its own, of which the second is then damaged.
        send.frames(frame(0, camera="damaged"))
        send.frames(frame(1, camera="damaged"), frame(0, camera="sound"))
        log = "/var/lib/kafka/data/shutterbus.damaged.frames-0/00000000000000000000.log"
        docker(
            "exec",
            broker.name,
            "sh",
            "-c",
            f"s=$(stat -c %s {log}); printf XXXX | dd of={log} bs=1 conv=notrunc seek=$((s-40))",
        )
        with watching(kafka=broker.address) as viewer:
            viewer.wait_newest("sound", f"{EPOCH}-0")
            viewer.wait_newest("damaged", f"{EPOCH}-0")
            send.frames(frame(2, camera="damaged"), frame(1, camera="sound"))
            viewer.wait_newest("damaged", f"{EPOCH}-2")
            viewer.wait_newest("sound", f"{EPOCH}-1")

            assert viewer.refused() == {"corrupt-batch": 1}


def test_foreign_topic_becomes_a_camera(broker: KafkaContainer) -> None:
    from kafka.admin import KafkaAdminClient, NewTopic

    with KafkaAdminClient(bootstrap_servers=broker.address) as admin:
        admin.create_topics([NewTopic("Image_Topic.A", 1, 1), NewTopic("plain-photos", 1, 1)])
    with sending(broker.address) as send:
        send.raw("Image_Topic.A", sinetstream.encode(jpeg(), int(time.time() * 1e6), 3))
        send.raw("plain-photos", jpeg())
        send.raw("plain-photos", jpeg(shade=10))
    with watching(kafka=broker.address, topics=["Image_*", "plain-photos"]) as viewer:
        wait_until(
            lambda: {names.foreign_camera("Image_Topic.A", ()), "plain-photos"} <= set(viewer.cameras.ids()),
            PATIENT_S,
            lambda: str(viewer.cameras.ids()),
        )
        wait_until(lambda: viewer.newest("plain-photos") is not None, PATIENT_S, lambda: "nothing")
        newest = viewer.newest("plain-photos")
        assert newest is not None
        assert newest.endswith("-1")


def test_last_word_of_a_camera_is_known_after_a_restart(broker: KafkaContainer) -> None:
    make_topics(broker.address, ["talker"])
    now_us = int(time.time() * 1e6)
    with sending(broker.address) as send:
        send.telemetry(report(0, camera="talker", at_us=now_us - 60_000_000, captured=5, published=5))
        send.telemetry(report(1, camera="talker", at_us=now_us, captured=50, published=41))
        send.telemetry(reading(1, temperature=1.0).model_copy(update={"camera": "talker", "at_us": now_us}))
    with watching(kafka=broker.address) as viewer:
        wait_until(
            lambda: _captured(viewer.cameras) == 50,
            PATIENT_S,
            lambda: str(camera_state(viewer.cameras, "talker")),
        )
        state = camera_state(viewer.cameras, "talker")
        assert state is not None
        assert state["online"] is True
        wait_until(
            lambda: bool((camera_state(viewer.cameras, "talker") or {})["readings"]),
            PATIENT_S,
            lambda: "no reading",
        )


def _captured(cameras: object) -> int:
    state = camera_state(cameras, "talker")  # type: ignore[arg-type]  # only looked at
    return int(state["counters"]["captured"]) if state and state["counters"] else 0


@pytest.mark.soak
@pytest.mark.alone
def test_viewer_is_live_again_within_ten_seconds_of_the_brokers_return() -> None:
    with kafka() as broker:
        make_topics(broker.address, ["gate"])
        with watching(kafka=broker.address) as viewer:
            with sending(broker.address) as send:
                send.frames(frame(0), frame(1))
                viewer.wait_newest("gate", f"{EPOCH}-1")
            broker.stop()
            wait_until(lambda: bool(viewer.cameras.outages()), PATIENT_S, lambda: "nobody noticed")
            state = camera_state(viewer.cameras, "gate")
            assert state is not None
            assert "cannot be reached" in state["problems"][0]
            time.sleep(15)  # back-off has to have grown: the length of the outage is the test
            broker.start()
            returned = time.monotonic()
            with sending(broker.address) as send:
                send.frames(frame(0, epoch=LATER_EPOCH))
            viewer.wait_newest("gate", f"{LATER_EPOCH}-0", 15)
            assert time.monotonic() - returned < 10
            wait_until(lambda: not viewer.cameras.outages(), PATIENT_S, lambda: str(viewer.cameras.outages()))


def test_viewer_may_start_before_the_broker_and_costs_nothing_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An attempt that fails must not leave a thread behind: a night has thousands of attempts."""
    monkeypatch.setattr("shutterbus_transport.kafka.consumer.BOOTSTRAP_TIMEOUT_MS", 200)
    monkeypatch.setattr("shutterbus_transport.kafka.reader.RETRY_S", 0.05)
    before = threading.active_count()
    with watching(kafka=f"127.0.0.1:{free_port()}") as viewer:
        time.sleep(6)  # some twenty attempts: what they leave behind is the test
        assert threading.active_count() <= before + 2 * len(viewer.consumers)
        assert viewer.cameras.outages()
