"""What goes between memory and disk: the only part that makes and removes files, and the thread that does it in time."""

import errno
import logging
import threading
from typing import Literal

from shutterbus_edge.spool import names
from shutterbus_edge.spool.entry import Entry, Place, Stay
from shutterbus_edge.spool.eviction import DiskEviction, MemoryEviction, Verdict
from shutterbus_edge.spool.files import Files, store
from shutterbus_edge.spool.index import may_leave_memory
from shutterbus_edge.spool.limits import VICTIMS_MAX, Mode, SpoolLimits
from shutterbus_edge.spool.recovery import make_younger
from shutterbus_edge.spool.state import SpoolState
from shutterbus_runtime.clock import Clock
from shutterbus_runtime.outage import Outage
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.exif import read_metadata

log = logging.getLogger(__name__)

RETRY_S = 5.0
"""Pause before a disk that failed is tried again."""
SYNC_AFTER_S = 5.0
"""How long a removal may wait for the folder's fsync. What comes back in a power cut is only a repeat."""
SAY_DROPS_EVERY_S = 60.0
POLL_S = 1.0
PROBE = ".probe"

Outcome = Literal["stored", "failed"] | Verdict


class Writer:
    """Makes entries durable within the limits, and keeps the folder tidy.

    ``maintain`` does whatever is due; a thread calls it in time, or a test.
    """

    def __init__(
        self,
        files: Files,
        state: SpoolState,
        limits: SpoolLimits,
        mode: Mode,
        clock: Clock,
    ) -> None:
        self._files = files
        self._state = state
        self._limits = limits
        self._mode = mode
        self._clock = clock
        self._started_s = clock.monotonic_s()
        self._note: tuple[str, bytes] | None = None
        self._notes_due: dict[str, bytes] = {}
        self.memory = MemoryEviction(state, limits, mode)
        self._room = DiskEviction(files, state, limits, self.remove_dropped)
        self._disk = threading.Lock()
        self._outage = Outage("spool", clock, log)
        self._retry_at_s = 0.0
        self._unsynced_since_s: float | None = None
        self._say_at_s = 0.0
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def trouble(self) -> str | None:
        if self._thread is not None and not self._thread.is_alive():
            return "the thread that writes frames to the spool has died"
        return self._outage.reason or None

    def start(self) -> None:
        """Tend from a thread of its own from now on."""
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def failed(self, error: OSError) -> None:
        """Note that the disk does not do its job; it is left alone for a while."""
        self._retry_at_s = self._clock.monotonic_s() + RETRY_S
        self._outage.failed(
            f"the spool folder cannot be written ({error.strerror or error}): frames are kept in memory only"
        )

    def note(self, name: str, data: bytes) -> None:
        """Make *data* the content of *name*; raises OSError."""
        with self._disk:
            self._room.store(name, data)

    def note_soon(self, name: str, data: bytes) -> None:
        """Have *data* become the content of *name* when the disk is at hand."""
        self._notes_due[name] = data
        self.wake()

    def note_first(self, name: str, data: bytes, error: OSError) -> None:
        """Store this before any frame, as soon as the disk, which just said *error*, works."""
        self._note = (name, data)
        self.failed(error)

    def store(self, entry: Entry) -> Outcome:
        """Make *entry* durable. Whatever else is returned, it stays in memory."""
        with self._disk:
            if self._backing_off():
                return "failed"
            with self._state.lock:
                if entry.is_gone or entry.place is Place.DISK:
                    return "stored"
                data = entry.write()
            outcome: Outcome = "failed"
            digest = names.digest_of(data)
            file = names.file_name(entry.held, digest)
            try:
                if self._note is not None:
                    self._room.store(*self._note)
                    self._note = None
                verdict = "room" if entry.held.kind == "telemetry" else self._room.make(entry)
                if verdict == "room":
                    self._room.store(file, data)
                outcome = "stored" if verdict == "room" else verdict
            except OSError as error:
                outcome = "failed"
                self.failed(error)
            with self._state.lock:
                if outcome == "stored" and not entry.is_gone:
                    self._state.index.stored(entry, digest)
                else:
                    entry.unwritten()
            if outcome == "stored":
                self._outage.succeeded()
                if entry.is_gone:  # confirmed or set aside while it was being written
                    self._state.unlinks.append(file)
                    self.remove_dropped()
            return outcome

    def remove_dropped(self) -> None:
        """Unlink the files of what is gone, or leave it for later if the disk does not work."""
        unlinks = self._state.unlinks
        while unlinks and not self._backing_off():
            try:
                file = unlinks.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                self._files.unlink(file)
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno == errno.EROFS:
                    unlinks.appendleft(file)
                    self.failed(error)
                    return
                log.warning("%s cannot be removed, and will be sent again after a restart: %s", file, error)
                continue
            if self._unsynced_since_s is None:
                self._unsynced_since_s = self._clock.monotonic_s()

    def maintain(self) -> float:
        """Do what is due; return for how many seconds nothing will be."""
        self._expire()
        self._recover()
        self._write_notes()
        self._spill()
        self._tidy()
        self._say_drops()
        return self._pause_s()

    def drain(self) -> None:
        """End the thread and bring everything in memory to disk; claims are void."""
        if self._thread is not None:
            self._stop.set()
            self._wake.set()
            self._thread.join()
            self._thread = None
        self._retry_at_s = 0.0
        with self._state.lock:
            index = self._state.index
            for entry in [*index.frames.values(), *index.telemetry.values()]:
                if entry.stay is Stay.SENDING:  # there are no lanes any more
                    index.release(entry)
            left = list(index.memory.values())
        for entry in left:
            outcome = self.store(entry)
            if outcome != "stored":
                with self._state.lock:
                    if not entry.is_gone:
                        self._state.drop(
                            entry, "memory-lost" if outcome in {"failed", "all_claimed"} else outcome
                        )
        self._write_notes()
        self._unsynced_since_s = -SYNC_AFTER_S
        self._say_at_s = 0.0
        self._tidy()
        self._say_drops()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            # Real waiting, whatever clock decides what is due: this is only a poll.
            self._wake.wait(self.maintain())

    def _backing_off(self) -> bool:
        return bool(self._outage.reason) and self._clock.monotonic_s() < self._retry_at_s

    def _spill(self) -> None:
        tried: set[str] = set()
        while entry := self._next_due(tried):
            tried.add(entry.held.name)
            outcome = self.store(entry)
            if outcome in {"rejected", "too-large"}:
                with self._state.lock:
                    if may_leave_memory(entry):  # else a lane is sending it, and may yet deliver it
                        self._state.drop(entry, outcome)

    def _recover(self) -> None:
        """Find out whether a disk that failed works again, where no frame is waiting to try it."""
        if not self._outage.reason or self._backing_off():
            return
        with self._disk:
            try:
                if self._note is not None:
                    self._room.store(*self._note)
                    self._note = None
                store(self._files, PROBE, b"")
                self._files.unlink(PROBE)
            except OSError as error:
                self.failed(error)
                return
        if self._mode == "memory" or not self._state.index.memory:
            self._outage.succeeded()

    def _write_notes(self) -> None:
        while self._notes_due and not self._backing_off():
            name, data = self._notes_due.popitem()
            try:
                self.note(name, data)
            except OSError as error:
                self._notes_due.setdefault(name, data)
                self.failed(error)

    def _next_due(self, tried: set[str]) -> Entry | None:
        if self._mode == "memory" or self._backing_off():
            return None
        now_s = self._clock.monotonic_s()
        with self._state.lock:
            all_claimed = self.memory.is_half_full()
            for name, entry in self._state.index.memory.items():
                due = (
                    self._mode == "durable"
                    or all_claimed
                    or now_s - entry.put_at_s >= self._limits.spill_after_s
                )
                if due and entry.place is Place.MEMORY and name not in tried:
                    return entry
        return None

    def _expire(self) -> None:
        if self._limits.max_age_s is None:
            return
        oldest_put_at_s = self._clock.monotonic_s() - self._limits.max_age_s
        with self._state.lock:
            expired: list[Entry] = []
            for entry in self._state.index.frames.values():
                if entry.put_at_s >= oldest_put_at_s or len(expired) >= VICTIMS_MAX:
                    break
                if entry.may_be_dropped:
                    expired.append(entry)
        for entry in expired:
            if entry.put_at_s < self._started_s and self._age_is_unknown(entry):
                with self._state.lock:
                    make_younger(self._state.index.frames.values(), self._started_s, beginning_with=entry)
                return
            with self._state.lock:
                if entry.may_be_dropped:
                    self._state.drop(entry, "expired")

    def _age_is_unknown(self, entry: Entry) -> bool:
        """Whether a frame of an earlier process was taken while the clock was not trusted, as it says itself.

        A machine that starts without a clock of its own shows the time at which it was switched off.
        """
        if entry.file is None:
            return False
        try:
            metadata = read_metadata(self._files.read(entry.file))
        except (OSError, MalformedError):
            return False
        return metadata is not None and not metadata.clock_synced

    def _tidy(self) -> None:
        if self._backing_off():
            return
        self.remove_dropped()
        since_s = self._unsynced_since_s
        if since_s is None or self._clock.monotonic_s() - since_s < SYNC_AFTER_S:
            return
        self._unsynced_since_s = None
        try:
            self._files.sync_folder()
        except OSError as error:
            self.failed(error)

    def _say_drops(self) -> None:
        now_s = self._clock.monotonic_s()
        if now_s < self._say_at_s or not self._state.unlogged_drops:
            return
        self._say_at_s = now_s + SAY_DROPS_EVERY_S
        with self._state.lock:
            unlogged_drops, self._state.unlogged_drops = self._state.unlogged_drops, {}
        for reason, (count, first, last) in unlogged_drops.items():
            log.warning("dropped %d (%s): %s to %s", count, reason, first, last)

    def _pause_s(self) -> float:
        with self._state.lock:
            oldest = next(iter(self._state.index.memory.values()), None)
        if oldest is None or self._mode == "memory":
            return POLL_S
        due_in_s = oldest.put_at_s + self._limits.spill_after_s - self._clock.monotonic_s()
        return min(POLL_S, max(0.02, due_in_s)) if due_in_s > 0 else POLL_S
