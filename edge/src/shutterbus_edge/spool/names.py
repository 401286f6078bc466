"""What is kept, and the file names it is kept under.

``<epoch>-<seq:020d>-<crc32c:08x>.jpg`` for a frame, ``<epoch>-<stream>-<seq:020d>-<crc32c:08x>.json`` for a report or reading.
The file is the picture itself; its digest is in its name, so there is no header and nothing to migrate. Numbers
are padded because names are also sorted by people and by tools that sort text.
"""

import re
import sys
from dataclasses import dataclass
from typing import Literal

from shutterbus_transport.checksum import crc32c
from shutterbus_wire.identity import EPOCH_PATTERN, FrameId

STREAM_PATTERN = r"[a-z][a-z0-9-]{0,63}"

_FRAME = re.compile(rf"(?P<stem>(?P<epoch>{EPOCH_PATTERN})-(?P<seq>[0-9]{{20}}))-(?P<crc>[0-9a-f]{{8}})\.jpg")
_TELEMETRY = re.compile(
    rf"(?P<stem>(?P<epoch>{EPOCH_PATTERN})-(?P<stream>{STREAM_PATTERN})-(?P<seq>[0-9]{{20}}))"
    r"-(?P<crc>[0-9a-f]{8})\.json"
)
_STREAM = re.compile(STREAM_PATTERN)

Kind = Literal["frame", "telemetry"]


@dataclass(frozen=True, slots=True)
class Held:
    """One frame, report or reading in the spool; a ticket, without its bytes.

    Attributes:
        name: Its file's name without digest and ending; unique in this spool.
        kind: ``frame`` or ``telemetry``.
        id: Epoch and number; that of telemetry counts within its stream.
        stream: The stream of telemetry, such as ``reports``; None for a frame.
        size_bytes: Length of its bytes.
        captured_at_us: Instant of exposure in us since 1970-01-01T00:00:00Z. For what an earlier process left here it is
            the time the file was written; the exact one is in the picture's EXIF.
    """

    name: str
    kind: Kind
    id: FrameId
    size_bytes: int
    captured_at_us: int
    stream: str | None = None


def frame_name(identity: FrameId) -> str:
    return f"{identity.epoch}-{identity.seq:020d}"


def telemetry_name(identity: FrameId, stream: str) -> str:
    if not _STREAM.fullmatch(stream):
        raise ValueError(f"{stream!r} cannot name a stream of telemetry")
    return f"{identity.epoch}-{stream}-{identity.seq:020d}"


def file_name(held: Held, digest: int) -> str:
    """The name under which bytes with the CRC-32C *digest* are kept for *held*."""
    return f"{held.name}-{digest:08x}.{'jpg' if held.kind == 'frame' else 'json'}"


def digest_of(data: bytes) -> int:
    """The CRC-32C of *data*."""
    return int(crc32c(data))


def is_whole(name: str, data: bytes) -> bool:
    """Whether *data* is what was put into the file *name*."""
    return name.rpartition(".")[0].endswith(f"-{digest_of(data):08x}")


def parse(name: str, size_bytes: int, written_at_us: int) -> tuple[Held, int] | None:
    """Return what the file *name* holds, and its digest; None if it is not one of ours."""
    match = _FRAME.fullmatch(name) or _TELEMETRY.fullmatch(name)
    if match is None or int(match["seq"]) >= 2**63:
        return None
    parts = match.groupdict()
    stream = parts.get("stream")
    held = Held(
        name=parts["stem"],
        kind="telemetry" if stream else "frame",
        id=FrameId(sys.intern(parts["epoch"]), int(parts["seq"])),
        size_bytes=size_bytes,
        captured_at_us=written_at_us,
        stream=stream,
    )
    return held, int(parts["crc"], 16)
