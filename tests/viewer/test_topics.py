"""Which topics are read as pictures."""

import re

import pytest

from shutterbus_viewer.consume.topics import mqtt_filters, picture_pattern


@pytest.mark.parametrize(
    ("foreign", "topic", "read"),
    [
        ((), "shutterbus.gate.frames", True),
        ((), "shutterbus.gate.telemetry", False),
        ((), "image-topic", False),
        (("image-topic",), "image-topic", True),
        (("image-topic",), "image-topic-2", False),
        (("image.topic",), "image-topic", False),
        (("image-*",), "image-topic", True),
        (("*",), "anything", True),
        (("*",), "shutterbus.gate.frames", True),
        (("*",), "shutterbus.gate.telemetry", False),
        (("*",), "shutterbus-doctor", False),
        (("*",), "__consumer_offsets", False),
        (("site/+/image", "#"), "site", False),
    ],
)
def test_kafka_pattern(foreign: tuple[str, ...], topic: str, read: bool) -> None:
    assert bool(re.match(picture_pattern(foreign), topic)) is read


def test_mqtt_filters_are_ours_and_those_that_mqtt_can_have() -> None:
    assert mqtt_filters(("site/+/image", "plain", "kafka-*")) == [
        "shutterbus/+/frames",
        "shutterbus/+/status",
        "shutterbus/+/reports",
        "shutterbus/+/readings",
        "site/+/image",
        "plain",
    ]
