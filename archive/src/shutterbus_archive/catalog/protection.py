"""What retention leaves alone."""

from collections.abc import Callable

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from shutterbus_archive.catalog import schema
from shutterbus_archive.catalog.catalog import Catalog
from shutterbus_archive.catalog.rows import Keep


class Protection:
    """The table ``keep``."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def keeps(self) -> list[Keep]:
        """Return all that is kept, the oldest note first."""
        table, camera = schema.keep, schema.camera
        query = (
            select(table, camera.c.name)
            .join(camera, camera.c.id == table.c.camera_id)
            .order_by(table.c.at_us)
        )
        with self._catalog.transaction() as connection:
            return [
                Keep(row.id, row.name, row.from_us, row.to_us, row.reason, row.at_us)
                for row in connection.execute(query)
            ]

    def add(self, keep: Keep, before: Callable[[], None] = lambda: None) -> None:
        """Leave *keep* alone from now on. *before* is called first; if it raises, nothing is noted."""
        with self._catalog.transaction() as connection:
            before()
            connection.execute(upsert(schema.camera).on_conflict_do_nothing(), {"name": keep.camera})
            camera_id = (
                select(schema.camera.c.id).where(schema.camera.c.name == keep.camera).scalar_subquery()
            )
            values = {
                "from_us": keep.from_us,
                "to_us": keep.to_us,
                "reason": keep.reason,
                "at_us": keep.at_us,
            }
            statement = upsert(schema.keep).values(id=keep.id, camera_id=camera_id, **values)
            connection.execute(statement.on_conflict_do_nothing())

    def drop(self, keep_id: str, before: Callable[[], None] = lambda: None) -> None:
        """Leave *keep_id* alone no more. *before* as with ``add``."""
        with self._catalog.transaction() as connection:
            before()
            connection.execute(delete(schema.keep).where(schema.keep.c.id == keep_id))


def kept_bytes(connection: Connection, before_us: int | None = None) -> int:
    """Return the bytes of all frames that are kept; with *before_us* of those taken before it."""
    query = select(schema.keep.c.camera_id, schema.keep.c.from_us, schema.keep.c.to_us)
    total = 0
    done: dict[int, int] = {}
    for camera_id, begin_us, end_us in connection.execute(query.order_by(schema.keep.c.from_us)).all():
        # What two of them keep counts once.
        from_us = max(begin_us, done.get(camera_id, begin_us))
        to_us = end_us if before_us is None else min(end_us, before_us)
        if from_us < to_us:
            total += _bytes_within(connection, camera_id, from_us, to_us)
            done[camera_id] = to_us
    return total


def _bytes_within(connection: Connection, camera_id: int, from_us: int, to_us: int) -> int:
    """Return the bytes of the frames from *from_us* on and before *to_us*: whole buckets, and frames at both ends."""
    frame, bucket = schema.frame.c, schema.bucket.c
    first_us = min(to_us, -(-from_us // schema.BUCKET_US) * schema.BUCKET_US)
    last_us = max(first_us, to_us // schema.BUCKET_US * schema.BUCKET_US)
    whole = select(func.coalesce(func.sum(bucket.bytes), 0)).where(
        bucket.camera_id == camera_id, bucket.start_us >= first_us, bucket.start_us < last_us
    )
    total = int(connection.execute(whole).scalar_one())
    for begin_us, end_us in ((from_us, first_us), (last_us, to_us)):
        edge = select(func.coalesce(func.sum(frame.bytes), 0)).where(
            frame.camera_id == camera_id, frame.captured_us >= begin_us, frame.captured_us < end_us
        )
        total += int(connection.execute(edge).scalar_one())
    return total
