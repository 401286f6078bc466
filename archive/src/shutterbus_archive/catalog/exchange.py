"""A new catalog in the place of an old one, which is set aside and never deleted."""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from shutterbus_archive.catalog.catalog import Catalog
from shutterbus_archive.catalog.database import FILE, owned
from shutterbus_archive.store.files import sync_folder

UNFINISHED = "catalog.rebuilding"


@contextlib.contextmanager
def replacement(folder: Path) -> Iterator[Catalog]:
    """Lend a new, empty catalog, which takes the place of the one in *folder* when the block ends well.

    Raises:
        InUseError: The archive runs.
        CatalogError: The folder cannot hold one.
    """
    with owned(folder):
        unfinished = folder / UNFINISHED
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o750)
        try:
            catalog = Catalog(unfinished)
            try:
                yield catalog
            finally:
                catalog.close()
            _set_aside(folder)
            (unfinished / FILE).rename(folder / FILE)
            sync_folder(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def noted(folder: Path, name: str) -> str | None:
    """Return what the catalog in *folder* remembers under *name*; None if nothing, or if it cannot be read any more."""
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(f"file:{folder / FILE}?mode=ro", uri=True)) as catalog,
    ):
        row = catalog.execute("select value from meta where name = ?", (name,)).fetchone()
        return row and str(row[0])
    return None


def _set_aside(folder: Path) -> None:
    present = folder / FILE
    if not present.exists():
        return
    if present.with_name(f"{FILE}-wal").exists():
        # What the log holds goes into the file, so that one file is all of it; where that is damaged, it keeps its log beside it.
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(present)) as catalog:
            catalog.execute("pragma wal_checkpoint(truncate)")
    aside = f"{FILE}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            present.with_name(FILE + suffix).rename(present.with_name(aside + suffix))
    sync_folder(folder)
