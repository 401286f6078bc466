"""The table ``quarantine`` as rows of ``QuarantineRow``."""

from collections.abc import Sequence

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert as upsert

from shutterbus_archive.catalog import schema
from shutterbus_archive.catalog.rows import QuarantineRow


def read(connection: Connection, camera: str | None = None) -> list[QuarantineRow]:
    """Return what is in quarantine, of *camera* or of all, oldest first."""
    table = schema.quarantine
    query = select(table).order_by(table.c.id)
    return [
        QuarantineRow(
            row.camera,
            row.reason,
            row.sentence,
            row.transport,
            row.topic,
            row.position,
            row.digest,
            row.bytes,
            row.at_us,
            row.key,
            row.id,
        )
        for row in connection.execute(query if camera is None else query.where(table.c.camera == camera))
    ]


def insert(connection: Connection, rows: Sequence[QuarantineRow]) -> None:
    """Note *rows*; those that are known already change nothing."""
    if not rows:
        return
    connection.execute(
        upsert(schema.quarantine).on_conflict_do_nothing(),
        [
            {
                "camera": row.camera,
                "reason": row.reason,
                "sentence": row.sentence,
                "transport": row.transport,
                "topic": row.topic,
                "position": row.position,
                "digest": row.digest,
                "bytes": row.size_bytes,
                "at_us": row.at_us,
                "key": row.key,
            }
            for row in rows
        ],
    )
