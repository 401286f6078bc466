"""How much may be kept, and what goes when that is reached."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from shutterbus_edge.spool.entry import Entry
from shutterbus_edge.spool.files import Free

GIB = 1 << 30
MIB = 1 << 20

Mode = Literal["spill", "durable", "memory"]
OnFull = Literal["overwrite-oldest", "thin", "reject-new"]

VICTIMS_MAX = 100
"""Frames given up for one new one, at most: a limit mistyped, or a disk that others fill, must not empty the spool at a stroke."""

TELEMETRY_MAX_FILES = 20_000
"""Reports and readings kept: a week of one each a minute."""
TELEMETRY_MAX_BYTES = 32 * MIB
TELEMETRY_MEMORY_MAX_BYTES = 4 * MIB
"""Those of them that may be in memory only, while the disk does not take them."""


class Need(NamedTuple):
    """What has to go before the next frame may be written."""

    files: int
    size_bytes: int
    short: bool = False
    """Because others fill the file system, not because of a limit of ours."""


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """The first limit that is reached wins. Telemetry (reports, readings) has a small bound of its own.

    Attributes:
        max_bytes: Of frames on disk; None: a quarter of what was free before the spool took any, so that the
            limit does not shrink as the spool fills.
        max_files: Frames on disk.
        max_age_s: Since a frame was put, by the monotonic clock, so that a jump of the time drops nothing; over a
            restart by the file's time. None: no limit.
        min_free_bytes: While less is left on the file system the spool does not grow: each new frame takes the
            place of old ones. None: a tenth of the file system, at most 1 GiB. Inodes likewise: 1 %, at most 1,000.
        memory_max_bytes: Frames that wait in memory only; those that are being sent come on top. 32 MiB are four
            8 MiB frames or, in two seconds, 80 frames a second of 200 kB; counting frames as well would let large
            ones take more memory than a small Pi has.
        on_full: ``overwrite-oldest``, ``thin`` (every second frame of the oldest half), or ``reject-new``. A new frame is offered to
            the live lane in any case; it is rejected when that has not delivered it.
        spill_after_s: In ``spill`` mode, how long a frame may be in memory only.
    """

    max_bytes: int | None = None
    max_files: int = 200_000
    max_age_s: float | None = 7 * 86_400
    min_free_bytes: int | None = None
    memory_max_bytes: int = 32 * MIB
    on_full: OnFull = "overwrite-oldest"
    spill_after_s: float = 2.0

    def bytes_allowed(self, used_bytes: int, free: Free) -> int:
        """Return max_bytes, or what it is by default here and now; never more than 80 % of the file system."""
        if self.max_bytes is not None:
            return self.largest_bytes(free)
        return min(max(used_bytes, (free.free_bytes + used_bytes) // 4), self.largest_bytes(free))

    def largest_bytes(self, free: Free) -> int:
        """Return how large a frame can be at all, however empty the disk."""
        most = free.total_bytes * 8 // 10
        return most if self.max_bytes is None else min(most, self.max_bytes)

    def need(self, used: Need, incoming_bytes: int, allowed_bytes: int, free: Free) -> Need:
        """Return what has to go before a frame of *incoming_bytes* may be written."""
        min_free = min(GIB, free.total_bytes // 10) if self.min_free_bytes is None else self.min_free_bytes
        files = max(0, used.files + 1 - self.max_files)
        size_bytes = max(0, used.size_bytes + incoming_bytes - allowed_bytes)
        short = free.free_bytes - incoming_bytes < min_free
        if free.free_inodes is not None and free.total_inodes is not None:
            short = short or free.free_inodes - 1 < min(1_000, free.total_inodes // 100)
        if short:
            files, size_bytes = max(files, 1), max(size_bytes, incoming_bytes)
        return Need(files, size_bytes, short)


class EvictionPolicy:
    """Chooses, one by one, the frames that go to make room."""

    def __init__(self, on_full: OnFull) -> None:
        self._on_full = on_full
        self._plan: deque[Entry] = deque()

    @property
    def reason(self) -> str:
        """Under which word its choices are counted."""
        return {"overwrite-oldest": "overwritten", "thin": "thinned", "reject-new": "rejected"}[self._on_full]

    def choose(self, candidates: Iterable[Entry], may_go: Callable[[Entry], bool]) -> Entry | None:
        """Return the next to go out of *candidates* (oldest first, nobody is sending them); None: rather the new one."""
        if self._on_full == "reject-new":
            return None
        if self._on_full == "overwrite-oldest":
            return next(iter(candidates), None)
        while self._plan:
            if may_go(entry := self._plan.popleft()):
                return entry
        waiting = list(candidates)
        oldest_half = waiting[: len(waiting) // 2]
        self._plan.extend(oldest_half[1::2])
        if self._plan:
            return self._plan.popleft()
        return waiting[0] if waiting else None
