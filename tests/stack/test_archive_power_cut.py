"""The power of the archive's disk is cut at the level of its blocks while it stores: what it acknowledged is there, whole."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import machine
from machine import SOAK

pytestmark = [pytest.mark.stack, pytest.mark.long_form, pytest.mark.timeout(600)]

RIG = Path(__file__).with_name("archive_cut_rig.py")
TESTS = Path(__file__).parents[1]
CUTS = 50 if SOAK else 10
ENOUGH_TO_NOTICE = 3


def cut(work: Path, cuts: int, without: str) -> dict[str, int]:
    """Return what so many cuts left, with one kind of sync left out."""
    machine.needs(os.geteuid() == 0, "block devices need root")
    for tool, package in (
        ("mkfs.btrfs", "btrfs-progs"),
        ("mkfs.ext4", "e2fsprogs"),
        ("unshare", "util-linux"),
    ):
        machine.needs_tool(tool, package)
    free = subprocess.run(["losetup", "--find"], capture_output=True, check=False)
    machine.needs(free.returncode == 0, "there is no loop device")
    # A namespace of its own: no other process can pin the mounts, and they end with it whatever happens.
    namespace = ("unshare", "--mount", "--propagation", "private")
    command = [*namespace, sys.executable, str(RIG), "cut", str(work), str(cuts), without]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=500, check=False, env=environment
        )
    finally:
        (work / "ground.img").unlink(missing_ok=True)  # all of the copies; large
    assert done.returncode == 0, done.stderr
    result: dict[str, int] = json.loads(done.stdout)
    print(f"without {without}: {result}")
    assert result["cuts"] == cuts
    assert result["promised"] > cuts
    return result


def test_power_cut_takes_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """None lost, none torn, of files or rows, and the catalog opens."""
    result = cut(tmp_path, CUTS, without="nothing")
    assert (result["lost"], result["torn"]) == (0, 0)


def test_power_cut_is_noticed_without_fsync(tmp_path: Path) -> None:
    """What the test above shows is the store's work: left out, frames are lost or torn."""
    result = cut(tmp_path, ENOUGH_TO_NOTICE, without="fsync")
    assert result["lost"] + result["torn"] > 0
