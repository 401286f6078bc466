"""A kept frame's file, read as what may be damaged, hostile or gone."""

import os
from pathlib import Path

from shutterbus_viewer.errors import ArchiveUnreadableError, FrameGoneError, UndrawableError, ViewerError
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.jpeg import Header, check_whole

FILE_MAX_BYTES = 64 << 20
"""Far above any message; what is larger was not put there by the archive."""

ERRORS: dict[str, type[ViewerError]] = {
    "gone": FrameGoneError,
    "unreadable": ArchiveUnreadableError,
    "undrawable": UndrawableError,
}
"""What a frame can refuse with, by the word with which the maker process says so."""


def read(path: Path) -> tuple[bytes, Header]:
    """Return the picture in *path* and its header.

    Raises:
        FrameGoneError: There is no such file.
        ArchiveUnreadableError: It cannot be read now.
        UndrawableError: It is no whole picture.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > FILE_MAX_BYTES:
                raise UndrawableError(f"is larger than {FILE_MAX_BYTES >> 20} MiB")
            picture = file.read()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FrameGoneError(f"{path.name} is not in the store any more") from error
    except OSError as error:
        raise ArchiveUnreadableError(f"{path.name} cannot be read now: {error.strerror}") from error
    try:
        return picture, check_whole(picture)
    except MalformedError as error:
        raise UndrawableError(f"is damaged: {error}") from error
