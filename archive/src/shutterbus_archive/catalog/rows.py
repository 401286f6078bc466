"""What the catalog keeps of frames and messages, as its callers see it."""

from dataclasses import dataclass

from shutterbus_archive.store.layout import FrameKey
from shutterbus_wire.identity import FrameId

FrameName = tuple[str, FrameId]
"""A camera and the id of one of its frames."""


@dataclass(frozen=True, slots=True)
class FrameRow:
    """What the catalog keeps of a frame that has been stored. See ``schema.frame``."""

    key: FrameKey
    captured_at_us: int
    archived_at_us: int
    size_bytes: int
    crc: int
    flags: int = 0

    @property
    def name(self) -> FrameName:
        return self.key.camera, self.key.id


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """What the catalog keeps of a message that could not be used. See ``schema.quarantine``."""

    camera: str
    reason: str
    sentence: str
    transport: str
    topic: str
    position: str
    digest: bytes
    size_bytes: int
    at_us: int
    key: str
    id: int | None = None
    """The number by which people name it; None before the catalog has it."""
