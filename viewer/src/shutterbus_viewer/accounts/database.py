"""The file that keeps users, sessions, groups and the access log: SQLite, in ``VIEWER_STATE_DIR`` or in memory."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shutterbus_viewer.errors import ViewerError

NAME = "viewer.db"
BUSY_S = 5.0
"""How long to wait for another process: `make user` writes while the viewer runs."""

_SCRIPTS = (
    """
CREATE TABLE users (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    cameras TEXT,            -- names, separated by spaces; NULL: all
    password_hash TEXT NOT NULL,
    settings_hash TEXT       -- argon2 hash of the setting that this password was last taken from
) STRICT;
CREATE TABLE sessions (
    token_hash BLOB PRIMARY KEY,
    user TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    ends_at_us INTEGER NOT NULL
) STRICT;
CREATE TABLE access_log (
    hour_us INTEGER NOT NULL,
    event TEXT NOT NULL,
    user TEXT NOT NULL,
    address TEXT NOT NULL,
    camera TEXT NOT NULL,
    first_at_us INTEGER NOT NULL,
    last_at_us INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (hour_us, event, user, address, camera)
) STRICT, WITHOUT ROWID;
CREATE INDEX access_log_last ON access_log (last_at_us);
""",
    """
CREATE TABLE camera_groups (
    name TEXT PRIMARY KEY,
    members TEXT NOT NULL    -- names of cameras, and patterns with *, separated by spaces
) STRICT;
ALTER TABLE sessions ADD COLUMN kiosk INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN began_at_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
""",
)
"""What makes each version of the file from the one before."""

VERSION = len(_SCRIPTS)


class Database:
    """One connection for all threads, one at a time."""

    def __init__(self, folder: Path | None) -> None:
        """Open the file in *folder*, made where it is missing; without a folder nothing outlives the process.

        Raises:
            ViewerError: The folder cannot be used, or a later version wrote the file.
        """
        self.path = folder / NAME if folder else None
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(
                self.path or ":memory:", timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
            if self.path:
                self.path.chmod(0o600)
            self._prepare()
        except (sqlite3.Error, OSError) as error:
            raise ViewerError(
                f"VIEWER_STATE_DIR={folder} cannot be used: {error}. A folder is expected that user and group of "
                "this process may write; on a server `make init` makes it."
            ) from error

    def _prepare(self) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise ViewerError(
                f"{self.path} has version {version}, at most {VERSION} is known: a later Shutterbus wrote it."
            )
        for number, script in enumerate(_SCRIPTS[version:], version + 1):
            self._connection.executescript(f"BEGIN;{script}PRAGMA user_version = {number};COMMIT;")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Do several things or none of them; what is written is on disk when the context ends."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def foreign_changes(self) -> int:
        """Return a number that is another one after another process has written into the file."""
        with self._lock:
            (number,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(number)

    def close(self) -> None:
        """Close the file; nothing may be asked of it afterwards."""
        with self._lock:
            self._connection.close()
