"""What is held and what became of the rest, changed together under one lock, so that the sum always comes out."""

import threading
from collections import deque

from shutterbus_edge.spool.counters import FrameCounters
from shutterbus_edge.spool.entry import Entry, Event
from shutterbus_edge.spool.index import Index


class SpoolState:
    """Everything but ``lock`` and ``unlinks`` may be touched only with ``lock`` held; no I/O happens under it.

    Attributes:
        unlinks: Files of what is gone, to be removed when the disk is at hand. A file that survives that, in a power cut, is
            sent again and recognised as a repeat.
        unlogged_drops: Drops that no log line has told yet: by reason, count, first and last name.
    """

    def __init__(self, epoch: str, this_epoch: FrameCounters) -> None:
        self.lock = threading.RLock()
        self.index = Index()
        self.epoch = epoch
        self.this_epoch = this_epoch
        self.previous_epochs = FrameCounters()
        self.held_of_this_epoch = 0
        self.records_dropped = 0
        self.unlinks: deque[str] = deque()
        self.unlogged_drops: dict[str, tuple[int, str, str]] = {}

    def ledger(self, entry: Entry) -> FrameCounters:
        return self.this_epoch if entry.held.id.epoch == self.epoch else self.previous_epochs

    def add(self, entry: Entry) -> None:
        """Take *entry* in as the newest."""
        self.index.add(entry)
        self.held_of_this_epoch += self._counts_here(entry)

    def adopt(self, entries: list[Entry], held_before: int) -> list[Entry]:
        """Take in what was found, oldest first, and square it with the *held_before* of this epoch that a clean stop counted.

        Returns those whose number another has already.
        """
        twice = []
        for entry in entries:
            if self.index.get(entry.held.name) is not None:
                twice.append(entry)
                continue
            self.add(entry)
            if entry.held.kind == "frame" and entry.held.id.epoch != self.epoch:
                self.previous_epochs.captured += 1
        missing = held_before - self.held_of_this_epoch
        if missing > 0:
            self.this_epoch.drop_unknown("vanished", missing)
        else:  # confirmed, and back: their removal had not reached the disk
            self.this_epoch.acked += missing
        return twice

    def acked(self, entry: Entry) -> None:
        self._forget(entry, Event.CONFIRM)
        if entry.held.kind == "frame":
            self.ledger(entry).acked += 1

    def drop(self, entry: Entry, reason: str, event: Event = Event.DROP) -> None:
        """Give up *entry*, which nobody is sending; or, with LOSE, whose bytes have vanished."""
        self._forget(entry, event)
        held = entry.held
        if held.kind == "frame":
            self.ledger(entry).drop(reason, held.id.epoch, held.id.seq, held.id.seq)
        else:
            self.records_dropped += 1
        count, first, _ = self.unlogged_drops.get(reason, (0, held.name, held.name))
        self.unlogged_drops[reason] = (count + 1, first, held.name)

    def set_aside(self, entry: Entry) -> None:
        """Count *entry* as quarantined; its file is the caller's to move."""
        self._remove(entry, Event.SET_ASIDE)
        if entry.held.kind == "frame":
            self.ledger(entry).quarantined += 1

    def _forget(self, entry: Entry, event: Event) -> None:
        self._remove(entry, event)
        if entry.file is not None:
            self.unlinks.append(entry.file)

    def _remove(self, entry: Entry, event: Event) -> None:
        self.index.remove(entry, event)
        self.held_of_this_epoch -= self._counts_here(entry)

    def _counts_here(self, entry: Entry) -> bool:
        return entry.held.kind == "frame" and entry.held.id.epoch == self.epoch
