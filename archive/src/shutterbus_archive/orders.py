"""What people have ordered, as lines in the store: a catalog that is made anew from the files goes on to respect it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from shutterbus_archive.catalog import Erasure, Keep
from shutterbus_archive.catalog.erasing import Numbers
from shutterbus_archive.store import Store

ERASED, KEPT = "orders/erased.jsonl", "orders/keep.jsonl"


class Orders:
    """Orders in a store. What is written is durable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write_erasure(self, order: Erasure) -> None:
        """Write that *order* was given."""
        self._write(ERASED, asdict(order))

    def write_numbers(self, order: Erasure, numbers: Numbers) -> None:
        """Write which frames went on *order*."""
        self._write(ERASED, {"id": order.id, "camera": order.camera, "numbers": numbers})

    def write_keep(self, keep: Keep) -> None:
        """Write that *keep* is left alone."""
        self._write(KEPT, asdict(keep))

    def write_end_of_keep(self, keep_id: str) -> None:
        """Write that *keep_id* is left alone no more."""
        self._write(KEPT, {"id": keep_id, "ended": True})

    def erasures(self) -> tuple[list[Erasure], list[tuple[str, Numbers]]]:
        """Return the orders to erase, and what went on them: a camera and numbers."""
        orders: list[Erasure] = []
        gone: list[tuple[str, Numbers]] = []
        for line in self._lines(ERASED):
            if "numbers" in line:
                gone.append(
                    (line["camera"], [(epoch, first, last) for epoch, first, last in line["numbers"]])
                )
            else:
                orders.append(Erasure(**line))
        return orders, gone

    def keeps(self) -> list[Keep] | None:
        """Return what is kept; None if nobody ever kept anything."""
        if self._store.head(KEPT) is None:
            return None
        keeps: dict[str, Keep] = {}
        for line in self._lines(KEPT):
            if line.get("ended"):
                keeps.pop(line["id"], None)
            else:
                keeps[line["id"]] = Keep(**line)
        return list(keeps.values())

    def _write(self, key: str, members: dict[str, Any]) -> None:
        self._store.append({key: json.dumps(members).encode() + b"\n"})

    def _lines(self, key: str) -> Iterator[dict[str, Any]]:
        lines: Iterable[bytes] = (self._store.read(key) or b"").splitlines(keepends=True)
        yield from (json.loads(line) for line in lines if line.endswith(b"\n"))
