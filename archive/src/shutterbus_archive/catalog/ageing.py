"""What of the catalog retention needs: what is oldest, how much it is, and taking it out."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Column, ColumnElement, Connection, and_, delete, exists, func, select

from shutterbus_archive.catalog import garbage, schema
from shutterbus_archive.catalog.catalog import Catalog
from shutterbus_archive.catalog.protection import kept_bytes
from shutterbus_archive.catalog.removal import FrameRef, take_out
from shutterbus_wire.download_note import DownloadNote


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
        """Return the bytes of frames that were taken before *before_us* and are not kept."""
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
            size_bytes = sum(int(connection.execute(query).scalar_one()) for query in (whole, part))
            return size_bytes - kept_bytes(connection, before_us)

    def kept_bytes(self) -> int:
        """Return the bytes of frames that are kept, whatever the limits say."""
        with self._catalog.transaction() as connection:
            return kept_bytes(connection)

    def last_archived_us(self) -> int:
        """Return when a frame was stored last, by this machine's clock of then; 0 if none ever was."""
        with self._catalog.transaction() as connection:
            noted = connection.execute(
                select(schema.meta.c.value).where(schema.meta.c.name == schema.LAST)
            ).scalar_one_or_none()
            return int(noted or 0)

    def oldest(
        self,
        most: int,
        *,
        before_us: int | None = None,
        at_least_bytes: int | None = None,
        spared: Sequence[DownloadNote] = (),
    ) -> list[FrameRef]:
        """Return the oldest frames by capture time that are not kept, as pairs of ``epoch_id`` and ``seq``, *most* of them at most.

        Args:
            most: How many.
            spared: What is being downloaded, and left alone meanwhile.
            before_us: Only frames taken before that instant.
            at_least_bytes: Only as many as are needed to have so many bytes together.
        """
        with self._catalog.transaction() as connection:
            for start_us in self._starts(connection, spared):
                if before_us is not None and start_us >= before_us:
                    break
                chosen = self._oldest_within(connection, start_us, most, before_us, at_least_bytes, spared)
                if chosen:
                    return chosen
        return []

    def _starts(self, connection: Connection, spared: Sequence[DownloadNote]) -> Iterator[int]:
        """Yield the five minutes that have frames which are not all kept or spared, oldest first."""
        bucket, keep = schema.bucket.c, schema.keep.c
        whole = exists().where(
            keep.camera_id == bucket.camera_id,
            keep.from_us <= bucket.start_us,
            keep.to_us >= bucket.start_us + schema.BUCKET_US,
        )
        start_us = -1
        downloaded = (_spares(note, bucket.camera_id, bucket.start_us, schema.BUCKET_US) for note in spared)
        query = select(func.min(bucket.start_us)).where(
            bucket.frames > 0, ~whole, *(~each for each in downloaded)
        )
        while (
            next_us := connection.execute(query.where(bucket.start_us > start_us)).scalar_one()
        ) is not None:
            yield (start_us := next_us)

    def _oldest_within(
        self,
        connection: Connection,
        start_us: int,
        most: int,
        before_us: int | None,
        at_least_bytes: int | None,
        spared: Sequence[DownloadNote],
    ) -> list[FrameRef]:
        table, keep = schema.frame, schema.keep.c
        end_us = start_us + schema.BUCKET_US
        if before_us is not None:
            end_us = min(end_us, before_us)
        cameras = select(schema.bucket.c.camera_id).where(schema.bucket.c.start_us == start_us)
        is_kept = exists().where(
            keep.camera_id == table.c.camera_id,
            keep.from_us <= table.c.captured_us,
            keep.to_us > table.c.captured_us,
        )
        query = (
            select(table.c.epoch_id, table.c.seq, table.c.bytes)
            .where(
                table.c.camera_id.in_(cameras),
                table.c.captured_us >= start_us,
                table.c.captured_us < end_us,
                ~is_kept,
                *(~_spares(note, table.c.camera_id, table.c.captured_us) for note in spared),
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
        with self._catalog.transaction() as connection:
            return take_out(connection, frames, aged=True)

    def garbage(self) -> list[str]:
        """Return the keys of objects that were to be removed, and may be there."""
        with self._catalog.transaction() as connection:
            return list(connection.execute(select(schema.garbage.c.key)).scalars())

    def note_garbage(self, keys: Iterable[str]) -> None:
        """Note that *keys* are to be removed."""
        with self._catalog.transaction() as connection:
            garbage.note(connection, keys)

    def forget_garbage(self, keys: Iterable[str]) -> None:
        """Note that *keys* are gone."""
        with self._catalog.transaction() as connection:
            connection.execute(delete(schema.garbage).where(schema.garbage.c.key.in_(list(keys))))


def _spares(
    note: DownloadNote, camera_id: Column[int], first_us: Column[int], length_us: int = 1
) -> ColumnElement[bool]:
    """Whether *note* spares all that a camera took in the *length_us* from *first_us* on."""
    camera = select(schema.camera.c.id).where(schema.camera.c.name == note.camera).scalar_subquery()
    return and_(
        func.coalesce(camera_id == camera, False),  # of a camera that is not known nothing is spared
        first_us >= note.from_us,
        first_us + length_us <= note.to_us,
    )
