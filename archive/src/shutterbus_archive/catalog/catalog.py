"""What the archive writes its index with."""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection, and_, func, insert, select, tuple_
from sqlalchemy.dialects.sqlite import insert as upsert

from shutterbus_archive.catalog import quarantine_rows, schema, spans
from shutterbus_archive.catalog.database import Database
from shutterbus_archive.catalog.erased import without_erased
from shutterbus_archive.catalog.numbers import note_archived, note_quarantined, replace, touching
from shutterbus_archive.catalog.rows import Added, FrameName, FrameRow, QuarantineRow
from shutterbus_wire.identity import SEQ_MAX, FrameId
from shutterbus_wire.store_layout import FrameKey
from shutterbus_wire.telemetry import Reading, Report

EPOCHS_REMEMBERED = 10_000
"""An epoch is a start of a camera, but over MQTT each picture of a foreign one has its own."""


class Catalog:
    """Any thread may call it; one at a time is let in."""

    def __init__(self, folder: Path, *, beside: bool = False) -> None:
        """Open the catalog in *folder*, or make one. See ``Database`` for the arguments and what is raised."""
        self._database = Database(folder, beside=beside)
        self._lock = threading.Lock()
        self._cameras: dict[str, int] = {}
        self._epochs: dict[tuple[str, str], int] = {}

    def close(self) -> None:
        """Let go of it."""
        self._database.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Do what is inside together or not at all; it is durable at the end. For the modules of this package."""
        with self._lock:
            try:
                with self._database.transaction() as connection:
                    yield connection
            except BaseException:
                # Numbers given inside it are nobody's now.
                self._cameras.clear()
                self._epochs.clear()
                raise

    def noted(self, name: str) -> str | None:
        """Return what the catalog remembers under *name*; None if nothing. See ``schema.meta``."""
        with self.transaction() as connection:
            return connection.execute(
                select(schema.meta.c.value).where(schema.meta.c.name == name)
            ).scalar_one_or_none()

    def note(self, name: str, value: str) -> None:
        """Remember *value* under *name*."""
        statement = upsert(schema.meta).values(name=name, value=value)
        with self.transaction() as connection:
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["name"], set_={"value": statement.excluded.value}
                )
            )

    def telemetry_known(self, messages: Sequence[Report | Reading]) -> list[bool]:
        """Return of each of *messages* whether it is in the store."""
        with self.transaction() as connection:
            return [
                bool(
                    touching(
                        connection,
                        schema.telemetry,
                        self._epoch(connection, message.camera, message.epoch),
                        message.stream,
                        message.seq,
                        message.seq,
                    )
                )
                for message in messages
            ]

    def archived(self, names: Iterable[FrameName]) -> set[FrameName]:
        """Return those of *names* that are or once were in the store: asked of the spans, which outlive the rows."""
        by_epoch: dict[tuple[str, str], list[int]] = defaultdict(list)
        for camera, identity in names:
            by_epoch[camera, identity.epoch].append(identity.seq)
        known: set[FrameName] = set()
        with self.transaction() as connection:
            for (camera, hex_digits), numbers in by_epoch.items():
                epoch_id = self._epoch(connection, camera, hex_digits)
                present = touching(
                    connection, schema.span, epoch_id, schema.ARCHIVED, min(numbers), max(numbers)
                )
                known |= {
                    (camera, FrameId(hex_digits, number))
                    for number in numbers
                    if spans.holds(present, number)
                }
        return known

    def last_archived(self, camera: str, epoch: str, low: int, high: int) -> FrameId | None:
        """Return the highest number from *low* to *high* of *epoch* that is or once was in the store; None if none is."""
        with self.transaction() as connection:
            epoch_id = self._epoch(connection, camera, epoch)
            present = touching(connection, schema.span, epoch_id, schema.ARCHIVED, low, high)
        return FrameId(epoch, min(present[-1][1], high)) if present else None

    def note_archived(self, camera: str, epoch: str, numbers: Collection[int]) -> None:
        """Note that frames were in the store once, without rows for them."""
        with self.transaction() as connection:
            epoch_id = self._epoch(connection, camera, epoch)
            present = touching(connection, schema.span, epoch_id, schema.ARCHIVED, 0, SEQ_MAX)
            note_archived(connection, epoch_id, present, numbers)

    def frames(self, names: Sequence[FrameName]) -> Mapping[FrameName, FrameRow]:
        """Return the rows of those of *names* that are in the store now."""
        rows: dict[FrameName, FrameRow] = {}
        with self.transaction() as connection:
            keys = {
                (self._epoch(connection, camera, identity.epoch), identity.seq): (camera, identity)
                for camera, identity in names
            }
            table = schema.frame
            query = select(table).where(tuple_(table.c.epoch_id, table.c.seq).in_(list(keys)))
            for row in connection.execute(query):
                camera, identity = keys[row.epoch_id, row.seq]
                key = FrameKey(camera, identity, row.filed_us, schema.content_type(row.flags))
                rows[camera, identity] = FrameRow(
                    key, row.captured_us, row.archived_us, row.bytes, row.crc, row.flags
                )
        return rows

    def add(
        self,
        frames: Sequence[FrameRow] = (),
        telemetry: Sequence[Report | Reading] = (),
        quarantined: Sequence[QuarantineRow] = (),
    ) -> Added:
        """Note a group of what has been stored, in one transaction; return what of it is new.

        What is known already changes nothing. A frame that was to be erased, since its file was written, is noted as garbage.
        """
        with self.transaction() as connection:
            added = Added(self._add_frames(connection, frames), self._add_telemetry(connection, telemetry))
            quarantine_rows.insert(connection, quarantined)
            self._note_quarantined(connection, quarantined)
        return added

    def quarantined(self, camera: str | None = None) -> list[QuarantineRow]:
        """Return what is in quarantine, of *camera* or of all, oldest first."""
        with self.transaction() as connection:
            return quarantine_rows.read(connection, camera)

    def totals(self) -> Mapping[str, tuple[int, int]]:
        """Return, for each camera, how many frames are in the store now, and their bytes."""
        with self.transaction() as connection:
            table = schema.bucket
            query = (
                select(schema.camera.c.name, func.sum(table.c.frames), func.sum(table.c.bytes))
                .join(table, table.c.camera_id == schema.camera.c.id)
                .group_by(schema.camera.c.name)
            )
            return {
                name: (int(frames), int(size_bytes)) for name, frames, size_bytes in connection.execute(query)
            }

    def _add_frames(self, connection: Connection, frames: Sequence[FrameRow]) -> list[FrameRow]:
        frames = without_erased(connection, frames)
        by_epoch: dict[int, dict[int, FrameRow]] = defaultdict(dict)
        for row in frames:
            epoch_id = self._epoch(connection, row.key.camera, row.key.id.epoch)
            by_epoch[epoch_id].setdefault(row.key.id.seq, row)
        new: list[tuple[int, FrameRow]] = []
        for epoch_id, rows in by_epoch.items():
            present = touching(
                connection, schema.span, epoch_id, schema.ARCHIVED, min(rows) - 1, max(rows) + 1
            )
            fresh = {seq: row for seq, row in rows.items() if not spans.holds(present, seq)}
            if fresh:
                note_archived(connection, epoch_id, present, fresh)
                new += [(epoch_id, row) for row in fresh.values()]
        if not new:
            return []
        connection.execute(
            insert(schema.frame),
            [
                {
                    "epoch_id": epoch_id,
                    "seq": row.key.id.seq,
                    "camera_id": self._camera(connection, row.key.camera),
                    "captured_us": row.captured_at_us,
                    "filed_us": row.key.filed_at_us,
                    "archived_us": row.archived_at_us,
                    "bytes": row.size_bytes,
                    "crc": row.crc,
                    "flags": row.flags,
                }
                for epoch_id, row in new
            ],
        )
        self._fill_buckets(connection, [row for _, row in new])
        last = upsert(schema.meta).values(
            name=schema.LAST, value=str(max(row.archived_at_us for _, row in new))
        )
        connection.execute(
            last.on_conflict_do_update(index_elements=["name"], set_={"value": last.excluded.value})
        )
        return [row for _, row in new]

    def _note_quarantined(self, connection: Connection, quarantined: Sequence[QuarantineRow]) -> None:
        by_epoch: dict[int, set[int]] = defaultdict(set)
        for row in quarantined:
            if row.frame:
                by_epoch[self._epoch(connection, row.camera, row.frame.epoch)].add(row.frame.seq)
        for epoch_id, numbers in by_epoch.items():
            note_quarantined(connection, epoch_id, numbers)

    def _fill_buckets(self, connection: Connection, rows: Sequence[FrameRow]) -> None:
        buckets: dict[tuple[int, int], list[FrameRow]] = defaultdict(list)
        for row in rows:
            start_us = row.captured_at_us - row.captured_at_us % schema.BUCKET_US
            buckets[self._camera(connection, row.key.camera), start_us].append(row)
        statement = upsert(schema.bucket)
        there, new = schema.bucket.c, statement.excluded
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["camera_id", "start_us"],
                set_={
                    "frames": there.frames + new.frames,
                    "bytes": there.bytes + new.bytes,
                    "first_us": func.min(there.first_us, new.first_us),
                    "last_us": func.max(there.last_us, new.last_us),
                },
            ),
            [
                {
                    "camera_id": camera_id,
                    "start_us": start_us,
                    "frames": len(inside),
                    "bytes": sum(row.size_bytes for row in inside),
                    "first_us": min(row.captured_at_us for row in inside),
                    "last_us": max(row.captured_at_us for row in inside),
                }
                for (camera_id, start_us), inside in buckets.items()
            ],
        )

    def _add_telemetry(self, connection: Connection, telemetry: Sequence[Report | Reading]) -> int:
        new = 0
        by_stream: dict[tuple[int, str], set[int]] = defaultdict(set)
        for message in telemetry:
            epoch_id = self._epoch(connection, message.camera, message.epoch)
            by_stream[epoch_id, message.stream].add(message.seq)
        for (epoch_id, stream), numbers in by_stream.items():
            low, high = min(numbers) - 1, max(numbers) + 1
            present = touching(connection, schema.telemetry, epoch_id, stream, low, high)
            merged = spans.add(present, numbers)
            replace(connection, schema.telemetry, epoch_id, stream, present, merged)
            new += spans.count(merged) - spans.count(present)
        values = [
            {
                "camera_id": self._camera(connection, reading.camera),
                "sensor": reading.sensor,
                "name": name,
                "at_us": reading.at_us,
                "value": value,
                "unit": reading.units.get(name, ""),
            }
            for reading in telemetry
            if isinstance(reading, Reading)
            for name, value in reading.values.items()
        ]
        if values:
            connection.execute(upsert(schema.reading).on_conflict_do_nothing(), values)
        return new

    def _camera(self, connection: Connection, name: str) -> int:
        if name not in self._cameras:
            connection.execute(upsert(schema.camera).on_conflict_do_nothing(), {"name": name})
            query = select(schema.camera.c.id).where(schema.camera.c.name == name)
            self._cameras[name] = connection.execute(query).scalar_one()
        return self._cameras[name]

    def _epoch(self, connection: Connection, camera: str, hex_digits: str) -> int:
        key = camera, hex_digits
        if key not in self._epochs:
            if len(self._epochs) >= EPOCHS_REMEMBERED:
                self._epochs.clear()
            camera_id = self._camera(connection, camera)
            values = {"camera_id": camera_id, "hex": hex_digits}
            connection.execute(upsert(schema.epoch).on_conflict_do_nothing(), values)
            table = schema.epoch
            query = select(table.c.id).where(and_(table.c.camera_id == camera_id, table.c.hex == hex_digits))
            self._epochs[key] = connection.execute(query).scalar_one()
        return self._epochs[key]
