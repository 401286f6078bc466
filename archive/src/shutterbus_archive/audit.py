"""``audit``: what the catalog knows, against what is in the store. Nothing is changed, and the archive may run meanwhile.

It goes camera by camera and day by day, so that its memory does not grow with the archive. What differs is looked at a second
time before it is said: while the archive runs, files come before their rows and go after them.
"""

import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from shutterbus_archive.catalog import schema
from shutterbus_archive.errors import ArchiveError
from shutterbus_archive.progress import Progress
from shutterbus_archive.store import Store
from shutterbus_transport.checksum import crc32c
from shutterbus_wire import exif, store_layout
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.identity import FrameId
from shutterbus_wire.store_layout import DAY_US, FrameKey

Depth = Literal["presence", "sizes", "content"]

ON_ITS_WAY_US = 60_000_000
"""A file as young as this may still get its row: its group is being kept."""

_OF_DAY = """
    select epoch.hex, frame.seq, frame.filed_us, frame.bytes, frame.crc, frame.flags
    from frame join epoch on epoch.id = frame.epoch_id
    where frame.camera_id = ? and captured_us >= ? and captured_us < ? and filed_us = captured_us
"""
_ELSEWHERE = """
    select epoch.hex, frame.seq, frame.filed_us, frame.bytes, frame.crc, frame.flags
    from frame join epoch on epoch.id = frame.epoch_id
    where frame.camera_id = ? and filed_us <> captured_us
"""
_STILL = """
    select 1 from frame join epoch on epoch.id = frame.epoch_id join camera on camera.id = frame.camera_id
    where camera.name = ? and epoch.hex = ? and frame.seq = ? and frame.filed_us = ?
"""


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that is not what the catalog says, and how."""

    key: str
    sentence: str


@dataclass(slots=True)
class DayAudit:
    """What was seen of one camera's day, or of its quarantine or telemetry, which *day* then says.

    Attributes:
        frames: In the catalog.
        missing: Keys of rows without a file.
        untracked: Files without a row.
    """

    camera: str
    day: str
    frames: int = 0
    missing: list[str] = field(default_factory=list)
    untracked: list[str] = field(default_factory=list)
    damaged: list[Damage] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Row:
    size_bytes: int
    crc: int
    flags: int


class Audit:
    """One audit of *store* by the catalog behind *connection*.

    Args:
        connection: As ``catalog.beside.reading`` lends it.
        depth: ``presence``: is each file there; ``sizes``: and as long as it was; ``content``: every file is read, its CRC-32C
            and the identity in its EXIF compared.
    """

    def __init__(self, connection: sqlite3.Connection, store: Store, depth: Depth = "presence") -> None:
        self._connection = connection
        self._store = store
        self._depth = depth
        self._total = self._number("select coalesce(sum(frames), 0) from bucket")
        self._missing = 0

    def run(self) -> Iterator[DayAudit]:
        """Yield every day of every camera.

        Raises:
            ArchiveError: More than half of the archive would be missing: that is a disk, and not a picture here and there.
            StoreUnavailableError: The store is not there, or not the catalog's.
        """
        self._store.check()
        with Progress("audit", self._total) as progress:
            for camera, camera_id in self._cameras().items():
                elsewhere: dict[str, dict[FrameKey, _Row]] = defaultdict(dict)
                if camera_id is not None:
                    for key, row in self._rows(camera, _ELSEWHERE, camera_id):
                        elsewhere[key.day][key] = row
                for day in sorted(
                    {*self._days_of_catalog(camera_id), *self._days_of_store(camera), *elsewhere}
                ):
                    rows = elsewhere.get(day, {})
                    if camera_id is not None:
                        start_us = store_layout.start_of_day_us(day)
                        rows.update(self._rows(camera, _OF_DAY, camera_id, start_us, start_us + DAY_US))
                    audit = self._day(DayAudit(camera, day, len(rows)), rows, progress)
                    if audit.frames or audit.untracked:
                        yield audit

    def _day(self, audit: DayAudit, rows: dict[FrameKey, _Row], progress: Progress) -> DayAudit:
        unknown: list[str] = []
        for name, size_bytes in self._files(store_layout.folder_of_day(audit.camera, audit.day)):
            key = store_layout.parse(name)
            row = rows.pop(key, None) if key else None
            if row is None:
                unknown.append(name)
            elif sentence := self._damage(name, row, size_bytes):
                audit.damaged.append(Damage(name, sentence))
            progress.advance(row is not None)
        audit.missing = [str(key) for key in rows if self._is_missing(key)]
        audit.untracked = [name for name in unknown if self._is_untracked(name)]
        progress.advance(len(rows))
        self._missing += len(audit.missing)
        if 2 * self._missing > self._total:
            raise ArchiveError(
                f"more than half of the {self._total:,} frames in the catalog are not in the store, the first of them "
                f"{audit.missing[0] if audit.missing else ''}: is its disk mounted, and is it the store of this catalog? "
                "Nothing was changed"
            )
        return audit

    def _files(self, prefix: str) -> Iterator[tuple[str, int | None]]:
        if self._depth == "presence":
            yield from ((key, None) for key in self._store.keys(prefix))
        else:
            yield from ((item.key, item.size_bytes) for item in self._store.objects(prefix))

    def _damage(self, name: str, row: _Row, size_bytes: int | None) -> str:
        if size_bytes is None:
            return ""
        if size_bytes != row.size_bytes:
            return f"{size_bytes:,} bytes long, and {row.size_bytes:,} were stored"
        if self._depth != "content":
            return ""
        data = self._store.read(name)
        if data is None:
            return ""  # aged out since
        if int(crc32c(data)) != row.crc:
            return "other bytes than were stored (CRC-32C)"
        return "" if row.flags & schema.NAMED_BY_TRANSPORT else identity_differs(data, name)

    def _is_missing(self, key: FrameKey) -> bool:
        if self._store.head(str(key)) is not None:
            return False
        names = (key.camera, key.id.epoch, key.id.seq, key.filed_at_us)
        return self._connection.execute(_STILL, names).fetchone() is not None

    def _is_untracked(self, name: str) -> bool:
        item, key = self._store.head(name), store_layout.parse(name)
        if item is None or time.time_ns() // 1_000 - item.modified_us < ON_ITS_WAY_US:
            return False
        if self._connection.execute("select 1 from garbage where key = ?", (name,)).fetchone():
            return False
        if key is None:
            return True
        names = (key.camera, key.id.epoch, key.id.seq, key.filed_at_us)
        return self._connection.execute(_STILL, names).fetchone() is None

    def _cameras(self) -> dict[str, int | None]:
        """Return each camera of the catalog with its number, and those that only the store has."""
        cameras: dict[str, int | None] = dict.fromkeys(self._store.folders(f"{store_layout.FRAMES}/camera="))
        cameras.update(self._connection.execute("select name, id from camera").fetchall())
        return dict(sorted(cameras.items()))

    def _days_of_catalog(self, camera_id: int | None) -> Iterator[str]:
        query = "select distinct start_us / ? from bucket where camera_id = ? and frames > 0"
        for (number,) in self._connection.execute(query, (DAY_US, camera_id)):
            yield store_layout.day_of(number * DAY_US)

    def _days_of_store(self, camera: str) -> Iterator[str]:
        yield from filter(
            store_layout.is_day, self._store.folders(f"{store_layout.FRAMES}/camera={camera}/date=")
        )

    def _rows(self, camera: str, query: str, *values: int) -> Iterator[tuple[FrameKey, _Row]]:
        for row in self._connection.execute(query, values):
            identity = FrameId(row["hex"], row["seq"])
            key = FrameKey(camera, identity, row["filed_us"], schema.content_type(row["flags"]))
            yield key, _Row(row["bytes"], row["crc"], row["flags"])

    def _number(self, query: str) -> int:
        (number,) = self._connection.execute(query).fetchone()
        return int(number)


def identity_differs(data: bytes, name: str) -> str:
    """Return in a sentence how the identity that *data* has in its EXIF differs from the one in its *name*; empty if not."""
    key = store_layout.parse(name)
    assert key is not None
    try:
        metadata = exif.read_metadata(data)
    except MalformedError as error:
        return f"its EXIF cannot be read: {error}"
    if metadata is None:
        return "its EXIF names no frame"
    return "" if metadata.id == key.id else f"its EXIF names frame {metadata.id}"
