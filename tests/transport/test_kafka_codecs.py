"""Compressed batches: every kind that Kafka has, up to a bound, and never more than an error where they are damaged."""

import contextlib
import gzip
import importlib
import struct
from collections.abc import Callable
from typing import Any
from unittest import mock

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import codec
from kafka.errors import CorruptRecordError
from kafka.record import default_records, legacy_records
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from shutterbus_transport.kafka import codecs

Pack = Callable[[bytes], bytes]


def _java_snappy(data: bytes) -> bytes:
    """As Java's SnappyOutputStream frames it: blocks of 32 KiB."""
    blocks = [
        bytes(cramjam.snappy.compress_raw(data[at : at + 32_768])) for at in range(0, len(data), 32_768)
    ]
    framed = b"".join(struct.pack("!I", len(block)) + block for block in blocks)
    return b"\x82SNAPPY\x00" + struct.pack("!ii", 1, 1) + framed


KINDS: dict[str, tuple[Pack, Callable[[bytes], bytes]]] = {
    "gzip": (gzip.compress, codecs.ungzip),
    "zstd": (lambda data: bytes(cramjam.zstd.compress(data)), codecs.unzstd),
    "lz4": (lambda data: bytes(cramjam.lz4.compress(data)), codecs.unlz4),
    "snappy": (lambda data: bytes(cramjam.snappy.compress_raw(data)), codecs.unsnappy),
    "snappy of Java": (_java_snappy, codecs.unsnappy),
}
kinds = pytest.mark.parametrize(("pack", "unpack"), KINDS.values(), ids=list(KINDS))


def test_kafka_python_unpacks_with_ours() -> None:
    """Whoever connects has imported it."""
    importlib.import_module("shutterbus_transport.kafka.library")
    for records in (default_records, legacy_records):
        assert (records.gzip_decode, records.snappy_decode, records.lz4_decode) == (
            codecs.ungzip,
            codecs.unsnappy,
            codecs.unlz4,
        )
    assert default_records.zstd_decode is codecs.unzstd
    assert all((codec.has_snappy(), codec.has_lz4(), codec.has_zstd()))


@kinds
def test_batch_is_unpacked_up_to_a_bound(
    pack: Pack, unpack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kilobyte can unpack to a gigabyte, and kafka-python would."""
    monkeypatch.setattr(codecs, "UNPACKED_MAX_BYTES", 1_000_000)
    assert unpack(pack(bytes(1_000_000))) == bytes(1_000_000)
    with pytest.raises(CorruptRecordError, match="more than 1000000 bytes"):
        unpack(pack(bytes(1_000_001)))


@kinds
def test_batch_that_ends_in_the_middle_is_an_error(pack: Pack, unpack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(CorruptRecordError):
        unpack(pack(b"frame" * 1_000)[:-12])


@pytest.mark.parametrize("unpack", [codecs.ungzip, codecs.unzstd, codecs.unlz4, codecs.unsnappy])
@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_batch_or_an_error(unpack: Callable[[bytes], bytes], data: bytes) -> None:
    for packed in (data, b"\x82SNAPPY\x00" + data):
        with mock.patch.object(codecs, "UNPACKED_MAX_BYTES", 10_000), contextlib.suppress(CorruptRecordError):
            unpack(packed)


@pytest.mark.parametrize(("number", "pack"), [(4, KINDS["zstd"][0]), (3, KINDS["lz4"][0]), (2, _java_snappy)])
def test_records_of_a_compressed_batch_are_read_as_they_were_written(number: int, pack: Pack) -> None:
    """The batch is built by hand, since kafka-python itself has none of these libraries to compress with."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 20,
    )
    builder.append(0, timestamp=1, key=b"gate", value=b"\xff\xd8picture", headers=[("ce_id", b"1")])
    plain = bytes(builder.build())
    head = DefaultRecordBatch.HEADER_STRUCT.size
    batch: Any = DefaultRecordBatch(bytearray(_with_attributes(plain[:head], number) + pack(plain[head:])))
    [record] = list(batch)
    assert (record.key, record.value) == (b"gate", b"\xff\xd8picture")


def _with_attributes(header: bytes, compression: int) -> bytes:
    at = DefaultRecordBatch.ATTRIBUTES_OFFSET
    return header[:at] + struct.pack("!h", compression) + header[at + 2 :]
