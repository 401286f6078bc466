"""A catalog of ten million frames, as an archive has it after ten days of ten cameras, and an archive that goes on adding to it."""

import itertools
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path

from shutterbus_archive.catalog import Catalog, FrameRow, schema
from shutterbus_archive.catalog.database import FILE
from shutterbus_runtime.stop_signals import at_stop_signal
from shutterbus_wire.identity import FrameId, new_epoch
from shutterbus_wire.store_layout import DAY_US, FrameKey

CAMERAS = tuple(f"camera-{number}" for number in range(10))
DAYS, FRAMES_A_DAY, READINGS = 10, 100_000, 1_000_000
BEGIN_US = 1_794_873_600_000_000  # 2026-11-17T00:00:00Z
END_US = BEGIN_US + DAYS * DAY_US
INTERVAL_US = DAY_US // FRAMES_A_DAY
BATCH = 10_000
GROUP, GROUP_S = 64, 0.2

# Frame after frame of all cameras in turn, as they come: each camera's rows lie apart in the file.
FRAMES = """
    with recursive number(n) as (select :first union all select n + 1 from number where n + 1 < :first + :count)
    insert into frame (epoch_id, seq, camera_id, captured_us, filed_us, archived_us, bytes, crc, flags)
    select id, n, id, at_us, at_us, at_us + 400000, 100000 + n * 31 % 50000, n * 2654435761 % 4294967296, 0
    from (
        select id, n, :begin_us + n * :interval_us + (n * 7919 + id * 104729) % 400000 as at_us
        from number cross join camera
    )
"""
BUCKETS = f"""
    insert into bucket (camera_id, start_us, frames, aged, bytes, first_us, last_us)
    select
        camera_id, captured_us - captured_us % {schema.BUCKET_US}, count(*), 0, sum(bytes), min(captured_us), max(captured_us)
    from frame group by 1, 2
"""
READING_ROWS = """
    with recursive number(n) as (select 0 union all select n + 1 from number where n + 1 < :count)
    insert into reading (camera_id, sensor, name, at_us, value, unit)
    select 1, 'outside', 'temperature', :begin_us + n * :interval_us, n * 37 % 250 / 10.0, '°C' from number
"""


def make(folder: Path, days: int = DAYS) -> None:
    """Make the catalog in *folder*, unless it is there already."""
    if folder.exists():
        return
    making = folder.with_name(f"{folder.name}.making")
    making.mkdir(parents=True)
    Catalog(making).close()
    with closing(sqlite3.connect(making / FILE)) as connection:
        connection.execute("pragma synchronous = off")
        connection.executemany("insert into camera (name) values (?)", [(name,) for name in CAMERAS])
        connection.execute(
            "insert into epoch (id, camera_id, hex) select id, id, printf('%016x', id) from camera"
        )
        frames = days * FRAMES_A_DAY
        connection.execute(
            "insert into span (epoch_id, state, first, last) select id, ?, 0, ? from epoch",
            (schema.ARCHIVED, frames - 1),
        )
        for first in range(0, frames, BATCH):
            values = {"first": first, "count": BATCH, "begin_us": BEGIN_US, "interval_us": INTERVAL_US}
            with connection:
                connection.execute(FRAMES, values)
        with connection:
            connection.execute(BUCKETS)
            interval_us = days * DAY_US // READINGS
            connection.execute(
                READING_ROWS, {"count": READINGS, "begin_us": BEGIN_US, "interval_us": interval_us}
            )
    making.rename(folder)


def captured_us(camera: int, seq: int) -> int:
    """Return when frame *seq* of the *camera*-th of ``CAMERAS`` was taken."""
    return BEGIN_US + seq * INTERVAL_US + (seq * 7919 + (camera + 1) * 104729) % 400_000


def frame_id(camera: int, seq: int) -> FrameId:
    """Return the id of that frame."""
    return FrameId(f"{camera + 1:016x}", seq)


def go_on(folder: Path, stop: threading.Event) -> None:
    """Add groups of frames to the catalog in *folder* until *stop*."""
    epochs = [new_epoch() for _ in CAMERAS]
    with closing(Catalog(folder)) as catalog:
        print("open", flush=True)
        for group in itertools.count():
            rows = []
            for number in range(group * GROUP, (group + 1) * GROUP):
                camera, seq = number % len(CAMERAS), number // len(CAMERAS)
                at_us = END_US + number * INTERVAL_US // len(CAMERAS)
                key = FrameKey(CAMERAS[camera], FrameId(epochs[camera], seq), at_us)
                rows.append(FrameRow(key, at_us, at_us, 100_000, 0))
            catalog.add(rows)
            if stop.wait(GROUP_S):
                return


if __name__ == "__main__":
    stop_ = threading.Event()
    at_stop_signal(stop_.set)
    go_on(Path(sys.argv[1]), stop_)
