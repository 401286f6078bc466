"""Which topics are read as frames."""

import re

import pytest

from shutterbus_transport.consuming import Subscription
from shutterbus_transport.patterns import frames_pattern, mqtt_filters


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
    assert bool(re.match(frames_pattern(foreign), topic)) is read


def test_mqtt_filters_are_ours_and_those_that_mqtt_can_have() -> None:
    assert mqtt_filters(Subscription(foreign=("site/+/image", "plain", "kafka-*"))) == [
        "shutterbus/+/frames",
        "shutterbus/+/status",
        "shutterbus/+/reports",
        "shutterbus/+/readings",
        "shutterbus/+/readings/+",
        "site/+/image",
        "plain",
    ]
