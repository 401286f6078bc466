"""A Compose override that runs the edge without privilege, with the device numbers of the board it is asked on.

The major numbers of media controllers and DMA heaps are handed out by the kernel at boot, and the minor numbers of
video nodes differ by model, so no file can name them for every Pi. Whole majors are allowed, so that a node that moves
within its own after an update is still found.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from shutterbus_edge.errors import MisconfiguredError

CAMERA_DRIVERS = {
    "video4linux": "cameras, sensors and lenses: /dev/video*, /dev/v4l-subdev*",
    "media": "how they are wired together: /dev/media*",
    "dma_heap": "the memory that pictures arrive in: /dev/dma_heap/*",
}
"""Names in /proc/devices that a camera needs, and what stands behind them."""

PROJECT = Path("/project")
"""Where the compose file mounts its own folder, as long as the edge is privileged."""
OVERRIDE = "compose.override.yml"
COMPOSE_FILES = ("compose.yml", "compose.edge.yml")
"""What the compose file is called in a camera's folder, and in the project's."""

# Not a tmpfs: for a mount without a source Compose takes over what the container before it had there, the folder.
HEAD = """\
# The edge without privilege, on this board. Made anew, after a change of board or kernel, by
#   docker compose -f {compose_file} run --rm edge devices
services:
  edge:
    privileged: false
    cap_drop: [ALL]
    cap_add: [DAC_READ_SEARCH]  # the key belongs to the user who unpacked it, and nobody else may read it
    security_opt: ["no-new-privileges:true"]
    read_only: true
    tmpfs: [/tmp]
    volumes:
      # In place of this folder: who could write here would be root on this machine at the next docker compose up.
      - /dev/null:{project}:ro
    device_cgroup_rules:
"""


def override(root: Path = Path("/"), compose_file: str = COMPOSE_FILES[0]) -> str:
    """Return the override, to be laid over *compose_file*, for the board whose /proc is under *root*.

    Raises:
        MisconfiguredError: The kernel knows no camera at all, so there is nothing to allow.
    """
    majors: dict[str, int] = {}
    characters, _, _ = (root / "proc/devices").read_text().partition("Block devices:")
    for line in characters.splitlines():
        number, _, name = line.strip().partition(" ")
        if name in CAMERA_DRIVERS and number.isdigit():
            majors[name] = int(number)
    if "video4linux" not in majors:
        raise MisconfiguredError(
            "this machine's kernel lists no video4linux devices in /proc/devices, so no camera is attached that could be "
            "allowed; plug it in (or load its driver), then ask again"
        )
    return HEAD.format(compose_file=compose_file, project=PROJECT) + "".join(
        f'      - "c {majors[driver]}:* rmw"  # {what}\n'
        for driver, what in CAMERA_DRIVERS.items()
        if driver in majors
    )


def compose_file(project: Path) -> str | None:
    """Return the name of the edge's compose file in *project*; None where that folder is not mounted."""
    return next((name for name in COMPOSE_FILES if (project / name).exists()), None)


def write(text: str, project: Path) -> None:
    """Write the override into *project*, whole or not at all, as a file of the user who owns that folder.

    Raises:
        MisconfiguredError: The folder cannot be written.
    """
    temporary = None
    try:
        owner = project.stat()
        handle, temporary = tempfile.mkstemp(dir=project, prefix=f".{OVERRIDE}.")
        with os.fdopen(handle, "w") as file:
            file.write(text)
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            os.fchmod(file.fileno(), 0o644)
        Path(temporary).rename(project / OVERRIDE)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise MisconfiguredError(
            f"{OVERRIDE} cannot be written into the folder of the compose file: {error.strerror}; "
            "put that right, then ask again"
        ) from error


def how_to_use(compose_file: str, environ: Mapping[str, str]) -> str:
    """Return what makes Compose lay the override over *compose_file*, from the variables it has itself."""
    files = environ.get("COMPOSE_FILE", "").split(":")
    if compose_file not in files:
        # By itself Compose reads compose.yml, with its override, and no other.
        named = "" if compose_file == COMPOSE_FILES[0] else f"-f {compose_file} -f {OVERRIDE} "
        return f"docker compose {named}up -d"
    if OVERRIDE not in files:
        return f"write COMPOSE_FILE={':'.join([*files, OVERRIDE])} into .env, then docker compose up -d"
    return "docker compose up -d"
