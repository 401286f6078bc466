"""The orders to erase that there are: asked for before a frame is stored, and again as its row is written."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from shutterbus_archive.catalog import schema
from shutterbus_archive.catalog.rows import Erasure


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
