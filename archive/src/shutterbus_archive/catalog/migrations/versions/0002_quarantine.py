"""Quarantine is bounded for each camera."""

from alembic import op

revision = "0002_quarantine"
down_revision = "0001"


def upgrade() -> None:
    op.create_index("quarantine_of_camera", "quarantine", ["camera", "id"])
