"""A picture as the payload of a SINETStream message, not encrypted."""

from typing import Literal

from shutterbus_wire import instant, sinetstream
from shutterbus_wire.frame import Frame


class Sinetstream:
    """SINETStream's message format 3 or 2. Its ``tstamp`` is the time of capture, where it is one."""

    def __init__(self, version: Literal[3, 2]) -> None:
        self._version: Literal[3, 2] = version

    def recognises(self, value: bytes) -> bool:
        return sinetstream.version_of(value) == self._version

    def decode(self, value: bytes) -> tuple[bytes, int | None]:
        picture, tstamp_us = sinetstream.decode(value)
        return picture, tstamp_us if 0 < tstamp_us <= instant.LAST_US else None

    def encode(self, frame: Frame) -> tuple[bytes, str]:
        value = sinetstream.encode(frame.data, frame.metadata.captured_at_us, self._version)
        return value, "application/octet-stream"

    def picture_max_bytes(self, message_max_bytes: int) -> int:
        return message_max_bytes
