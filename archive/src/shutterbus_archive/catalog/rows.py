"""What the catalog keeps of frames and messages, as its callers see it."""

from dataclasses import dataclass

from shutterbus_wire.identity import FrameId
from shutterbus_wire.store_layout import FrameKey

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
class Added:
    """What was new in a group: its frames, and how many reports and readings."""

    frames: list[FrameRow]
    telemetry: int


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """What the catalog keeps of a message that could not be used. See ``schema.quarantine``.

    Attributes:
        id: The number by which people name it; None before the catalog has it.
        frame: Which frame of its camera it says it is, where that can be read; the catalog notes the number in ``schema.span``.
    """

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
    frame: FrameId | None = None


@dataclass(frozen=True, slots=True)
class Erasure:
    """An order to erase frames of *camera*: numbers of an epoch, or what was taken within a time. See ``schema.erased``."""

    id: str
    camera: str
    reason: str
    at_us: int
    epoch: str | None = None
    first: int | None = None
    last: int | None = None
    from_us: int | None = None
    to_us: int | None = None

    def covers(self, camera: str, identity: FrameId, captured_at_us: int, *, clock_synced: bool) -> bool:
        """Whether a frame that comes now is meant. By its time only where its camera trusted its clock: a wrong one would cost it."""
        if camera != self.camera:
            return False
        if self.epoch is not None:
            return identity.epoch == self.epoch and (self.first or 0) <= identity.seq <= (self.last or 0)
        begun = self.from_us is None or captured_at_us >= self.from_us
        return clock_synced and begun and (self.to_us is None or captured_at_us < self.to_us)


@dataclass(frozen=True, slots=True)
class Keep:
    """What *camera* took from *from_us* on and before *to_us*, which retention leaves alone. See ``schema.keep``."""

    id: str
    camera: str
    from_us: int
    to_us: int
    reason: str
    at_us: int
