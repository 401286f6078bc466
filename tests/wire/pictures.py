"""Pictures as cameras make them, built here without the code under test."""

import struct
from collections.abc import Mapping
from pathlib import Path

DATA = Path(__file__).parent.parent / "data"
BARE_JPEG = (DATA / "bare.jpg").read_bytes()
BARE_PNG = (DATA / "bare.png").read_bytes()

Tag = tuple[int, int, bytes]
"""Type, count, bytes as they stand in the file."""


def segment(marker: int, data: bytes) -> bytes:
    """Return one JPEG segment."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def with_segments(jpeg: bytes, *extra: bytes) -> bytes:
    """Return *jpeg* with whole segments put right behind its JFIF header."""
    at = 4 + int.from_bytes(jpeg[4:6])
    return jpeg[:at] + b"".join(extra) + jpeg[at:]


def text(value: str) -> Tag:
    return 2, len(value) + 1, value.encode() + b"\0"


def opaque(value: bytes) -> Tag:
    return 7, len(value), value


def shorts(*values: int, order: str = "<") -> Tag:
    return 3, len(values), struct.pack(f"{order}{len(values)}H", *values)


def ratios(*values: tuple[int, int], order: str = "<") -> Tag:
    return 5, len(values), b"".join(struct.pack(order + "II", *value) for value in values)


def tiff(
    image: Mapping[int, Tag],
    photo: Mapping[int, Tag] | None = None,
    position: Mapping[int, Tag] | None = None,
    thumbnail: bytes = b"",
    order: str = "<",
) -> bytes:
    """Return a TIFF block in either byte order, laid out as small cameras do: values right behind each directory."""
    block = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    image = dict(image)
    pointers = [(0x8769, photo or {}), (0x8825, position or {})]
    for pointer, directory in pointers:
        if directory:
            image[pointer] = (4, 1, bytes(4))
    at = 8 + _length(image)
    later = b""
    for pointer, directory in pointers:
        if directory:
            image[pointer] = (4, 1, struct.pack(order + "I", at + len(later)))
            later += _directory(directory, at + len(later), order, 0)
    follow = at + len(later) if thumbnail else 0
    block += _directory(image, 8, order, follow) + later
    if thumbnail:
        place = follow + 2 + 2 * 12 + 4
        ends = {
            0x0201: (4, 1, struct.pack(order + "I", place)),
            0x0202: (4, 1, struct.pack(order + "I", len(thumbnail))),
        }
        block += _directory(ends, follow, order, 0) + thumbnail
    return block


def exif(block: bytes) -> bytes:
    """Return the APP1 segment that holds a TIFF block."""
    return segment(0xE1, b"Exif\0\0" + block)


def _length(directory: Mapping[int, Tag]) -> int:
    return 6 + sum(12 + (len(data) if len(data) > 4 else 0) for _, _, data in directory.values())


def _directory(directory: Mapping[int, Tag], at: int, order: str, follow: int) -> bytes:
    entries, values = b"", b""
    behind = at + 6 + 12 * len(directory)
    for number, (kind, count, data) in sorted(directory.items()):
        if len(data) > 4:
            entries += struct.pack(order + "HHII", number, kind, count, behind + len(values))
            values += data
        else:
            entries += struct.pack(order + "HHI", number, kind, count) + data.ljust(4, b"\0")
    return struct.pack(order + "H", len(directory)) + entries + struct.pack(order + "I", follow) + values


XMP = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
MAKER_NOTE = b"Acme\0" + bytes(range(64))

CAMERA_JPEG = with_segments(
    BARE_JPEG,
    exif(
        tiff(
            image={
                0x010F: text("Acme"),
                0x0110: text("Trail Cam 3"),
                0x0112: shorts(6),
                0x0131: text("Firmware 1.2"),
                0x0132: text("2022:07:19 09:02:00"),
            },
            photo={
                0x829D: ratios((28, 10)),
                0x9003: text("2022:07:19 09:02:00"),
                0x9286: opaque(b"ASCII\0\0\0a word by the maker"),
                0x927C: opaque(MAKER_NOTE),
                0xA431: text("ACME-0001"),
                0xA434: text("35 mm"),
            },
            position={
                1: text("N"),
                2: ratios((35, 1), (39, 1), (31, 1)),
                3: text("E"),
                4: ratios((139, 1), (44, 1), (0, 1)),
            },
            thumbnail=BARE_JPEG,
        )
    ),
    XMP,
)
"""As a trail camera makes them: EXIF in the other byte order with thumbnail and MakerNote, then XMP."""
