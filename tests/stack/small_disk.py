"""A small disk of its own, to be filled, write-protected and unmounted: an image that is mounted where nobody else sees it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import machine

SIZE = "96M"


class Disk:
    """A disk, mounted on an empty folder. What uses it is started by way of ``within``.

    Attributes:
        within: The command that starts another one where the disk is.
        seen: Its folder as other processes of this machine see it.
    """

    def __init__(self, folder: Path, shell: "subprocess.Popen[str]") -> None:
        self._shell = shell
        self.folder, self._whole = folder / "disk", folder / "whole"
        self.within = ("nsenter", "--mount", "--target", str(shell.pid), "--")
        self.seen = Path(f"/proc/{shell.pid}/root{self.folder}")
        for place in (self.folder, self._whole):
            place.mkdir()
        image = folder / "disk.img"
        self._run(f"truncate -s {SIZE} {image} && mkfs.ext4 -q -m 0 {image}")
        # It stays mounted here, so that unmounting it there leaves the disk as it is.
        self._run(f"mount -o loop {image} {self._whole} && rmdir {self._whole}/lost+found")
        self.mount()

    def mount(self) -> None:
        self._run(f"mount --bind {self._whole} {self.folder}")

    def unmount(self) -> None:
        """Also while files of it are open, as a disk that is pulled."""
        self._run(f"umount --lazy {self.folder}")

    def protect(self) -> None:
        """Let nobody write; it waits for those that do."""
        self._run(f"until mount -o remount,ro {self._whole}; do sleep 0.01; done")

    def release(self) -> None:
        self._run(f"mount -o remount,rw {self._whole}")

    def fill(self) -> None:
        self._run(f"! dd if=/dev/zero of={self._whole}/ballast bs=1M 2>/dev/null")

    def empty(self) -> None:
        self._run(f"rm {self._whole}/ballast")

    def _run(self, command: str) -> None:
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"({command}) >&2; echo $?\n")
        self._shell.stdin.flush()
        assert self._shell.stdout.readline() == "0\n", command


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """A disk in *folder*; it is gone with the last process in its namespace, whatever ends this one."""
    machine.needs(os.geteuid() == 0, "block devices need root")
    for tool, package in (("mkfs.ext4", "e2fsprogs"), ("unshare", "util-linux"), ("losetup", "mount")):
        machine.needs_tool(tool, package)
    free = subprocess.run(["losetup", "--find"], capture_output=True, check=False)
    machine.needs(free.returncode == 0, "there is no loop device")
    command = ("unshare", "--mount", "--propagation", "private", "sh")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as shell:
        yield Disk(folder, shell)
