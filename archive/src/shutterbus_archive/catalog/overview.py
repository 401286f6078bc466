"""What a look at the archive as a whole shows beside its totals: how new it is, and what could not be used, by camera."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from shutterbus_archive.catalog import schema
from shutterbus_archive.catalog.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Overview:
    """See the module.

    Attributes:
        newest_us: When the newest frame of each camera that is or was in the store was taken.
        quarantined: How many messages of each camera are in quarantine, of those that have any.
    """

    newest_us: Mapping[str, int]
    quarantined: Mapping[str, int]


def look(catalog: Catalog) -> Overview:
    """Return how things are now. It takes one row a camera, however large the catalog is."""
    camera, bucket, quarantine = schema.camera, schema.bucket, schema.quarantine
    last = (
        select(bucket.c.last_us)
        .where(bucket.c.camera_id == camera.c.id)
        .order_by(bucket.c.start_us.desc())
        .limit(1)
        .scalar_subquery()
    )
    count = select(quarantine.c.camera, func.count()).group_by(quarantine.c.camera)
    with catalog.transaction() as connection:
        newest = connection.execute(select(camera.c.name, last))
        return Overview(
            {name: last_us for name, last_us in newest if last_us is not None},
            {name: messages for name, messages in connection.execute(count)},  # noqa: C416 (a row is no pair to mypy)
        )
