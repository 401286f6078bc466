"""A copy of the catalog in the store, once a night: what it costs to make it anew from the pictures is then a day at most.

The archive goes on meanwhile: SQLite reads the catalog as it was at one moment, on a connection of its own.
"""

import logging
import shutil
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shutterbus_archive.catalog.database import BUSY_MS, FILE
from shutterbus_archive.errors import StoreUnavailableError
from shutterbus_archive.store import Store
from shutterbus_runtime.clock import Clock

log = logging.getLogger(__name__)

LOOK_S = 60.0
RETRY_S = 3_600.0
NIGHT = timedelta(hours=2)
"""UTC. Before it, the night that counts is the one before."""
KEPT = 2
PREFIX = "catalog/"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CatalogCopies:
    """Sees to it that the store has a copy of the catalog in *state_dir* from last night.

    Attributes:
        problem: Why there is none, a sentence; empty otherwise.
    """

    def __init__(self, store: Store, state_dir: Path, clock: Clock) -> None:
        self.problem = ""
        self._store = store
        self._catalog = state_dir / FILE
        self._clock = clock
        self._retry_at_s = 0.0

    def run(self, stop: threading.Event) -> None:
        """Do so until *stop* is set."""
        while True:
            if self._clock.monotonic_s() >= self._retry_at_s:
                self.turn()
            if self._clock.wait(LOOK_S, stop):
                return

    def turn(self) -> None:
        """Make the copy if it is missing, and remove those that are too old."""
        try:
            self._store.check()
        except StoreUnavailableError:
            return  # which others say; it may be back in a minute
        try:
            self._make()
        except (StoreUnavailableError, sqlite3.Error, OSError) as error:
            self._retry_at_s = self._clock.monotonic_s() + RETRY_S
            said = f"the catalog could not be copied into the store: {error}"
            if said != self.problem:
                log.warning("%s", said)
            self.problem = said
        else:
            self.problem = ""

    def _make(self) -> None:
        night = _EPOCH + timedelta(microseconds=self._clock.utc_us()) - NIGHT
        wanted = f"{PREFIX}{night:%Y-%m-%d}.sqlite"
        present = [item.key for item in self._store.objects(PREFIX)]
        if wanted in present:
            return
        copy = self._catalog.with_suffix(".copy")
        try:
            self._copy_to(copy)
            if copy.stat().st_size > self._store.room().free_bytes:
                raise StoreUnavailableError(f"{copy.stat().st_size / 1e6:.0f} MB do not fit there")
            self._store.put_file(wanted, copy)
        finally:
            copy.unlink(missing_ok=True)
        kept = {wanted, *sorted([*present, wanted])[-KEPT:]}
        self._store.remove([key for key in present if key not in kept])
        log.info("copied the catalog into the store: %s", wanted)

    def _copy_to(self, target: Path) -> None:
        target.unlink(missing_ok=True)  # of a process that was killed
        size_bytes = self._catalog.stat().st_size
        free_bytes = shutil.disk_usage(self._catalog.parent).free
        if free_bytes < 2 * size_bytes:
            raise StoreUnavailableError(
                f"{2 * size_bytes / 1e6:.0f} MB have to be free beside it, and {free_bytes / 1e6:.0f} MB are"
            )
        source = f"{self._catalog.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(source, uri=True, timeout=BUSY_MS / 1_000)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
