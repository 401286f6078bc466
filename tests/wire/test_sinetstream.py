"""The wire format of SINETStream, both ways. The golden vector is in test_golden."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shutterbus_wire import sinetstream
from shutterbus_wire.errors import MalformedError

V2 = bytes.fromhex("c3011f9c0c91eb33664f")
V3 = bytes.fromhex("df0300000000") + V2


@given(st.binary(max_size=300), st.integers(-(2**63), 2**63 - 1), st.sampled_from([3, 2]))
def test_any_payload_and_time_come_back(payload: bytes, tstamp_us: int, version: int) -> None:
    data = sinetstream.encode(payload, tstamp_us, 3 if version == 3 else 2)
    assert sinetstream.version_of(data) == version
    assert sinetstream.decode(data) == (payload, tstamp_us)
    assert sinetstream.decode(data + b"behind it") == (payload, tstamp_us)


def test_format_2_is_format_3_without_its_first_six_bytes() -> None:
    assert sinetstream.encode(b"x", 5, 3)[6:] == sinetstream.encode(b"x", 5, 2)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xd8\xff", "broken-envelope"),
        (b"", "broken-envelope"),
        (bytes.fromhex("df0300000001") + V2, "encrypted"),
        (bytes.fromhex("df03000000"), "encrypted"),
        (bytes.fromhex("df0300010000") + V2, "broken-envelope"),
        (V3[:-1], "broken-envelope"),
        (V3, "broken-envelope"),
        (V3 + b"\0", "broken-envelope"),
        (V3 + b"\0\x04a", "broken-envelope"),  # two bytes announced, one there
        (V3 + b"\0\x01", "broken-envelope"),  # length -1
        (V3 + b"\xff" * 40, "broken-envelope"),  # a number without end
        (V3 + b"\0" + b"\xff" * 9 + b"\x7f", "broken-envelope"),  # a number over 64 bits
        (V3 + b"\0" + bytes.fromhex("feffffffffffffffff01"), "broken-envelope"),  # 2**63 - 1 bytes
    ],
)
def test_a_message_that_is_not_whole_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedError) as refused:
        sinetstream.decode(data)
    assert refused.value.reason == reason
