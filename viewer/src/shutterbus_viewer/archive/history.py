"""What a camera's past is made of, as the archive's catalog has it: buckets, frames and their neighbours, files.

Instants are us since 1970, UTC; a range includes its first instant and not its last.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeVar

from shutterbus_viewer.archive.catalog import CatalogReader
from shutterbus_viewer.archive.frame_order import FrameOrder, Kept, begin_of, end_of, key_of
from shutterbus_wire.identity import FrameId
from shutterbus_wire.jpeg import ContentType
from shutterbus_wire.store_layout import FrameKey

Answer = TypeVar("Answer")

BUCKET_US = 300_000_000

Direction = Literal["next", "previous", "nearest"]


@dataclass(frozen=True, slots=True)
class Buckets:
    """How much was taken when: columns of equal length, only stretches of ``BUCKET_US`` that have frames, in order."""

    start_us: list[int]
    frames: list[int]
    size_bytes: list[int]


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

    def knows(self, camera: str) -> bool:
        """Whether the archive has ever heard of *camera*."""
        return self._of(camera, lambda order: order.known)

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

        def page(order: FrameOrder) -> list[Kept]:
            place = begin_of(from_us) if after is None else max(begin_of(from_us), order.place(*after))
            return list(order.behind(place, to_us, limit))

        return self._of(camera, page)

    def thinned(
        self,
        camera: str,
        from_us: int,
        to_us: int,
        every_us: int,
        limit: int,
        after: tuple[int, FrameId] | None = None,
    ) -> list[Kept]:
        """Return the first frame of each stretch of *every_us* that has one; *after* as with ``frames``.

        Stretches are counted from *from_us*, on each page alike.
        """

        def stretch_after(at_us: int) -> int:
            return from_us + ((at_us - from_us) // every_us + 1) * every_us

        def firsts(order: FrameOrder) -> Iterator[Kept]:
            at_us = from_us if after is None else stretch_after(after[0])
            for _ in range(limit):
                kept = next(order.behind(begin_of(at_us), to_us), None)
                if kept is None:
                    return
                yield kept
                at_us = stretch_after(kept.captured_us)

        return self._of(camera, lambda order: list(firsts(order)))

    def neighbour(
        self, camera: str, at_us: int, direction: Direction, frame: FrameId | None = None
    ) -> Kept | None:
        """Return the frame beside the instant, or beside *frame*, which was taken then; None where there is none.

        Without *frame*, ``next`` and ``previous`` are strictly after and before the instant; ``nearest`` may be at it.
        """

        def beside(order: FrameOrder) -> Kept | None:
            if direction == "nearest":
                return order.nearest(at_us)
            if direction == "next":
                return order.after(order.place(at_us, frame) if frame else end_of(at_us))
            return order.before(order.place(at_us, frame) if frame else begin_of(at_us))

        return self._of(camera, beside)

    def nearest(self, camera: str, wanted_us: Sequence[tuple[int, int, int]]) -> list[Kept | None]:
        """Return for each (instant, first, end) of *wanted_us* what was taken nearest to the instant, from first on and before end."""
        return self._of(camera, lambda order: [order.nearest(*wanted) for wanted in wanted_us])

    def file(self, camera: str, frame: FrameId) -> KeptFile | Absence:
        """Return where the frame of this id is, or why it is not."""
        return self._reader.ask(lambda asked: _file(asked, camera, frame))

    def erasures(self) -> str:
        """Return a word that is another one after each order to erase frames."""
        sql = "select count(*), max(at_us) from erased"
        count, newest_us = self._reader.ask(lambda asked: asked.execute(sql).fetchone())
        return f"{count} {newest_us or 0}"

    def _of(self, camera: str, question: Callable[[FrameOrder], Answer]) -> Answer:
        return self._reader.ask(lambda asked: question(FrameOrder(asked, camera)))


def _file(asked: sqlite3.Connection, camera: str, frame: FrameId) -> KeptFile | Absence:
    sql = "select epoch.id from epoch join camera on camera.id = epoch.camera_id where camera.name = ? and hex = ?"
    epoch = asked.execute(sql, (camera, frame.epoch)).fetchone()
    if epoch is None:
        return Absence.NEVER
    sql = "select filed_us, flags, captured_us, archived_us, bytes, crc from frame where epoch_id = ? and seq = ?"
    if (row := asked.execute(sql, (*epoch, frame.seq)).fetchone()) is not None:
        return KeptFile(key_of(camera, frame, *row[:2]), *row[2:])
    sql = "select state from span where epoch_id = ? and first <= ? and last >= ?"
    states = asked.execute(sql, (*epoch, frame.seq, frame.seq)).fetchall()
    if ("archived",) in states:
        return Absence.GONE
    return Absence.QUARANTINED if states else Absence.NEVER
