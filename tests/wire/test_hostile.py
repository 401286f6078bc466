"""Any byte string either decodes or is refused with one error type that says why."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shutterbus_wire import codecs, exif, jpeg, message, sinetstream, telemetry
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.frame import Frame
from wire import golden
from wire.golden import FACTS
from wire.pictures import BARE_JPEG, BARE_PNG, DATA

SEEDS = [*golden.files().values(), BARE_JPEG, BARE_PNG, (DATA / "foreign-photo.json").read_bytes()]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A golden file with a few bytes changed, cut out, doubled or put in, or its end missing."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["set", "cut", "insert", "double", "truncate"])):
            case "set":
                data[at : at + 1] = draw(
                    st.sampled_from([b"\0", b"\xff", b"\x7f", b"\x80"]) | st.binary(max_size=4)
                )
            case "cut":
                del data[at : at + draw(st.integers(1, 40))]
            case "insert":
                data[at:at] = draw(st.binary(max_size=40))
            case "double":
                data[at:at] = data[at : at + draw(st.integers(1, 200))]
            case "truncate":
                del data[at:]
    return bytes(data)


hostile = (
    st.binary(max_size=400)
    | mutated()
    | st.tuples(st.sampled_from(SEEDS), st.binary(max_size=9)).map(b"".join)
)
topics = st.sampled_from(
    ["shutterbus{}gate{}frames", "shutterbus{}yard{}frames", "image{}camera{}x"]
) | st.text(max_size=20)
attributes = st.dictionaries(
    st.sampled_from(sorted(message.encode_frame(golden.FRAME, "jpeg", "live").attributes))
    | st.text(max_size=5),
    st.sampled_from(["1.0", "shutterbus.frame.v1", "gate", "live"]) | st.text(max_size=20),
    max_size=12,
)


def _survives(decode: Callable[[], object]) -> None:
    """Run *decode*; the only error it may raise is the one that says why."""
    refusal = None
    try:
        decode()
    except MalformedError as error:
        refusal = error
    if refusal is not None:
        assert refusal.reason
        assert 0 < len(str(refusal).encode()) < 600


@given(hostile, topics, attributes, st.integers(0, 2**63 - 1))
def test_any_kafka_message_decodes_or_is_refused(
    value: bytes, topic: str, headers: dict[str, str], offset: int
) -> None:
    def decode() -> None:
        pairs = [(f"ce_{name}", text.encode("utf-8", "surrogatepass")) for name, text in headers.items()]
        arrival = message.arrival_from_kafka(
            topic.replace("{}", "."), 0, offset, pairs, value, offset % 10**16
        )
        frame = message.decode_frame(arrival, own_cameras={"gate"})
        assert isinstance(frame, Frame)
        assert frame.data in value or frame.metadata.identity_source == "transport" or value.startswith(b"{")

    _survives(decode)


@given(hostile, topics, attributes)
def test_any_mqtt_message_decodes_or_is_refused(value: bytes, topic: str, properties: dict[str, str]) -> None:
    def decode() -> None:
        arrival = message.arrival_from_mqtt(
            topic.replace("{}", "/"), value, list(properties.items()), None, False, 1
        )
        message.decode_frame(arrival)

    _survives(decode)


@given(st.lists(st.tuples(st.text(max_size=8), st.none() | st.binary(max_size=1100)), max_size=40))
def test_any_headers_are_read_or_refused(headers: list[tuple[str, bytes | None]]) -> None:
    prefixed = [(f"ce_{name}", value) for name, value in headers]
    _survives(lambda: message.arrival_from_kafka("t", 0, 0, prefixed, b"", 0))
    text = [(name, (value or b"").decode("latin-1")) for name, value in headers]
    _survives(lambda: message.arrival_from_mqtt("t", b"", [("specversion", "1.0"), *text], None, False, 0))


@given(hostile)
def test_any_bytes_are_telemetry_or_refused(value: bytes) -> None:
    _survives(lambda: telemetry.parse_telemetry(value))
    for topic in ("shutterbus/gate/status", "shutterbus/gate/reports", "shutterbus/gate/readings"):
        arrival = message.arrival_from_mqtt(topic, value, [], None, False, 1)
        _survives(lambda arrival=arrival: telemetry.decode_telemetry(arrival))  # type: ignore[misc] # bound now


@pytest.mark.parametrize(
    "read",
    [
        jpeg.size_px,
        jpeg.check_whole,
        jpeg.without_exif,
        lambda data: list(jpeg.segments(data)),
        exif.read_metadata,
        sinetstream.decode,
        *(codec.decode for codec in codecs.CODECS.values()),
    ],
)
@given(data=hostile)
def test_every_reader_answers_or_refuses(read: Callable[[bytes], object], data: bytes) -> None:
    _survives(lambda: read(data))


@given(hostile)
def test_whatever_can_be_stamped_can_be_read_back(data: bytes) -> None:
    """The source's EXIF may be anything; ours is right all the same."""

    def stamp() -> None:
        stamped = exif.stamp(data, FACTS, software="test")
        assert exif.read_metadata(stamped) == FACTS
        assert jpeg.without_exif(stamped) == jpeg.without_exif(data)

    _survives(stamp)
