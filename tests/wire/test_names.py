"""Topics by camera, and who may use them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shutterbus_wire import names
from shutterbus_wire.errors import IdentityError
from shutterbus_wire.identity import check_camera

HOSTILE = ["", "Gate", "-gate", "gate.", "../gate", "a/b", "a+", "#", "gate\n", "a" * 49, "é", "%2e", "\0"]


def test_topics_are_named_as_documented() -> None:
    assert names.kafka_topic("gate", "frames") == "shutterbus.gate.frames"
    assert names.mqtt_topic("gate", "commands") == "shutterbus/gate/commands"


@pytest.mark.parametrize("camera", HOSTILE)
def test_what_cannot_name_a_camera_gets_no_topic_and_no_rights(camera: str) -> None:
    for make in (
        lambda: names.kafka_topic(camera, "frames"),
        lambda: names.mqtt_topic(camera, "frames"),
        lambda: names.device_rights(camera),
        lambda: names.expand("t/{camera}", camera),
    ):
        with pytest.raises(IdentityError):
            make()
    assert names.camera_of_kafka_topic(f"shutterbus.{camera}.frames") is None
    assert names.camera_of_mqtt_topic(f"shutterbus/{camera}/frames") is None


def test_topics_name_their_camera_and_kind() -> None:
    assert names.camera_of_kafka_topic("shutterbus.gate-2.telemetry") == ("gate-2", "telemetry")
    assert names.camera_of_mqtt_topic("shutterbus/gate-2/status") == ("gate-2", "status")
    for foreign in (
        "shutterbus.gate",
        "shutterbus.gate.pictures",
        "x.shutterbus.gate.frames",
        names.DOCTOR_TOPIC,
    ):
        assert names.camera_of_kafka_topic(foreign) is None
        assert names.camera_of_mqtt_topic(foreign.replace(".", "/")) is None


def test_patterns_match_the_topics_of_every_camera_and_nothing_else() -> None:
    pattern = re.compile(names.KAFKA_PATTERN["frames"])
    assert pattern.match(names.kafka_topic("gate", "frames"))
    for other in (
        "shutterbus.gate.telemetry",
        "shutterbus.gate.frames.old",
        "shutterbus.a.b.frames",
        names.DOCTOR_TOPIC,
    ):
        assert not pattern.match(other)
    assert names.MQTT_FILTERS["frames"] == "shutterbus/+/frames"


def test_a_topic_of_the_users_own_is_used_as_given() -> None:
    assert names.expand("sinetstream.image.camera", "gate") == "sinetstream.image.camera"
    assert names.expand("site/{camera}/{0}/%s", "gate") == "site/gate/{0}/%s"


@pytest.mark.parametrize(
    ("topic", "camera"),
    [
        ("sinetstream.image.camera", "sinetstream-image-camera"),
        ("yard//cam-7/", "yard-cam-7"),
        ("Yard//Cam_7/", "yard-cam-7-64c4dffd"),
        ("x" * 47 + "/yz", "x" * 39 + "-60d1bff6"),
        ("画像", "topic-6fd5a7cc"),
    ],
)
def test_a_foreign_topic_becomes_a_cameras_name(topic: str, camera: str) -> None:
    assert names.foreign_camera(topic, ()) == camera


def test_a_name_that_is_taken_gets_digits_of_the_topic() -> None:
    """Two foreign topics that spell the same name stay apart from ours and from each other."""
    taken = {"gate"}
    first, second = names.foreign_camera("gate", taken), names.foreign_camera("Gate!", taken)
    assert first != second
    assert {first[:5], second[:5]} == {"gate-"}
    assert names.foreign_camera("gate", {"gate", first}) not in {"gate", first}


def test_two_topics_never_share_a_camera() -> None:
    topics = ["cam/玄関", "cam/庭", "cam/кухня", "cam/спальня", "cam", "Cam", "cam_", "c" * 60, "c" * 61]
    cameras = [names.foreign_camera(topic, ()) for topic in topics]
    assert len(set(cameras)) == len(topics)
    assert cameras[4] == "cam"
    assert names.foreign_camera("cam.1", (), others={names.foreign_camera("cam/1", ())}) != "cam-1"


@given(st.text(max_size=80), st.sets(st.sampled_from(["a", "b", "a-b", "topic"])))
def test_any_topic_gives_a_name_that_a_camera_may_have(topic: str, taken: set[str]) -> None:
    name = names.foreign_camera(topic, taken)
    assert check_camera(name) not in taken


def test_a_device_may_write_its_named_topics_and_no_other() -> None:
    """What is sent to it, it may only read; nothing is granted by prefix, under which that would fall too."""
    rights = names.device_rights("gate")
    assert not any(right.prefixed for right in rights.kafka)
    assert {(right.operation, right.name) for right in rights.kafka} == {
        ("WRITE", "shutterbus.gate.frames"),
        ("DESCRIBE_CONFIGS", "shutterbus.gate.frames"),
        ("WRITE", "shutterbus.gate.telemetry"),
        ("DESCRIBE_CONFIGS", "shutterbus.gate.telemetry"),
        ("READ", "shutterbus.gate.confirmations"),
        ("READ", "shutterbus.gate.commands"),
    }
    assert [(right.access, right.topic_filter) for right in rights.mqtt] == [
        ("write", "shutterbus/gate/frames"),
        ("write", "shutterbus/gate/status"),
        ("write", "shutterbus/gate/reports"),
        ("write", "shutterbus/gate/readings"),
        ("write", "shutterbus/gate/readings/+"),
        ("read", "shutterbus/gate/confirmations"),
        ("read", "shutterbus/gate/commands"),
    ]


@pytest.mark.parametrize("sensor", ["", "CPU", "é", "a b", "-", "x" * 60, "\n"])
def test_all_that_a_camera_may_write_is_that_cameras(sensor: str) -> None:
    """Its right to ``readings/+`` covers names that no sensor has; none of them is a foreign topic, or a sensor's."""
    topic = f"shutterbus/gate/readings/{sensor}"
    assert names.camera_of_mqtt_topic(topic) == ("gate", "readings")
    assert names.sensor_of_mqtt_topic(topic) == sensor
    with pytest.raises(IdentityError):
        names.sensor_topic("gate", sensor)


def test_a_sensors_topic_is_below_the_readings_of_its_camera() -> None:
    assert names.sensor_topic("gate", "cpu-2") == "shutterbus/gate/readings/cpu-2"
    assert names.MQTT_SENSORS_FILTER == "shutterbus/+/readings/+"
    for other in ("shutterbus/gate/readings", "shutterbus/gate/readings/a/b", "shutterbus/gate/status/cpu"):
        assert names.sensor_of_mqtt_topic(other) is None
    assert names.camera_of_mqtt_topic("shutterbus/gate/readings/a/b") is None


def test_a_reader_may_not_write() -> None:
    rights = names.reader_rights("nas.")
    assert {right.operation for right in rights.kafka} == {"READ"}
    assert {right.access for right in rights.mqtt} == {"read"}
    assert [right.name for right in rights.kafka if right.resource == "GROUP"] == ["nas."]
    assert not any(right.resource == "GROUP" for right in names.reader_rights().kafka)
    assert not any(names.DOCTOR_TOPIC.startswith(right.name) for right in rights.kafka)


def test_the_archive_reads_and_remembers_how_far_it_came() -> None:
    """In two groups that are named in full: no other group is its business."""
    rights = names.archive_rights()
    assert {right.operation for right in rights.kafka} == {"READ"}
    assert rights.mqtt == names.reader_rights().mqtt
    assert [(right.name, right.prefixed) for right in rights.kafka if right.resource == "GROUP"] == [
        ("shutterbus-archive", False),
        ("shutterbus-archive.telemetry", False),
    ]


def test_the_doctor_writes_where_nobody_looks() -> None:
    rights = names.doctor_rights()
    assert {right.name for right in rights.kafka if right.operation == "WRITE"} == {names.DOCTOR_TOPIC}
    assert {right.topic_filter for right in rights.mqtt if right.access == "write"} == {names.DOCTOR_TOPIC}
