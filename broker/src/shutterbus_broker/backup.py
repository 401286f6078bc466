"""``backup``: what cannot be made again, in one file. The pictures in the brokers are not among it."""

import datetime as dt
import os
import tarfile
import tempfile
from pathlib import Path

from shutterbus_broker.installation import Installation

_PARTS = ("state/ca", "state/server", "state/devices", "state/mosquitto/acl", ".env")


def run(there: Installation, now: dt.datetime) -> Path:
    """Write the file, which unpacks into a fresh copy of the project with ``tar -xpf``, and return it."""
    target = there.project / f"shutterbus-backup-{now:%Y%m%dT%H%M%SZ}.tar"
    with there.lock():
        handle, temporary = tempfile.mkstemp(dir=there.project, prefix=".backup.")  # 0600 from the start
        with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
            tar.add(there.state, "state", recursive=False)
            tar.add(there.state / "mosquitto", "state/mosquitto", recursive=False)
            for part in _PARTS:
                if (there.project / part).exists():
                    tar.add(there.project / part, part)
        if os.getuid() == 0:
            owner = there.project.stat()
            os.chown(temporary, owner.st_uid, owner.st_gid)
        Path(temporary).rename(target)
    return target
