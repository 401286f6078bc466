"""What goes when the archive may not grow any more: the oldest, by bytes and by age, and never much at a stroke.

Each batch is noted as garbage in the transaction that takes it out of the index, and only then removed from the store: a cut
leaves nothing behind that nobody knows. Numbers that aged out stay archived in the account.
"""

import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shutterbus_archive.catalog import Ageing, Catalog
from shutterbus_archive.errors import StoreUnavailableError
from shutterbus_archive.floor import Floor
from shutterbus_archive.store import Store
from shutterbus_runtime.clock import Clock
from shutterbus_wire.download_note import DownloadNote

log = logging.getLogger(__name__)

EVERY_S = 30.0
BATCH = 500
"""Frames in one transaction: a day of 100,000 at once holds up what comes for most of a second."""
HALF, LITTLE = 0.5, 0.05
"""What would go at once beyond this share of the archive, or, where a limit was changed, beyond the smaller one, waits for a
person."""
LIMITS = "limits"
APPROVED = "approved-limits"
"""Names in the catalog's ``meta``: the limits that were last put into effect, and those that a person has agreed to."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept. None: no limit."""

    max_bytes: int | None = None
    max_age_s: float | None = None

    def __str__(self) -> str:
        return json.dumps([self.max_bytes, self.max_age_s])


class Retention:
    """Keeps an archive within its limits.

    Attributes:
        problem: Why nothing is removed although it should be, a sentence; empty otherwise.
        removed: Frames that went, since this process started.
    """

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        limits: Limits,
        clock: Clock,
        floor: Floor,
        downloads: Callable[[], Sequence[DownloadNote]] = tuple,
    ) -> None:
        """What *downloads* says is going on is left alone meanwhile, whatever the limits say."""
        self.problem = ""
        self.removed = 0
        self._store = store
        self._catalog = catalog
        self._ageing = Ageing(catalog)
        self._limits = limits
        self._clock = clock
        self._floor = floor
        self._downloads = downloads

    def run(self, stop: threading.Event) -> None:
        """Keep within the limits until *stop* is set."""
        while True:
            try:
                self.enforce(stop)
            except StoreUnavailableError as error:
                self.problem = f"nothing can be removed: {error}"
            if self._clock.wait(EVERY_S, stop):
                return

    def enforce(self, stop: threading.Event | None = None) -> None:
        """Remove what is over the limits now; raise StoreUnavailableError where the store is away."""
        self._store.check()
        self._finish_garbage()
        if not self._may_go_on():
            return
        while not (stop and stop.is_set()) and (batch := self._next_batch()):
            keys = self._ageing.discard(batch)
            self._store.remove(keys)
            self._ageing.forget_garbage(keys)
            self.removed += len(keys)
        if not (stop and stop.is_set()) and self._over_bytes() > 0 and not self._downloads():
            self.problem = (
                f"{self._over_bytes() / 1e9:.2f} GB more than ARCHIVE_MAX_BYTES or the disk allow, and all that is left is kept: "
                "raise it, make room, or let go of something (shutterbus-archive keep list, keep drop)"
            )

    def _next_batch(self) -> list[tuple[int, int]]:
        """Return frames that are over a limit, oldest first, a batch at most."""
        spared = self._downloads()
        if self._limits.max_age_s is not None and not self._clock_is_doubtful():
            before_us = self._clock.utc_us() - int(self._limits.max_age_s * 1e6)
            if batch := self._ageing.oldest(BATCH, before_us=before_us, spared=spared):
                return batch
        if (over_bytes := self._over_bytes()) > 0:
            return self._ageing.oldest(BATCH, at_least_bytes=over_bytes, spared=spared)
        return []

    def _over_bytes(self) -> int:
        """Return how much there is beyond the limit, or beyond what the disk has room for; without any limit all of it stays."""
        if self._limits == Limits():
            return 0
        short_bytes = self._floor.short_bytes(self._store.room())
        if self._limits.max_bytes is None:
            return short_bytes
        return max(short_bytes, self._ageing.total_bytes() - self._limits.max_bytes)

    def _may_go_on(self) -> bool:
        """Whether what the limits ask for is no more than may go without a person's word; what is agreed to is remembered."""
        limits = str(self._limits)
        before = self._catalog.noted(LIMITS)
        total_bytes, going_bytes = self._ageing.total_bytes(), self.going_bytes()
        most = LITTLE if before is not None and before != limits else HALF
        agreed = self._catalog.noted(APPROVED) == limits
        if total_bytes and going_bytes > most * total_bytes and not agreed:
            self.problem = (
                f"ARCHIVE_MAX_BYTES, ARCHIVE_MAX_AGE and ARCHIVE_MIN_FREE would remove {going_bytes / 1e9:.2f} of {total_bytes / 1e9:.2f} GB at "
                "once: shutterbus-archive retain --yes agrees to that"
            )
            return False
        if before != limits:
            self._catalog.note(LIMITS, limits)
        self.problem = ""
        return True

    def going_bytes(self) -> int:
        """Return the bytes of frames that the limits remove now, all together."""
        removable_bytes = self._ageing.total_bytes() - self._ageing.kept_bytes()
        over_bytes = min(max(0, self._over_bytes()), removable_bytes)
        aged_bytes = 0
        if self._limits.max_age_s is not None and not self._clock_is_doubtful():
            aged_bytes = self._ageing.bytes_before(self._clock.utc_us() - int(self._limits.max_age_s * 1e6))
        return max(over_bytes, aged_bytes)

    def _clock_is_doubtful(self) -> bool:
        """Whether this machine's clock is behind what it was when it last stored something: then nothing is old."""
        return self._clock.utc_us() < self._ageing.last_archived_us()

    def _finish_garbage(self) -> None:
        if keys := self._ageing.garbage():
            self._store.remove(keys)
            self._ageing.forget_garbage(keys)
