"""The files of kept frames, in the archive's store, which is only read."""

import os
from dataclasses import dataclass
from pathlib import Path

from shutterbus_viewer.archive.history import KeptFile
from shutterbus_viewer.errors import ArchiveUnreadableError
from shutterbus_wire.store_layout import MARKER, FrameKey


@dataclass(frozen=True, slots=True)
class PresentFile:
    """A file that was there a moment ago; retention or an erasure may still take it."""

    path: Path
    status: os.stat_result


class FrameFiles:
    """Any thread may ask it."""

    def __init__(self, root: Path) -> None:
        """Look in *root*, the archive's ARCHIVE_DIR. It need not be there now."""
        self.root = root

    def path(self, key: FrameKey) -> Path:
        """Return where the file of a frame is, or was."""
        return self.root / str(key)

    def look(self, kept: KeptFile) -> PresentFile | None:
        """Return the file of a frame that the catalog names; None where it is not in the store.

        Raises:
            ArchiveUnreadableError: The store is not there now, or cannot be read.
        """
        path = self.path(kept.key)
        try:
            return PresentFile(path, path.stat())
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
