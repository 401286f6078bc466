"""Where a catalog may lie: on a disk of this machine. SQLite on a network share is a database that is locked for years."""

import re
from pathlib import Path

from shutterbus_archive.errors import CatalogError

REFUSED = ("nfs", "cifs", "smb", "9p", "virtiofs", "fuse.sshfs", "overlay")
MOUNTS = Path("/proc/self/mountinfo")


def check_place(folder: Path, mounts: Path = MOUNTS) -> None:
    """Return if a catalog can be in *folder*; raise CatalogError if its file system does not do what SQLite needs."""
    kind = file_system(folder, mounts)
    if kind.startswith(REFUSED):
        reason = (
            "goes with its container" if kind == "overlay" else "cannot lock or map files as a database needs"
        )
        raise CatalogError(
            f"the catalog cannot be in {folder}: {kind} {reason}; ARCHIVE_STATE_DIR on a disk of this machine is expected "
            "(the pictures themselves, ARCHIVE_DIR, may be on a share)"
        )


def file_system(folder: Path, mounts: Path = MOUNTS) -> str:
    """Return the type of the file system that *folder* is on, such as ``ext4``; empty where that cannot be told."""
    resolved = str(folder.resolve())
    best, kind = "", ""
    for line in mounts.read_text(errors="replace").splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[4])
        inside = resolved == point or resolved.startswith(point.rstrip("/") + "/")
        # The later of two at the same place is the one that is seen.
        if inside and len(point) >= len(best):
            best, kind = point, after.split()[0]
    return kind
