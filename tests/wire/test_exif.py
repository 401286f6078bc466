"""Facts go into a picture and come out again; everything else in it stays."""

import json
import math
import time
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shutterbus_wire import exif, instant, jpeg, tiff
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.frame import FrameMetadata
from shutterbus_wire.identity import SEQ_MAX, FrameId
from wire import pictures
from wire.golden import FACTS
from wire.pictures import BARE_JPEG, CAMERA_JPEG, XMP, with_segments

SOFTWARE = "Shutterbus test"

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
metadata = st.builds(
    FrameMetadata,
    camera=st.from_regex(r"[a-z0-9][a-z0-9-]{0,47}", fullmatch=True),
    id=st.builds(
        FrameId,
        st.from_regex(r"[0-9a-f]{16}", fullmatch=True, alphabet="0123456789abcdef"),
        st.integers(0, SEQ_MAX),
    ),
    captured_at_us=st.integers(0, instant.LAST_US),
    captured_at_source=st.sampled_from(["sensor", "driver", "arrival", "file"]),
    clock_synced=st.booleans(),
    camera_metadata=st.dictionaries(st.text(max_size=20), json_values, max_size=6),
    identity_source=st.sampled_from(["edge", "transport"]),
)


def _segment_of(stamped: bytes) -> tiff.Tags:
    """Return the tags of the first segment, which has to be the EXIF."""
    first = next(jpeg.segments(stamped))
    assert first.start == 2
    return tiff.read(stamped[12 : first.end])


def _with_comment(line: bytes, **changed: tiff.Value) -> bytes:
    """Return a stamped picture whose comment is *line*."""
    tags = _segment_of(exif.stamp(BARE_JPEG, FACTS, software=SOFTWARE))
    comment = b"ASCII\0\0\0" + line
    tags.photo[0x9286] = tiff.Value(tiff.UNDEFINED, len(comment), comment)
    for name, value in changed.items():
        tags.photo[{"serial": 0xA431, "unique_id": 0xA420}[name]] = value
    return with_segments(BARE_JPEG, pictures.exif(tiff.write(tags)))


def _line(**changed: object) -> bytes:
    members: dict[str, Any] = {
        "shutterbus": 1,
        "camera": FACTS.camera,
        "epoch": FACTS.id.epoch,
        "seq": FACTS.id.seq,
        "captured_at_us": FACTS.captured_at_us,
        "captured_at_source": "sensor",
        "clock_synced": True,
        "metadata": {},
    }
    return json.dumps(members | changed).replace('"shutterbus": ', '"shutterbus":').encode()


@given(metadata)
def test_any_facts_come_back_as_they_went_in(given_facts: FrameMetadata) -> None:
    stamped = exif.stamp(CAMERA_JPEG, given_facts, software=SOFTWARE)
    assert exif.read_metadata(stamped) == given_facts
    assert jpeg.without_exif(stamped) == jpeg.without_exif(CAMERA_JPEG)


def test_stamping_again_replaces_the_facts() -> None:
    """A folder of our own frames can be played as a camera."""
    again = replace(FACTS, camera="yard", id=FrameId("0" * 16, 7))
    once = exif.stamp(CAMERA_JPEG, FACTS, software=SOFTWARE)
    twice = exif.stamp(once, again, software=SOFTWARE)
    assert exif.read_metadata(twice) == again
    assert twice.count(b'{"shutterbus":') == 1


def test_a_picture_that_nobody_stamped_has_no_facts() -> None:
    assert exif.read_metadata(BARE_JPEG) is None
    assert exif.read_metadata(CAMERA_JPEG) is None


def test_the_exif_comes_first_and_everything_else_keeps_its_order() -> None:
    stamped = exif.stamp(CAMERA_JPEG, FACTS, software=SOFTWARE)
    markers = [segment.marker for segment in jpeg.segments(stamped)]
    assert markers[:3] == [0xE1, 0xE0, 0xE1]
    assert XMP in stamped
    scan = BARE_JPEG[BARE_JPEG.index(b"\xff\xdb") :]
    assert stamped.endswith(scan)


@pytest.mark.parametrize("order", ["<", ">"])
def test_source_tags_survive_from_either_byte_order(order: str) -> None:
    block = pictures.tiff(
        image={0x010F: pictures.text("Acme"), 0x0112: pictures.shorts(8, order=order)},
        photo={0x829D: pictures.ratios((28, 10), order=order), 0x9209: pictures.shorts(16, order=order)},
        position={2: pictures.ratios((35, 1), (39, 1), (31, 1), order=order)},
        thumbnail=BARE_JPEG,
        order=order,
    )
    stamped = exif.stamp(with_segments(BARE_JPEG, pictures.exif(block)), FACTS, software=SOFTWARE)
    tags = _segment_of(stamped)
    assert tiff.text(tags.image[0x010F]) == "Acme"
    assert tags.image[0x0112].data == b"\0\x08"
    assert tags.photo[0x829D].data == bytes([0, 0, 0, 28, 0, 0, 0, 10])
    assert tags.photo[0x9209].data == b"\0\x10"
    assert tags.position[2].data == b"".join(number.to_bytes(4) for number in (35, 1, 39, 1, 31, 1))
    assert len(stamped) < len(BARE_JPEG) + 1500  # no thumbnail came along


def test_what_the_caller_knows_wins_over_the_source() -> None:
    stamped = exif.stamp(CAMERA_JPEG, FACTS, software=SOFTWARE, orientation=3, make="Pi", model="imx708")
    image = _segment_of(stamped).image
    assert [tiff.text(image[tag]) for tag in (0x010F, 0x0110, 0x0131)] == ["Pi", "imx708", SOFTWARE]
    assert image[0x0112].data == b"\0\x03"


def test_texts_of_the_owner_win_over_everybody() -> None:
    """They are EXIF's own, and so ASCII; a name that is none of ``TEXTS`` writes nothing, ours least of all."""
    texts = {name: f"{name} of the gate" for name in exif.TEXTS}
    stamped = exif.stamp(
        CAMERA_JPEG,
        FACTS,
        software=SOFTWARE,
        make="Pi",
        texts=texts | {"IFD0.Software": "x", "IFD0.305": "x"},
    )
    image, photo = _segment_of(stamped).image, _segment_of(stamped).photo
    assert [tiff.text(image[tag]) for tag in (0x010F, 0x013B, 0x8298)] == [
        texts[name] for name in ("IFD0.Make", "IFD0.Artist", "IFD0.Copyright")
    ]
    assert tiff.text(photo[0xA434]) == texts["EXIF.LensModel"]
    assert tiff.text(image[0x0131]) == SOFTWARE
    assert exif.read_metadata(stamped) == FACTS

    foreign = exif.stamp(BARE_JPEG, FACTS, software=SOFTWARE, texts={"IFD0.Artist": "Mié" + "o" * 999})
    assert tiff.text(_segment_of(foreign).image[0x013B]) == "Mi?" + "o" * 252


def test_a_broken_source_exif_is_dropped_and_the_picture_kept() -> None:
    broken = with_segments(BARE_JPEG, pictures.exif(b"XX*\0nothing here"))
    stamped = exif.stamp(broken, FACTS, software=SOFTWARE)
    assert stamped == exif.stamp(BARE_JPEG, FACTS, software=SOFTWARE)


def test_source_tags_give_way_when_the_segment_is_full() -> None:
    """64 KiB is all that a segment holds; facts come before a maker's tables."""
    block = pictures.tiff(
        image={0x010F: pictures.text("Acme"), 0xC4A5: pictures.opaque(bytes(40_000))},
        photo={0xA500: pictures.opaque(bytes(20_000))},
    )
    crowded = replace(FACTS, camera_metadata={"notes": "x" * 15_000})
    stamped = exif.stamp(with_segments(BARE_JPEG, pictures.exif(block)), crowded, software=SOFTWARE)
    assert exif.read_metadata(stamped) == crowded
    tags = _segment_of(stamped)
    assert 0xC4A5 not in tags.image
    assert tags.photo[0xA500].count == 20_000
    assert tiff.text(tags.image[0x010F]) == "Acme"


@given(st.lists(st.integers(0, 9000), max_size=12))
def test_the_comment_never_outgrows_its_16_kib(lengths: list[int]) -> None:
    """Too much metadata costs the metadata, never the picture."""
    crowded = replace(FACTS, camera_metadata={f"m{n}": "x" * length for n, length in enumerate(lengths)})
    back = exif.read_metadata(exif.stamp(BARE_JPEG, crowded, software=SOFTWARE))
    assert back is not None
    assert back.id == FACTS.id
    assert back.camera_metadata.items() <= crowded.camera_metadata.items()
    if sum(lengths) < 15_000:
        assert back == crowded


def test_metadata_that_json_cannot_hold_becomes_what_it_can() -> None:
    strange = replace(
        FACTS,
        camera_metadata={"Lux": math.nan, "Crop": (0, 0, 10, 10), "Half": "\ud800", "Object": {1: {2.5}}},
    )
    back = exif.read_metadata(exif.stamp(BARE_JPEG, strange, software=SOFTWARE))
    assert back is not None
    assert back.camera_metadata == {
        "Lux": None,
        "Crop": [0, 0, 10, 10],
        "Half": "?",
        "Object": {"1": "{2.5}"},
    }


@pytest.mark.parametrize(
    ("camera_metadata", "exposure", "sensitivity"),
    [
        (
            {"ExposureTime": 10_000, "AnalogueGain": 2.0, "DigitalGain": 1.5},
            b"\0\0\0\1\0\0\0\x64",
            b"\x01\x2c",
        ),
        ({"ExposureTime": 2**40, "AnalogueGain": 1e9}, None, None),
        ({"ExposureTime": 4_294_967_295.9, "AnalogueGain": 10**400}, None, None),
        ({"ExposureTime": "long", "AnalogueGain": True}, None, None),
    ],
)
def test_exposure_and_sensitivity_are_told_where_exif_can_spell_them(
    camera_metadata: dict[str, Any], exposure: bytes | None, sensitivity: bytes | None
) -> None:
    photo = _segment_of(
        exif.stamp(BARE_JPEG, replace(FACTS, camera_metadata=camera_metadata), software=SOFTWARE)
    ).photo
    assert (photo[0x829A].data if 0x829A in photo else None) == exposure
    assert (photo[0x8827].data if 0x8827 in photo else None) == sensitivity


def test_unknown_members_of_the_comment_are_ignored() -> None:
    """A later edge may say more; its pictures stay readable."""
    assert exif.read_metadata(_with_comment(_line(weather="fair"))) == replace(FACTS, camera_metadata={})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (_line(shutterbus=2), "unknown-version"),
        (_line(shutterbus=True), "broken-exif"),
        (_line(camera="../gate"), "broken-exif"),
        (_line(camera=None), "broken-exif"),
        (_line(epoch="9F2C4E1A77B0D3C5"), "broken-exif"),
        (_line(seq=-1), "broken-exif"),
        (_line(seq=True), "broken-exif"),
        (_line(seq=1.0), "broken-exif"),
        (_line(captured_at_us=-1), "broken-exif"),
        (_line(captured_at_us=10**18), "broken-exif"),
        (_line(captured_at_source="guess"), "broken-exif"),
        (_line(clock_synced="yes"), "broken-exif"),
        (_line(metadata=[]), "broken-exif"),
        (_line(minted={}), "broken-exif"),
        (_line().replace(b'"metadata": {}', b'"metadata": {"a": 1e999}'), "broken-exif"),
        (_line().replace(b'"metadata": {}', b'"metadata": {"a": NaN}'), "broken-exif"),
        (_line().replace(b'"metadata": {}', b'"metadata": {"a": "\\ud800"}'), "broken-exif"),
        (b'{"shutterbus":' + b"[" * 16_000, "broken-exif"),
        (b'{"shutterbus":' + b"9" * 16_000, "broken-exif"),
        (b'{"shutterbus":1', "broken-exif"),
        (_line(camera="\u00e9"), "broken-exif"),
        (_line(notes="x" * 17_000), "broken-exif"),
        (_line(camera="yard"), "identity-conflict"),
        (_line(seq=43), "identity-conflict"),
        (_line(epoch="0" * 16), "identity-conflict"),
    ],
)
def test_a_stamped_picture_that_contradicts_the_format_is_refused(line: bytes, reason: str) -> None:
    with pytest.raises(MalformedError) as refused:
        exif.read_metadata(_with_comment(line))
    assert refused.value.reason == reason
    assert len(str(refused.value)) < 500


def test_tags_that_name_another_frame_than_the_comment_are_refused() -> None:
    """Two truths in one picture: neither can be believed."""
    for changed in ({"serial": tiff.ascii_value("yard")}, {"unique_id": tiff.ascii_value("0" * 32)}):
        with pytest.raises(MalformedError) as refused:
            exif.read_metadata(_with_comment(_line(), **changed))
        assert refused.value.reason == "identity-conflict"


def test_entries_that_all_point_at_the_same_bytes_cost_no_memory() -> None:
    """5,000 tags of 60 KB each would be 300 MB out of one segment."""
    entry = b"\xc0\x00\0\x07" + (60_000).to_bytes(4) + bytes(4)
    entries = b"".join(bytes([n >> 8, n & 255]) + entry[2:] for n in range(0x9300, 0x9300 + 5000))
    block = b"MM\0*\0\0\0\x08" + (5000).to_bytes(2) + entries
    hostile = with_segments(BARE_JPEG, pictures.exif(block.ljust(65_000, b"\0")))
    tracemalloc.start()
    before_s = time.process_time()
    try:
        stamped = exif.stamp(hostile, FACTS, software=SOFTWARE)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert time.process_time() - before_s < 1
    assert exif.read_metadata(stamped) == FACTS


def test_directories_that_point_at_themselves_end() -> None:
    loop = b"MM\0*\0\0\0\x08\0\1\x87\x69\0\4\0\0\0\1\0\0\0\x08\0\0\0\x08"
    stamped = exif.stamp(with_segments(BARE_JPEG, pictures.exif(loop)), FACTS, software=SOFTWARE)
    assert exif.read_metadata(stamped) == FACTS


def test_a_torn_picture_is_not_stamped() -> None:
    """It would get a number and then be refused at the other end."""
    with pytest.raises(MalformedError):
        exif.stamp(BARE_JPEG[:-2], FACTS, software=SOFTWARE)
