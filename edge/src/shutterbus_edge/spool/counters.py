"""Where every frame went: the sum that has to come out at any instant."""

import bisect
from collections.abc import Mapping
from dataclasses import dataclass, field

RANGES_MAX = 200
"""Ranges kept for one reason, so that a report stays small; see ``Dropped``."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Frames given up for one reason.

    Attributes:
        count: How many, exactly.
        ranges: ``(epoch, first, last)``. Beyond RANGES_MAX of them the closest neighbours are joined, so a range may
            then enclose frames that were not dropped.
    """

    count: int
    ranges: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """``captured = acked + sum of dropped + quarantined + held``, all in frames."""

    captured: int
    acked: int
    quarantined: int
    held: int
    dropped: Mapping[str, Dropped] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpoolCounts:
    """What the spool has done and has, read at one instant.

    Attributes:
        epoch: The epoch now being counted.
        this_epoch: Its frames, from its first, over clean restarts.
        earlier: The frames of earlier epochs found here when this process began (its ``captured``), and what became of them.
        held_frames: Frames kept now, of any epoch.
        held_bytes: Bytes of frames and telemetry kept now.
        held_records: Reports and readings kept now.
        in_memory_frames: Those of held_frames that a power cut would take.
        oldest_held_age_s: Since the oldest frame was put; None when none is held.
        records_dropped: Reports and readings given up at their own bound, since this process began.
        uncertain: ``(epoch, first, last)`` of numbers that an unclean stop left without an account; last None: all from first on.
        slow: How often an operation took over a second, by its name: ``fsync``, ``put``.
        trouble: Why frames stay in memory only, as a sentence; None while the disk does its job.
    """

    epoch: str
    this_epoch: FrameCounts
    previous_epochs: FrameCounts
    held_frames: int
    held_bytes: int
    held_telemetry: int
    in_memory_frames: int
    oldest_held_age_s: float | None
    records_dropped: int
    uncertain: tuple[tuple[str, int, int | None], ...]
    trouble: str | None
    slow: Mapping[str, int]


class Ranges:
    """A set of frame numbers, kept small."""

    def __init__(self, dropped: Dropped = Dropped(0, ())) -> None:
        self.count = dropped.count
        self._ranges: list[tuple[str, int, int]] = sorted(dropped.ranges)

    def add(self, epoch: str, first: int, last: int) -> None:
        """Add the numbers *first* to *last*, none of which was added before."""
        self.count += last - first + 1
        at = bisect.bisect(self._ranges, (epoch, first, last))
        self._ranges.insert(at, (epoch, first, last))
        for left in (at, at - 1):
            if self._gap(left) <= 0:
                self._join(left)
        while len(self._ranges) > RANGES_MAX:
            left = min(range(len(self._ranges) - 1), key=self._gap)
            if self._gap(left) == _NEVER:
                return  # as many epochs as ranges: nothing can be joined
            self._join(left)

    def dropped(self) -> Dropped:
        return Dropped(self.count, tuple(self._ranges))

    def _gap(self, left: int) -> int:
        """How many numbers lie between a range and the next; _NEVER if they cannot be joined."""
        if not 0 <= left < len(self._ranges) - 1:
            return _NEVER
        (epoch, _, last), (next_epoch, first, _) = self._ranges[left : left + 2]
        return first - last - 1 if epoch == next_epoch else _NEVER

    def _join(self, left: int) -> None:
        (epoch, first, last), (_, _, next_last) = self._ranges[left : left + 2]
        self._ranges[left : left + 2] = [(epoch, first, max(last, next_last))]


_NEVER = 1 << 64


class FrameCounters:
    """Counts what becomes of one set of frames."""

    def __init__(self, start: FrameCounts | None = None) -> None:
        self.captured = start.captured if start else 0
        self.acked = start.acked if start else 0
        self.quarantined = start.quarantined if start else 0
        self._dropped = {reason: Ranges(d) for reason, d in start.dropped.items()} if start else {}

    def drop(self, reason: str, epoch: str, first: int, last: int) -> None:
        """Count the frames *first* to *last* as dropped for *reason*."""
        self._dropped.setdefault(reason, Ranges()).add(epoch, first, last)

    def drop_unknown(self, reason: str, count: int) -> None:
        """Count frames of which nobody knows the numbers any more."""
        self._dropped.setdefault(reason, Ranges()).count += count

    def tally(self, held: int) -> FrameCounts:
        return FrameCounts(
            captured=self.captured,
            acked=self.acked,
            quarantined=self.quarantined,
            held=held,
            dropped={reason: r.dropped() for reason, r in self._dropped.items()},
        )
