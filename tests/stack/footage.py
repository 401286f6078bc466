"""Footage of a street, which Debian ships with OpenCV's examples."""

import subprocess
from pathlib import Path

from machine import needs

FOOTAGE = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")


def footage(folder: Path) -> Path:
    """Return the film; unpacked into *folder* where it is packed."""
    if FOOTAGE.exists():
        return FOOTAGE
    packed = FOOTAGE.with_name("vtest.avi.gz")
    needs(packed.exists(), "the street footage vtest.avi is not installed (Debian package opencv-doc)")
    film = folder / "vtest.avi"
    film.write_bytes(subprocess.run(["gzip", "-dc", packed], capture_output=True, check=True).stdout)
    return film
