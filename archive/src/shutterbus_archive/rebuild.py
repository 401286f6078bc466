"""``rebuild``: the catalog made from the files of the store alone, or brought up to them.

A frame is what its EXIF says, and where a foreign producer wrote none, what its name and folder say. What no file holds is lost
with a catalog: ``LOST`` says what.
"""

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from shutterbus_archive import quarantine
from shutterbus_archive.catalog import (
    Ageing,
    Catalog,
    Erasing,
    Erasure,
    FrameName,
    FrameRow,
    Protection,
    schema,
    spans,
)
from shutterbus_archive.catalog.quarantined import FACTS
from shutterbus_archive.catalog.spans import Span
from shutterbus_archive.orders import Orders
from shutterbus_archive.progress import Progress
from shutterbus_archive.store import Store, StoredObject
from shutterbus_transport.checksum import crc32c
from shutterbus_wire import exif, jpeg, store_layout
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.frame import FrameMetadata
from shutterbus_wire.store_layout import FrameKey
from shutterbus_wire.telemetry import Reading, Report, parse_telemetry

READ_THREADS = 8
BATCH, LINES = 256, 2_000
TELEMETRY = "telemetry/"
LOST = (
    "which frames aged out before: a late repeat of one is stored again, and the counts of the day strip are of what is here",
    "which frames came only in a form that could not be used, where their messages have left quarantine",
    "when each frame was stored: its file's time of modification is taken instead",
)


@dataclass(slots=True)
class Rebuilt:
    """What was taken into a catalog.

    Attributes:
        frames, telemetry, quarantined: Frames, reports and readings, and messages in quarantine, that it did not have.
        torn: Those of the frames that have no end mark.
        erased: Files that were to be erased and are still there. The archive removes them when it runs.
        left_out: Names of files that stay untracked, each with why.
    """

    frames: int = 0
    size_bytes: int = 0
    telemetry: int = 0
    quarantined: int = 0
    torn: int = 0
    erased: int = 0
    left_out: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Read:
    key: str
    row: FrameRow | None
    obstacle: str = ""
    is_torn: bool = False


class Rebuild:
    """Takes what is in *store* into *catalog*; what is in it already stays as it is.

    Args:
        since: Only files of that UTC day and later ones, ``2026-11-27``; empty for all.
    """

    def __init__(self, store: Store, catalog: Catalog, since: str = "") -> None:
        self._store = store
        self._catalog = catalog
        self._since = since
        self._rebuilt = Rebuilt()
        self._erased: dict[tuple[str, str], list[Span]] = defaultdict(list)
        self._remains: list[str] = []
        self._last_us = int(catalog.noted(schema.LAST) or 0)

    def run(self) -> Rebuilt:
        """Do it; raise StoreUnavailableError if the store is not there, or goes."""
        self._store.check()
        self._respect()
        self._frames()
        self._telemetry()
        self._quarantine()
        ageing = Ageing(self._catalog)
        ageing.note_garbage(self._remains)
        self._rebuilt.erased = len(ageing.garbage())
        if self._last_us:
            self._catalog.note(schema.LAST, str(self._last_us))
        return self._rebuilt

    def _respect(self) -> None:
        """What was erased stays away, and what is kept is kept."""
        orders, erasing, protection = Orders(self._store), Erasing(self._catalog), Protection(self._catalog)
        erasures, gone = orders.erasures()
        for order in erasures:
            erasing.note(order)
        for camera, ranges in gone:
            for epoch, first, last in ranges:
                numbers = range(first, last + 1)
                self._catalog.note_archived(camera, epoch, numbers)
                self._erased[camera, epoch] = spans.add(self._erased[camera, epoch], numbers)
                # An older copy of the catalog has rows of what went after it was made.
                while erasing.take_out(Erasure("", camera, "", 0, epoch, first, last), 0, BATCH):
                    pass
        wanted = orders.keeps()
        if wanted is None:
            return
        for keep in protection.keeps():
            if keep not in wanted:
                protection.drop(keep.id)
        for keep in wanted:
            protection.add(keep)

    def _frames(self) -> None:
        total = sum(1 for _ in self._store.keys(f"{store_layout.FRAMES}/"))
        items = self._store.objects(f"{store_layout.FRAMES}/")
        with Progress("frames", total) as progress, ThreadPoolExecutor(READ_THREADS) as pool:
            while batch := list(islice(items, BATCH)):
                self._add(list(pool.map(self._read, self._unknown(batch))))
                progress.advance(len(batch))

    def _unknown(self, items: Iterable[StoredObject]) -> list[tuple[StoredObject, FrameKey]]:
        """Return those of *items* that are frames the catalog does not know."""
        frames: list[tuple[StoredObject, FrameKey]] = []
        for item in items:
            key = store_layout.parse(item.key)
            if key is None:
                self._rebuilt.left_out.append((item.key, "no name of a frame"))
            elif spans.holds(self._erased[key.camera, key.id.epoch], key.id.seq):
                self._remains.append(item.key)
            elif key.day >= self._since:
                frames.append((item, key))
        known = self._catalog.archived((key.camera, key.id) for _, key in frames)
        return [(item, key) for item, key in frames if (key.camera, key.id) not in known]

    def _read(self, frame: tuple[StoredObject, FrameKey]) -> _Read:
        """Return what a frame's file holds. Several threads do so at once, and note nothing."""
        item, key = frame
        data = self._store.read(item.key)
        if data is None:
            return _Read(item.key, None, "gone while it was looked at")
        try:
            return _Read(item.key, row_of(key, data, item.modified_us), is_torn=is_torn(data))
        except MalformedError as error:
            return _Read(item.key, None, str(error))

    def _add(self, read: Iterable[_Read]) -> None:
        rows: dict[FrameName, FrameRow] = {}
        for file in read:
            if file.row is None:
                self._rebuilt.left_out.append((file.key, file.obstacle))
            elif rows.setdefault(file.row.name, file.row) is not file.row:
                self._rebuilt.left_out.append((file.key, "the same frame is there under another name"))
            else:
                self._rebuilt.torn += file.is_torn
        new = self._catalog.add(list(rows.values())).frames
        self._rebuilt.frames += len(new)
        self._rebuilt.size_bytes += sum(row.size_bytes for row in new)
        self._last_us = max([self._last_us, *(row.archived_at_us for row in new)])

    def _telemetry(self) -> None:
        keys = [key for key in self._store.keys(TELEMETRY) if _day_of(key) >= self._since]
        with Progress("days of telemetry", len(keys)) as progress:
            for key in keys:
                messages = self._messages(key)
                # A day of readings each second does not fit into memory as a whole.
                while batch := list(islice(messages, LINES)):
                    self._rebuilt.telemetry += self._catalog.add(telemetry=batch).telemetry
                progress.advance()

    def _quarantine(self) -> None:
        before = len(self._catalog.quarantined())
        rows = []
        for item in self._store.objects(quarantine.PREFIX):
            if item.key.endswith(FACTS):
                continue
            value, facts = self._store.read(item.key), quarantine.facts_of(self._store.read(item.key + FACTS))
            if value is not None:
                rows.append(quarantine.row_of(item.key, value, facts, item.modified_us))
        # Oldest first, which is the order in which they would leave it.
        self._catalog.add(quarantined=sorted(rows, key=lambda row: row.at_us))
        self._rebuilt.quarantined = len(self._catalog.quarantined()) - before

    def _messages(self, key: str) -> Iterator[Report | Reading]:
        for number, line in enumerate(io.BytesIO(self._store.read(key) or b""), 1):
            try:
                message = parse_telemetry(line)
            except MalformedError as error:
                self._rebuilt.left_out.append((f"{key}, line {number}", str(error)))
                continue
            if isinstance(message, Report | Reading):
                yield message


def row_of(key: FrameKey, data: bytes, archived_at_us: int) -> FrameRow:
    """Return what the catalog has of the frame that lies under *key*; raise MalformedError if it is not that frame."""
    metadata = exif.read_metadata(data) if key.content_type == "image/jpeg" else None
    if metadata is None:
        # A foreign producer's. Where it was filed is all that is known of when it was taken.
        metadata = FrameMetadata(key.camera, key.id, key.filed_at_us, identity_source="transport")
    flags = schema.PNG * (key.content_type == "image/png")
    flags |= schema.CLOCK_UNTRUSTED * (not metadata.clock_synced)
    if metadata.id != key.id:
        if key.id.epoch != store_layout.content_epoch(data):
            raise MalformedError("identity-conflict", f"its EXIF names frame {metadata.id}")
        flags |= schema.NAMED_BY_TRANSPORT
    flags |= schema.NAMED_BY_TRANSPORT * (metadata.identity_source == "transport")
    return FrameRow(key, metadata.captured_at_us, archived_at_us, len(data), int(crc32c(data)), flags)


def is_torn(data: bytes) -> bool:
    """Whether *data* is a picture without its end."""
    try:
        jpeg.check_whole(data)
    except MalformedError as error:
        return error.reason == "torn-picture"
    return False


def _day_of(key: str) -> str:
    return key.rpartition("date=")[2].removesuffix(".jsonl")
