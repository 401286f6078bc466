"""What somebody is downloading: the viewer notes it in a folder, a file a download, and the archive looks there before it removes.

A note ends by itself after ``LASTS_US``, so that a viewer that was killed keeps nothing for good.
"""

from pydantic import BaseModel, ConfigDict, ValidationError

from shutterbus_wire.errors import MalformedError
from shutterbus_wire.telemetry import DeviceId, InstantUs

SUFFIX = ".json"
LASTS_US = 3_600_000_000
NOTE_MAX_BYTES = 4_096


class DownloadNote(BaseModel):
    """What a camera took from *from_us* on and before *to_us* is being downloaded, begun at *begun_us*."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    camera: DeviceId
    from_us: InstantUs
    to_us: InstantUs
    begun_us: InstantUs

    def holds_at(self, now_us: int) -> bool:
        """Whether it still counts. One from the future does not: a clock that was set back would hold it for years."""
        return self.begun_us <= now_us < self.begun_us + LASTS_US


def encode(note: DownloadNote) -> bytes:
    """Return the content of a note's file."""
    return note.model_dump_json().encode() + b"\n"


def parse(data: bytes) -> DownloadNote:
    """Return what a note's file says; raise MalformedError if that is no note."""
    try:
        return DownloadNote.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise MalformedError("bad-record", f"no note of a download: {error.errors()[0]['msg']}") from error
