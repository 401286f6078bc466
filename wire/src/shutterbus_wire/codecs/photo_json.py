r"""A picture as text: ``{"m_id": "0", "datetime": "2022-09-27 06:45:09", "photo": "<base64>"}``.

The form of small Kafka projects that send everything as JSON. The photo is cut out before the rest is parsed,
so that a large message costs no more than its picture, whatever its shape.
"""

import base64
import binascii
import json
import re

from shutterbus_wire import instant
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.frame import Frame

REST_MAX_BYTES = 64 * 1024
"""What may stand beside the photo."""

_PHOTO = re.compile(rb'"photo"\s*+:\s*+"(?:data:image/(?:jpeg|png);base64,)?+')


class PhotoJson:
    """A JSON object with the picture in base64; its ``datetime`` is the time of capture, where it tells its zone."""

    def recognises(self, value: bytes) -> bool:
        return value[:64].lstrip().startswith(b"{")

    def decode(self, value: bytes) -> tuple[bytes, int | None]:
        match = _PHOTO.search(value)
        if match is None:
            raise MalformedError("not-a-picture", "JSON has no photo")
        start, end = match.end(), value.find(b'"', match.end())
        if end < 0:
            raise MalformedError("broken-envelope", "JSON ends inside its photo")
        if len(value) - (end - start) > REST_MAX_BYTES:
            raise MalformedError(
                "broken-envelope", f"JSON has more than {REST_MAX_BYTES} bytes beside its photo"
            )
        text = value[start:end]
        if b"\\" in text:
            text = text.replace(b"\\/", b"/").replace(b"\\n", b"").replace(b"\\r", b"")
        try:
            picture = binascii.a2b_base64(text.translate(None, b" \t\r\n"), strict_mode=True)
            members = json.loads((value[: match.start()] + b'"photo":"' + value[end:]).decode())
        except (ValueError, RecursionError) as error:
            raise MalformedError(
                "broken-envelope", f"JSON with a photo cannot be read: {error}"[:200]
            ) from error
        if not isinstance(members, dict) or members.get("photo") != "":
            raise MalformedError("broken-envelope", "JSON has its photo in the wrong place")
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
