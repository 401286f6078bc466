"""What an earlier process left in the folder, in the order in which it was put."""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable

from shutterbus_edge.spool import names
from shutterbus_edge.spool.files import Files, Found, discard
from shutterbus_edge.spool.index import Entry
from shutterbus_wire.clock import Clock

TEMPORARY = re.compile(r"\..+\.tmp")

CLOCK_WAS_SET_US = 1_704_067_200_000_000  # 2024-01-01
"""A file older than this was written before the clock was set; its age cannot be known."""

log = logging.getLogger(__name__)


def tidy(files: Files) -> list[Found]:
    """Remove what a cut left half-written, and list the rest."""
    found = files.list()
    for file in found:
        if TEMPORARY.fullmatch(file.name):
            discard(files, file.name)
    return [f for f in found if not TEMPORARY.fullmatch(f.name)]


def entries(found: Iterable[Found], clock: Clock) -> list[Entry]:
    """Return the frames and records among *found*, oldest first; what is not ours is left alone.

    Only names and times are looked at: content is checked when it is sent. The age of a file is what the clock makes of
    its modification time, never negative. Within an epoch and stream the numbers decide, whatever the clock did.
    """
    series: dict[tuple[str, str | None], list[tuple[names.Held, int]]] = defaultdict(list)
    for file in found:
        if ours := names.parse(file.name, file.size_bytes, file.written_at_us):
            series[ours[0].id.epoch, ours[0].stream].append(ours)
    now_us, now_s = clock.utc_us(), clock.monotonic_s()
    result: list[Entry] = []
    for one in series.values():
        latest_us = 0
        for held, digest in sorted(one, key=lambda h: h[0].id.seq):
            latest_us = max(latest_us, held.captured_at_us)
            age_us = max(0, now_us - latest_us) if latest_us >= CLOCK_WAS_SET_US else 0
            result.append(Entry(held, put_at_s=now_s - age_us / 1e6, digest=digest))
    begins = {key: min(h.captured_at_us for h, _ in one) for key, one in series.items()}
    epochs: dict[str, int] = {}
    for (epoch, _), begin_us in begins.items():
        epochs[epoch] = min(begin_us, epochs.get(epoch, begin_us))
    # One epoch after the other; in each by age, and equal ages by number.
    result.sort(key=lambda e: (epochs[e.held.id.epoch], e.held.id.epoch, e.put_at_s, e.held.id.seq))
    return result
