"""Running without privilege on this very board."""

import subprocess
from pathlib import Path

import pytest

from machine import needs
from shutterbus_edge.devices import override
from shutterbus_edge.errors import MisconfiguredError

PI = """Character devices:
  1 mem
  4 /dev/vc/0
 81 video4linux
240 rpivid-mem
250 dma_heap
511 media

Block devices:
  8 sd
179 mmc
"""
COMPOSE = Path(__file__).parents[2] / "compose.edge.yml"


def board(root: Path, devices: str) -> Path:
    (root / "proc").mkdir()
    (root / "proc/devices").write_text(devices)
    return root


def test_only_the_majors_of_cameras_are_allowed(tmp_path: Path) -> None:
    """Not the disk, not the serial console."""
    rules = [line.split('"')[1] for line in override(board(tmp_path, PI)).splitlines() if '"c ' in line]

    assert rules == ["c 81:* rmw", "c 511:* rmw", "c 250:* rmw"]


def test_a_board_without_cameras_says_so(tmp_path: Path) -> None:
    """An empty list would be an edge that starts and never sees anything."""
    with pytest.raises(MisconfiguredError, match="no video4linux devices"):
        override(board(tmp_path, "Character devices:\n  1 mem\n\nBlock devices:\n 81 video4linux\n"))


def test_compose_takes_the_override_and_privilege_is_gone(tmp_path: Path) -> None:
    """The override is laid over the file as it ships."""
    has_compose = (
        subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
    )
    needs(has_compose, "docker compose is not installed")
    laid_over = tmp_path / "compose.override.yml"
    laid_over.write_text(override(board(tmp_path, PI)))

    config = subprocess.run(
        ["docker", "compose", "-f", COMPOSE, "-f", laid_over, "config"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert "privileged: true" not in config
    assert "c 511:* rmw" in config
