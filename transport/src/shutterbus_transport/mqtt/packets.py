"""MQTT 3.1.1 by hand, for a bare connection: a login, and the beginning of a message."""

import secrets
import struct

from shutterbus_transport.settings import BrokerSettings

KEEPALIVE_S = 10
"""Longer than any use of a bare connection, and as little as a broker can insist on."""


def connect(settings: BrokerSettings) -> bytes:
    """Return the CONNECT of a client of its own, with user and password where *settings* have them."""
    flags = 0x02 | (0x80 if settings.username is not None else 0) | (0x40 if settings.password else 0)
    body = _text("MQTT") + bytes((4, flags)) + struct.pack(">H", KEEPALIVE_S)
    body += _text(f"shutterbus-doctor-{secrets.token_hex(8)}")
    if settings.username is not None:
        body += _text(settings.username)
    if settings.password:
        body += _text(settings.password.get_secret_value())
    return b"\x10" + _length(len(body)) + body


def begin_publish(topic: str, size_bytes: int) -> bytes:
    """Return how a PUBLISH to *topic* begins whose packet has *size_bytes*."""
    return b"\x30" + _length(size_bytes) + _text(topic)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _length(length: int) -> bytes:
    packed = b""
    while True:
        length, low = divmod(length, 128)
        packed += bytes((low | (0x80 if length else 0),))
        if not length:
            return packed
