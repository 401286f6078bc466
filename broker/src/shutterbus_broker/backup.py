"""``backup``: what cannot be made again, in one file. The pictures in the brokers are not among it."""

import datetime as dt
import tarfile
from pathlib import Path

from shutterbus_broker.files import private_file
from shutterbus_broker.installation import Installation

_PARTS = ("state/ca", "state/server", "state/devices", "state/mosquitto/acl", ".env")


def run(there: Installation, now: dt.datetime) -> Path:
    """Write the file, which unpacks into a fresh copy of the project with ``tar -xpf``, and return it."""
    target = there.project / f"shutterbus-backup-{now:%Y%m%dT%H%M%SZ}.tar"
    with there.lock():
        with private_file(target) as file, tarfile.open(fileobj=file, mode="w") as tar:
            tar.add(there.state, "state", recursive=False)
            tar.add(there.state / "mosquitto", "state/mosquitto", recursive=False)
            for part in _PARTS:
                if (there.project / part).exists():
                    tar.add(there.project / part, part)
        there.hand_over(target)
    return target
