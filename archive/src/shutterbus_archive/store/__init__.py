"""Where frames are kept. A store is a class in a module of its own here; every one keeps the promises of ``Store``.

Keys are names as ``shutterbus_wire.store_layout`` gives them, with ``/`` between their parts.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Stored = Literal["new", "same", "other"]
"""What became of one object: it is there now; it was there already, byte for byte; other bytes are there under its key."""


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes and files that still fit; files is None where they are made as needed, device where it is no disk of ours."""

    total_bytes: int
    free_bytes: int
    free_files: int | None
    device: int | None = None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a store; modified_us is when it was written, us since 1970, UTC."""

    key: str
    size_bytes: int
    modified_us: int


class Store(Protocol):
    """What the archive asks of a place that keeps objects.

    Everything may raise ``StoreUnavailableError``, after which nothing is known of what it was asked, and asking again is safe.
    """

    def check(self) -> None:
        """Return if the store is there and ours; raise ``NotOurStoreError`` if it is not."""

    def put(self, objects: Mapping[str, bytes]) -> Mapping[str, Stored]:
        """Make all of *objects* durable, by key, and say what became of each. Other bytes are never overwritten."""

    def put_file(self, key: str, source: Path) -> None:
        """Make the file *source* durable under *key*, in place of what is there; it may be larger than memory."""

    def append(self, lines: Mapping[str, bytes]) -> None:
        """Make *lines* durable at the end of the object of each key, whole ones only: what a cut left half goes first."""

    def read(self, key: str) -> bytes | None:
        """Return the bytes of *key*; None if there are none."""

    def remove(self, keys: Iterable[str]) -> None:
        """Remove *keys*, durably; those that are not there are no error."""

    def head(self, key: str) -> StoredObject | None:
        """Return what is known of *key* without reading it; None if it is not there."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield every key that begins with *prefix*, in order: cheaper than ``objects`` where sizes do not matter."""

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield what follows *prefix* up to the next ``/``, of every key that has one, each once and in order."""

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        """Yield everything whose key begins with *prefix*, in the order of keys."""

    def room(self) -> Room:
        """Return how much fits."""

    def close(self) -> None:
        """Give up what is held."""
