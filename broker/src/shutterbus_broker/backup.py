"""``backup``: what cannot be made again, in one file, and the archive's catalog in another.

The pictures, in the brokers and in the archive's store, are not among it.
"""

import contextlib
import datetime as dt
import os
import sqlite3
import tarfile
import tempfile
from pathlib import Path

from shutterbus_broker.errors import SetupError
from shutterbus_broker.files import private_file
from shutterbus_broker.installation import Installation

_PARTS = ("state/ca", "state/server", "state/devices", "state/mosquitto/acl", ".env")


def run(installation: Installation, now: dt.datetime) -> Path:
    """Write the file, which unpacks into a fresh copy of the project with ``tar -xpf``, and return it."""
    target = installation.project / f"{_name(now)}.tar"
    with installation.lock():
        with private_file(target) as file, tarfile.open(fileobj=file, mode="w") as tar:
            tar.add(installation.state, "state", recursive=False)
            tar.add(installation.state / "mosquitto", "state/mosquitto", recursive=False)
            for part in _PARTS:
                if (installation.project / part).exists():
                    tar.add(installation.project / part, part)
            _add_users(tar, installation.state / "viewer" / "viewer.db")
        installation.hand_over(target)
    return target


def copy_catalog(installation: Installation, now: dt.datetime) -> Path | None:
    """Write the archive's catalog as it is at one moment, though the archive may be writing; None where there is none.

    It can be as large as the rest of the server's files together, so it is a file of its own and never in memory.
    """
    database = installation.state / "archive" / "catalog" / "catalog.sqlite"
    if not database.exists():
        return None
    target = installation.project / f"{_name(now)}-catalog.sqlite"
    unfinished = target.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    try:
        _copy(database, unfinished)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)
    installation.hand_over(target)
    return target


def _name(now: dt.datetime) -> str:
    return f"shutterbus-backup-{now:%Y%m%dT%H%M%SZ}"


def _copy(database: Path, target: Path) -> None:
    try:
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        raise SetupError(f"{database} cannot be copied: {error}") from error


def _add_users(tar: tarfile.TarFile, database: Path) -> None:
    """Add the viewer's users as they are at one moment, though the viewer may be writing."""
    if not database.exists():
        return
    tar.add(database.parent, "state/viewer", recursive=False)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / database.name
        _copy(database, copy)
        entry = tar.gettarinfo(copy, "state/viewer/viewer.db")
        owner = database.stat()
        entry.uid, entry.gid, entry.mode = owner.st_uid, owner.st_gid, 0o600
        with copy.open("rb") as file:
            tar.addfile(entry, file)
