"""Numbers of an epoch as rows of spans, in the tables ``span`` (by state) and ``telemetry`` (by stream)."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, Table, and_, delete, insert, select

from shutterbus_archive.catalog import schema, spans
from shutterbus_archive.catalog.spans import Span


def touching(
    connection: Connection, table: Table, epoch_id: int, kind: str, low: int, high: int
) -> list[Span]:
    """Return the spans of *kind* (a state, or a stream) that touch the numbers *low* to *high*."""
    kinds = table.c.state if "state" in table.c else table.c.stream
    query = (
        select(table.c.first, table.c.last)
        .where(and_(table.c.epoch_id == epoch_id, kinds == kind, table.c.last >= low, table.c.first <= high))
        .order_by(table.c.first)
    )
    return [(first, last) for first, last in connection.execute(query)]


def replace(
    connection: Connection, table: Table, epoch_id: int, kind: str, old: Sequence[Span], new: Sequence[Span]
) -> None:
    name = "state" if "state" in table.c else "stream"
    for first, _ in set(old) - set(new):
        connection.execute(
            delete(table).where(
                and_(table.c.epoch_id == epoch_id, table.c[name] == kind, table.c.first == first)
            )
        )
    fresh = set(new) - set(old)
    if fresh:
        connection.execute(
            insert(table),
            [
                {"epoch_id": epoch_id, name: kind, "first": first, "last": last}
                for first, last in sorted(fresh)
            ],
        )


def note_archived(
    connection: Connection, epoch_id: int, present: Sequence[Span], numbers: Collection[int]
) -> None:
    """Note that *numbers* of an epoch are archived, whose spans near them are *present*; one that was torn has come whole."""
    replace(connection, schema.span, epoch_id, schema.ARCHIVED, present, spans.add(present, numbers))
    torn = touching(connection, schema.span, epoch_id, schema.QUARANTINED, min(numbers), max(numbers))
    if torn:
        replace(connection, schema.span, epoch_id, schema.QUARANTINED, torn, spans.without(torn, numbers))


def note_quarantined(connection: Connection, epoch_id: int, numbers: Collection[int]) -> None:
    """Note that *numbers* of an epoch came in a form that cannot be used; one that is archived stays that alone."""
    low, high = min(numbers) - 1, max(numbers) + 1
    archived = touching(connection, schema.span, epoch_id, schema.ARCHIVED, low, high)
    present = touching(connection, schema.span, epoch_id, schema.QUARANTINED, low, high)
    merged = spans.add(present, {number for number in numbers if not spans.holds(archived, number)})
    replace(connection, schema.span, epoch_id, schema.QUARANTINED, present, merged)
