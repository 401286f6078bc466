"""The last hours of every camera, counted once for all who look at a wall."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from shutterbus_viewer.archive.catalog import CatalogReader
from shutterbus_viewer.archive.slices import slices

KEPT_US = 60_000_000
"""Counting takes a third of a second for a thousand cameras, in a thread; an answer is as old as this at most."""

LENGTHS_KEPT = 4


@dataclass(frozen=True, slots=True)
class Beat:
    """Frames in each slice of a stretch of time.

    Attributes:
        cameras: Of each camera in the archive: a member of a JSON object, ``"gate":[0,12]``; sorted.
    """

    start_us: int
    slice_us: int
    counted_at_us: int
    cameras: Mapping[str, str]


class Beats:
    """Remembers what was counted last. Only on the loop."""

    def __init__(self, catalog: CatalogReader) -> None:
        self._catalog = catalog
        self._counted: OrderedDict[tuple[int, int], Beat] = OrderedDict()
        self._lock = asyncio.Lock()

    async def last(self, now_us: int, slice_us: int, count: int) -> Beat:
        """Return *count* slices, of which the last contains *now_us*; borders are multiples of *slice_us*.

        Raises:
            ArchiveUnreadableError: See ``CatalogReader.ask``.
        """
        start_us = (now_us // slice_us + 1 - count) * slice_us
        # One count at a time, for all who ask and of all lengths: live pictures come first.
        async with self._lock:
            beat = self._counted.pop((slice_us, count), None)
            if beat is None or beat.start_us != start_us or now_us - beat.counted_at_us >= KEPT_US:
                beat = await asyncio.to_thread(self._count, start_us, slice_us, count, now_us)
            self._counted[slice_us, count] = beat
            if len(self._counted) > LENGTHS_KEPT:
                self._counted.popitem(last=False)
        return beat

    def _count(self, start_us: int, slice_us: int, count: int, now_us: int) -> Beat:
        counted = slices(self._catalog, start_us, slice_us, count)
        members = {
            camera: f"{json.dumps(camera)}:{json.dumps(frames, separators=(',', ':'))}"
            for camera, frames in counted.items()
        }
        return Beat(start_us, slice_us, now_us, members)
