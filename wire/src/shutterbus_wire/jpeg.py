"""The outside of a picture: what it is, how large, and where its parts begin. Pixels are never decoded.

A JPEG is ``FF D8``, then segments ``FF <marker> <length, 2 bytes> <data>``, one of which (SOFn) says its size
and the last of which (SOS) begins the scan. Only what lies before the scan is walked, so the work does not
grow with the picture; and it is walked once: what was learnt travels on as a ``Header``.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from mmap import mmap
from typing import Literal, NamedTuple

from shutterbus_wire import tiff
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
_LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_HIERARCHICAL = frozenset({0xC5, 0xC6, 0xCD, 0xCE})
BITS = 8
"""Of a colour, in every JPEG that browsers draw. Medical and infrared cameras have 12, or lossless coding."""
_SEQUENTIAL = frozenset({0xC0, 0xC1, 0xC9})
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # TEM and RSTn have no length
_FORBIDDEN = frozenset({0x00, 0xD8, _EOI})
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EXIF = (b"Exif\0\0", b"Exif\0\xff")
_SIDEWAYS = range(5, 9)
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
"""In the data of a scan FF 00 is a byte of it, and FF D0 to FF D7 are its restarts."""


class Segment(NamedTuple):
    """A part of a JPEG's header, from its ``FF`` at *start* to the byte behind it at *end*."""

    marker: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture says of itself before its pixels.

    Attributes:
        size_px: Width and height of its pixels, before they are turned upright.
        orientation: EXIF's Orientation, 1 where there is none.
        exif: Its EXIF segments; one, as a rule.
        scan_at: Where the data of the first scan begin; 0 for a PNG.
        has_more_scans: Whether a decoder goes on after the first scan: it is progressive, or has its colours one by one.
        sampling: How many samples each colour has across and down, relative to the others.
        rarity: What no browser can draw about it, such as ``12 bits a colour``; empty for nearly every picture.
    """

    content_type: ContentType
    size_px: tuple[int, int]
    orientation: int = 1
    exif: tuple[Segment, ...] = ()
    scan_at: int = 0
    has_more_scans: bool = False
    sampling: tuple[tuple[int, int], ...] = ()
    rarity: str = ""

    @property
    def upright_size_px(self) -> tuple[int, int]:
        """Width and height as a browser shows it: a camera mounted sideways says so in its EXIF instead of turning pixels."""
        width, height = self.size_px
        return (height, width) if self.orientation in _SIDEWAYS else (width, height)


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


def exif_block(jpeg: bytes, segment: Segment) -> bytes:
    """Return the TIFF directories in an EXIF *segment*."""
    return jpeg[segment.start + 10 : segment.end]


def exif_segments(jpeg: bytes) -> Iterator[Segment]:
    """Yield the EXIF segments; a caller that takes the first alone walks no further."""
    return (segment for segment in segments(jpeg) if is_exif(jpeg, segment))


def read_header(picture: bytes) -> Header:
    """Return the header of a JPEG or PNG. This walks it: keep the result beside the picture.

    Raises:
        MalformedError: No picture, a damaged header, or more pixels than a decoder should be asked for.
    """
    match sniff(picture):
        case "image/jpeg":
            header, limit = _jpeg_header(picture), JPEG_PIXELS_MAX
        case "image/png":
            header, limit = _png_header(picture), PNG_PIXELS_MAX
        case None:
            raise MalformedError(
                "not-a-picture", f"neither JPEG nor PNG: begins with {picture[:4].hex(' ') or 'nothing'}"
            )
    width, height = header.size_px
    if width * height > limit:
        raise MalformedError("too-many-pixels", f"{width}x{height} pixels are more than the {limit} accepted")
    return header


def size_px(picture: bytes) -> tuple[int, int]:
    """Return width and height as the header states them; see ``read_header``."""
    return read_header(picture).size_px


def check_whole(picture: bytes) -> Header:
    """Return the header of *picture* if that is sound, of an acceptable size, and the picture reaches its end mark.

    A camera that loses data on its cable hands over pictures without one. What follows the mark (padding, a
    second picture) is accepted.

    Raises:
        MalformedError: It is not so.
    """
    header = read_header(picture)
    if header.content_type == "image/png":
        if picture.rfind(b"IEND") < 0:
            raise MalformedError("torn-picture", f"PNG of {len(picture)} bytes has no end mark")
        return header
    if picture.rfind(b"\xff\xd9", header.scan_at) < 0:
        raise MalformedError("torn-picture", f"JPEG of {len(picture)} bytes has no end mark")
    if header.has_more_scans and picture.count(b"\xff\xda", header.scan_at) >= SCANS_MAX:
        raise MalformedError("too-many-scans", f"JPEG has more than {SCANS_MAX} scans")
    return header


def end_of_picture(jpeg: bytes | mmap, scan_at: int) -> int:
    """Return where the first picture in *jpeg* ends, behind its end mark; its first scan begins at *scan_at*.

    Raises:
        MalformedError: It has no end.
    """
    at = scan_at
    while match := _MARKER.search(jpeg, at):
        marker = match[0][1]
        if marker == _EOI:
            return match.end()
        if marker == SOI[1]:
            break  # another one begins
        at = match.end()
        if marker not in _STANDALONE:
            at += int.from_bytes(jpeg[at : at + 2])
    raise MalformedError("torn-picture", f"JPEG of {len(jpeg)} bytes has no end mark")


def without_exif(jpeg: bytes) -> bytes:
    """Return *jpeg* without its EXIF segments and otherwise byte for byte the same.

    Raises:
        MalformedError: See ``segments``.
    """
    return b"".join(pieces_without(jpeg, exif_segments(jpeg)))


def pieces_without(jpeg: bytes, left_out: Iterable[Segment]) -> list[memoryview]:
    """Return what surrounds the segments *left_out*, SOI first, for joining without a second copy."""
    view = memoryview(jpeg)
    pieces, at = [view[: len(SOI)]], len(SOI)
    for segment in left_out:
        pieces.append(view[at : segment.start])
        at = segment.end
    pieces.append(view[at:])
    return pieces


def _jpeg_header(jpeg: bytes) -> Header:
    sizes: list[Segment] = []
    exif: list[Segment] = []
    last = Segment(0, 0, 0)
    for last in segments(jpeg):
        if last.marker in _SIZE_MARKERS:
            sizes.append(last)
        elif is_exif(jpeg, last):
            exif.append(last)
    # Two would let a check see one size and a decoder the other.
    if len(sizes) != 1 or sizes[0].end - sizes[0].start < 10:
        raise MalformedError("not-a-picture", "JPEG does not state one size")
    marker, at, end = sizes[0]
    height, width = int.from_bytes(jpeg[at + 5 : at + 7]), int.from_bytes(jpeg[at + 7 : at + 9])
    if not (width and height):
        raise MalformedError("not-a-picture", "JPEG does not state one size")
    one_scan = marker in _SEQUENTIAL and jpeg[last.start + 4 : last.start + 5] == jpeg[at + 9 : at + 10]
    return Header(
        "image/jpeg",
        (width, height),
        _orientation(exif_block(jpeg, exif[0])) if exif else 1,
        tuple(exif),
        last.end,
        not one_scan,
        tuple((max(1, factors >> 4), max(1, factors & 15)) for factors in jpeg[at + 11 : end : 3]),
        _rarity(marker, jpeg[at + 4]),
    )


def _rarity(size_marker: int, bits: int) -> str:
    if size_marker in _LOSSLESS:
        return "lossless coding"
    if size_marker in _HIERARCHICAL:
        return "hierarchical coding"
    return f"{bits} bits a colour" if bits != BITS else ""


def _orientation(block: bytes) -> int:
    try:
        value = tiff.read_first(block).get(tiff.ORIENTATION)
    except MalformedError:
        return 1
    return int.from_bytes(value.data[:2]) if value and value.kind == tiff.SHORT else 1


def _png_header(png: bytes) -> Header:
    return Header("image/png", _png_size_px(png), _png_orientation(png))


def _png_orientation(png: bytes) -> int:
    """Return what the eXIf chunk says, where there is one before the pixels, as browsers read it."""
    at = len(_PNG_SIGNATURE)
    for _ in range(STEPS_MAX):
        length, kind = int.from_bytes(png[at : at + 4]), png[at + 4 : at + 8]
        if kind == b"eXIf":
            return _orientation(png[at + 8 : at + 8 + length])
        if kind in {b"IDAT", b"IEND", b""}:
            break
        at += 12 + length
    return 1


def _png_size_px(png: bytes) -> tuple[int, int]:
    if len(png) < 33 or png[8:16] != b"\0\0\0\x0dIHDR":
        raise MalformedError("not-a-picture", "PNG does not begin with its header")
    size = int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
    if 0 in size:
        raise MalformedError("not-a-picture", "PNG states no size")
    return size
