"""The store that belongs to a catalog, as the settings name it: opened by the archive and by its commands alike."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from shutterbus_archive.catalog import Catalog, beside, schema
from shutterbus_archive.errors import NotOurStoreError
from shutterbus_archive.floor import Floor, Neighbour
from shutterbus_archive.keeping import Archive
from shutterbus_archive.quarantine import Bounds
from shutterbus_archive.settings import ArchiveSettings
from shutterbus_archive.store import Store, founding
from shutterbus_archive.store.folder import FolderStore
from shutterbus_archive.store.marker import Marker
from shutterbus_runtime.clock import Clock, SystemClock

STORE = "store"


def store_root(settings: ArchiveSettings) -> Path:
    """Return the folder of the store, which need not be there."""
    return settings.store_dir or settings.state_dir / STORE


def open_store(settings: ArchiveSettings, catalog: Catalog) -> FolderStore:
    """Return the store that belongs to *catalog*; a new catalog takes an empty folder. It need not be there now.

    Raises:
        NotOurStoreError: The catalog is new, and the folder cannot become its store.
    """
    root = store_root(settings)
    if settings.store_dir is None:
        root.mkdir(mode=0o750, exist_ok=True)
    known = catalog.noted(schema.STORE)
    if known is None:
        present = founding.read_marker(root)
        if present is not None:
            raise NotOurStoreError(
                f"{root} is store {present.store} of another catalog, and the one in {settings.state_dir} is new: name the "
                "catalog's own folder in ARCHIVE_STATE_DIR, or make it anew from the files with shutterbus-archive rebuild"
            )
        known = founding.initialise(root).store
        catalog.note(schema.STORE, known)
    return FolderStore(root, Marker(known))


def open_archive(settings: ArchiveSettings, store: Store, catalog: Catalog, clock: Clock) -> Archive:
    """Return what keeps messages in *store* and *catalog*, within the bounds that *settings* give it."""
    bounds = Bounds(settings.quarantine_max_bytes, settings.quarantine_max_count)
    return Archive(store, catalog, clock, floor=floor_of(settings, clock), quarantine=bounds)


def floor_of(settings: ArchiveSettings, clock: Clock) -> Floor:
    """Return what *settings* want to stay free."""
    neighbour = None
    if settings.neighbour_dir is not None:
        neighbour = Neighbour(settings.neighbour_dir, settings.neighbour_max_bytes)
    return Floor(settings.min_free_bytes, clock.monotonic_s, neighbour)


@contextlib.contextmanager
def store_of(settings: ArchiveSettings, connection: sqlite3.Connection) -> Iterator[FolderStore]:
    """Lend the store that belongs to the catalog behind *connection*, as ``catalog.beside.reading`` lends it.

    Raises:
        NotOurStoreError: The catalog has none yet.
    """
    row = connection.execute("select value from meta where name = ?", (schema.STORE,)).fetchone()
    if row is None:
        raise NotOurStoreError(
            f"the catalog in {settings.state_dir} has no store yet: start the archive once"
        )
    store = FolderStore(store_root(settings), Marker(row[0]))
    try:
        yield store
    finally:
        store.close()


@contextlib.contextmanager
def archive_beside(settings: ArchiveSettings) -> Iterator[Archive]:
    """Lend store and catalog to a command that works whether the archive runs or not.

    Raises:
        ArchiveError: They cannot be used as they are.
    """
    with beside.writing(settings.state_dir) as catalog:
        store = open_store(settings, catalog)
        try:
            store.check()
            yield open_archive(settings, store, catalog, SystemClock())
        finally:
            store.close()
