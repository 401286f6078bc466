"""Where every frame went: the sum that has to come out at any instant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

RANGES_MAX = 200
"""Ranges kept for each reason; see ``Dropped``."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Frames given up for one reason.

    Attributes:
        count: How many, exactly.
        ranges: ``(epoch, first, last)``, both ends dropped. Beyond RANGES_MAX ranges the closest neighbours are
            joined, so a range may then enclose frames that were not dropped.
    """

    count: int
    ranges: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """``captured = acked + sum of dropped + quarantined + held``, all in frames."""

    captured: int
    acked: int
    quarantined: int
    held: int
    dropped: Mapping[str, Dropped] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class SpoolCounts:
    """What the spool has done and has, read at one instant.

    Attributes:
        epoch: The epoch now being counted.
        this_epoch: Its frames, from its first, over clean restarts.
        earlier: The frames of earlier epochs that were found here when this one began (its ``captured``), and what became of them.
        held_frames, held_bytes: All that is kept now, of any epoch; bytes include records.
        held_records: Reports and readings kept now.
        in_memory_frames: Those of held_frames that a power cut would take.
        oldest_held_age_s: Since the oldest frame was put; None when none is held.
        records_dropped: Records given up at their own bound.
        uncertain: ``(epoch, first, last)`` of numbers that an unclean stop left without an account; last None: open.
        trouble: Why frames stay in memory only; None while the disk does its job.
    """

    epoch: str
    this_epoch: Tally
    earlier: Tally
    held_frames: int
    held_bytes: int
    held_records: int
    in_memory_frames: int
    oldest_held_age_s: float | None
    records_dropped: int
    uncertain: tuple[tuple[str, int, int | None], ...]
    trouble: str | None
