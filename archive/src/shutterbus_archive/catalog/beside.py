"""The catalog for commands that work while the archive runs: SQLite lets others read, and write between its transactions."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from shutterbus_archive.catalog.catalog import Catalog
from shutterbus_archive.catalog.database import BUSY_MS, FILE, head_revision
from shutterbus_archive.errors import CatalogError


@contextlib.contextmanager
def reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """Lend a connection that can only read; each query sees the catalog of its own moment.

    Raises:
        CatalogError: There is none in *folder*, or it is not of this program's version.
    """
    path = folder / FILE
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=BUSY_MS / 1_000)
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error
    try:
        connection.row_factory = sqlite3.Row
        check_revision(connection, path)
        try:
            yield connection
        except sqlite3.Error as error:
            raise _unreadable(path, error) from error
    finally:
        connection.close()


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[Catalog]:
    """Lend the catalog to a command: what the archive has noted it sees, and the archive what it notes. Few rows at a time.

    Raises:
        CatalogError: There is none in *folder*, or it is not of this program's version.
    """
    with reading(folder):
        pass
    catalog = Catalog(folder, beside=True)
    try:
        yield catalog
    finally:
        catalog.close()


def check_revision(connection: sqlite3.Connection, path: Path) -> None:
    """Return if the tables are those that this program knows; raise CatalogError if not."""
    try:
        (present,) = connection.execute("select version_num from alembic_version").fetchone()
    except (sqlite3.Error, TypeError) as error:
        raise _unreadable(path, error) from error
    if present != (head := head_revision()):
        raise CatalogError(
            f"{path} is of version {present}, and this program's is {head}: start the archive of this program once, which "
            "brings an older one up to it"
        )


def _unreadable(path: Path, error: Exception) -> CatalogError:
    return CatalogError(
        f"{path} cannot be read ({error}): is ARCHIVE_STATE_DIR right? If it is damaged, shutterbus-archive rebuild makes it "
        "anew from the store"
    )
