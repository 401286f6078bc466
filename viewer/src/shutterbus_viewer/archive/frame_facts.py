"""What a kept frame's file says of itself before its pixels, which may be many and are not read."""

from contextlib import suppress

from shutterbus_viewer.archive.files import PresentFile
from shutterbus_viewer.archive.history import KeptFile
from shutterbus_viewer.errors import ArchiveUnreadableError, FrameGoneError, UndrawableError
from shutterbus_wire import exif
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.frame import FrameMetadata
from shutterbus_wire.jpeg import Header, read_header

BEGIN_BYTES = 128 * 1024
"""What stands before the pixels of a JPEG is seldom more."""


def read(kept: KeptFile, present: PresentFile) -> tuple[FrameMetadata, Header]:
    """Return what is known of a frame; of one that no edge of ours has stamped, what the catalog knows.

    Raises:
        FrameGoneError: Its file went meanwhile.
        ArchiveUnreadableError: It cannot be read now.
        UndrawableError: It is damaged.
    """
    try:
        begin, header = _begin(kept, present)
    except FileNotFoundError as error:
        raise FrameGoneError(f"frame {kept.key.id} of {kept.key.camera} went while it was read") from error
    except OSError as error:
        raise ArchiveUnreadableError(f"{present.path} cannot be read: {error.strerror}") from error
    except MalformedError as error:
        raise UndrawableError(f"frame {kept.key.id} of {kept.key.camera} is damaged: {error}") from error
    metadata = None
    if kept.content_type == "image/jpeg":
        with suppress(MalformedError):  # it was let out of quarantine as it is
            metadata = exif.read_metadata(begin, header)
    if metadata is None:
        metadata = FrameMetadata(kept.key.camera, kept.key.id, kept.captured_us, identity_source="transport")
    return metadata, header


def _begin(kept: KeptFile, present: PresentFile) -> tuple[bytes, Header]:
    """Return as much of a frame's file as its header takes, and that."""
    with present.path.open("rb") as file:
        if kept.content_type == "image/jpeg":
            begin = file.read(BEGIN_BYTES)
            with suppress(MalformedError):
                return begin, read_header(begin)
            begin += file.read()
        else:
            begin = file.read()  # a PNG may say behind its pixels which way is up
    return begin, read_header(begin)
