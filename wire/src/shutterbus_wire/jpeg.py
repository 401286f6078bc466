"""The outside of a picture: what it is, how large, and where its parts begin. Pixels are never decoded.

A JPEG is ``FF D8``, then segments ``FF <marker> <length, 2 bytes> <data>``, one of which (SOFn) says its size
and the last of which (SOS) begins the scan. Only what lies before the scan is walked, so the work does not
grow with the picture.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from shutterbus_wire.errors import MalformedError

ContentType = Literal["image/jpeg", "image/png"]

JPEG_PIXELS_MAX = 64 * 1024 * 1024
"""A 64-megapixel sensor's picture (9152 x 6944) passes; nothing that a camera makes is larger."""

PNG_PIXELS_MAX = 25_000_000
"""Lower, because a PNG cannot be decoded at reduced size and 9 KB of it can unfold to hundreds of MB."""

STEPS_MAX = 4096
"""Segments and fill bytes before the scan. Large colour profiles and XMP take a few hundred."""

SCANS_MAX = 128
"""Progressive pictures have about ten. Thousands of tiny ones keep a decoder busy for minutes."""

SOI = b"\xff\xd8"
APP1 = 0xE1
_SOS = 0xDA
_EOI = 0xD9
_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0..15; the others are DHT, JPG, DAC
_SEQUENTIAL = frozenset({0xC0, 0xC1, 0xC9})
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # TEM and RSTn have no length
_FORBIDDEN = frozenset({0x00, 0xD8, _EOI})
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EXIF = (b"Exif\0\0", b"Exif\0\xff")


class Segment(NamedTuple):
    """A part of a JPEG's header, from its ``FF`` at *start* to the byte behind it at *end*."""

    marker: int
    start: int
    end: int


def sniff(data: bytes) -> ContentType | None:
    """Return what kind of picture *data* begins like, or None."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(_PNG_SIGNATURE):
        return "image/png"
    return None


def segments(jpeg: bytes) -> Iterator[Segment]:
    """Yield the segments from behind SOI up to and including SOS.

    Raises:
        MalformedError: No JPEG, or torn or damaged before its scan.
    """
    if not jpeg.startswith(b"\xff\xd8\xff"):
        raise MalformedError("not-a-picture", f"not a JPEG: begins with {jpeg[:4].hex(' ') or 'nothing'}")
    at = len(SOI)
    for _ in range(STEPS_MAX):
        if at + 4 > len(jpeg):
            raise MalformedError("torn-picture", f"JPEG ends at byte {len(jpeg)}, before its scan")
        if jpeg[at] != 0xFF:
            raise MalformedError("not-a-picture", f"JPEG has no marker at byte {at}")
        marker = jpeg[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _STANDALONE:
            at += 2
        elif marker in _FORBIDDEN:
            raise MalformedError(
                "not-a-picture", f"JPEG has marker {marker:02x} at byte {at}, before its scan"
            )
        else:
            end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4])
            if end < at + 4:
                raise MalformedError("not-a-picture", f"JPEG segment at byte {at} has an impossible length")
            if end > len(jpeg):
                raise MalformedError("torn-picture", f"JPEG ends at byte {len(jpeg)}, before its scan")
            yield Segment(marker, at, end)
            if marker == _SOS:
                return
            at = end
    raise MalformedError("not-a-picture", f"JPEG has more than {STEPS_MAX} segments before its scan")


def is_exif(jpeg: bytes, segment: Segment) -> bool:
    """Whether *segment* carries EXIF; XMP uses the same marker and is something else."""
    return segment.marker == APP1 and jpeg[segment.start + 4 : segment.start + 10] in _EXIF


def size_px(picture: bytes) -> tuple[int, int]:
    """Return width and height as the header of a JPEG or PNG states them.

    Raises:
        MalformedError: No picture, a damaged header, or more pixels than a decoder should be asked for.
    """
    match sniff(picture):
        case "image/jpeg":
            size, limit = _header(picture).size_px, JPEG_PIXELS_MAX
        case "image/png":
            size, limit = _png_size_px(picture), PNG_PIXELS_MAX
        case None:
            raise MalformedError("not-a-picture", f"neither JPEG nor PNG: begins with {picture[:4].hex(' ')}")
    width, height = size
    if width * height > limit:
        raise MalformedError("too-many-pixels", f"{width}x{height} pixels are more than the {limit} accepted")
    return size


def check_whole(picture: bytes) -> None:
    """Raise MalformedError unless *picture* has a sound header, an acceptable size, and reaches its end mark.

    A camera that loses data on its cable hands over pictures without one. What follows the mark (padding, a
    second picture) is accepted.
    """
    size_px(picture)
    if sniff(picture) == "image/png":
        if picture.rfind(b"IEND") < 0:
            raise MalformedError("torn-picture", f"PNG of {len(picture)} bytes has no end mark")
        return
    header = _header(picture)
    if picture.rfind(b"\xff\xd9", header.end) < 0:
        raise MalformedError("torn-picture", f"JPEG of {len(picture)} bytes has no end mark")
    if header.more_scans and picture.count(b"\xff\xda", header.end) >= SCANS_MAX:
        raise MalformedError("too-many-scans", f"JPEG has more than {SCANS_MAX} scans")


def without_exif(jpeg: bytes) -> bytes:
    """Return *jpeg* without its EXIF segments and otherwise byte for byte the same.

    Raises:
        MalformedError: See ``segments``.
    """
    return b"".join(pieces_without_exif(jpeg))


def pieces_without_exif(jpeg: bytes) -> list[memoryview]:
    """Return what surrounds the EXIF segments, SOI first, for joining without a second copy."""
    view = memoryview(jpeg)
    pieces, at = [view[: len(SOI)]], len(SOI)
    for segment in segments(jpeg):
        if is_exif(jpeg, segment):
            pieces.append(view[at : segment.start])
            at = segment.end
    pieces.append(view[at:])
    return pieces


class _Header(NamedTuple):
    size_px: tuple[int, int]
    more_scans: bool
    """Whether a decoder goes on after the first scan: it is progressive, or has its colours one by one."""
    end: int


def _header(jpeg: bytes) -> _Header:
    frames: list[Segment] = []
    last = Segment(0, 0, 0)
    for last in segments(jpeg):
        if last.marker in _SIZE_MARKERS:
            frames.append(last)
    # Two would let a check see one size and a decoder the other.
    if len(frames) != 1 or frames[0].end - frames[0].start < 10:
        raise MalformedError("not-a-picture", "JPEG does not state one size")
    at = frames[0].start
    height, width = int.from_bytes(jpeg[at + 5 : at + 7]), int.from_bytes(jpeg[at + 7 : at + 9])
    if not (width and height):
        raise MalformedError("not-a-picture", "JPEG does not state one size")
    one_scan = (
        frames[0].marker in _SEQUENTIAL and jpeg[last.start + 4 : last.start + 5] == jpeg[at + 9 : at + 10]
    )
    return _Header((width, height), not one_scan, last.end)


def _png_size_px(png: bytes) -> tuple[int, int]:
    if len(png) < 33 or png[8:16] != b"\0\0\0\x0dIHDR":
        raise MalformedError("not-a-picture", "PNG does not begin with its header")
    size = int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
    if 0 in size:
        raise MalformedError("not-a-picture", "PNG states no size")
    return size
