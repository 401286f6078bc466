"""The orders to erase that there are: asked for before a frame is stored, and again as its row is written."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select

from shutterbus_archive.catalog import garbage, schema
from shutterbus_archive.catalog.rows import Erasure, FrameRow


def orders_for(connection: Connection, cameras: Collection[str]) -> list[Erasure]:
    """Return the orders that there are for *cameras*."""
    table, camera = schema.erased, schema.camera
    query = select(table, camera.c.name).join(camera, camera.c.id == table.c.camera_id)
    return [
        Erasure(
            row.id,
            row.name,
            row.reason,
            row.at_us,
            row.epoch,
            row.first,
            row.last,
            row.from_us,
            row.to_us,
        )
        for row in connection.execute(query.where(camera.c.name.in_(list(cameras))))
    ]


def without_erased(connection: Connection, frames: Sequence[FrameRow]) -> list[FrameRow]:
    """Return those of *frames* that nobody has ordered to erase; the files of the others are garbage."""
    orders = orders_for(connection, {row.key.camera for row in frames})
    wanted: list[FrameRow] = []
    for row in frames:
        facts = row.key.camera, row.key.id, row.captured_at_us
        trusted = not row.flags & schema.CLOCK_UNTRUSTED
        if any(order.covers(*facts, clock_synced=trusted) for order in orders):
            garbage.note(connection, [str(row.key)])
        else:
            wanted.append(row)
    return wanted
