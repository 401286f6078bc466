"""The tag directories inside EXIF: read in either byte order, written big-endian.

The reader keeps what it can and skips an entry that points outside; cameras write many such. Its work and its
memory are bounded by the size of the segment, also for entries that all point at the same bytes.
"""

import struct
from dataclasses import dataclass, field
from typing import Final

from shutterbus_wire.errors import MalformedError

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
ORIENTATION = 0x0112

_PHOTO_POINTER, _POSITION_POINTER, _INTEROP_POINTER = 0x8769, 0x8825, 0xA005
_POINTERS = frozenset({_PHOTO_POINTER, _POSITION_POINTER, _INTEROP_POINTER})

# Bytes a value and bytes a number in it, by type; a rational is two numbers of four bytes.
_SIZES: Final = {
    1: (1, 1), 2: (1, 1), 3: (2, 2), 4: (4, 4), 5: (8, 4), 6: (1, 1), 7: (1, 1),
    8: (2, 2), 9: (4, 4), 10: (8, 4), 11: (4, 4), 12: (8, 8), 13: (4, 4), 129: (1, 1),
}  # fmt: skip
_FORMATS: Final = {2: "H", 4: "I", 8: "Q"}
_ENTRY: Final = struct.Struct(">HHI4s")
_INLINE_MAX_BYTES = 4
"""Of a value that stands in its entry, and not behind the directory."""


@dataclass(frozen=True, slots=True)
class Value:
    """What one tag holds: a TIFF type, how many of it, and their bytes, big-endian."""

    kind: int
    count: int
    data: bytes


Directory = dict[int, Value]


@dataclass(slots=True)
class Tags:
    """The directories of one EXIF block; pointers between them are left out, ``write`` makes them."""

    image: Directory = field(default_factory=dict)
    photo: Directory = field(default_factory=dict)
    position: Directory = field(default_factory=dict)
    interop: Directory = field(default_factory=dict)


def ascii_value(text: str) -> Value:
    """Return *text* as ASCII with its NUL; what ASCII cannot spell becomes ``?``."""
    data = text.replace("\0", "").encode("ascii", "replace") + b"\0"
    return Value(ASCII, len(data), data)


def text(value: Value | None) -> str | None:
    """Return the text of an ASCII value, None for anything else."""
    if value is None or value.kind != ASCII:
        return None
    return value.data.split(b"\0", 1)[0].decode("ascii", "replace")


def read(block: bytes) -> Tags:
    """Return the tags of *block*, which begins with ``MM`` or ``II``. A thumbnail's directory is not followed.

    Raises:
        MalformedError: It does not begin like TIFF.
    """
    reader = _Reader(block)
    image = reader.first()
    photo = reader.follow(image, _PHOTO_POINTER)
    tags = Tags(image, photo, reader.follow(image, _POSITION_POINTER), reader.follow(photo, _INTEROP_POINTER))
    for directory in (tags.image, tags.photo, tags.position, tags.interop):
        for pointer in _POINTERS & directory.keys():
            del directory[pointer]
    return tags


def read_first(block: bytes) -> Directory:
    """Return the first directory of *block* alone, which speaks of the picture as a whole; see ``read``."""
    return _Reader(block).first()


class _Reader:
    def __init__(self, block: bytes) -> None:
        order = {b"MM\0*": ">", b"II*\0": "<"}.get(block[:4])
        if order is None or len(block) < 8:
            raise MalformedError("broken-exif", "EXIF does not begin with a TIFF header")
        self._block = block
        self._order = order
        self._budget = len(block)

    def first(self) -> Directory:
        return self.directory(struct.unpack_from(self._order + "I", self._block, 4)[0])

    def directory(self, at: int) -> Directory:
        block, order = self._block, self._order
        if at + 2 > len(block):
            return {}
        (announced,) = struct.unpack_from(order + "H", block, at)
        values: Directory = {}
        for entry in range(at + 2, min(at + 2 + announced * 12, len(block) - 11), 12):
            tag, kind, count = struct.unpack_from(order + "HHI", block, entry)
            size, unit = _SIZES.get(kind, (0, 0))
            length = size * count
            if not 0 < length <= self._budget:
                continue
            start = entry + 8 if length <= 4 else struct.unpack_from(order + "I", block, entry + 8)[0]
            data = block[start : start + length]
            if len(data) == length:
                self._budget -= length
                values[tag] = Value(kind, count, self._big_endian(data, unit))
        return values

    def follow(self, directory: Directory, pointer: int) -> Directory:
        value = directory.get(pointer)
        if value is None or len(value.data) != 4:
            return {}
        return self.directory(int.from_bytes(value.data))

    def _big_endian(self, data: bytes, unit: int) -> bytes:
        if unit == 1 or self._order == ">":
            return data
        layout = f"{len(data) // unit}{_FORMATS[unit]}"
        return struct.pack(">" + layout, *struct.unpack("<" + layout, data))


def write(tags: Tags) -> bytes:
    """Return *tags* as a big-endian TIFF block: header, then each directory with its values behind it."""
    image, photo = dict(tags.image), dict(tags.photo)
    placeholder = Value(LONG, 1, bytes(4))
    if tags.interop:
        photo[_INTEROP_POINTER] = placeholder
    if photo:
        image[_PHOTO_POINTER] = placeholder
    if tags.position:
        image[_POSITION_POINTER] = placeholder
    photo_at = 8 + _size(image)
    interop_at = photo_at + _size(photo)
    position_at = interop_at + _size(tags.interop)
    for directory, pointer, at in (
        (image, _PHOTO_POINTER, photo_at),
        (photo, _INTEROP_POINTER, interop_at),
        (image, _POSITION_POINTER, position_at),
    ):
        if pointer in directory:
            directory[pointer] = Value(LONG, 1, at.to_bytes(4))
    return b"".join((
        b"MM\0*\0\0\0\x08",
        _pack(image, 8),
        _pack(photo, photo_at),
        _pack(tags.interop, interop_at),
        _pack(tags.position, position_at),
    ))  # fmt: skip


def size(tags: Tags) -> int:
    """Return how long ``write`` will make *tags*, or a little more."""
    pointers = 3 * 12
    return (
        8
        + pointers
        + sum(_size(directory) for directory in (tags.image, tags.photo, tags.position, tags.interop))
    )


def _size(directory: Directory) -> int:
    if not directory:
        return 0
    return 6 + 12 * len(directory) + sum(map(room, directory.values()))


def room(value: Value) -> int:
    """Bytes that a value takes behind its directory: none up to four, then an even number."""
    return 0 if len(value.data) <= _INLINE_MAX_BYTES else (len(value.data) + 1) & ~1


def _pack(directory: Directory, at: int) -> bytes:
    if not directory:
        return b""
    values_at = at + 6 + 12 * len(directory)
    entries, values = bytearray(len(directory).to_bytes(2)), bytearray()
    for tag in sorted(directory):
        value = directory[tag]
        here = value.data
        if len(here) > _INLINE_MAX_BYTES:
            here = (values_at + len(values)).to_bytes(4)
            values += value.data
            values += bytes(len(values) & 1)
        entries += _ENTRY.pack(tag, value.kind, value.count, here)
    return b"".join((entries, bytes(4), values))
