"""What of the catalog retention needs: what is oldest, how much it is, and taking it out."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import and_, delete, func, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert as upsert

from shutterbus_archive.catalog import schema
from shutterbus_archive.catalog.catalog import Catalog
from shutterbus_archive.store.layout import FrameKey
from shutterbus_wire.identity import FrameId
from shutterbus_wire.jpeg import ContentType

FrameRef = tuple[int, int]
"""A frame's ``epoch_id`` and ``seq``."""


class Ageing:
    """See the module."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def total_bytes(self) -> int:
        """Return the bytes of all frames that are in the store now."""
        with self._catalog.transaction() as connection:
            return int(
                connection.execute(select(func.coalesce(func.sum(schema.bucket.c.bytes), 0))).scalar_one()
            )

    def bytes_before(self, before_us: int) -> int:
        """Return the bytes of frames that were taken before *before_us*."""
        bucket, frame = schema.bucket, schema.frame
        whole = select(func.coalesce(func.sum(bucket.c.bytes), 0)).where(bucket.c.last_us < before_us)
        of_bucket = and_(
            frame.c.camera_id == bucket.c.camera_id,
            frame.c.captured_us >= bucket.c.start_us,
            frame.c.captured_us < before_us,
        )
        part = (
            select(func.coalesce(func.sum(frame.c.bytes), 0))
            .select_from(bucket.join(frame, of_bucket))
            .where(and_(bucket.c.first_us < before_us, bucket.c.last_us >= before_us))
        )
        with self._catalog.transaction() as connection:
            return sum(int(connection.execute(query).scalar_one()) for query in (whole, part))

    def last_archived_us(self) -> int:
        """Return when a frame was stored last, by this machine's clock of then; 0 if none ever was."""
        with self._catalog.transaction() as connection:
            noted = connection.execute(
                select(schema.meta.c.value).where(schema.meta.c.name == schema.LAST)
            ).scalar_one_or_none()
            return int(noted or 0)

    def oldest(
        self, most: int, *, before_us: int | None = None, at_least_bytes: int | None = None
    ) -> list[FrameRef]:
        """Return the oldest frames by capture time, as pairs of ``epoch_id`` and ``seq``, *most* of them at most.

        Args:
            most: How many.
            before_us: Only frames taken before that instant.
            at_least_bytes: Only as many as are needed to have so many bytes together.
        """
        table = schema.frame
        with self._catalog.transaction() as connection:
            start = select(func.min(schema.bucket.c.start_us)).where(schema.bucket.c.frames > 0)
            start_us = connection.execute(start).scalar_one_or_none()
            if start_us is None:
                return []
            end_us = start_us + schema.BUCKET_US
            if before_us is not None:
                end_us = min(end_us, before_us)
            cameras = select(schema.bucket.c.camera_id).where(schema.bucket.c.start_us == start_us)
            query = (
                select(table.c.epoch_id, table.c.seq, table.c.bytes)
                .where(
                    and_(
                        table.c.camera_id.in_(cameras),
                        table.c.captured_us >= start_us,
                        table.c.captured_us < end_us,
                    )
                )
                .order_by(table.c.captured_us)
                .limit(most)
            )
            chosen: list[FrameRef] = []
            size_bytes = 0
            for epoch_id, seq, bytes_ in connection.execute(query):
                if at_least_bytes is not None and size_bytes >= at_least_bytes:
                    break
                chosen.append((epoch_id, seq))
                size_bytes += bytes_
            return chosen

    def discard(self, frames: Sequence[FrameRef]) -> list[str]:
        """Take *frames* out of the index and note their keys as garbage, together; return the keys."""
        table = schema.frame
        by_bucket: dict[tuple[int, int], list[int]] = defaultdict(list)
        with self._catalog.transaction() as connection:
            query = (
                select(table, schema.epoch.c.hex, schema.camera.c.name)
                .join(schema.epoch, schema.epoch.c.id == table.c.epoch_id)
                .join(schema.camera, schema.camera.c.id == table.c.camera_id)
                .where(tuple_(table.c.epoch_id, table.c.seq).in_(list(frames)))
            )
            keys = []
            for row in connection.execute(query):
                content_type: ContentType = "image/png" if row.flags & schema.PNG else "image/jpeg"
                keys.append(str(FrameKey(row.name, FrameId(row.hex, row.seq), row.filed_us, content_type)))
                by_bucket[row.camera_id, row.captured_us - row.captured_us % schema.BUCKET_US].append(
                    row.bytes
                )
            if keys:
                connection.execute(
                    upsert(schema.garbage).on_conflict_do_nothing(), [{"key": key} for key in keys]
                )
                connection.execute(
                    delete(table).where(tuple_(table.c.epoch_id, table.c.seq).in_(list(frames)))
                )
            bucket = schema.bucket
            for (camera_id, start_us), sizes in by_bucket.items():
                connection.execute(
                    update(bucket)
                    .where(and_(bucket.c.camera_id == camera_id, bucket.c.start_us == start_us))
                    .values(
                        frames=bucket.c.frames - len(sizes),
                        aged=bucket.c.aged + len(sizes),
                        bytes=bucket.c.bytes - sum(sizes),
                    )
                )
        return keys

    def garbage(self) -> list[str]:
        """Return the keys of objects that were to be removed, and may be there."""
        with self._catalog.transaction() as connection:
            return list(connection.execute(select(schema.garbage.c.key)).scalars())

    def forget_garbage(self, keys: Iterable[str]) -> None:
        """Note that *keys* are gone."""
        with self._catalog.transaction() as connection:
            connection.execute(delete(schema.garbage).where(schema.garbage.c.key.in_(list(keys))))
