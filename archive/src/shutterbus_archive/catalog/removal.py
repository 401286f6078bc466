"""Frames out of the index: their rows go, their keys become garbage, and their five minutes are counted anew."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, and_, delete, func, select, tuple_, update

from shutterbus_archive.catalog import garbage, schema
from shutterbus_wire.identity import FrameId
from shutterbus_wire.store_layout import FrameKey

FrameRef = tuple[int, int]
"""A frame's ``epoch_id`` and ``seq``."""


def take_out(connection: Connection, frames: Sequence[FrameRef], *, aged: bool) -> list[str]:
    """Take *frames* out, and return their keys. *aged*: their five minutes go on saying how many were here."""
    table = schema.frame
    chosen = tuple_(table.c.epoch_id, table.c.seq).in_(list(frames))
    query = (
        select(table, schema.epoch.c.hex, schema.camera.c.name)
        .join(schema.epoch, schema.epoch.c.id == table.c.epoch_id)
        .join(schema.camera, schema.camera.c.id == table.c.camera_id)
        .where(chosen)
    )
    keys: list[str] = []
    by_bucket: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row in connection.execute(query):
        identity = FrameId(row.hex, row.seq)
        keys.append(str(FrameKey(row.name, identity, row.filed_us, schema.content_type(row.flags))))
        by_bucket[row.camera_id, row.captured_us - row.captured_us % schema.BUCKET_US].append(row.bytes)
    if keys:
        garbage.note(connection, keys)
        connection.execute(delete(table).where(chosen))
    for (camera_id, start_us), sizes in by_bucket.items():
        _recount(connection, camera_id, start_us, sizes, aged=aged)
    return keys


def _recount(connection: Connection, camera_id: int, start_us: int, sizes: list[int], *, aged: bool) -> None:
    bucket, frame = schema.bucket, schema.frame
    here = and_(bucket.c.camera_id == camera_id, bucket.c.start_us == start_us)
    inside = and_(
        frame.c.camera_id == camera_id,
        frame.c.captured_us >= start_us,
        frame.c.captured_us < start_us + schema.BUCKET_US,
    )
    first_us = select(func.min(frame.c.captured_us)).where(inside).scalar_subquery()
    last_us = select(func.max(frame.c.captured_us)).where(inside).scalar_subquery()
    connection.execute(
        update(bucket)
        .where(here)
        .values(
            frames=bucket.c.frames - len(sizes),
            aged=bucket.c.aged + aged * len(sizes),
            bytes=bucket.c.bytes - sum(sizes),
            first_us=func.coalesce(first_us, bucket.c.first_us),
            last_us=func.coalesce(last_us, bucket.c.last_us),
        )
    )
    connection.execute(delete(bucket).where(here, bucket.c.frames == 0, bucket.c.aged == 0))
