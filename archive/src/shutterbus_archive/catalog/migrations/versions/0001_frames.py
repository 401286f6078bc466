"""Frames, readings, telemetry and quarantine."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "camera",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
    )
    op.create_table(
        "epoch",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("camera_id", sa.Integer, sa.ForeignKey("camera.id"), nullable=False),
        sa.Column("hex", sa.String(16), nullable=False),
        sa.UniqueConstraint("camera_id", "hex"),
    )
    op.create_table(
        "frame",
        sa.Column("epoch_id", sa.Integer, sa.ForeignKey("epoch.id"), primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("camera_id", sa.Integer, sa.ForeignKey("camera.id"), nullable=False),
        sa.Column("captured_us", sa.BigInteger, nullable=False),
        sa.Column("filed_us", sa.BigInteger, nullable=False),
        sa.Column("archived_us", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("crc", sa.BigInteger, nullable=False),
        sa.Column("flags", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("frame_of_camera", "frame", ["camera_id", "captured_us"])
    op.create_table(
        "span",
        sa.Column("epoch_id", sa.Integer, sa.ForeignKey("epoch.id"), primary_key=True, autoincrement=False),
        sa.Column("state", sa.String, primary_key=True),
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "bucket",
        sa.Column("camera_id", sa.Integer, sa.ForeignKey("camera.id"), primary_key=True, autoincrement=False),
        sa.Column("start_us", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("aged", sa.Integer, nullable=False, server_default="0"),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("first_us", sa.BigInteger, nullable=False),
        sa.Column("last_us", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("camera", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("sentence", sa.String, nullable=False),
        sa.Column("transport", sa.String, nullable=False),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("position", sa.String, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.UniqueConstraint("digest", "topic", "position"),
    )
    op.create_table("garbage", sa.Column("key", sa.String, primary_key=True), sqlite_with_rowid=False)
    op.create_table(
        "reading",
        sa.Column("camera_id", sa.Integer, sa.ForeignKey("camera.id"), primary_key=True, autoincrement=False),
        sa.Column("sensor", sa.String, primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("at_us", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("unit", sa.String, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "telemetry",
        sa.Column("epoch_id", sa.Integer, sa.ForeignKey("epoch.id"), primary_key=True, autoincrement=False),
        sa.Column("stream", sa.String, primary_key=True),
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.String, nullable=False),
    )
