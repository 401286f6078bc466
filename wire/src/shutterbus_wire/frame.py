"""One picture on its way from a camera to a screen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from shutterbus_wire.identity import FrameId, check_camera
from shutterbus_wire.instant import check_instant
from shutterbus_wire.jpeg import ContentType, Header, read_header

CapturedAtSource = Literal["sensor", "driver", "arrival", "file", "unknown"]
Lane = Literal["live", "backlog"]
IdentitySource = Literal["edge", "transport"]

NO_CAMERA_METADATA: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FrameMetadata:
    """What a picture knows of itself: who took it, which one it is, and when.

    Attributes:
        camera: See ``identity.CAMERA_PATTERN``.
        id: Epoch and number. A gap in the numbers of an epoch is a picture to be accounted for.
        captured_at_us: Instant of exposure in us since 1970-01-01T00:00:00Z by the edge's clock; never the
            time of sending.
        captured_at_source: What that instant is worth: from the ``sensor``, the ``driver``, the ``arrival``
            in our process, or a ``file`` played or taken. ``unknown``: a foreign picture that was kept for
            whoever comes, and the instant is that of its arrival here; an edge never says so.
        clock_synced: Whether the edge trusted its clock then.
        metadata: The camera's own facts (ExposureTime in us, AnalogueGain, Lux, ...), JSON values only.
        minted: ``edge`` if the edge gave the id, ``transport`` if a reader had to make one up for a foreign
            message.
    """

    camera: str
    id: FrameId
    captured_at_us: int
    captured_at_source: CapturedAtSource = "arrival"
    clock_synced: bool = False
    camera_metadata: Mapping[str, Any] = field(default_factory=lambda: NO_CAMERA_METADATA)
    identity_source: IdentitySource = "edge"

    def __post_init__(self) -> None:
        check_camera(self.camera)
        check_instant(self.captured_at_us)


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture and its facts.

    Attributes:
        data: The file as it travels and is stored: a JPEG with its facts in its EXIF if ours, else the JPEG
            or PNG that a foreign producer sent.
        content_type: ``image/jpeg`` or ``image/png``, by content, never by claim.
        lane: How it travelled, where the transport says so.
        known_header: The picture's header, where it was read already, as in every frame that was received.
    """

    metadata: FrameMetadata
    data: bytes
    content_type: ContentType = "image/jpeg"
    lane: Lane | None = None
    known_header: Header | None = field(default=None, compare=False, repr=False)

    @property
    def header(self) -> Header:
        """Size, orientation and build of the picture; walks it only where nobody has read them before."""
        return self.known_header or read_header(self.data)
