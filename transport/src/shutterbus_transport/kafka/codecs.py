"""How a compressed batch is unpacked: up to a bound, whatever it was compressed with.

Nothing of ours compresses, but a topic's ``compression.type`` or a foreign producer may. kafka-python unpacks a batch of any
size, and a kilobyte can unpack to a gigabyte; for all but gzip it also wants a library each. One small one, cramjam, reads
the three of them here, and is loaded when the first such batch comes.
"""

import importlib
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from kafka import codec
from kafka.errors import CorruptRecordError, UnsupportedCodecError
from kafka.record import default_records, legacy_records

UNPACKED_MAX_BYTES = 64 * 1024 * 1024
"""Of one batch."""
ROOM_MIN_BYTES = 256 * 1024
_XERIAL = b"\x82SNAPPY\x00"
"""Begins what Java's clients compress with snappy: two versions follow, then blocks with their length before them."""
_XERIAL_HEADER_BYTES = 16


def ungzip(packed: Any) -> bytes:
    """Return what *packed* holds; raise CorruptRecordError where that is damaged or too much."""
    stream = zlib.decompressobj(wbits=31)  # gzip's own header and trailer
    try:
        data = stream.decompress(packed, UNPACKED_MAX_BYTES)
    except zlib.error as error:
        raise CorruptRecordError(f"a batch compressed with gzip is damaged: {error}") from error
    if stream.unconsumed_tail:
        raise CorruptRecordError(f"a batch compressed with gzip has more than {UNPACKED_MAX_BYTES} bytes")
    if not stream.eof:
        raise CorruptRecordError("a batch compressed with gzip ends in the middle")
    return data


def unzstd(packed: bytes) -> bytes:
    """See ``ungzip``."""
    return _with_room("zstd", packed)


def unlz4(packed: bytes) -> bytes:
    """See ``ungzip``."""
    return _with_room("lz4", packed)


def unsnappy(packed: bytes) -> bytes:
    """See ``ungzip``; with Java's framing around it or without."""
    cramjam = _cramjam("snappy")
    try:
        blocks = list(_blocks(packed)) if packed.startswith(_XERIAL) else [packed]
        if sum(cramjam.snappy.decompress_raw_len(block) for block in blocks) > UNPACKED_MAX_BYTES:
            raise CorruptRecordError(
                f"a batch compressed with snappy has more than {UNPACKED_MAX_BYTES} bytes"
            )
        return b"".join(bytes(cramjam.snappy.decompress_raw(block)) for block in blocks)
    except (cramjam.DecompressionError, struct.error) as error:
        raise CorruptRecordError(f"a batch compressed with snappy is damaged: {error}") from error


def install() -> None:
    """Have kafka-python unpack with these."""
    for records in (default_records, legacy_records):
        records.gzip_decode = ungzip
        records.snappy_decode = unsnappy
        records.lz4_decode = unlz4
    default_records.zstd_decode = unzstd
    codec.has_snappy = codec.has_lz4 = codec.has_zstd = lambda: (
        True
    )  # where it is not so, ``_cramjam`` says it


def _blocks(packed: bytes) -> Iterator[bytes]:
    at = _XERIAL_HEADER_BYTES
    while at < len(packed):
        (length,) = struct.unpack_from("!I", packed, at)
        yield packed[at + 4 : at + 4 + length]
        at += 4 + length


def _with_room(name: str, packed: bytes) -> bytes:
    """Unpack within a room of fixed size: how much is in it is known only at its end. Pictures hardly shrink, so a small one does."""
    cramjam = _cramjam(name)
    decompress_into = getattr(cramjam, name).decompress_into
    failure = ""
    for room_bytes in (min(UNPACKED_MAX_BYTES, max(ROOM_MIN_BYTES, 4 * len(packed))), UNPACKED_MAX_BYTES):
        room = bytearray(room_bytes)
        try:
            length = decompress_into(packed, room)
        except cramjam.DecompressionError as error:
            failure = str(error)
        else:
            return bytes(memoryview(room)[:length])
    raise CorruptRecordError(
        f"a batch compressed with {name} is damaged, or has more than {UNPACKED_MAX_BYTES} bytes: {failure}"
    )


def _cramjam(name: str) -> Any:
    try:
        return importlib.import_module("cramjam")
    except ModuleNotFoundError as error:
        raise UnsupportedCodecError(
            f"a batch compressed with {name} is read with the Python module cramjam, which is not there: pip install cramjam"
        ) from error
