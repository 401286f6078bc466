"""Options that are passed on to a client library."""

from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer

from shutterbus_runtime.settings import Given
from shutterbus_transport.client_options import KAFKA_RESERVED, kafka_options, mqtt_options

KAFKA = kafka_options(KafkaProducer.DEFAULT_CONFIG, "SS_", ["SS_BROKERS"])


def _members(**values: str) -> dict[str, Given]:
    return {name: Given(f"SS_{name}", value, "environment") for name, value in values.items()}


def test_option_gets_the_type_of_its_default() -> None:
    typed, sentences = KAFKA(
        _members(LINGER_MS="5", METRICS_ENABLED="no", SOCKS5_PROXY="socks5://h", send_buffer_bytes="100")
    )

    assert typed == {
        "linger_ms": 5,
        "metrics_enabled": False,
        "socks5_proxy": "socks5://h",
        "send_buffer_bytes": 100,
    }
    assert sentences == []


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "LINGER",
            "5",
            "SS_LINGER is neither a setting nor an option of kafka-python; did you mean SS_LINGER_MS?",
        ),
        (
            "BROKER",
            "h",
            "SS_BROKER is neither a setting nor an option of kafka-python; did you mean SS_BROKERS?",
        ),
        ("XYZZY", "5", "SS_XYZZY is neither a setting nor an option of kafka-python."),
        ("LINGER_MS", "soon", "SS_LINGER_MS=soon cannot be used: a whole number is expected."),
        ("BOOTSTRAP_SERVERS", "h", "SS_BOOTSTRAP_SERVERS cannot be set: it is called BROKERS here."),
        ("PARTITIONER", "x", "SS_PARTITIONER cannot be set: kafka-python takes no text for it."),
    ],
)
def test_what_cannot_be_passed_on_is_said(name: str, value: str, sentence: str) -> None:
    assert KAFKA(_members(**{name: value})) == ({}, [sentence])


def test_idempotence_is_refused_with_the_reason() -> None:
    _, sentences = KAFKA(_members(ENABLE_IDEMPOTENCE="true"))

    assert "never sends again" in sentences[0]


def test_reserved_names_exist() -> None:
    """Otherwise a reason stands for an option that is gone."""
    known: set[Any] = set(KafkaProducer.DEFAULT_CONFIG) | set(KafkaConsumer.DEFAULT_CONFIG)

    assert set(KAFKA_RESERVED) - known == {"buffer_memory"}


def test_options_of_paho_are_arguments_of_its_methods() -> None:
    typed, sentences = mqtt_options("SS_")(
        _members(RECONNECT_DELAY_SET__MAX_DELAY="60", WILL_SET__TOPIC="x", LINGER_MS="1")
    )

    assert typed == {"max_delay": 60}
    assert sentences == [
        "SS_WILL_SET__TOPIC cannot be set: the will is what tells a viewer that the camera is offline.",
        "SS_LINGER_MS is neither a setting nor an option of paho-mqtt.",
    ]
