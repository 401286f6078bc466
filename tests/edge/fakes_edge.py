"""A camera and a publisher that behave, for what stands between them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType

from shutterbus_edge.capture import CapturedImage, Shot
from shutterbus_edge.errors import CameraUnavailableError
from shutterbus_edge.spool import Held
from shutterbus_runtime.clock import Clock
from shutterbus_wire.frame import FrameMetadata
from shutterbus_wire.telemetry import Status

# The smallest picture that a JPEG reader accepts as one: 1 x 1, grey, baseline.
JPEG = bytes.fromhex(
    "ffd8ffdb004300" + "01" * 64 + "ffc0000b080001000101011100"
    "ffc40014000100000000000000000000000000000009ffc40014100100000000000000000000000000000000"
    "ffda0008010100003f0054ffd9"
)


@dataclass(frozen=True)
class FakeOpened:
    """What a camera says of itself."""

    description: str = "fake camera"
    size_px: tuple[int, int] = (1, 1)
    natural_rate: float | None = None
    notes: tuple[str, ...] = ()


@dataclass
class FakeCamera:
    """Takes ``exposure_s`` of the clock's time for a picture; ``broken`` makes every shot fail with that sentence."""

    clock: Clock
    opened: FakeOpened | None = field(default_factory=FakeOpened)
    exposure_s: float = 0.0
    broken: str = ""
    jpeg: bytes = JPEG
    restarts: int = 0
    shots: list[float] = field(default_factory=list)
    asked: list[Shot] = field(default_factory=list)
    after_shot: Callable[[], None] = lambda: None

    def shoot(self, shot: Shot, deadline_s: float) -> CapturedImage:
        self.shots.append(self.clock.monotonic_s())
        self.asked.append(shot)
        try:
            if self.broken:
                raise CameraUnavailableError(self.broken)
            captured_at_us = self.clock.utc_us()
            if self.exposure_s:
                self.clock.pass_s(self.exposure_s)  # type: ignore[attr-defined] # a FakeClock
            return CapturedImage(self.jpeg, captured_at_us, "sensor", MappingProxyType({"Lux": 12.5}))
        finally:
            self.after_shot()

    def close(self) -> None:
        self.broken = "closed"


@dataclass
class FakePublisher:
    """Notes what is offered and confirms nothing."""

    offered: list[Held] = field(default_factory=list)
    telemetry: list[Held] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    frame_max_bytes: int | None = None

    def offer(self, held: Held, metadata: FrameMetadata | None = None) -> None:
        self.offered.append(held)

    def offer_telemetry(self, held: Held) -> None:
        self.telemetry.append(held)

    def publish_status(self, status: Status) -> None:
        self.statuses.append(status)
