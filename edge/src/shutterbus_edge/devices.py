"""A Compose override that runs the edge without privilege, with the device numbers of the board it is asked on.

The major numbers of media controllers and DMA heaps are handed out by the kernel at boot, and the minor numbers of
video nodes differ by model, so no file can name them for every Pi. Whole majors are allowed, so that a node that moves
within its own after an update is still found.
"""

from collections.abc import Mapping
from pathlib import Path

from shutterbus_edge.errors import MisconfiguredError

CAMERA_DRIVERS = {
    "video4linux": "cameras, sensors and lenses: /dev/video*, /dev/v4l-subdev*",
    "media": "how they are wired together: /dev/media*",
    "dma_heap": "the memory that pictures arrive in: /dev/dma_heap/*",
}
"""Names in /proc/devices that a camera needs, and what stands behind them."""

OVERRIDE = "compose.override.yml"

HEAD = """\
# The edge without privilege, on this board. Made anew, after a change of board or kernel, by
#   docker compose run --rm -T edge devices > compose.override.yml
services:
  edge:
    privileged: false
    cap_drop: [ALL]
    cap_add: [DAC_READ_SEARCH]  # the key belongs to whoever unpacked it, and only he may read it
    security_opt: ["no-new-privileges:true"]
    read_only: true
    tmpfs: [/tmp]
    device_cgroup_rules:
"""


def override(root: Path = Path("/")) -> str:
    """Return the override for the board whose /proc is under *root*.

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
    return HEAD + "".join(
        f'      - "c {majors[driver]}:* rmw"  # {what}\n'
        for driver, what in CAMERA_DRIVERS.items()
        if driver in majors
    )


def how_to_use(environ: Mapping[str, str]) -> str:
    """Return a sentence on how Compose comes to know of the override, from the variables it has itself."""
    files = environ.get("COMPOSE_FILE", "")
    if OVERRIDE in files:
        how = "docker compose up -d"
    elif files:
        how = f"write COMPOSE_FILE={files}:{OVERRIDE} into .env, then: docker compose up -d"
    else:
        how = (
            f"docker compose up -d takes it by itself beside a compose.yml; in the project's own folder: "
            f"docker compose -f compose.edge.yml -f {OVERRIDE} up -d"
        )
    return f"To use it, as {OVERRIDE}: {how}"
