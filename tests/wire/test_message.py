"""Frames as messages: the same frame in every form and over every transport, and nobody else's."""

import base64
import json
import time
import tracemalloc
from dataclasses import replace
from urllib.parse import quote

import pytest

from shutterbus_wire import exif, jpeg, message, sinetstream
from shutterbus_wire.codecs import CODECS
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.frame import Frame, Lane
from shutterbus_wire.message import Arrival
from wire.golden import FACTS, FRAME, REPORT
from wire.pictures import BARE_JPEG, BARE_PNG, DATA

ARRIVED_US = 1_700_000_000_000_000


def _kafka(value: bytes, topic: str = "shutterbus.gate.frames", **attributes: str) -> Arrival:
    headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
    return message.arrival_from_kafka(topic, 0, 17, headers, value, ARRIVED_US)


def _mqtt(value: bytes, topic: str = "shutterbus/gate/frames", **attributes: str) -> Arrival:
    return message.arrival_from_mqtt(topic, value, list(attributes.items()), None, False, ARRIVED_US)


def _refusal(arrival: Arrival) -> str:
    with pytest.raises(MalformedError) as refused:
        message.decode_frame(arrival)
    assert len(str(refused.value)) < 500
    return refused.value.reason


@pytest.mark.parametrize("lane", ["live", "backlog"])
@pytest.mark.parametrize("message_format", CODECS)
def test_a_frame_crosses_both_transports_in_every_form(message_format: str, lane: Lane) -> None:
    sent = message.encode_frame(FRAME, message_format, lane)
    kafka = message.arrival_from_kafka(
        "shutterbus.gate.frames", 0, 17, message.kafka_headers(sent), sent.value, ARRIVED_US
    )
    mqtt = message.arrival_from_mqtt(
        "shutterbus/gate/frames",
        sent.value,
        message.mqtt_user_properties(sent),
        sent.content_type,
        True,
        ARRIVED_US,
    )
    assert message.decode_frame(kafka) == message.decode_frame(mqtt) == replace(FRAME, lane=lane)
    assert kafka.content_type == mqtt.content_type == sent.content_type
    assert mqtt.retained


@pytest.mark.parametrize("message_format", CODECS)
def test_without_headers_the_picture_itself_says_who_it_is(message_format: str) -> None:
    """MQTT 3.1.1 carries none."""
    sent = message.encode_frame(FRAME, message_format, "live")
    assert message.decode_frame(_mqtt(sent.value)) == FRAME


def test_the_attributes_are_cloudevents() -> None:
    assert message.encode_frame(FRAME, "jpeg", "backlog").attributes == {
        "specversion": "1.0",
        "id": "9f2c4e1a77b0d3c5-42",
        "source": "/cameras/gate",
        "type": "shutterbus.frame.v1",
        "time": "2022-07-19T00:02:00.123456Z",
        "camera": "gate",
        "epoch": "9f2c4e1a77b0d3c5",
        "sequence": "42",
        "clocksynced": "true",
        "lane": "backlog",
    }


def test_a_picture_on_another_cameras_topic_is_refused() -> None:
    assert _refusal(_kafka(FRAME.data, "shutterbus.yard.frames")) == "topic-mismatch"
    assert _refusal(_mqtt(FRAME.data, "shutterbus/yard/frames")) == "topic-mismatch"


def test_a_picture_on_a_topic_for_something_else_is_refused() -> None:
    assert _refusal(_kafka(FRAME.data, "shutterbus.gate.telemetry")) == "topic-mismatch"
    assert _refusal(_mqtt(FRAME.data, "shutterbus/gate/status")) == "topic-mismatch"
    assert _refusal(_mqtt(FRAME.data, "shutterbus/gate/readings/cpu")) == "topic-mismatch"
    for kind in ("confirmations", "commands"):
        assert _refusal(_kafka(FRAME.data, f"shutterbus.gate.{kind}")) == "topic-mismatch"
        assert _refusal(_mqtt(FRAME.data, f"shutterbus/gate/{kind}")) == "topic-mismatch"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("id", "9f2c4e1a77b0d3c5-43", "identity-conflict"),
        ("camera", "yard", "identity-conflict"),
        ("source", "/cameras/yard", "identity-conflict"),
        ("epoch", "0" * 16, "identity-conflict"),
        ("sequence", "042", "identity-conflict"),
        ("lane", "express", "bad-headers"),
        ("type", "shutterbus.frame.v2", "unknown-version"),
        ("type", "shutterbus.report.v1", "unknown-version"),
    ],
)
def test_headers_that_differ_from_the_picture_are_refused(name: str, value: str, reason: str) -> None:
    attributes = dict(message.encode_frame(FRAME, "jpeg", "live").attributes) | {name: value}
    assert _refusal(_kafka(FRAME.data, **attributes)) == reason
    assert _refusal(_mqtt(FRAME.data, **attributes)) == reason


def test_headers_that_name_a_frame_do_not_make_one_of_a_bare_picture() -> None:
    attributes = message.encode_frame(FRAME, "jpeg", "live").attributes
    assert _refusal(_kafka(BARE_JPEG, **attributes)) == "identity-conflict"


def test_events_of_others_beside_a_picture_are_left_alone() -> None:
    """A foreign producer may use CloudEvents for purposes of its own."""
    arrival = _kafka(
        BARE_JPEG, "plant.images", specversion="1.0", type="plant.image", id="7", source="/x", lane="?"
    )
    assert message.decode_frame(arrival).lane is None


def test_a_bare_picture_on_a_topic_of_ours_is_named_by_topic_and_offset() -> None:
    """A small foreign camera may be given a topic of its own."""
    frame = message.decode_frame(_kafka(BARE_JPEG))
    assert (frame.metadata.camera, frame.metadata.identity_source, frame.metadata.id.seq) == (
        "gate",
        "transport",
        17,
    )
    assert (frame.metadata.captured_at_us, frame.metadata.captured_at_source) == (ARRIVED_US, "arrival")
    assert frame == message.decode_frame(_kafka(BARE_JPEG))  # read again, it is the same frame
    other = replace(_kafka(BARE_JPEG), position=(1, 17))
    assert message.decode_frame(other).metadata.id != frame.metadata.id


def test_a_bare_picture_over_mqtt_is_named_by_its_bytes_and_arrival() -> None:
    frame = message.decode_frame(_mqtt(BARE_PNG))
    assert frame.content_type == "image/png"
    assert frame.data == BARE_PNG
    assert (frame.metadata.identity_source, frame.metadata.id.seq) == ("transport", ARRIVED_US)
    assert message.decode_frame(_mqtt(BARE_JPEG)).metadata.id.epoch != frame.metadata.id.epoch


def test_a_large_picture_is_not_copied() -> None:
    value = FRAME.data[:-2] + bytes(8_000_000) + b"\xff\xd9"
    arrival = _kafka(value)
    tracemalloc.start()
    try:
        frame = message.decode_frame(arrival)
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()
    assert frame.data is value
    assert frame.known_header == frame.header == jpeg.read_header(value)


@pytest.mark.parametrize("version", [3, 2])
@pytest.mark.parametrize("picture", [BARE_JPEG, BARE_PNG], ids=["jpeg", "png"])
def test_a_sinetstream_picture_brings_its_time(picture: bytes, version: int) -> None:
    value = sinetstream.encode(picture, 1_658_188_920_123_456, 3 if version == 3 else 2)
    frame = message.decode_frame(_kafka(value, "sinetstream.image.camera"))
    assert frame.data == picture
    assert frame.metadata.camera == "sinetstream-image-camera"
    assert frame.metadata.captured_at_us == 1_658_188_920_123_456


@pytest.mark.parametrize("tstamp_us", [0, -5, 2**62])
def test_a_sinetstream_time_that_is_none_is_replaced_by_the_arrival(tstamp_us: int) -> None:
    frame = message.decode_frame(_kafka(sinetstream.encode(BARE_JPEG, tstamp_us, 3), "t"))
    assert frame.metadata.captured_at_us == ARRIVED_US


def test_a_photo_in_json_is_a_picture() -> None:
    frame = message.decode_frame(_kafka((DATA / "foreign-photo.json").read_bytes(), "imgtest"))
    assert frame.data == BARE_JPEG
    assert frame.metadata.camera == "imgtest"
    assert frame.metadata.captured_at_us == ARRIVED_US  # its time names no zone


@pytest.mark.parametrize(
    "text",
    [
        '{"photo":"%s","datetime":"2022-09-27T06:45:09+09:00"}',
        '\n {"datetime" : "2022-09-26 21:45:09Z" , "photo" : "data:image/jpeg;base64,%s" }',
    ],
)
def test_a_photo_in_json_may_look_like_any_writer_makes_it(text: str) -> None:
    encoded = base64.encodebytes(BARE_JPEG).decode().replace("\n", "\\n").replace("/", "\\/")
    frame = message.decode_frame(_mqtt((text % encoded).encode(), "cam"))
    assert frame.data == BARE_JPEG
    assert frame.metadata.captured_at_us == 1_664_228_709_000_000


def _escaped(text: str) -> str:
    """Every character as JSON may write it: four hexadecimal digits."""
    return "".join(f"\\u{ord(character):04x}" for character in text)


BASE64 = base64.b64encode(BARE_JPEG).decode()


@pytest.mark.parametrize(
    "value",
    [
        '{"photo":"data:image/jpg;base64,@"}'.replace("@", BASE64),
        '{"photo":"data:;base64,@"}'.replace("@", BASE64),
        '{"photo":"DATA:Image/JPEG;Base64,@"}'.replace("@", BASE64),
        '{"photo":"data:image/jpeg;name=a.jpg;charset=utf-8;base64,@"}'.replace("@", BASE64),
        '{"photo":"data:image/jpeg;base64,@"}'.replace("@", quote(BASE64, safe="")),
        '{"photo":"data:image/jpeg,@"}'.replace("@", quote(BARE_JPEG)),
        '{"photo":"@"}'.replace("@", _escaped(BASE64)),
        '{"@photo":"@"}'.replace("@photo", _escaped("photo")).replace("@", BASE64),
        '{"photo":"data:image\\/jpeg;base64,@"}'.replace(
            "@", BASE64.replace("/", "\\u002F").replace("+", "\\u002b")
        ),
        '{"photo":"@"}'.replace("@", BASE64.rstrip("=")),
        '{"photo":"@"}'.replace("@", base64.urlsafe_b64encode(BARE_JPEG).decode()),
        '\ufeff{"photo":"@"}'.replace("@", BASE64),
        " " * 200 + '{"a":"\\\\","b":"\\"","photo"\n:\t"@" , "c":[{"photo":1}]}'.replace("@", BASE64),
        '{"photo":"none yet","photo":"@"}'.replace("@", BASE64),
    ],
    ids=range(14),
)
def test_a_photo_in_json_may_be_spelt_in_every_way_of_its_standards(value: str) -> None:
    """RFC 8259 for what is around it, RFC 2397 for data URLs."""
    assert message.decode_frame(_mqtt(value.encode(), "cam")).data == BARE_JPEG


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "not-a-picture"),
        (b"hello", "not-a-picture"),
        (b"GIF89a", "not-a-picture"),
        (b"{}", "not-a-picture"),
        (b'{"photo":"', "broken-envelope"),
        (b'{"photo":"AAA"}', "not-a-picture"),
        (b'{"photo":"A"}', "broken-envelope"),
        (b'{"photo":"AAAA', "broken-envelope"),
        (b'{"photo":"AAAA"', "broken-envelope"),
        (b'{"photo":"\xff\xff\xff\xff"}', "broken-envelope"),
        (b'{"a":{"photo":"AAAA"}}', "broken-envelope"),
        (b'{"photo":"AAAA","photo":[]}', "broken-envelope"),
        (b'{"photo":"AAAA","x":"' + b"y" * 70_000 + b'"}', "broken-envelope"),
        (b'{"photo":"AAAA","x":' + b"[" * 60_000, "broken-envelope"),
        (b'{"photo":""}', "not-a-picture"),
        (b'{"photo":"AAAA"}', "not-a-picture"),
        (sinetstream.encode(b"", 1, 3), "not-a-picture"),
        (sinetstream.encode(sinetstream.encode(BARE_JPEG, 1, 3), 1, 3), "not-a-picture"),
        (sinetstream.encode(BARE_JPEG[:-2], 1, 3), "torn-picture"),
    ],
)
def test_what_holds_no_picture_is_refused_with_its_reason(value: bytes, reason: str) -> None:
    assert _refusal(_kafka(value)) == reason


def test_a_large_json_costs_no_more_than_its_size() -> None:
    """Parsed as it stands, 8 MB of brackets would become 200 MB of lists."""
    hostile = [
        b'{"photo":"AAAA","x":[' + b"[]," * 2_700_000 + b"0]}",
        b"{" + b'"photo":"AAAA",' * 500_000 + b"}",
        b'{"photo"' + b" " * 8_000_000,
        b"{" + b'"photo" ' * 1_000_000,
    ]
    for value in hostile:
        tracemalloc.start()
        before_s = time.process_time()
        try:
            assert _refusal(_kafka(value)) in {"broken-envelope", "not-a-picture"}
            assert tracemalloc.get_traced_memory()[1] < 2 * len(value)
        finally:
            tracemalloc.stop()
        assert time.process_time() - before_s < 2


def test_a_photo_in_json_looks_as_readers_of_that_form_expect() -> None:
    members = json.loads(message.encode_frame(FRAME, "json", "live").value)
    assert list(members) == ["m_id", "datetime", "photo"]
    assert (members["m_id"], members["datetime"]) == ("gate", "2022-07-19 00:02:00")


def test_a_frame_on_a_foreign_topic_keeps_its_name() -> None:
    frame = message.decode_frame(_kafka(sinetstream.encode(FRAME.data, 1, 3), "sinetstream.image.camera"))
    assert frame == FRAME


def test_a_foreign_topic_cannot_speak_as_a_camera_with_a_topic_of_ours() -> None:
    arrival = _kafka(FRAME.data, "anyone.may.write")
    frame = message.decode_frame(arrival, own_cameras={"gate"})
    assert frame.metadata == replace(FACTS, camera="gate-8089cf0f")
    named = message.decode_frame(_kafka(BARE_JPEG, "Gate"), own_cameras={"gate"})
    assert named.metadata.camera.startswith("gate-")


def test_header_limits_hold() -> None:
    """A header is a word or two; more is an attempt on our memory or our logs."""
    fine = [(f"x{n}", b"\xff" * 5000) for n in range(31)]
    arrival = message.arrival_from_kafka("t", 0, 0, [*fine, ("ce_specversion", b"1.0")], b"", 0)
    assert arrival.attributes == {"specversion": "1.0"}
    event = ("ce_specversion", b"1.0")
    for headers in (
        [*fine, event, ("y", b"")],
        [event, ("ce_id", b"x" * 1025)],
        [event, ("ce_id", b"\xff")],
        [event, ("ce_id", b"1"), ("CE_ID", b"2")],
        [("content-type", b"x" * 1025)],
    ):
        with pytest.raises(MalformedError) as refused:
            message.arrival_from_kafka("t", 0, 0, headers, b"", 0)
        assert refused.value.reason == "bad-headers"
    spec = ("specversion", "1.0")
    for properties in ([spec, *[("a", "b")] * 32], [spec, ("id", "é" * 513)], [spec, ("a", "b"), ("a", "c")]):
        with pytest.raises(MalformedError):
            message.arrival_from_mqtt("t", b"", properties, None, False, 0)


def test_properties_that_are_no_cloudevents_mean_nothing() -> None:
    properties = [("id", "1"), ("id", "2"), ("x", "y" * 2000)]
    assert message.arrival_from_mqtt("t", b"", properties, None, False, 0).attributes == {}
    assert _kafka(b"", specversion="2.0", id="1").attributes == {}


def test_an_empty_kafka_value_is_no_picture() -> None:
    """Kafka has messages without any value."""
    assert _refusal(message.arrival_from_kafka("t", 0, 0, [("a", None)], None, 0)) == "not-a-picture"


def test_telemetry_is_no_picture() -> None:
    assert _refusal(_kafka(REPORT.model_dump_json().encode())) == "not-a-picture"


def test_a_frame_of_another_producer_can_be_passed_on() -> None:
    """What a transport named keeps that name when it is stamped."""
    frame = message.decode_frame(_kafka(BARE_JPEG, "imgtest"))
    stamped = exif.stamp(frame.data, frame.metadata, software="test")
    assert message.decode_frame(_kafka(stamped, "elsewhere")) == Frame(frame.metadata, stamped)
