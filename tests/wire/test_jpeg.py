"""What a picture is and how large, told from its outside."""

import struct
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shutterbus_wire import jpeg
from shutterbus_wire.errors import MalformedError
from wire import pictures
from wire.pictures import BARE_JPEG, BARE_PNG, CAMERA_JPEG, XMP, segment, with_segments


def _resized(width: int, height: int) -> bytes:
    """Return a JPEG whose header claims another size."""
    at = BARE_JPEG.index(b"\xff\xc0")
    return BARE_JPEG[: at + 5] + struct.pack(">HH", height, width) + BARE_JPEG[at + 9 :]


def _png(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + header + zlib.crc32(header).to_bytes(4) + b"\0\0\0\0IEND\xaeB`\x82"
    )


def test_pictures_are_known_by_their_beginning() -> None:
    assert jpeg.sniff(BARE_JPEG) == "image/jpeg"
    assert jpeg.sniff(BARE_PNG) == "image/png"
    assert jpeg.sniff(b"<svg onload='...'/>") is None
    assert jpeg.sniff(b"") is None


def test_sizes_come_from_the_header() -> None:
    assert jpeg.size_px(BARE_JPEG) == (64, 48)
    assert jpeg.size_px(BARE_PNG) == (64, 48)
    assert jpeg.size_px(CAMERA_JPEG) == (64, 48)  # not the thumbnail's


def test_a_header_says_where_the_parts_of_a_picture_are() -> None:
    header = jpeg.read_header(CAMERA_JPEG)
    assert (header.content_type, header.size_px, header.has_more_scans) == ("image/jpeg", (64, 48), False)
    assert [CAMERA_JPEG[part.start + 4 : part.start + 10] for part in header.exif] == [b"Exif\0\0"]
    assert CAMERA_JPEG[: header.scan_at].endswith(b"\0\x3f\0")
    assert header.sampling[1:] == ((1, 1), (1, 1))
    png = jpeg.read_header(BARE_PNG)
    assert (png.content_type, png.upright_size_px, png.exif) == ("image/png", (64, 48), ())


def test_a_picture_on_its_side_says_how_it_is_shown() -> None:
    assert jpeg.read_header(CAMERA_JPEG).upright_size_px == (48, 64)
    assert jpeg.read_header(BARE_JPEG).upright_size_px == (64, 48)
    for block in (b"", b"no TIFF in here", pictures.tiff({0x0112: pictures.text("6")}), pictures.tiff({})):
        header = jpeg.read_header(with_segments(BARE_JPEG, pictures.exif(block)))
        assert (header.orientation, header.upright_size_px) == (1, (64, 48))
    both = with_segments(
        BARE_JPEG, *(pictures.exif(pictures.tiff({0x0112: pictures.shorts(n)})) for n in (3, 6))
    )
    assert jpeg.read_header(both).orientation == 3, "the first is the one that counts"


def test_a_walk_ends_where_the_facts_are_found() -> None:
    assert next(jpeg.exif_segments(CAMERA_JPEG)) == jpeg.read_header(CAMERA_JPEG).exif[0]
    torn_behind = CAMERA_JPEG[: jpeg.read_header(CAMERA_JPEG).exif[0].end]
    assert next(jpeg.exif_segments(torn_behind)).marker == jpeg.APP1


def test_the_largest_sensor_there_is_passes() -> None:
    assert jpeg.size_px(_resized(9152, 6944)) == (9152, 6944)
    assert jpeg.size_px(_png(4608, 2592)) == (4608, 2592)


@pytest.mark.parametrize("bomb", [_resized(65500, 65500), _png(9000, 9000), _png(2**32 - 1, 2**32 - 1)])
def test_a_picture_that_would_unfold_to_gigabytes_is_refused(bomb: bytes) -> None:
    with pytest.raises(MalformedError) as refused:
        jpeg.size_px(bomb)
    assert refused.value.reason == "too-many-pixels"


def test_a_second_size_is_refused() -> None:
    """Otherwise the check sees one and the decoder takes the other."""
    at = BARE_JPEG.index(b"\xff\xc0")
    second = segment(0xC0, struct.pack(">BHHB", 8, 60000, 60000, 3) + bytes(9))
    with pytest.raises(MalformedError):
        jpeg.size_px(BARE_JPEG[:at] + second + BARE_JPEG[at:])


@pytest.mark.parametrize("picture", [_resized(0, 48), _resized(64, 0), _png(0, 1)])
def test_a_picture_without_a_size_is_refused(picture: bytes) -> None:
    with pytest.raises(MalformedError):
        jpeg.size_px(picture)


def test_a_torn_picture_is_told_from_a_whole_one() -> None:
    jpeg.check_whole(BARE_JPEG)
    jpeg.check_whole(BARE_JPEG + bytes(512))  # webcams pad
    jpeg.check_whole(BARE_PNG)
    for torn in (BARE_JPEG[:-2], BARE_JPEG[: len(BARE_JPEG) // 2], BARE_PNG[:-12]):
        with pytest.raises(MalformedError) as refused:
            jpeg.check_whole(torn)
        assert refused.value.reason == "torn-picture"


def test_a_picture_of_thousands_of_scans_is_refused() -> None:
    """Each makes a decoder go over all pixels again; the file stays small."""
    progressive = BARE_JPEG.replace(b"\xff\xc0", b"\xff\xc2")
    jpeg.check_whole(progressive)
    scan = segment(0xDA, b"\x01\x01\0\0\x3f\0")
    with pytest.raises(MalformedError) as refused:
        jpeg.check_whole(progressive[:-2] + scan * 1000 + b"\xff\xd9")
    assert refused.value.reason == "too-many-scans"
    jpeg.check_whole(
        BARE_JPEG[:-2] + scan * 1000 + b"\xff\xd9"
    )  # a decoder of this one stops after the first


def test_only_exif_is_taken_out() -> None:
    assert jpeg.without_exif(CAMERA_JPEG) == with_segments(BARE_JPEG, XMP)
    assert jpeg.without_exif(BARE_JPEG) == BARE_JPEG


def test_fill_bytes_and_bare_markers_before_a_segment_are_allowed() -> None:
    padded = with_segments(BARE_JPEG, b"\xff\xff\xff" + segment(0xFE, b"a comment")[1:], b"\xff\x01")
    assert jpeg.size_px(padded) == (64, 48)


@pytest.mark.parametrize(
    "hostile",
    [
        b"\xff\xd8" + b"\xff" * 8_000_000,
        b"\xff\xd8" + b"\xff\x01" * 4_000_000,
        b"\xff\xd8" + segment(0xFE, b"") * 2_000_000,
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0\0\0",
        b"\xff\xd8\xff\xe0\0\1",
        b"\xff\xd8\xff\xd9",
    ],
    ids=["fill", "bare markers", "empty segments", "nothing", "length 0", "length 1", "end at once"],
)
def test_headers_without_end_are_given_up_early(hostile: bytes) -> None:
    before_s = time.process_time()
    with pytest.raises(MalformedError):
        jpeg.size_px(hostile)
    assert time.process_time() - before_s < 0.5


def with_chunk(png: bytes, kind: bytes, data: bytes) -> bytes:
    """Put a chunk behind the header of *png*."""
    chunk = len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
    return png[:33] + chunk + png[33:]


def test_orientation_of_a_png_is_read_as_browsers_do() -> None:
    """Chromium 156 draws such a PNG turned, and shows the width and height of what it draws."""
    turned = with_chunk(BARE_PNG, b"eXIf", pictures.tiff(image={0x0112: pictures.shorts(6)}))
    assert jpeg.read_header(turned).upright_size_px == (48, 64)
    other = with_chunk(BARE_PNG, b"tEXt", b"Comment\0none")
    assert jpeg.read_header(other).upright_size_px == (64, 48)


@pytest.mark.parametrize("damage", [b"", b"Exif", b"MM\0*\0\0\0\xff"])
def test_png_whose_exif_is_damaged_is_not_turned(damage: bytes) -> None:
    assert jpeg.read_header(with_chunk(BARE_PNG, b"eXIf", damage)).upright_size_px == (64, 48)


@given(st.binary(max_size=300))
def test_any_chunks_of_a_png_are_walked_to_an_end(rest: bytes) -> None:
    assert jpeg.read_header(BARE_PNG[:33] + rest).size_px == (64, 48)


@pytest.mark.parametrize(
    ("marker", "bits", "rarity"),
    [
        (0xC0, 8, ""),
        (0xC2, 8, ""),
        (0xC1, 12, "12 bits a colour"),
        (0xC3, 8, "lossless coding"),
        (0xC3, 16, "lossless coding"),
        (0xC5, 8, "hierarchical coding"),
    ],
)
def test_what_browsers_cannot_draw_is_named(marker: int, bits: int, rarity: str) -> None:
    at = BARE_JPEG.index(b"\xff\xc0")
    odd = (
        BARE_JPEG[: at + 1]
        + bytes([marker])
        + BARE_JPEG[at + 2 : at + 4]
        + bytes([bits])
        + BARE_JPEG[at + 5 :]
    )
    assert jpeg.read_header(odd).rarity == rarity
