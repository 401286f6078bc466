"""What the edge and its capture process say to each other, over a socket of their own.

A message is one line of JSON, and behind it the picture, if it is one. Nothing is unpickled: what a camera library
does to its process must not reach further than that process.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from typing import Any

from shutterbus_edge.capture import Picture, Shot

BEAT_EVERY_S = 1.0


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


def send(
    connection: Connection, kind: str, metadata: Mapping[str, Any] | None = None, body: bytes = b""
) -> None:
    """Send one message; OSError if the other side has gone."""
    line = json.dumps({"kind": kind, **(metadata or {})}, separators=(",", ":"))
    connection.send_bytes(line.encode() + b"\n" + body)


def receive(connection: Connection) -> tuple[str, dict[str, Any], bytes]:
    """Wait for one message and return kind, facts and body; EOFError or OSError if the other side has gone."""
    line, _, body = connection.recv_bytes().partition(b"\n")
    metadata = json.loads(line)
    return metadata.pop("kind"), metadata, body


def send_opened(connection: Connection, opened: Opened) -> None:
    send(connection, "opened", asdict(opened))


def read_opened(metadata: dict[str, Any]) -> Opened:
    width, height = metadata["size_px"]
    return Opened(
        (width, height), metadata["natural_rate"], metadata["description"], tuple(metadata["notes"])
    )


def send_shot(connection: Connection, shot: Shot) -> None:
    send(connection, "shoot", asdict(shot))


def read_shot(metadata: dict[str, Any]) -> Shot:
    return Shot(**metadata)


def send_picture(connection: Connection, picture: Picture) -> None:
    metadata = {
        "captured_at_us": picture.captured_at_us,
        "captured_at_source": picture.captured_at_source,
        "camera_metadata": dict(picture.camera_metadata),
        "orientation": picture.orientation,
        "make": picture.make,
        "model": picture.model,
    }
    send(connection, "picture", metadata, picture.jpeg)


def read_picture(metadata: dict[str, Any], jpeg: bytes) -> Picture:
    return Picture(jpeg, **metadata)
