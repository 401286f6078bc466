"""SINETStream message formats 3 and 2, without encryption: bytes in, bytes out.

Format 3::

    DF 03 00 00              marker
    00 00                    key version, 0 = not encrypted
    C3 01                    Avro single-object marker
    1F 9C 0C 91 EB 33 66 4F  CRC-64-AVRO of the schema {tstamp: long, msg: bytes}
    <zigzag varint>          tstamp, us since 1970, 0 = none
    <zigzag varint> <bytes>  msg: length, then payload

Format 2 is the same without the first six bytes.
"""

from typing import Literal

from shutterbus_wire.errors import MalformedError

_MARKER = bytes.fromhex("df030000")
_NOT_ENCRYPTED = bytes(2)
_SCHEMA = bytes.fromhex("c301 1f9c0c91eb33664f")
_VARINT_MAX_BYTES = 10
_LONG_MAX = 2**63 - 1


def version_of(data: bytes) -> Literal[3, 2] | None:
    """Return the message format that *data* begins like, None for anything else; ``decode`` says whether it is one."""
    if data.startswith(_MARKER):
        return 3
    return 2 if data.startswith(_SCHEMA) else None


def encode(payload: bytes, tstamp_us: int, version: Literal[3, 2]) -> bytes:
    """Return the message that carries *payload*. *tstamp_us* 0 means none."""
    head = _MARKER + _NOT_ENCRYPTED if version == 3 else b""
    return b"".join((head, _SCHEMA, _long(tstamp_us), _long(len(payload)), payload))


def decode(data: bytes) -> tuple[bytes, int]:
    """Return the payload and tstamp of a message in either format. Bytes behind it are ignored.

    Raises:
        MalformedError: Not such a message, torn, or encrypted.
    """
    at = 0
    if data.startswith(_MARKER):
        at = len(_MARKER) + len(_NOT_ENCRYPTED)
        if data[len(_MARKER) : at] != _NOT_ENCRYPTED:
            raise MalformedError("encrypted", "SINETStream message is encrypted; its key is not known here")
    if not data.startswith(_SCHEMA, at):
        raise MalformedError("broken-envelope", f"no SINETStream message: begins with {data[:16].hex(' ')}")
    tstamp_us, at = _read_long(data, at + len(_SCHEMA))
    length, at = _read_long(data, at)
    if not 0 <= length <= len(data) - at:
        raise MalformedError("broken-envelope", f"SINETStream message has {len(data) - at} bytes of {length}")
    return data[at : at + length], tstamp_us


def _long(number: int) -> bytes:
    """Return *number* as Avro writes a long: zigzag, then seven bits a byte, lowest first."""
    rest = number << 1 if number >= 0 else (-number << 1) - 1
    encoded = bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


def _read_long(data: bytes, at: int) -> tuple[int, int]:
    """Return the long at *at* and the place behind it."""
    rest = 0
    for place, byte in enumerate(data[at : at + _VARINT_MAX_BYTES]):
        rest |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            number = (rest >> 1) ^ -(rest & 1)
            if not -_LONG_MAX - 1 <= number <= _LONG_MAX:
                break
            return number, at + place + 1
    raise MalformedError("broken-envelope", f"SINETStream message has no number at byte {at}")
