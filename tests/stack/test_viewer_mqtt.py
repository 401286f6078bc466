"""The viewer on a real Mosquitto: what the broker keeps is there at once, and nothing stops it."""

import time
from collections.abc import Iterator

import pytest

from shutterbus_viewer.consume import intake
from shutterbus_viewer.state import camera_state
from shutterbus_wire import sinetstream
from stack.brokers import MosquittoContainer, kafka, mosquitto
from stack.viewing import (
    PATIENT_S,
    Watching,
    make_topics,
    mqtt_sending,
    sending,
    watching,
)
from stack.waiting import wait_until
from viewer.fakes_viewer import EPOCH, LATER_EPOCH, frame, jpeg, reading, report, status

pytestmark = [
    pytest.mark.stack,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),  # see test_viewer_kafka
]


@pytest.fixture(scope="module")
def broker() -> Iterator[MosquittoContainer]:
    """One Mosquitto for all tests of this module."""
    with mosquitto() as running:
        yield running


def wait_connected(viewer: Watching) -> None:
    wait_until(
        lambda: all(consumer.connected for consumer in viewer.consumers), PATIENT_S, lambda: "not connected"
    )


@pytest.mark.alone
def test_last_picture_and_status_of_every_camera_are_back_within_five_seconds(
    broker: MosquittoContainer,
) -> None:
    cameras = [f"kept-{number}" for number in range(40)]
    with mqtt_sending(broker.port) as send:
        for camera in cameras:
            send.frames(frame(7, camera=camera), frame(2, camera=camera, lane="backlog"))
            send.telemetry(status(camera), "status")
    started = time.monotonic()
    with watching(mqtt=broker.address) as viewer:
        wait_until(
            lambda: all(viewer.newest(camera) == f"{EPOCH}-7" for camera in cameras),
            PATIENT_S,
            lambda: str({camera: viewer.newest(camera) for camera in cameras}),
        )
        assert time.monotonic() - started < 5
        wait_until(lambda: _online(viewer, "kept-39") is True, PATIENT_S, lambda: "no status")


def _online(viewer: Watching, camera: str) -> bool | None:
    state = camera_state(viewer.cameras, camera)
    return state["online"] if state else None


def test_camera_appears_and_is_followed_through_a_new_epoch(broker: MosquittoContainer) -> None:
    with watching(mqtt=broker.address) as viewer, mqtt_sending(broker.port) as send:
        wait_connected(viewer)
        send.frames(frame(900, camera="epochs"))
        viewer.wait_newest("epochs", f"{EPOCH}-900")
        send.frames(frame(0, camera="epochs", epoch=LATER_EPOCH))
        viewer.wait_newest("epochs", f"{LATER_EPOCH}-0")
        send.frames(frame(901, camera="epochs"), frame(902, camera="epochs", lane="backlog"))
        send.frames(frame(1, camera="epochs", epoch=LATER_EPOCH))

        viewer.wait_newest("epochs", f"{LATER_EPOCH}-1")


def test_camera_that_vanishes_is_offline_at_once(broker: MosquittoContainer) -> None:
    with watching(mqtt=broker.address) as viewer:
        wait_connected(viewer)
        with mqtt_sending(broker.port, will=status("fallen", "offline")) as send:
            send.telemetry(status("fallen"), "status")
            wait_until(lambda: _online(viewer, "fallen") is True, PATIENT_S, lambda: "not online")
            send.vanish()
            wait_until(lambda: _online(viewer, "fallen") is False, PATIENT_S, lambda: "still online")


def test_reports_and_readings_arrive(broker: MosquittoContainer) -> None:
    with watching(mqtt=broker.address) as viewer, mqtt_sending(broker.port) as send:
        wait_connected(viewer)
        send.telemetry(report(camera="teller"), "reports")
        send.telemetry(reading(temperature=21.5), "readings")
        wait_until(
            lambda: {"teller", "gate"} <= set(viewer.cameras.ids()),
            PATIENT_S,
            lambda: str(viewer.cameras.ids()),
        )

        teller, gate = camera_state(viewer.cameras, "teller"), camera_state(viewer.cameras, "gate")
        assert teller is not None
        assert gate is not None
        assert teller["counters"]["captured"] == 10
        assert gate["readings"][0]["value"] == 21.5


def test_bad_messages_are_counted_and_the_next_good_one_is_shown(
    broker: MosquittoContainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watching(mqtt=broker.address) as viewer, mqtt_sending(broker.port) as send:
        wait_connected(viewer)
        for value in (b"<svg/>", jpeg()[:200], jpeg(), b"\xff" * 100_000):
            send.raw("shutterbus/hostile/frames", value)
        send.raw("shutterbus/hostile/status", b"{")
        send.raw("shutterbus/HOSTILE/frames", jpeg())
        send.raw("shutterbus/hostile/commands", b"not for us")
        good = frame(1, camera="hostile")
        send.frames(good)
        viewer.wait_newest("hostile", good.metadata.id.__str__())
        assert sum(viewer.refused().values()) >= 4

        def mistake(*_: object, **__: object) -> None:
            raise AttributeError("a mistake of our own")

        monkeypatch.setattr(intake, "decode_frame", mistake)
        send.frames(frame(2, camera="hostile"))
        wait_until(lambda: "unreadable" in viewer.refused(), 5, lambda: str(viewer.refused()))
        monkeypatch.undo()
        send.frames(frame(3, camera="hostile"))
        viewer.wait_newest("hostile", f"{EPOCH}-3")


def test_large_picture_arrives(broker: MosquittoContainer) -> None:
    large = jpeg(64, 48)
    noise = b"\xff\xfe\xff\xff" + bytes(65_533)  # a comment as long as comments may be
    padded = large[:2] + noise * 110 + large[2:]
    with watching(mqtt=broker.address) as viewer, mqtt_sending(broker.port) as send:
        wait_connected(viewer)
        send.frames(frame(1, camera="heavy", picture=padded))

        viewer.wait_newest("heavy", f"{EPOCH}-1")


def test_producer_of_mqtt_3_1_1_and_a_foreign_one_are_shown(broker: MosquittoContainer) -> None:
    with (
        watching(mqtt=broker.address, topics=["site/+/image"]) as viewer,
        mqtt_sending(broker.port, 4) as send,
    ):
        wait_connected(viewer)
        send.frames(frame(5, camera="older"), frame(4, camera="older", lane="backlog"))
        send.raw("site/north/image", sinetstream.encode(jpeg(), int(time.time() * 1e6), 2))

        viewer.wait_newest("older", f"{EPOCH}-5")
        wait_until(
            lambda: "site-north-image" in viewer.cameras.ids(), PATIENT_S, lambda: str(viewer.cameras.ids())
        )


def test_viewer_may_speak_3_1_1_and_order_by_number(broker: MosquittoContainer) -> None:
    with watching(mqtt=broker.address, protocol=4) as viewer, mqtt_sending(broker.port) as send:
        wait_connected(viewer)
        send.frames(frame(5, camera="plain"), frame(4, camera="plain", lane="backlog"))
        send.frames(frame(6, camera="plain"))

        viewer.wait_newest("plain", f"{EPOCH}-6")
        picture = viewer.cameras.picture("plain")
        assert picture is not None
        assert picture.frame.lane is None


@pytest.mark.soak
@pytest.mark.alone
def test_viewer_is_live_again_within_ten_seconds_of_the_brokers_return() -> None:
    with mosquitto() as broker, watching(mqtt=broker.address) as viewer:
        with mqtt_sending(broker.port) as send:
            send.frames(frame(1))
            viewer.wait_newest("gate", f"{EPOCH}-1")
        broker.stop()
        wait_until(lambda: bool(viewer.cameras.outages()), PATIENT_S, lambda: "nobody noticed")
        time.sleep(8)  # back-off has to have grown: the length of the outage is the test
        broker.start()
        returned = time.monotonic()
        with mqtt_sending(broker.port) as send:
            send.frames(frame(2))
            viewer.wait_newest("gate", f"{EPOCH}-2")
        assert time.monotonic() - returned < 6
        assert viewer.cameras.outages() == []


def test_both_brokers_are_read_at_once(broker: MosquittoContainer) -> None:
    """A site may have cameras on either; one broker that is away does not touch the cameras of the other."""
    with kafka() as log:
        make_topics(log.address, ["by-kafka"])
        with (
            watching(kafka=log.address, mqtt=broker.address) as viewer,
            sending(log.address) as to_kafka,
            mqtt_sending(broker.port) as to_mqtt,
        ):
            to_kafka.frames(frame(0, camera="by-kafka"))
            to_mqtt.frames(frame(0, camera="by-mqtt"))
            viewer.wait_newest("by-kafka", f"{EPOCH}-0")
            viewer.wait_newest("by-mqtt", f"{EPOCH}-0")
            log.kill()
            wait_until(lambda: bool(viewer.cameras.outages()), PATIENT_S, lambda: "nobody noticed")
            to_mqtt.frames(frame(1, camera="by-mqtt"))
            viewer.wait_newest("by-mqtt", f"{EPOCH}-1")
            by_mqtt, by_kafka = (camera_state(viewer.cameras, name) for name in ("by-mqtt", "by-kafka"))
            assert by_mqtt is not None
            assert by_kafka is not None
            assert by_mqtt["problems"] == []
            assert "cannot be reached" in by_kafka["problems"][0]
