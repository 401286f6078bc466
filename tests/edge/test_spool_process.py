"""The spool in real processes and on real file systems: killed at any moment, full, read-only."""

import contextlib
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import machine
from fakes import FakeClock
from shutterbus_edge.spool import Spool, SpoolLimits

KILLS = 24

CHILD = """
import sys
from pathlib import Path
from shutterbus_edge.spool import Spool
from shutterbus_runtime.clock import SystemClock

spool = Spool(Path(sys.argv[1]), camera="gate", clock=SystemClock(), mode=sys.argv[2], machine="one")
while True:
    identity = spool.next_id()
    held = spool.put(identity, str(identity).encode() * 500)
    print("put", identity, flush=True)
    spool.release(held)
    if identity.seq % 3 == 2 and (oldest := spool.claim_oldest()):
        print("ack", oldest.id, flush=True)
        spool.ack(oldest)
"""


def test_killed_process_loses_nothing_and_repeats_no_number(tmp_path: Path) -> None:
    """SIGKILL at random moments; what it had put and not confirmed is there, whole, at the end."""
    generator = random.Random(7)
    put: set[str] = set()
    acked: set[str] = set()
    for _ in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), "durable"], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(generator.uniform(0, 0.03))
        child.kill()
        for line in [first, *child.stdout]:
            if not line.endswith("\n"):
                continue
            word, identity = line.split()
            if word == "put":
                assert identity not in put
                put.add(identity)
            else:
                acked.add(identity)
        child.stdout.close()
        child.wait()

    with Spool(tmp_path, camera="gate", clock=FakeClock(), machine="one", background=False) as spool:
        recovered = set()
        while held := spool.claim_oldest():
            assert spool.read(held) == str(held.id).encode() * 500
            recovered.add(str(held.id))
        assert len(put) > KILLS
        assert put - acked <= recovered
        assert len(spool.counts().uncertain) > 0


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """A file system of its own at *folder*, gone at the end."""
    folder.mkdir()
    subprocess.run(["mount", *options, str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def needs_mount() -> None:
    machine.needs(
        os.geteuid() == 0 and shutil.which("mount") is not None, "mounting a file system needs root"
    )
    done = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    machine.needs(done.returncode == 0, "this container may not mount file systems")


@pytest.mark.parametrize("options", ["size=2m", "size=20m,nr_inodes=40"])
def test_full_file_system_overwrites_the_oldest(tmp_path: Path, options: str) -> None:
    """By bytes or by inodes, with limits that know nothing of it."""
    needs_mount()
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", options, "tmpfs") as folder:
        limits = SpoolLimits(max_bytes=1 << 40, min_free_bytes=0)
        with Spool(
            folder, camera="gate", clock=FakeClock(), mode="durable", limits=limits, background=False
        ) as spool:
            for n in range(60):
                spool.release(spool.put(spool.next_id(), bytes([n]) * 100_000))
            counts = spool.counts()
            held = []
            while oldest := spool.claim_oldest():
                assert spool.read(oldest) == bytes([oldest.id.seq]) * 100_000
                held.append(oldest.id.seq)

        assert counts.in_memory_frames == 0
        assert held == list(range(60 - len(held), 60))
        assert len(held) >= 12
        assert counts.this_epoch.captured == 60
        assert sum(d.count for d in counts.this_epoch.dropped.values()) == 60 - len(held)
        assert not list(folder.glob(".*.tmp"))


def test_file_system_that_turns_read_only_stops_nothing(tmp_path: Path) -> None:
    """As the kernel does to a dying card; and back."""
    needs_mount()
    clock = FakeClock()
    with (
        mounted(tmp_path / "card", "-t", "tmpfs", "-o", "size=20m", "tmpfs") as folder,
        Spool(folder, camera="gate", clock=clock, mode="durable", background=False) as spool,
    ):
        first = spool.put(spool.next_id(), b"first")
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        second = spool.put(spool.next_id(), b"second")
        spool.ack(first)

        assert spool.read(second) == b"second"
        assert "Read-only" in (spool.counts().trouble or "")

        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
        clock.pass_s(6)
        spool.maintain()

        assert spool.counts().trouble is None
        assert [path.read_bytes() for path in folder.glob("*.jpg")] == [b"second"]
