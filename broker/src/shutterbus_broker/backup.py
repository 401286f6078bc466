"""``backup``: what cannot be made again, in one file. The pictures in the brokers are not among it."""

import contextlib
import datetime as dt
import sqlite3
import tarfile
import tempfile
from pathlib import Path

from shutterbus_broker.files import private_file
from shutterbus_broker.installation import Installation

_PARTS = ("state/ca", "state/server", "state/devices", "state/mosquitto/acl", ".env")


def run(installation: Installation, now: dt.datetime) -> Path:
    """Write the file, which unpacks into a fresh copy of the project with ``tar -xpf``, and return it."""
    target = installation.project / f"shutterbus-backup-{now:%Y%m%dT%H%M%SZ}.tar"
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


def _add_users(tar: tarfile.TarFile, database: Path) -> None:
    """Add the viewer's users as they are at one moment, though the viewer may be writing."""
    if not database.exists():
        return
    tar.add(database.parent, "state/viewer", recursive=False)
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(sqlite3.connect(database)) as connection:
        copy = Path(folder) / database.name
        connection.execute("VACUUM INTO ?", (str(copy),))
        entry = tar.gettarinfo(copy, "state/viewer/viewer.db")
        owner = database.stat()
        entry.uid, entry.gid, entry.mode = owner.st_uid, owner.st_gid, 0o600
        with copy.open("rb") as file:
            tar.addfile(entry, file)
