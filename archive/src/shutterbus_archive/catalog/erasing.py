"""Erasing frames, as the catalog sees it: what an order means, what it takes out, and what it keeps out from then on."""

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from shutterbus_archive.catalog import schema, spans
from shutterbus_archive.catalog.catalog import Catalog
from shutterbus_archive.catalog.erased import orders_for
from shutterbus_archive.catalog.removal import take_out
from shutterbus_archive.catalog.rows import Erasure

Numbers = list[tuple[str, int, int]]
"""Frames by epoch, first and last number."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Frames together: how many, their bytes, and when the first and the last was taken."""

    frames: int
    size_bytes: int
    first_us: int | None
    last_us: int | None


class Erasing:
    """See the module.

    *until_us*, where a method takes it, bounds an order by time that has no end of its own for what is in the store now.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def orders(self, cameras: Collection[str]) -> list[Erasure]:
        """Return the orders that there are for *cameras*."""
        with self._catalog.transaction() as connection:
            return orders_for(connection, cameras)

    def cameras(self, epoch: str | None = None) -> list[str]:
        """Return the cameras that the catalog knows; with *epoch* those that have it."""
        query = select(schema.camera.c.name).order_by(schema.camera.c.name)
        if epoch is not None:
            query = query.join(schema.epoch, schema.epoch.c.camera_id == schema.camera.c.id).where(
                schema.epoch.c.hex == epoch
            )
        with self._catalog.transaction() as connection:
            return list(connection.execute(query).scalars())

    def extent(self, order: Erasure, until_us: int) -> Extent:
        """Return what *order* would take out now."""
        frame = schema.frame.c
        sums = (func.count(), func.coalesce(func.sum(frame.bytes), 0))
        query = select(*sums, func.min(frame.captured_us), func.max(frame.captured_us))
        with self._catalog.transaction() as connection:
            return Extent(*connection.execute(query.where(_meant(order, until_us))).one())

    def kept(self, order: Erasure, until_us: int) -> list[str]:
        """Return the ids of what is kept (``schema.keep``) among what *order* means."""
        frame, keep = schema.frame.c, schema.keep.c
        query = (
            select(keep.id)
            .distinct()
            .join_from(
                schema.keep,
                schema.frame,
                and_(
                    frame.camera_id == keep.camera_id,
                    frame.captured_us >= keep.from_us,
                    frame.captured_us < keep.to_us,
                ),
            )
        )
        with self._catalog.transaction() as connection:
            return list(connection.execute(query.where(_meant(order, until_us))).scalars())

    def end_us(self, camera: str) -> int:
        """Return an instant behind all frames of *camera* that are in the store now."""
        query = select(func.max(schema.frame.c.captured_us)).where(
            schema.frame.c.camera_id == _camera(camera)
        )
        with self._catalog.transaction() as connection:
            return (connection.execute(query).scalar_one_or_none() or 0) + 1

    def note(self, order: Erasure, before: Callable[[], None] = lambda: None) -> None:
        """Keep out what *order* means from now on. *before* is called first; if it raises, nothing is noted."""
        table = schema.erased
        with self._catalog.transaction() as connection:
            before()
            connection.execute(upsert(schema.camera).on_conflict_do_nothing(), {"name": order.camera})
            values = {name: getattr(order, name) for name in table.c.keys() if name != "camera_id"}  # noqa: SIM118 (columns)
            statement = upsert(table).values(camera_id=_camera(order.camera), **values)
            connection.execute(statement.on_conflict_do_nothing())

    def take_out(
        self, order: Erasure, until_us: int, most: int, before: Callable[[Numbers], None] = lambda _: None
    ) -> list[str]:
        """Take frames that *order* means out of the index, *most* at most, and return their keys, which are garbage now.

        *before* is called with their numbers first; if it raises, they stay.
        """
        frame, epoch = schema.frame.c, schema.epoch.c
        query = select(frame.epoch_id, frame.seq, epoch.hex).join(schema.epoch, epoch.id == frame.epoch_id)
        with self._catalog.transaction() as connection:
            rows = connection.execute(query.where(_meant(order, until_us)).limit(most)).all()
            if not rows:
                return []
            numbers: dict[str, list[int]] = defaultdict(list)
            for row in rows:
                numbers[row.hex].append(row.seq)
            before([(hex_digits, *span) for hex_digits, seqs in numbers.items() for span in spans.of(seqs)])
            return take_out(connection, [(row.epoch_id, row.seq) for row in rows], aged=False)


def _camera(name: str) -> ColumnElement[int]:
    return select(schema.camera.c.id).where(schema.camera.c.name == name).scalar_subquery()


def _meant(order: Erasure, until_us: int) -> ColumnElement[bool]:
    frame, epoch = schema.frame.c, schema.epoch.c
    if order.epoch is not None:
        of_camera = and_(epoch.camera_id == _camera(order.camera), epoch.hex == order.epoch)
        epoch_id = select(epoch.id).where(of_camera).scalar_subquery()
        return and_(frame.epoch_id == epoch_id, frame.seq >= order.first, frame.seq <= order.last)
    within = and_(frame.camera_id == _camera(order.camera), frame.captured_us < until_us)
    return within if order.from_us is None else and_(within, frame.captured_us >= order.from_us)
