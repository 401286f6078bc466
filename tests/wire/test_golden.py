"""The formats do not change by accident: what the code writes is, byte for byte, what is kept in tests/data."""

import io
import json
import subprocess

import pytest
from PIL import ExifTags, Image

from machine import needs_tool
from shutterbus_wire import exif, message, sinetstream
from shutterbus_wire.telemetry import Telemetry, parse_telemetry
from wire import golden
from wire.pictures import BARE_JPEG, CAMERA_JPEG, DATA, MAKER_NOTE, XMP


@pytest.mark.parametrize("name", sorted(golden.files()))
def test_written_bytes_are_the_golden_ones(name: str) -> None:
    assert golden.files()[name] == (DATA / name).read_bytes()


def test_every_golden_file_is_explained() -> None:
    """A stranger finds out what each is for without reading code."""
    readme = (DATA / "README.md").read_text()
    ours = {"bare.jpg", "bare.png", *golden.files(), "foreign-photo.json"}
    assert [name for name in sorted(ours) if f"`{name}`" not in readme] == []


def test_the_sinetstream_vector_is_the_one_that_their_library_wrote() -> None:
    """Payload and bytes were recorded from the real library."""
    data = bytes.fromhex("df0300000000c3011f9c0c91eb33664f80c1ef98a687f20518ffd8ffe04a46494600000000")
    assert (DATA / "vector.sinetstream3").read_bytes() == data
    assert sinetstream.decode(data) == (bytes.fromhex("ffd8ffe04a46494600000000"), 1_658_188_920_123_456)


@pytest.mark.parametrize("name", ["frame.jpg", "frame.sinetstream3", "frame.sinetstream2", "frame.json"])
def test_golden_frames_read_back_as_the_frame(name: str) -> None:
    value = (DATA / name).read_bytes()
    arrival = message.arrival_from_mqtt("shutterbus/gate/frames", value, [], None, False, 1)
    assert message.decode_frame(arrival) == golden.FRAME


@pytest.mark.parametrize(
    ("name", "telemetry"),
    [("status", golden.STATUS), ("report", golden.REPORT), ("reading", golden.READING)],
)
def test_golden_telemetry_reads_back_as_it_was(name: str, telemetry: Telemetry) -> None:
    assert parse_telemetry((DATA / f"{name}.json").read_bytes()) == telemetry


def test_exiftool_reads_every_fact_and_finds_nothing_wrong() -> None:
    """The facts are for any tool, not for ours alone."""
    exiftool = needs_tool("exiftool", "libimage-exiftool-perl")
    command = [exiftool, "-j", "-n", "-G1", "-a", str(DATA / "frame.jpg")]
    (tags,) = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    comment = json.loads(tags["ExifIFD:UserComment"])
    assert comment["camera"] == "gate"
    assert comment["captured_at_us"] == golden.FACTS.captured_at_us
    assert {name: tags[name] for name in EXPECTED} == EXPECTED
    assert not [name for name in tags if "Thumbnail" in name or "MakerNote" in name or "Warning" in name]


EXPECTED = {
    "File:ExifByteOrder": "MM",
    "IFD0:Make": "Raspberry Pi",
    "IFD0:Model": "imx477",
    "IFD0:Software": "Shutterbus 0.1.0",
    "IFD0:Orientation": 6,
    "IFD0:ModifyDate": "2022:07:19 09:02:00",
    "ExifIFD:DateTimeOriginal": "2022:07:19 00:02:00",
    "ExifIFD:SubSecTimeOriginal": 123456,
    "ExifIFD:OffsetTimeOriginal": "+00:00",
    "ExifIFD:ImageUniqueID": "9f2c4e1a77b0d3c5000000000000002a",
    "ExifIFD:SerialNumber": "gate",
    "ExifIFD:LensModel": "35 mm",
    "ExifIFD:FNumber": 2.8,
    "ExifIFD:ExposureTime": 0.008333,
    "ExifIFD:ISO": 200,
    "GPS:GPSLatitudeRef": "N",
}
"""Ours, and of the source's own what does not say the same thing."""


def test_exiftool_calls_a_stamped_plain_picture_valid() -> None:
    exiftool = needs_tool("exiftool", "libimage-exiftool-perl")
    stamped = exif.stamp(BARE_JPEG, golden.FACTS, software="Shutterbus 0.1.0")
    command = [exiftool, "-validate", "-warning", "-a", "-s3", "-"]
    run = subprocess.run(command, input=stamped, capture_output=True, check=True)
    assert run.stdout.decode().strip() == "OK"


def test_pillow_reads_the_facts_and_the_same_pixels() -> None:
    with Image.open(DATA / "frame.jpg") as ours, Image.open(io.BytesIO(BARE_JPEG)) as bare:
        assert ours.tobytes() == bare.tobytes()
        tags = ours.getexif()
        photo = tags.get_ifd(ExifTags.IFD.Exif)
        assert tags[ExifTags.Base.Make] == "Raspberry Pi"
        assert photo[ExifTags.Base.ImageUniqueID] == "9f2c4e1a77b0d3c5000000000000002a"
        assert photo[ExifTags.Base.ExposureTime] == pytest.approx(0.008333)
        assert tags.get_ifd(ExifTags.IFD.GPSInfo)[4] == (139.0, 44.0, 0.0)


def test_the_frame_keeps_what_else_its_source_had() -> None:
    picture = (DATA / "frame.jpg").read_bytes()
    assert XMP in picture
    assert MAKER_NOTE in CAMERA_JPEG
    assert MAKER_NOTE not in picture
