"""What the edge and its capture process say to each other, as messages of ``shutterbus_runtime.child_channel``."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from shutterbus_edge.capture import CapturedImage, Shot

Words = tuple[str, Mapping[str, Any], bytes]
"""Kind, metadata and body of a message."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A camera that answers.

    Attributes:
        size_px: Of its (first) picture.
        natural_rate: See ``Camera.natural_rate``.
        description: What a person would call it.
        notes: Sentences about settings that were clamped or have no effect here.
    """

    size_px: tuple[int, int]
    natural_rate: float | None
    description: str
    notes: tuple[str, ...] = ()


def opened_message(opened: Opened) -> Words:
    return "opened", asdict(opened), b""


def read_opened(metadata: dict[str, Any]) -> Opened:
    width, height = metadata["size_px"]
    return Opened(
        (width, height), metadata["natural_rate"], metadata["description"], tuple(metadata["notes"])
    )


def shot_message(shot: Shot) -> Words:
    return "shoot", asdict(shot), b""


def read_shot(metadata: dict[str, Any]) -> Shot:
    return Shot(**metadata)


def picture_message(picture: CapturedImage) -> Words:
    metadata = {
        "captured_at_us": picture.captured_at_us,
        "captured_at_source": picture.captured_at_source,
        "camera_metadata": dict(picture.camera_metadata),
        "orientation": picture.orientation,
        "make": picture.make,
        "model": picture.model,
    }
    return "picture", metadata, picture.jpeg


def read_picture(metadata: dict[str, Any], jpeg: bytes) -> CapturedImage:
    return CapturedImage(jpeg, **metadata)
