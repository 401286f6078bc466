"""The power of a card is cut at the level of its blocks, on a real file system, while frames are written to it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import machine

pytestmark = pytest.mark.stack

RIG = Path(__file__).with_name("power_cut_rig.py")


def cut(work: Path, without: str) -> dict[str, int]:
    """Return what twenty-five cuts left, with one kind of sync left out."""
    machine.needs(os.geteuid() == 0, "block devices need root")
    for tool, package in (
        ("mkfs.btrfs", "btrfs-progs"),
        ("mkfs.ext4", "e2fsprogs"),
        ("unshare", "util-linux"),
        ("losetup", "mount"),
    ):
        machine.needs_tool(tool, package)
    free = subprocess.run(["losetup", "--find"], capture_output=True, check=False)
    machine.needs(free.returncode == 0, "there is no loop device")
    # A namespace of its own: no other process can pin the mounts, and they end with it whatever happens.
    command = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        sys.executable,
        str(RIG),
        "cut",
        str(work),
        without,
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    finally:
        (work / "ground.img").unlink(missing_ok=True)  # all of the copies; large
    assert done.returncode == 0, done.stderr
    result: dict[str, int] = json.loads(done.stdout)
    assert result["cuts"] == 25
    assert result["promised"] > 100
    return result


def test_power_cut_takes_no_frame_that_was_put_durably(tmp_path: Path) -> None:
    """None lost, none torn, and the spool opens without repair."""
    result = cut(tmp_path, without="nothing")

    assert (result["lost"], result["torn"]) == (0, 0)


@pytest.mark.parametrize("sync", ["fsync", "sync_folder"])
def test_power_cut_is_noticed_without(sync: str, tmp_path: Path) -> None:
    """Each of the two syncs is what the test above shows: left out, frames are lost or torn."""
    result = cut(tmp_path, without=sync)

    assert result["lost"] + result["torn"] > 0
