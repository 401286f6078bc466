"""What every codec in the registry promises. Golden bytes of each are in ``tests/data``."""

import contextlib
import time
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shutterbus_wire import codecs, message
from shutterbus_wire.codecs import CODECS, Codec
from shutterbus_wire.errors import MalformedError
from wire.golden import FRAME
from wire.pictures import BARE_JPEG, BARE_PNG, DATA

every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
LARGE = 8_000_000


def _decoded(codec: Codec, value: bytes) -> tuple[int, int | None]:
    """Return the size of the picture and the instant in *value*; its work and memory are measured."""
    tracemalloc.start()
    before_s = time.process_time()
    try:
        picture, at_us = codec.decode(value)
        return len(picture), at_us
    finally:
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert time.process_time() - before_s < 2
        assert peak_bytes < 3 * len(value)


@every_codec
@pytest.mark.parametrize("picture", [FRAME.data, BARE_JPEG, BARE_PNG], ids=["ours", "jpeg", "png"])
def test_a_picture_comes_back_as_it_was(codec: Codec, picture: bytes) -> None:
    value, content_type = codec.encode(replace(FRAME, data=picture))
    came_back, at_us = codec.decode(value)
    assert came_back == picture
    assert at_us in {None, FRAME.metadata.captured_at_us}
    assert content_type


@every_codec
@given(behind=st.binary(max_size=400))
def test_any_picture_comes_back(codec: Codec, behind: bytes) -> None:
    """Whatever its bytes are: an envelope must not depend on them."""
    value, _ = codec.encode(replace(FRAME, data=b"\xff\xd8\xff" + behind))
    assert codec.recognises(value)
    assert codec.decode(value)[0] == b"\xff\xd8\xff" + behind


@every_codec
@pytest.mark.parametrize("picture", [BARE_JPEG, BARE_PNG], ids=["jpeg", "png"])
def test_a_message_is_recognised_by_its_own_codec_alone(codec: Codec, picture: bytes) -> None:
    """So the order of the registry means nothing, and a new member takes nothing from the others."""
    value, _ = codec.encode(replace(FRAME, data=picture))
    assert [other for other in CODECS.values() if other.recognises(value)] == [codec]
    assert [other for other in CODECS.values() if other.recognises(value[:64])] == [codec]


@every_codec
def test_nothing_is_recognised_in_bytes_of_no_form(codec: Codec) -> None:
    for value in (b"", b"\0" * 64, b"hello", b"<?xml?>", b" " * 1000, b"\xff\xd8"):
        assert not codec.recognises(value)


@every_codec
def test_a_message_cut_anywhere_is_refused(codec: Codec) -> None:
    value, _ = codec.encode(replace(FRAME, data=BARE_JPEG))
    for end in range(len(value)):
        with pytest.raises(MalformedError):
            message.decode_frame(message.arrival_from_mqtt("t", value[:end], [], None, False, 1))


@every_codec
@pytest.mark.parametrize(
    "filling", [b"\0", b"\xff", b"[", b'"', b"\\", b" ", b'"photo":"AAAA",', b"A"], ids=repr
)
def test_a_hostile_message_costs_no_more_than_its_size(codec: Codec, filling: bytes) -> None:
    head = codec.encode(replace(FRAME, data=b""))[0][:16] or b"\xff\xd8\xff"
    value = head + filling * (LARGE // len(filling))
    with contextlib.suppress(MalformedError):
        assert _decoded(codec, value)[0] <= len(value)


@every_codec
def test_the_largest_picture_costs_little_more_than_its_message(codec: Codec) -> None:
    value, _ = codec.encode(replace(FRAME, data=BARE_JPEG + bytes(LARGE)))
    assert _decoded(codec, value)[0] == len(BARE_JPEG) + LARGE


@every_codec
def test_a_picture_of_the_largest_size_makes_a_message_within_the_limit(codec: Codec) -> None:
    """Beside the picture an envelope has a few bytes, which are the caller's to leave free."""
    for limit_bytes in (0, 5, 1_000_001):
        picture = bytes(codec.picture_max_bytes(limit_bytes))
        assert len(codec.encode(replace(FRAME, data=picture))[0]) <= limit_bytes + 256


@every_codec
def test_its_bytes_are_among_the_golden_files(codec: Codec) -> None:
    assert codec.encode(FRAME)[0] in [file.read_bytes() for file in DATA.glob("frame.*")]


def test_what_no_codec_recognises_is_refused_with_its_first_bytes() -> None:
    with pytest.raises(MalformedError, match="begins with 47 49 46 38") as refused:
        codecs.decode(b"GIF89a")
    assert refused.value.reason == "not-a-picture"
