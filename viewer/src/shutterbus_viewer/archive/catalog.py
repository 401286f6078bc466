"""Reads the archive's catalog, also from a read-only mount, whether the archive runs, was stopped or was killed.

====================  =======================  =========================================================
the archive           beside the catalog       it is opened
====================  =======================  =========================================================
runs, or was killed   ``-wal`` and ``-shm``    as it is: SQLite reads the log without writing
was stopped in order  neither                  as immutable: SQLite would make the two, and here it cannot
====================  =======================  =========================================================

Immutable means that nobody writes. So the file is looked at before and after, and read again where the archive has started
meanwhile. Each question opens it anew: a connection that stays would keep the archive from folding its log in when it stops.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from shutterbus_viewer.errors import ArchiveUnreadableError

Answer = TypeVar("Answer")

FILE = "catalog.sqlite"
VERSION = 3
"""The newest revision of the archive's tables that is known here."""

BUSY_S = 5.0
ATTEMPTS = 5
"""A catalog that the archive begins to write meanwhile is read again."""

# The cross join says that cameras come first: of one camera alone its own buckets are read.
CAMERAS = """
    select
        camera.name, sum(bucket.frames), sum(bucket.bytes),
        (select min(captured_us) from frame where camera_id = camera.id),
        (select max(captured_us) from frame where camera_id = camera.id)
    from camera cross join bucket on bucket.camera_id = camera.id
    where :camera is null or camera.name = :camera
    group by camera.id having sum(bucket.frames) > 0 order by camera.name
"""


@dataclass(frozen=True, slots=True)
class CameraKept:
    """What the archive has of a camera now.

    Attributes:
        oldest_us, newest_us: When the first and the last of its frames were taken, us since 1970, UTC.
    """

    camera: str
    frames: int
    size_bytes: int
    oldest_us: int
    newest_us: int


class CatalogReader:
    """Any thread may ask it; it keeps nothing open."""

    def __init__(self, folder: Path) -> None:
        """Read the catalog in *folder*, the archive's ARCHIVE_STATE_DIR. It need not be there now."""
        self.path = folder / FILE

    def cameras(self, camera: str | None = None) -> list[CameraKept]:
        """Return what is kept of each camera, by name, or of *camera* alone, which costs much less.

        Raises:
            ArchiveUnreadableError: There is no catalog, it is of another version, or it cannot be read now.
        """
        values = {"camera": camera}
        return self.ask(lambda connection: [CameraKept(*row) for row in connection.execute(CAMERAS, values)])

    def ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Return what *question* makes of the catalog, which stays as it is while it is asked.

        It may be asked again from the start, where the archive begins or ends meanwhile.

        Raises:
            ArchiveUnreadableError: There is no catalog, it is of another version, or it cannot be read now.
        """
        for _ in range(ATTEMPTS):
            state = self._state()
            immutable = not self._has_log()
            try:
                with closing(self._open(immutable=immutable)) as connection:
                    self._check_version(connection)
                    answer = question(connection)
            except sqlite3.Error as error:
                if immutable and (self._has_log() or self._state() != state):
                    continue
                raise ArchiveUnreadableError(f"{self.path} cannot be read now: {error}") from error
            if not immutable or (not self._has_log() and self._state() == state):
                return answer
        raise ArchiveUnreadableError(f"{self.path} cannot be read now: it is changed all the time")

    def _open(self, *, immutable: bool) -> sqlite3.Connection:
        name = f"file:{quote(str(self.path))}?mode=ro{'&immutable=1' if immutable else ''}"
        connection = sqlite3.connect(name, uri=True, timeout=BUSY_S)
        connection.execute("pragma query_only = on")
        return connection

    def _check_version(self, connection: sqlite3.Connection) -> None:
        [name] = connection.execute("select version_num from alembic_version").fetchone() or ["0000"]
        version = int(name[:4])
        if version > VERSION:
            raise ArchiveUnreadableError(
                f"{self.path} is of a newer version ({name}) than this viewer knows ({VERSION:04}): upgrade the viewer"
            )
        if version < VERSION:
            raise ArchiveUnreadableError(
                f"{self.path} is of an older version than this viewer reads ({VERSION:04}): start the archive, which upgrades it"
            )

    def _state(self) -> tuple[int, ...]:
        """Return what changes with the file."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            raise ArchiveUnreadableError(f"there is no {self.path}: has the archive ever run?") from None
        except OSError as error:
            raise ArchiveUnreadableError(f"{self.path} cannot be read: {error.strerror}") from error
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

    def _has_log(self) -> bool:
        return self.path.with_name(f"{FILE}-wal").exists()
