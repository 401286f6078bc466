"""What makes a folder a store: a small file that says which one. Without it an unmounted disk looks like an empty archive."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from shutterbus_archive.catalog.place import file_system
from shutterbus_archive.errors import NotOurStoreError

FORMAT = 1
LASTING_INODES = frozenset({"btrfs", "ext2", "ext3", "ext4", "f2fs", "nfs", "nfs4", "tmpfs", "xfs", "zfs"})


@dataclass(frozen=True, slots=True)
class Marker:
    """The content of the file.

    Attributes:
        store: 16 hex digits that no other store has.
        format: Of the layout; a program refuses one that is newer than itself.
        inode: Of the file itself, so that a copy is known as one; None on file systems that number their files anew when they
            are mounted.
    """

    store: str
    format: int = FORMAT
    inode: int | None = None

    def encode(self) -> bytes:
        members = {"format": self.format, "store": self.store, "inode": self.inode}
        return (
            json.dumps({name: value for name, value in members.items() if value is not None}).encode() + b"\n"
        )

    def is_copy(self, inode: int) -> bool:
        """Whether this was read from a copy of the file: one that is file *inode*."""
        return self.inode is not None and self.inode != inode


def write(path: Path) -> Marker:
    """Write the marker of a new store, durably but for its folder; return it. Raises FileExistsError where one is."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o640)
    with os.fdopen(descriptor, "wb") as file:
        has_lasting_inodes = file_system(path.parent) in LASTING_INODES
        marker = Marker(
            secrets.token_hex(8), inode=os.fstat(descriptor).st_ino if has_lasting_inodes else None
        )
        file.write(marker.encode())
        file.flush()
        os.fsync(descriptor)
    return marker


def decode(data: bytes, where: str) -> Marker:
    """Return the marker that *data* spells, from the file *where*.

    Raises:
        NotOurStoreError: It is damaged, or of a newer format.
    """
    try:
        members = json.loads(data)
        inode = members.get("inode")
        marker = Marker(str(members["store"]), int(members["format"]), inode if inode is None else int(inode))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise NotOurStoreError(f"{where} is damaged: {data[:60]!r}; nothing there is touched") from error
    if marker.format > FORMAT:
        raise NotOurStoreError(
            f"{where} is of format {marker.format}, and this program knows formats up to {FORMAT}: upgrade it"
        )
    return marker
