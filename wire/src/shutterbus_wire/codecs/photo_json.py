r"""A picture as text: ``{"m_id": "0", "datetime": "2022-09-27 06:45:09", "photo": "<base64>"}``.

The form of small Kafka projects that send everything as JSON. The photo is cut out before the rest is parsed,
so that a large message costs no more than its picture, whatever its shape.
"""

import base64
import binascii
import json
import re
from urllib.parse import unquote_to_bytes

from shutterbus_wire import instant
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.frame import Frame

REST_MAX_BYTES = 64 * 1024
"""What may stand beside the photo."""

_BEGINNING = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*+\{")
_DATA_URL = re.compile(rb"data:([^,]*+),", re.IGNORECASE)
_COLON = re.compile(rb"[ \t\r\n]*+:")
_BLANKS = b" \t\r\n"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_PLACE = "the photo"
"""Stands for the photo while the rest is parsed."""


class PhotoJson:
    """A JSON object with the picture in base64, or as a data URL (RFC 2397); its ``datetime`` is the time of capture, where it
    tells its zone.
    """

    def recognises(self, value: bytes) -> bool:
        return _BEGINNING.match(value) is not None

    def decode(self, value: bytes) -> tuple[bytes, int | None]:
        start, end = _longest_string(value)
        if start == end:
            raise MalformedError("not-a-picture", "JSON has no photo")
        if len(value) - (end - start) > REST_MAX_BYTES:
            raise _too_much()
        rest = b'%s"%s"%s' % (value[:start], _PLACE.encode(), value[end:])
        try:
            members = json.loads(rest.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise _unreadable(error) from error
        photo = members.get("photo") if isinstance(members, dict) else None
        if not isinstance(photo, str):
            if b'"photo"' in rest:
                raise MalformedError("broken-envelope", "JSON has its photo in the wrong place")
            raise MalformedError("not-a-picture", "JSON has no photo")
        if photo != _PLACE and end - start > REST_MAX_BYTES:
            raise _too_much()
        try:
            picture = _picture(_unescaped(value[start + 1 : end - 1]) if photo == _PLACE else photo.encode())
        except ValueError as error:
            raise _unreadable(error) from error
        when = members.get("datetime")
        return picture, instant.parse(when) if isinstance(when, str) else None

    def encode(self, frame: Frame) -> tuple[bytes, str]:
        """Return the message; ``datetime`` is in UTC, without saying so: readers of this form expect that pattern."""
        when = instant.at(frame.metadata.captured_at_us).strftime("%Y-%m-%d %H:%M:%S")
        head = json.dumps({"m_id": frame.metadata.camera, "datetime": when})[:-1]
        value = b"".join((head.encode(), b', "photo": "', base64.b64encode(frame.data), b'"}'))
        return value, "application/json"

    def picture_max_bytes(self, message_max_bytes: int) -> int:
        return message_max_bytes // 4 * 3  # base64 makes four characters of three bytes


def _longest_string(value: bytes) -> tuple[int, int]:
    """Return where the longest string in *value* that is no name begins and ends, with its quotes."""
    longest, at = (0, 0), 0
    # Each has two quotes: with more of them there is too much beside the photo.
    for _ in range(REST_MAX_BYTES // 2):
        if (start := value.find(b'"', at)) < 0:
            break
        end = start
        while True:
            if (end := value.find(b'"', end + 1)) < 0:
                raise MalformedError("broken-envelope", "JSON ends inside a string")
            before = value[start + 1 : end]
            if (len(before) - len(before.rstrip(b"\\"))) % 2 == 0:
                break  # else the quote is a part of it
        at = end + 1
        if at - start > longest[1] - longest[0] and not _COLON.match(value, at):
            longest = start, at
    return longest


def _unescaped(text: bytes) -> bytes:
    return str(json.loads(b'"%s"' % text)).encode() if b"\\" in text else text


def _picture(text: bytes) -> bytes:
    """Return the picture in *text*; ValueError if it is none of the two forms."""
    if url := _DATA_URL.match(text):
        text = unquote_to_bytes(text[url.end() :])
        if not url[1].lower().rstrip().endswith(b";base64"):
            return text
    text = text.translate(_URL_SAFE, _BLANKS)
    if len(text) % 4:  # padding that was left out
        text = text.rstrip(b"=")
        text += b"=" * (-len(text) % 4)
    return binascii.a2b_base64(text, strict_mode=True)


def _too_much() -> MalformedError:
    return MalformedError("broken-envelope", f"JSON has more than {REST_MAX_BYTES} bytes beside its photo")


def _unreadable(error: Exception) -> MalformedError:
    return MalformedError("broken-envelope", f"JSON with a photo cannot be read: {error}"[:200])
