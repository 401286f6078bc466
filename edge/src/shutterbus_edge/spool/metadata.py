"""Two small things that the spool folder remembers beside the frames."""

import logging
import secrets
import string
from pathlib import Path

from shutterbus_edge.spool.files import Files, FolderFiles, store
from shutterbus_wire.errors import IdentityError
from shutterbus_wire.identity import check_camera

CAMERA = "camera"
FRAME_MAX = "frame-max-bytes"

log = logging.getLogger(__name__)


def camera_name(folder: Path) -> str:
    """Return the name of the camera this folder belongs to, making one up the first time (``camera-k3x9qa``).

    Asked before the spool is opened, since who it is for decides where it is. Raises OSError if the folder cannot be used.
    """
    kept = folder / CAMERA
    try:
        return check_camera(kept.read_text(encoding="utf-8").strip())
    except (FileNotFoundError, UnicodeDecodeError, IdentityError):
        name = "camera-" + "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(6))
    files = FolderFiles(folder)
    files.open()
    try:
        store(files, CAMERA, name.encode() + b"\n")
    finally:
        files.close()
    return name


def read_frame_max_bytes(files: Files) -> int | None:
    """Return the largest frame the broker was last known to take; None if it never said."""
    try:
        kept = int(files.read(FRAME_MAX))
    except (OSError, ValueError):
        return None
    return kept if kept > 0 else None


def frame_max_note(frame_max_bytes: int) -> tuple[str, bytes]:
    """Return name and content of the file that remembers it for the next start, when the broker may be away."""
    return FRAME_MAX, b"%d\n" % frame_max_bytes
