"""The messages in quarantine, as the catalog has them: looked up, counted for each camera, and taken out."""

from collections.abc import Sequence

from sqlalchemy import delete, func, select

from shutterbus_archive.catalog import garbage, schema
from shutterbus_archive.catalog.catalog import Catalog
from shutterbus_archive.catalog.rows import QuarantineRow

FACTS = ".json"
"""Beside each message, what is known of it: with this behind the message's key."""


class Quarantined:
    """See the module."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def entry(self, number: int) -> QuarantineRow | None:
        """Return message *number*; None if it is not in quarantine."""
        return next((row for row in self._catalog.quarantined() if row.id == number), None)

    def surplus(self, camera: str, max_bytes: int, max_count: int) -> list[QuarantineRow]:
        """Return the oldest messages of *camera*, as many as have to go for the others to be within both bounds."""
        table = schema.quarantine
        with self._catalog.transaction() as connection:
            held = select(func.count(), func.coalesce(func.sum(table.c.bytes), 0)).where(
                table.c.camera == camera
            )
            count, size_bytes = connection.execute(held).one()
        going: list[QuarantineRow] = []
        if count <= max_count and size_bytes <= max_bytes:
            return going
        for row in self._catalog.quarantined(camera):
            if count <= max_count and size_bytes <= max_bytes:
                break
            going.append(row)
            count, size_bytes = count - 1, size_bytes - row.size_bytes
        return going

    def take_out(self, rows: Sequence[QuarantineRow]) -> list[str]:
        """Forget *rows* and note their objects as garbage, together; return the keys of these."""
        keys = [key for row in rows for key in (row.key, row.key + FACTS)]
        with self._catalog.transaction() as connection:
            garbage.note(connection, keys)
            connection.execute(
                delete(schema.quarantine).where(schema.quarantine.c.id.in_([row.id for row in rows]))
            )
        return keys
