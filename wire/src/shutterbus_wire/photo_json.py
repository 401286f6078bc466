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

REST_MAX_BYTES = 64 * 1024
"""What may stand beside the photo."""

_PHOTO = re.compile(rb'"photo"\s*+:\s*+"(?:data:image/(?:jpeg|png);base64,)?+')


def is_photo_json(data: bytes) -> bool:
    """Whether *data* begins like a JSON object; ``decode`` says whether it carries a photo."""
    return data[:64].lstrip().startswith(b"{")


def encode(picture: bytes, camera: str, captured_at_us: int) -> bytes:
    """Return the message; ``datetime`` is in UTC."""
    when = instant.at(captured_at_us).strftime("%Y-%m-%d %H:%M:%S")
    head = json.dumps({"m_id": camera, "datetime": when})[:-1]
    return b"".join((head.encode(), b', "photo": "', base64.b64encode(picture), b'"}'))


def decode(data: bytes) -> tuple[bytes, int | None]:
    """Return the picture, and the instant that ``datetime`` names, None where it does not tell its zone.

    Raises:
        MalformedError: No JSON object with a ``photo`` in base64, or too much beside it.
    """
    match = _PHOTO.search(data)
    if match is None:
        raise MalformedError("not-a-picture", "JSON has no photo")
    start, end = match.end(), data.find(b'"', match.end())
    if end < 0:
        raise MalformedError("broken-envelope", "JSON ends inside its photo")
    if len(data) - (end - start) > REST_MAX_BYTES:
        raise MalformedError("broken-envelope", f"JSON has more than {REST_MAX_BYTES} bytes beside its photo")
    text = data[start:end]
    if b"\\" in text:
        text = text.replace(b"\\/", b"/").replace(b"\\n", b"").replace(b"\\r", b"")
    try:
        picture = binascii.a2b_base64(text.translate(None, b" \t\r\n"), strict_mode=True)
        members = json.loads((data[: match.start()] + b'"photo":"' + data[end:]).decode())
    except (ValueError, RecursionError) as error:
        raise MalformedError("broken-envelope", f"JSON with a photo cannot be read: {error}"[:200]) from error
    if not isinstance(members, dict) or members.get("photo") != "":
        raise MalformedError("broken-envelope", "JSON has its photo in the wrong place")
    when = members.get("datetime")
    return picture, instant.parse(when) if isinstance(when, str) else None
