"""The part of an audit that is no frames: messages in quarantine, and the reports and readings in the files of telemetry."""

import hashlib
import io
import sqlite3
from collections import defaultdict
from collections.abc import Iterator

from shutterbus_archive.audit import ON_ITS_WAY_US, Damage, DayAudit, Depth
from shutterbus_archive.catalog import spans
from shutterbus_archive.catalog.quarantined import FACTS
from shutterbus_archive.catalog.spans import Span
from shutterbus_archive.progress import Progress
from shutterbus_archive.quarantine import PREFIX
from shutterbus_archive.store import Store, StoredObject
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.telemetry import Reading, Report, parse_telemetry

Stream = tuple[str, str, str]
"""A camera, an epoch, and a stream of its reports or readings."""

_NUMBERS = """
    select camera.name, epoch.hex, telemetry.stream, telemetry.first, telemetry.last from telemetry
    join epoch on epoch.id = telemetry.epoch_id join camera on camera.id = epoch.camera_id
"""


def audit_quarantine(
    connection: sqlite3.Connection, store: Store, depth: Depth, now_us: int
) -> Iterator[DayAudit]:
    """Yield each camera whose messages in quarantine differ from the catalog's. For the arguments see ``Audit``."""
    rows = {
        row["key"]: row for row in connection.execute("select camera, key, bytes, digest from quarantine")
    }
    audits: dict[str, DayAudit] = {}

    def of(camera: str) -> DayAudit:
        return audits.setdefault(camera, DayAudit(camera, "quarantine"))

    for item in store.objects(PREFIX):
        row = rows.pop(item.key, None)
        if row is None:
            if _is_untracked(connection, item, now_us):
                of(item.key.removeprefix(f"{PREFIX}camera=").partition("/")[0]).untracked.append(item.key)
        elif depth != "presence" and item.size_bytes != row["bytes"]:
            sentence = f"{item.size_bytes:,} bytes long, and {row['bytes']:,} were stored"
            of(row["camera"]).damaged.append(Damage(item.key, sentence))
        elif depth == "content" and (data := store.read(item.key)) is not None:
            if hashlib.sha256(data).digest() == row["digest"]:
                continue
            of(row["camera"]).damaged.append(Damage(item.key, "other bytes than were stored (SHA-256)"))
    for key, row in rows.items():
        still = connection.execute("select 1 from quarantine where key = ?", (key,)).fetchone()
        if still and store.head(key) is None:
            of(row["camera"]).missing.append(key)
    yield from (audits[camera] for camera in sorted(audits))


def audit_telemetry(connection: sqlite3.Connection, store: Store) -> Iterator[DayAudit]:
    """Yield each camera of whose reports and readings some have no line in the store. It reads all of them."""
    noted: dict[Stream, list[Span]] = defaultdict(list)
    for camera, epoch, stream, first, last in connection.execute(_NUMBERS):
        noted[camera, epoch, stream].append((first, last))
    stored: dict[Stream, list[Span]] = defaultdict(list)
    keys = list(store.keys("telemetry/"))
    with Progress("days of telemetry", len(keys)) as progress:
        for key in keys:
            for name, numbers in _numbers(store.read(key) or b"").items():
                stored[name] = spans.add(stored[name], numbers)
            progress.advance()
    audits: dict[str, DayAudit] = {}
    for (camera, epoch, stream), ranges in sorted(noted.items()):
        present = stored[camera, epoch, stream]
        lacking = (
            number
            for first, last in ranges
            for number in range(first, last + 1)
            if not spans.holds(present, number)
        )
        for first, last in spans.of(lacking):
            audits.setdefault(camera, DayAudit(camera, "telemetry")).missing.append(
                f"{stream} {epoch}-{first}..{last}"
            )
    yield from audits.values()


def _numbers(data: bytes) -> dict[Stream, set[int]]:
    numbers: dict[Stream, set[int]] = defaultdict(set)
    for line in io.BytesIO(data):
        try:
            message = parse_telemetry(line)
        except MalformedError:
            continue
        if isinstance(message, Report | Reading):
            numbers[message.camera, message.epoch, message.stream].add(message.seq)
    return numbers


def _is_untracked(connection: sqlite3.Connection, item: StoredObject, now_us: int) -> bool:
    if item.key.endswith(FACTS) or now_us - item.modified_us < ON_ITS_WAY_US:
        return False
    query = "select 1 from garbage where key = ? union all select 1 from quarantine where key = ?"
    return connection.execute(query, (item.key, item.key)).fetchone() is None
