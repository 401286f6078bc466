"""What a camera says of itself beside its pictures."""

import json
import math
from typing import Any

import pytest
from pydantic import ValidationError

from shutterbus_wire import message
from shutterbus_wire.errors import MalformedError, WireError
from shutterbus_wire.message import Arrival, Message
from shutterbus_wire.telemetry import (
    Dropped,
    Reading,
    Report,
    Telemetry,
    decode_telemetry,
    encode_telemetry,
    parse_telemetry,
    telemetry_message,
)
from wire.golden import READING, REPORT, STATUS

ALL = [("status", STATUS), ("reports", REPORT), ("readings", READING)]


def _kafka(sent: Message, topic: str = "shutterbus.gate.telemetry") -> Arrival:
    return message.arrival_from_kafka(topic, 0, 1, message.kafka_headers(sent), sent.value, 1)


def _mqtt(sent: Message, topic: str, *, with_properties: bool = True) -> Arrival:
    properties = message.mqtt_user_properties(sent) if with_properties else []
    return message.arrival_from_mqtt(topic, sent.value, properties, sent.content_type, False, 1)


def _refusal(arrival: Arrival) -> str:
    with pytest.raises(MalformedError) as refused:
        decode_telemetry(arrival)
    assert len(str(refused.value)) < 500
    return refused.value.reason


@pytest.mark.parametrize(("kind", "telemetry"), ALL)
def test_telemetry_crosses_both_transports(kind: str, telemetry: Telemetry) -> None:
    sent = encode_telemetry(telemetry, "backlog")
    assert decode_telemetry(_kafka(sent)) == telemetry
    assert decode_telemetry(_mqtt(sent, f"shutterbus/gate/{kind}")) == telemetry
    assert decode_telemetry(_mqtt(sent, f"shutterbus/gate/{kind}", with_properties=False)) == telemetry


@pytest.mark.parametrize(("kind", "telemetry"), ALL)
def test_telemetry_kept_as_bytes_becomes_the_same_message_again(kind: str, telemetry: Telemetry) -> None:
    """The spool keeps the bytes; what else the message had is in them."""
    sent = encode_telemetry(telemetry, "live")
    assert telemetry_message(sent.value, "live") == sent
    assert telemetry_message(sent.value, "backlog").attributes["lane"] == "backlog"


def test_telemetry_is_numbered_by_stream() -> None:
    assert encode_telemetry(REPORT, "live").attributes["id"] == "9f2c4e1a77b0d3c5-reports-7"
    assert encode_telemetry(READING, "live").attributes["id"] == "9f2c4e1a77b0d3c5-readings-bme280-3"
    assert READING.stream == "readings-bme280"


def test_telemetry_on_another_topic_is_refused() -> None:
    sent = encode_telemetry(STATUS, "live")
    assert _refusal(_kafka(sent, "shutterbus.yard.telemetry")) == "topic-mismatch"
    assert _refusal(_kafka(sent, "shutterbus.gate.frames")) == "topic-mismatch"
    assert _refusal(_kafka(sent, "elsewhere")) == "topic-mismatch"
    assert _refusal(_mqtt(sent, "shutterbus/gate/reports")) == "topic-mismatch"
    for kind in ("confirmations", "commands"):
        assert _refusal(_kafka(sent, f"shutterbus.gate.{kind}")) == "topic-mismatch"
        assert _refusal(_mqtt(sent, f"shutterbus/gate/{kind}")) == "topic-mismatch"


def test_a_reading_comes_on_its_sensors_topic_or_on_that_of_all() -> None:
    """The latter is what version 0.1.0 writes."""
    sent = encode_telemetry(READING, "live")
    for topic in ("shutterbus/gate/readings", "shutterbus/gate/readings/bme280"):
        assert decode_telemetry(_mqtt(sent, topic)) == READING


@pytest.mark.parametrize("sensor", ["cpu", "BME280", "", "bme280\n", "a b"])
def test_a_reading_on_the_topic_of_another_sensor_is_refused(sensor: str) -> None:
    """Or of none: what a topic calls a sensor is believed only where the reading says the same."""
    sent = encode_telemetry(READING, "live")
    assert _refusal(_mqtt(sent, f"shutterbus/gate/readings/{sensor}")) == "topic-mismatch"
    assert _refusal(_mqtt(encode_telemetry(REPORT, "live"), "shutterbus/gate/readings/bme280")) == (
        "topic-mismatch"
    )


@pytest.mark.parametrize("name", ["id", "source", "camera", "epoch", "sequence", "stream", "type"])
def test_headers_that_differ_from_the_message_are_refused(name: str) -> None:
    sent = encode_telemetry(REPORT, "live")
    changed = Message(sent.value, sent.content_type, dict(sent.attributes) | {name: "other"})
    assert _refusal(_kafka(changed)) == "identity-conflict"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"type": "shutterbus.report.v2"}, "unknown-version"),
        ({"type": None}, "unknown-version"),
        ({"camera": "../gate"}, "bad-record"),
        ({"epoch": "x"}, "bad-record"),
        ({"seq": -1}, "bad-record"),
        ({"seq": "7"}, "bad-record"),
        ({"captured": 2**63}, "bad-record"),
        ({"at_us": 10**18}, "bad-record"),
        ({"dropped": {"x" * 2000: {"count": 1}}}, "bad-record"),
        ({"temperature_c": 1e999}, "bad-record"),
        ({"status": None}, "bad-record"),
        ({"stream": "frames"}, "bad-record"),
    ],
)
def test_telemetry_that_breaks_the_format_is_refused(changed: dict[str, Any], reason: str) -> None:
    value = json.dumps(json.loads(REPORT.model_dump_json()) | changed).encode()
    assert _refusal(_kafka(Message(value, "application/json", {}))) == reason


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff", b'"' * 300_000])
def test_what_is_no_telemetry_is_refused(value: bytes) -> None:
    assert _refusal(_kafka(Message(value, "application/json", {}))) in {"bad-record", "unknown-version"}


def test_members_of_a_later_version_are_ignored() -> None:
    value = json.dumps(json.loads(STATUS.model_dump_json()) | {"mood": "fine"}).encode()
    assert parse_telemetry(value) == STATUS


def test_a_report_cannot_repeat_the_status_of_another_camera() -> None:
    with pytest.raises(ValidationError):
        Report.model_validate(REPORT.model_dump() | {"camera": "yard"})


def test_a_sensor_that_measured_nothing_makes_no_reading() -> None:
    with pytest.raises(ValidationError):
        Reading(**READING.model_dump() | {"values": {"temperature": math.nan}})


def test_telemetry_too_long_for_any_reader_is_not_sent() -> None:
    ranges = [("0" * 16, n, n) for n in range(20_000)]
    long = REPORT.model_copy(update={"dropped": {"full": Dropped(count=20_000, ranges=ranges)}})
    with pytest.raises(WireError, match="at most 262144"):
        encode_telemetry(long, "live")
