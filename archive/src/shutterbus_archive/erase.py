"""``erase``: frames removed for good, with a reason, and kept out from then on. The archive may run meanwhile."""

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shutterbus_archive.catalog import Ageing, Catalog, Erasing, Erasure
from shutterbus_archive.catalog.erasing import Extent
from shutterbus_archive.errors import ArchiveError
from shutterbus_archive.orders import Orders
from shutterbus_archive.progress import Progress
from shutterbus_archive.store import Store
from shutterbus_wire.identity import EPOCH_PATTERN

BATCH = 500
_IDS = re.compile(rf"(?P<epoch>{EPOCH_PATTERN})-(?P<first>\d{{1,18}})(\.\.(?P<last>\d{{1,18}}))?")


@dataclass(frozen=True, slots=True)
class Meant:
    """What is to be erased, in a person's words: frames by id, or what cameras took within a time.

    Attributes:
        ids: ``<epoch>-<number>`` or ``<epoch>-<first>..<last>``.
        camera: None: of every camera, or, with *ids*, the one that has them.
        from_us, to_us: What was taken from the one on and before the other; None: without that bound.
    """

    ids: Sequence[str] = ()
    camera: str | None = None
    from_us: int | None = None
    to_us: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """An order that has not been given yet, and what it would remove: of the frames that are here those taken before *until_us*."""

    order: Erasure
    until_us: int
    extent: Extent


class Eraser:
    """Erases from *store* and *catalog*; *now_us* is when the orders are given."""

    def __init__(self, store: Store, catalog: Catalog, now_us: int) -> None:
        self._store = store
        self._catalog = catalog
        self._erasing = Erasing(catalog)
        self._now_us = now_us

    def plan(self, meant: Meant, reason: str) -> list[Plan]:
        """Return what *meant* comes to, one order a camera or range; nothing is done yet.

        Raises:
            ArchiveError: It means nothing, something unknown, or something that is kept.
        """
        if not reason.strip():
            raise ArchiveError(
                "a reason is expected, such as --reason 'asked for by the people in it': it is recorded"
            )
        by_time = meant.from_us is not None or meant.to_us is not None
        if bool(meant.ids) == (by_time or (meant.camera is not None and not meant.ids)):
            raise ArchiveError(
                "either frames by id are expected, or a camera, a time (--from, --to), or both"
            )
        plans = []
        for order in self._by_id(meant, reason) if meant.ids else self._by_time(meant, reason):
            until_us = meant.to_us
            if until_us is None:
                # All that is here now, also what a clock that ran ahead has dated later; not what comes meanwhile.
                until_us = max(self._now_us, self._erasing.end_us(order.camera))
            if kept := self._erasing.kept(order, until_us):
                raise ArchiveError(
                    f"some of it is kept ({', '.join(kept)}): let go of that first with shutterbus-archive keep drop {kept[0]}"
                )
            plans.append(Plan(order, until_us, self._erasing.extent(order, until_us)))
        return plans

    def erase(self, plan: Plan) -> int:
        """Do it; return how many frames went.

        The order is in the store before the catalog has it, and the numbers of what goes before it goes: after a cut it is carried
        out in part, and giving it again finishes it.
        """
        order, ageing, orders = plan.order, Ageing(self._catalog), Orders(self._store)
        self._erasing.note(order, lambda: orders.write_erasure(order))
        gone = 0
        with Progress(f"erasing of {order.camera}", plan.extent.frames) as progress:
            while keys := self._erasing.take_out(
                order, plan.until_us, BATCH, lambda numbers: orders.write_numbers(order, numbers)
            ):
                self._store.remove(keys)
                ageing.forget_garbage(keys)
                gone += len(keys)
                progress.advance(len(keys))
        return gone

    def _by_id(self, meant: Meant, reason: str) -> Iterator[Erasure]:
        for text in meant.ids:
            match = _IDS.fullmatch(text)
            if match is None:
                raise ArchiveError(
                    f"{text[:80]!r} is no frame: <16 hex digits>-<number> or <16 hex digits>-<first>..<last> is expected"
                )
            first, last = int(match["first"]), int(match["last"] or match["first"])
            if last < first:
                raise ArchiveError(f"{text} ends before it begins")
            cameras = [meant.camera] if meant.camera else self._erasing.cameras(match["epoch"])
            if not cameras:
                raise ArchiveError(
                    f"no camera has an epoch {match['epoch']} here: name it with --camera if it may still come"
                )
            for camera in cameras:
                yield Erasure(_new_id(), camera, reason, self._now_us, match["epoch"], first, last)

    def _by_time(self, meant: Meant, reason: str) -> Iterator[Erasure]:
        if meant.from_us is not None and meant.to_us is not None and meant.to_us <= meant.from_us:
            raise ArchiveError("--to has to be later than --from")
        known = self._erasing.cameras()
        if meant.camera is not None and meant.camera not in known:
            raise ArchiveError(
                f"there is no camera {meant.camera[:80]!r} here; there are {', '.join(known) or 'none'}"
            )
        # What is taken from now on is not meant, however long the time that was named.
        to_us = min(self._now_us, meant.to_us if meant.to_us is not None else self._now_us)
        for camera in [meant.camera] if meant.camera else known:
            yield Erasure(_new_id(), camera, reason, self._now_us, from_us=meant.from_us, to_us=to_us)


def _new_id() -> str:
    return secrets.token_hex(4)
