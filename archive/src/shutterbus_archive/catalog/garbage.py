"""Objects that are to be removed, noted in the transaction that takes what they were out of the index."""

from collections.abc import Iterable

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert as upsert

from shutterbus_archive.catalog import schema


def note(connection: Connection, keys: Iterable[str]) -> None:
    """Note that the objects under *keys* are to be removed."""
    if values := [{"key": key} for key in keys]:
        connection.execute(upsert(schema.garbage).on_conflict_do_nothing(), values)
