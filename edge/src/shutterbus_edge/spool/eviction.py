"""Makes room, on disk and in memory, by dropping what may be dropped."""

import errno
from collections.abc import Callable
from typing import Literal

from shutterbus_edge.spool import files, limits
from shutterbus_edge.spool.entry import Entry
from shutterbus_edge.spool.files import Files
from shutterbus_edge.spool.index import may_leave_disk, may_leave_memory
from shutterbus_edge.spool.limits import EvictionPolicy, Mode, Need, SpoolLimits
from shutterbus_edge.spool.state import SpoolState

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

Verdict = Literal["room", "all_claimed", "rejected", "too-large"]
"""all_claimed: what could go is being sent; rejected: on_full wants it so; too-large: it fits into no spool of this size."""


class DiskEviction:
    """Room on the disk; used by one thread at a time."""

    def __init__(
        self, disk: Files, state: SpoolState, spool_limits: SpoolLimits, remove_dropped: Callable[[], None]
    ) -> None:
        self._files = disk
        self._state = state
        self._limits = spool_limits
        self._remove_dropped = remove_dropped
        self._victims = EvictionPolicy(spool_limits.on_full)
        self._allowed_bytes = 0

    def make(self, entry: Entry) -> Verdict:
        """Drop what has to go before *entry* may be written; "room" if it may be."""
        free = self._files.free()
        size_bytes = entry.held.size_bytes
        index = self._state.index
        with self._state.lock:
            used = Need(index.stored_files, index.stored_bytes)
            if size_bytes > self._limits.largest_bytes(free):
                return "too-large"
            # When others fill the disk the spool stops growing, and does not throw away what it holds.
            now_allowed_bytes = self._limits.bytes_allowed(used.size_bytes, free)
            self._allowed_bytes = max(self._allowed_bytes, now_allowed_bytes)
            need = self._limits.need(used, size_bytes, self._allowed_bytes, free)
            files = freed_bytes = 0
            while (files < need.files or freed_bytes < need.size_bytes) and files < limits.VICTIMS_MAX:
                victim = self._victims.choose(index.waiting_on_disk(), may_leave_disk)
                if victim is None:
                    break
                files, freed_bytes = files + 1, freed_bytes + victim.held.size_bytes
                self._state.drop(victim, self._victims.reason)
            enough = (files >= need.files and freed_bytes >= need.size_bytes) or files >= limits.VICTIMS_MAX
        self._remove_dropped()
        if enough:
            return "room"
        if self._limits.on_full == "reject-new":
            return "rejected"
        if need.short and not files:
            raise OSError(errno.ENOSPC, "less is free on the disk than SPOOL_MIN_FREE")
        return "all_claimed"

    def store(self, file: str, data: bytes) -> None:
        """Store, giving up old frames for as long as the disk says that it is full although the limits did not."""
        for _ in range(limits.VICTIMS_MAX):
            try:
                return files.store(self._files, file, data)
            except OSError as error:
                if error.errno not in FULL:
                    raise
                with self._state.lock:
                    victim = self._victims.choose(self._state.index.waiting_on_disk(), may_leave_disk)
                    if victim is None:
                        raise
                    self._state.drop(victim, "no-space")
                self._remove_dropped()
        raise OSError(errno.ENOSPC, f"the disk stays full after {limits.VICTIMS_MAX} frames were removed")


class MemoryEviction:
    """Room for what is in memory only, and the bound of telemetry."""

    def __init__(self, state: SpoolState, spool_limits: SpoolLimits, mode: Mode) -> None:
        self._state = state
        self._limits = spool_limits
        self._mode = mode
        self._victims = EvictionPolicy(spool_limits.on_full)

    def bound(self) -> None:
        """Drop what memory has no room for; the lock of the state is held by the caller."""
        index = self._state.index
        waiting_bytes = index.memory_bytes(waiting_only=True)
        while waiting_bytes > self._limits.memory_max_bytes:
            if self._limits.on_full == "reject-new":
                victim = next(index.waiting_in_memory(newest_first=True), None)
            else:
                victim = self._victims.choose(index.waiting_in_memory(), may_leave_memory)
            if victim is None:
                break
            waiting_bytes -= victim.held.size_bytes
            self._state.drop(victim, self._victims.reason if self._mode == "memory" else "memory-full")
        self._bound_telemetry()

    def is_half_full(self) -> bool:
        """Whether frames have to go to disk before their time: from half full on, so that a slow fsync finds room."""
        with self._state.lock:
            return self._state.index.memory_bytes(waiting_only=False) > self._limits.memory_max_bytes // 2

    def _bound_telemetry(self) -> None:
        index = self._state.index
        memory_bytes = sum(e.held.size_bytes for e in index.memory.values() if e.held.kind == "telemetry")
        while (
            len(index.telemetry) > limits.TELEMETRY_MAX_FILES
            or index.telemetry_bytes > limits.TELEMETRY_MAX_BYTES
            or memory_bytes > limits.TELEMETRY_MEMORY_MAX_BYTES
        ):
            candidates = index.memory if memory_bytes > limits.TELEMETRY_MEMORY_MAX_BYTES else index.telemetry
            victim = next(
                (e for e in candidates.values() if e.held.kind == "telemetry" and e.may_be_dropped),
                None,
            )
            if victim is None:
                return
            memory_bytes -= victim.held.size_bytes if victim.file is None else 0
            self._state.drop(victim, "records-full")
