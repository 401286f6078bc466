"""The files of kept frames, in the archive's store, which is only read."""

import os
from dataclasses import dataclass
from pathlib import Path

from shutterbus_viewer.archive.history import KeptFile
from shutterbus_viewer.errors import ArchiveUnreadableError
from shutterbus_wire.store_layout import MARKER, FrameKey


@dataclass(frozen=True, slots=True)
class PresentFile:
    """A file that was there a moment ago; retention or an erasure may still take it.

    Attributes:
        data: All that is in it, where that was asked for and is not too much.
    """

    path: Path
    status: os.stat_result
    data: bytes | None = None


class FrameFiles:
    """Any thread may ask it."""

    def __init__(self, root: Path) -> None:
        """Look in *root*, the archive's ARCHIVE_DIR. It need not be there now."""
        self.root = root

    def path(self, key: FrameKey) -> Path:
        """Return where the file of a frame is, or was."""
        return self.root / str(key)

    def look(self, kept: KeptFile, read_max_bytes: int = 0) -> PresentFile | None:
        """Return the file of a frame that the catalog names, read where it has no more than *read_max_bytes*.

        None where it is not in the store.

        Raises:
            ArchiveUnreadableError: The store is not there now, or cannot be read.
        """
        path = self.path(kept.key)
        try:
            with path.open("rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                return PresentFile(path, status, file.read() if status.st_size <= read_max_bytes else None)
        except FileNotFoundError:
            self.check()
            return None
        except OSError as error:
            raise ArchiveUnreadableError(f"{path} cannot be read: {error.strerror}") from error

    def check(self) -> None:
        """Raise ArchiveUnreadableError where the store is not there now."""
        if not (self.root / MARKER).is_file():
            raise ArchiveUnreadableError(
                f"the archive's pictures are not there now: {self.root} has no {MARKER}; is the disk mounted?"
            )
