"""The tables of the catalog. Migrations make them; this says what they are by then.

Instants are in us since 1970-01-01T00:00:00Z; cameras and epochs have small numbers, since an epoch's 16 digits in every key
would double the catalog. A frame's file follows from its row (``shutterbus_wire.store_layout``): there is no path to keep.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from shutterbus_wire.jpeg import ContentType

metadata = MetaData()

camera = Table(
    "camera",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
)

epoch = Table(
    "epoch",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("camera_id", ForeignKey("camera.id"), nullable=False),
    Column("hex", String(16), nullable=False),
    UniqueConstraint("camera_id", "hex"),
)

frame = Table(
    "frame",
    metadata,
    Column("epoch_id", ForeignKey("epoch.id"), primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("camera_id", ForeignKey("camera.id"), nullable=False),
    Column("captured_us", BigInteger, nullable=False),
    Column("filed_us", BigInteger, nullable=False),
    Column("archived_us", BigInteger, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("crc", BigInteger, nullable=False),
    Column("flags", Integer, nullable=False),
    Index("frame_of_camera", "camera_id", "captured_us"),
    sqlite_with_rowid=False,
)
"""One row a frame that is in the store. crc: CRC-32C of the file."""

PNG, CLOCK_UNTRUSTED, NAMED_BY_TRANSPORT = 1, 2, 4
"""Bits of ``frame.flags``."""


def content_type(flags: int) -> ContentType:
    """Return what a frame with these *flags* is."""
    return "image/png" if flags & PNG else "image/jpeg"


span = Table(
    "span",
    metadata,
    Column("epoch_id", ForeignKey("epoch.id"), primary_key=True, autoincrement=False),
    Column("state", String, primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Numbers of an epoch by state. Retention leaves them: what aged out was archived all the same.

``archived``: is or was in the store. ``quarantined``: came and could not be used, whatever became of that message since, and has
not come whole; no number is both.
"""

ARCHIVED, QUARANTINED = "archived", "quarantined"

bucket = Table(
    "bucket",
    metadata,
    Column("camera_id", ForeignKey("camera.id"), primary_key=True, autoincrement=False),
    Column("start_us", BigInteger, primary_key=True, autoincrement=False),
    Column("frames", Integer, nullable=False),
    Column("aged", Integer, nullable=False, server_default="0"),
    Column("bytes", BigInteger, nullable=False),
    Column("first_us", BigInteger, nullable=False),
    Column("last_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Five minutes of one camera, by capture time: what a day strip is drawn from without touching its frames."""

BUCKET_US = 300_000_000

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("camera", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("sentence", String, nullable=False),
    Column("transport", String, nullable=False),
    Column("topic", String, nullable=False),
    Column("position", String, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("key", String, nullable=False),
    UniqueConstraint("digest", "topic", "position"),
    Index("quarantine_of_camera", "camera", "id"),
)
"""What could not be used, and why; the message itself is the object *key* of the store."""

garbage = Table(
    "garbage",
    metadata,
    Column("key", String, primary_key=True),
    sqlite_with_rowid=False,
)
"""Objects that are to be removed: noted before they are, so that a cut leaves none behind that nobody knows."""

erased = Table(
    "erased",
    metadata,
    Column("id", String, primary_key=True),
    Column("camera_id", ForeignKey("camera.id"), nullable=False),
    Column("epoch", String(16)),
    Column("first", BigInteger),
    Column("last", BigInteger),
    Column("from_us", BigInteger),
    Column("to_us", BigInteger),
    Column("reason", String, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
"""Orders to erase: numbers *first* to *last* of *epoch*, or what was taken from *from_us* on and before *to_us*. What they removed
stays in ``span``; what comes later and is meant too is not kept."""

keep = Table(
    "keep",
    metadata,
    Column("id", String, primary_key=True),
    Column("camera_id", ForeignKey("camera.id"), nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
"""What retention leaves alone: what a camera took from *from_us* on and before *to_us*."""

reading = Table(
    "reading",
    metadata,
    Column("camera_id", ForeignKey("camera.id"), primary_key=True, autoincrement=False),
    Column("sensor", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("at_us", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Float, nullable=False),
    Column("unit", String, nullable=False),
    sqlite_with_rowid=False,
)

telemetry = Table(
    "telemetry",
    metadata,
    Column("epoch_id", ForeignKey("epoch.id"), primary_key=True, autoincrement=False),
    Column("stream", String, primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Numbers of reports and readings that are in the store's files, by stream, as ``span`` has those of frames."""

meta = Table(
    "meta",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)
STORE, MEMBER, LAST = "store", "member", "last-archived-us"
"""Names in ``meta``: which store belongs to this catalog; what this archive is called in MQTT's sessions; when it stored last."""
