"""What a camera's past is made of, as the archive's catalog has it: buckets, frames and their neighbours.

Frames have one order: by when they were taken, then by epoch and number, so that pages and neighbours never skip or repeat one
of several that were taken at once. Instants are us since 1970, UTC; a range includes its first instant and not its last.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from shutterbus_viewer.archive.catalog import CatalogReader
from shutterbus_wire.identity import FrameId
from shutterbus_wire.jpeg import ContentType
from shutterbus_wire.store_layout import FrameKey

BUCKET_US = 300_000_000
PNG = 1
"""The bit of ``frame.flags``."""

Direction = Literal["next", "previous", "nearest"]
Place = tuple[int, int, int]
"""Where a frame stands in the order: when it was taken, the catalog's number of its epoch, its own number."""

_FRAME = "frame.captured_us, epoch.hex, frame.seq, frame.bytes"
_OF_CAMERA = (
    "from frame indexed by frame_of_camera join epoch on epoch.id = frame.epoch_id where frame.camera_id = ?"
)
_PLACE = "(frame.captured_us, frame.epoch_id, frame.seq)"
_ASCENDING = "order by frame.captured_us, frame.epoch_id, frame.seq limit ?"
_DESCENDING = "order by frame.captured_us desc, frame.epoch_id desc, frame.seq desc limit 1"
_BEFORE_ALL: Place = (-1, -1, -1)
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Buckets:
    """How much was taken when: columns of equal length, only stretches of ``BUCKET_US`` that have frames, in order."""

    start_us: list[int]
    frames: list[int]
    size_bytes: list[int]


@dataclass(frozen=True, slots=True)
class Kept:
    """A frame that the archive has now."""

    captured_us: int
    id: FrameId
    size_bytes: int


@dataclass(frozen=True, slots=True)
class KeptFile:
    """What is known of a frame's file before it is opened.

    Attributes:
        crc: CRC-32C of the file.
    """

    key: FrameKey
    captured_us: int
    archived_us: int
    size_bytes: int
    crc: int

    @property
    def content_type(self) -> ContentType:
        return self.key.content_type


class Absence(Enum):
    """Why the archive has no frame of an id."""

    NEVER = "never"
    GONE = "gone"
    """It was here and aged out, or somebody erased it."""
    QUARANTINED = "quarantined"
    """It came and could not be used."""


class History:
    """Answers from the catalog; any thread may ask. Each question raises ArchiveUnreadableError as ``CatalogReader.ask`` does."""

    def __init__(self, reader: CatalogReader) -> None:
        self._reader = reader

    def buckets(self, camera: str, from_us: int, to_us: int) -> Buckets:
        """Return the buckets that begin within the range."""
        sql = (
            "select start_us, frames, bytes from bucket join camera on camera.id = bucket.camera_id "
            "where camera.name = ? and start_us >= ? and start_us < ? and frames > 0 order by start_us"
        )
        rows = self._reader.ask(lambda asked: asked.execute(sql, (camera, from_us, to_us)).fetchall())
        return Buckets([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])

    def frames(
        self, camera: str, from_us: int, to_us: int, limit: int, after: tuple[int, FrameId] | None = None
    ) -> list[Kept]:
        """Return at most *limit* frames of the range in order: those behind *after*, a frame and when it was taken."""

        def page(asked: sqlite3.Connection) -> list[Kept]:
            number = _camera(asked, camera)
            begin = _BEFORE_ALL if after is None else _place(asked, number, *after)
            sql = f"select {_FRAME} {_OF_CAMERA} and captured_us >= ? and captured_us < ? and {_PLACE} > (?, ?, ?) {_ASCENDING}"
            values = (number, max(from_us, begin[0]), to_us, *begin, limit)
            return [_kept(row) for row in asked.execute(sql, values)]

        return self._reader.ask(page)

    def thinned(self, camera: str, from_us: int, to_us: int, every_us: int, limit: int) -> list[Kept]:
        """Return the first frame of each stretch of *every_us* that has one, stretches counted from *from_us*."""

        def firsts(asked: sqlite3.Connection) -> Iterator[Kept]:
            number, at_us = _camera(asked, camera), from_us
            sql = f"select {_FRAME} {_OF_CAMERA} and captured_us >= ? and captured_us < ? {_ASCENDING}"
            for _ in range(limit):
                row = asked.execute(sql, (number, at_us, to_us, 1)).fetchone()
                if row is None:
                    return
                yield _kept(row)
                at_us = from_us + ((row[0] - from_us) // every_us + 1) * every_us

        return self._reader.ask(lambda asked: list(firsts(asked)))

    def neighbour(
        self, camera: str, at_us: int, direction: Direction, frame: FrameId | None = None
    ) -> Kept | None:
        """Return the frame beside the instant, or beside *frame*, which was taken then; None where there is none.

        Without *frame*, ``next`` and ``previous`` are strictly after and before the instant; ``nearest`` may be at it.
        """
        return self._reader.ask(
            lambda asked: _neighbour(asked, _camera(asked, camera), at_us, direction, frame)
        )

    def nearest(self, camera: str, wanted_us: Sequence[tuple[int, int, int]]) -> list[Kept | None]:
        """Return for each (instant, first, end) of *wanted_us* what was taken nearest to the instant, from first on and before end."""

        def all_of_them(asked: sqlite3.Connection) -> list[Kept | None]:
            number = _camera(asked, camera)
            return [_nearest(asked, number, *wanted) for wanted in wanted_us]

        return self._reader.ask(all_of_them)

    def file(self, camera: str, frame: FrameId) -> KeptFile | Absence:
        """Return where the frame of this id is, or why it is not."""

        def look(asked: sqlite3.Connection) -> KeptFile | Absence:
            epoch = asked.execute(
                "select epoch.id from epoch join camera on camera.id = epoch.camera_id where camera.name = ? and hex = ?",
                (camera, frame.epoch),
            ).fetchone()
            if epoch is None:
                return Absence.NEVER
            row = asked.execute(
                "select filed_us, captured_us, archived_us, bytes, crc, flags from frame where epoch_id = ? and seq = ?",
                (*epoch, frame.seq),
            ).fetchone()
            if row is not None:
                filed_us, captured_us, archived_us, size_bytes, crc, flags = row
                content_type: ContentType = "image/png" if flags & PNG else "image/jpeg"
                key = FrameKey(camera, frame, filed_us, content_type)
                return KeptFile(key, captured_us, archived_us, size_bytes, crc)
            states = asked.execute(
                "select state from span where epoch_id = ? and first <= ? and last >= ?",
                (*epoch, frame.seq, frame.seq),
            ).fetchall()
            if ("archived",) in states:
                return Absence.GONE
            return Absence.QUARANTINED if states else Absence.NEVER

        return self._reader.ask(look)

    def knows(self, camera: str) -> bool:
        """Whether the archive has ever kept a frame of *camera*."""
        return self._reader.ask(lambda asked: _camera(asked, camera) is not None)


def _camera(asked: sqlite3.Connection, name: str) -> int | None:
    row = asked.execute("select id from camera where name = ?", (name,)).fetchone()
    return row and int(row[0])


def _kept(row: tuple[int, str, int, int]) -> Kept:
    captured_us, epoch, seq, size_bytes = row
    return Kept(captured_us, FrameId(epoch, seq), size_bytes)


def _neighbour(
    asked: sqlite3.Connection, camera: int | None, at_us: int, direction: Direction, frame: FrameId | None
) -> Kept | None:
    if direction == "nearest":
        return _nearest(asked, camera, at_us)
    if direction == "next":
        return _after(
            asked, camera, _place(asked, camera, at_us, frame) if frame else (at_us, _LARGEST, _LARGEST)
        )
    return _before(asked, camera, _place(asked, camera, at_us, frame) if frame else (at_us, -1, -1))


def _place(asked: sqlite3.Connection, camera: int | None, captured_us: int, frame: FrameId) -> Place:
    """Return where *frame* stands, also when it is here no more; one of an unknown epoch behind all of its instant."""
    sql = "select id from epoch where camera_id = ? and hex = ?"
    row = asked.execute(sql, (camera, frame.epoch)).fetchone()
    return (captured_us, int(row[0]) if row else _LARGEST, frame.seq)


def _nearest(
    asked: sqlite3.Connection, camera: int | None, at_us: int, first_us: int = 0, end_us: int = _LARGEST
) -> Kept | None:
    before, after = (
        _before(asked, camera, (at_us, _LARGEST, _LARGEST)),
        _after(asked, camera, (at_us, -1, -1)),
    )
    beside = [kept for kept in (before, after) if kept and first_us <= kept.captured_us < end_us]
    return min(beside, key=lambda kept: abs(kept.captured_us - at_us), default=None)


def _after(asked: sqlite3.Connection, camera: int | None, place: Place) -> Kept | None:
    sql = f"select {_FRAME} {_OF_CAMERA} and captured_us >= ? and {_PLACE} > (?, ?, ?) {_ASCENDING}"
    row = asked.execute(sql, (camera, place[0], *place, 1)).fetchone()
    return row and _kept(row)


def _before(asked: sqlite3.Connection, camera: int | None, place: Place) -> Kept | None:
    sql = f"select {_FRAME} {_OF_CAMERA} and captured_us <= ? and {_PLACE} < (?, ?, ?) {_DESCENDING}"
    row = asked.execute(sql, (camera, place[0], *place)).fetchone()
    return row and _kept(row)
