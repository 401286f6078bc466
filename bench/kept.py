"""An archive with pictures that are given, as if cameras had taken them."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from shutterbus_archive.catalog import Catalog, FrameRow
from shutterbus_archive.opening import STORE
from shutterbus_archive.store.founding import initialise
from shutterbus_transport.checksum import crc32c
from shutterbus_wire import exif
from shutterbus_wire.frame import FrameMetadata
from shutterbus_wire.identity import FrameId, new_epoch
from shutterbus_wire.store_layout import FrameKey

BEGIN_US = 1_795_737_600_000_000
"""2026-11-27T00:00:00Z."""
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """A frame in the archive, and its file."""

    captured_us: int
    id: FrameId
    path: Path


def keep(
    folder: Path, pictures: Sequence[bytes], count: int, interval_us: int, cameras: Sequence[str] = ("gate",)
) -> dict[str, list[KeptFrame]]:
    """Make an archive with *folder* as its ARCHIVE_STATE_DIR: of each camera *count* frames from ``BEGIN_US`` on.

    Each shows the next of *pictures*, which are JPEGs.
    """
    store = folder / STORE
    store.mkdir(parents=True)
    initialise(store)
    kept: dict[str, list[KeptFrame]] = {}
    with closing(Catalog(folder)) as catalog:
        for camera in cameras:
            epoch, turns, rows = new_epoch(), cycle(pictures), []
            kept[camera] = []
            for seq in range(count):
                at_us = BEGIN_US + seq * interval_us
                key = FrameKey(camera, FrameId(epoch, seq), at_us)
                metadata = FrameMetadata(camera, key.id, at_us, "sensor", clock_synced=True)
                data = exif.stamp(next(turns), metadata, software="bench")
                path = store / str(key)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                rows.append(FrameRow(key, at_us, at_us, len(data), int(crc32c(data))))
                kept[camera].append(KeptFrame(at_us, key.id, path))
            catalog.add(rows)
    return kept
