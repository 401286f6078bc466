"""The SQLite file of a catalog: owned by one process, brought to this program's version with a copy made first."""

import contextlib
import fcntl
import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from shutterbus_archive.catalog.place import check_place
from shutterbus_archive.errors import CatalogError, InUseError

FILE = "catalog.sqlite"
MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_MS = 30_000


class Database:
    """The catalog's file, open for writing. One connection, used by one thread at a time.

    Args:
        folder: Where it is, or is to be made. The folder itself has to be there.
        beside: Another process may own it. See ``catalog.beside.writing``, which looks first whether it is as it has to be.

    Raises:
        InUseError: Another process has it.
        CatalogError: It is damaged, of a newer program, or its folder cannot hold one.
    """

    def __init__(self, folder: Path, *, beside: bool = False) -> None:
        self.path = folder / FILE
        check_place(folder)
        self._owned = contextlib.ExitStack()
        if not beside:
            self._owned.enter_context(owned(folder))
        try:
            self.engine = _engine(self.path)
            try:
                self.connection = self.engine.connect()
                if not beside:
                    self._migrate()
            except (DatabaseError, sqlite3.DatabaseError) as error:
                raise CatalogError(
                    f"{self.path} cannot be used ({getattr(error, 'orig', error)}); shutterbus-archive rebuild makes it anew "
                    "from the store"
                ) from error
        except BaseException:
            self._owned.close()
            raise

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Do what is inside together or not at all; it is durable at the end."""
        with self.connection.begin():
            yield self.connection

    def close(self) -> None:
        """Fold the log into the file, and let go of it."""
        driver = self.connection.connection.driver_connection
        self.connection.close()
        self.engine.dispose()
        if driver is not None:
            driver.close()  # the pool keeps its one connection; SQLite folds the log in when the last one is closed
        self._owned.close()

    def _migrate(self) -> None:
        scripts = ScriptDirectory(str(MIGRATIONS))
        head = head_revision()
        with self.connection.begin():
            present = MigrationContext.configure(self.connection).get_current_revision()
        if present == head:
            return
        if present is not None:
            if present not in {script.revision for script in scripts.walk_revisions()}:
                copies = sorted(path.name for path in self.path.parent.glob(f"{FILE}.before-*"))
                hint = f"; {copies[-1]} beside it is from before" if copies else ""
                raise CatalogError(
                    f"{self.path} is of a newer version ({present}) than this program ({head}): upgrade it{hint}"
                )
            self._copy(f"{FILE}.before-{head}")
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = self.connection
        command.upgrade(config, "head")

    def _copy(self, name: str) -> None:
        """Keep what is there beside it, unless a cut has left us with that copy already."""
        target = self.path.with_name(name)
        if target.exists():
            return
        free_bytes = shutil.disk_usage(self.path.parent).free
        needed_bytes = 2 * self.path.stat().st_size
        if free_bytes < needed_bytes:
            raise CatalogError(
                f"to upgrade {self.path}, {needed_bytes / 1e6:.0f} MB have to be free beside it, and {free_bytes / 1e6:.0f} MB are"
            )
        unfinished = target.with_suffix(".tmp")
        unfinished.unlink(missing_ok=True)
        copy = sqlite3.connect(unfinished)
        try:
            self.connection.connection.driver_connection.backup(copy)  # type: ignore[union-attr]
        finally:
            copy.close()
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.rename(target)


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Keep every other process away from the catalog in *folder* meanwhile; raise InUseError if one has it."""
    lock = _own(folder / f"{FILE}.lock", folder)
    try:
        yield
    finally:
        os.close(lock)


def head_revision() -> str:
    """Return the version that this program brings a catalog to."""
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert head is not None
    return head


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1_000},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver would begin transactions by itself, and none for DDL
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _own(path: Path, folder: Path) -> int:
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise CatalogError(
            f"{folder} cannot hold a catalog: {(error.strerror or str(error)).lower()}"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.pread(lock, 200, 0).decode(errors="replace").strip() or "another process"
        os.close(lock)
        raise InUseError(
            f"the archive in {folder} is in use by {owner}, and a catalog belongs to one process: stop that one first"
        ) from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
    return lock
