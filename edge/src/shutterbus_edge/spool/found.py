"""What earlier processes left in the folder, and in which order they put it there."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from shutterbus_edge.spool import names
from shutterbus_edge.spool.entry import Entry
from shutterbus_edge.spool.files import Files, Found, discard
from shutterbus_runtime.clock import Clock

TEMPORARY = re.compile(r"\..+\.tmp")

CLOCK_WAS_SET_US = 1_704_067_200_000_000  # 2024-01-01
"""A file older than this was written before the clock was set; its age cannot be known."""


def tidy(files: Files) -> list[Found]:
    """Remove what a cut left half-written, and list the rest."""
    found = files.list()
    for file in found:
        if TEMPORARY.fullmatch(file.name):
            discard(files, file.name)
    return [f for f in found if not TEMPORARY.fullmatch(f.name)]


def entries(found: Iterable[Found], clock: Clock) -> list[Entry]:
    """Return the frames and records among *found*; what is not ours is left alone.

    Only names and times are looked at: content is checked when it is sent. The age of a file is what the clock makes of
    its modification time, never negative.
    """
    now_us, now_s = clock.utc_us(), clock.monotonic_s()
    result = []
    for file in found:
        if ours := names.parse(file.name, file.size_bytes, file.written_at_us):
            held, digest = ours
            known = held.captured_at_us >= CLOCK_WAS_SET_US
            age_us = max(0, now_us - held.captured_at_us) if known else 0
            result.append(Entry.found(held, now_s - age_us / 1e6, digest))
    return result


def in_order(found: list[Entry], epochs: Sequence[str]) -> list[Entry]:
    """Return *found* in the order in which it was put, whatever the clock did meanwhile.

    *epochs* are those whose order was noted, the one to come last; others were before them. Within an epoch and stream
    the numbers decide. Ages are made to follow that order, by making younger what seems too old for its place.
    """
    began_us: dict[str, int] = {}
    series: dict[tuple[str, str | None], list[Entry]] = defaultdict(list)
    for entry in found:
        epoch = entry.held.id.epoch
        began_us[epoch] = min(entry.held.captured_at_us, began_us.get(epoch, entry.held.captured_at_us))
        series[epoch, entry.held.stream].append(entry)
    for one in series.values():
        one.sort(key=lambda e: e.held.id.seq)
        _make_younger(one)
    noted = {epoch: number for number, epoch in enumerate(epochs, 1)}
    rank = {epoch: (noted.get(epoch, 0), began, epoch) for epoch, began in began_us.items()}
    ordered = sorted(found, key=lambda e: (rank[e.held.id.epoch], e.put_at_s, e.held.id.seq))
    _make_younger(ordered)
    return ordered


def _make_younger(entries: Iterable[Entry]) -> None:
    latest_s = -math.inf
    for entry in entries:
        latest_s = entry.put_at_s = max(latest_s, entry.put_at_s)
