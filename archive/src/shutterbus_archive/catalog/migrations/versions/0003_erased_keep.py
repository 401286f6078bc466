"""What was erased, and what retention leaves alone."""

import sqlalchemy as sa
from alembic import op

revision = "0003_erased_keep"
down_revision = "0002_quarantine"


def upgrade() -> None:
    op.create_table(
        "erased",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("camera_id", sa.Integer, sa.ForeignKey("camera.id"), nullable=False),
        sa.Column("epoch", sa.String(16)),
        sa.Column("first", sa.BigInteger),
        sa.Column("last", sa.BigInteger),
        sa.Column("from_us", sa.BigInteger),
        sa.Column("to_us", sa.BigInteger),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "keep",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("camera_id", sa.Integer, sa.ForeignKey("camera.id"), nullable=False),
        sa.Column("from_us", sa.BigInteger, nullable=False),
        sa.Column("to_us", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
    )
