"""A durable put into the spool against the bare system calls that it cannot do without, in the same folder, in turns."""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.rows import Row

from shutterbus_edge.spool import Spool, SpoolLimits
from shutterbus_runtime.clock import SystemClock

ROUNDS = 41
PUTS = 10
GOAL = 0.9


def measure() -> Iterator[Row]:
    """Yield puts a second for frames of 100 kB and of 1 MB."""
    for size_bytes, said in ((100_000, "100 kB"), (1_000_000, "1 MB")):
        with tempfile.TemporaryDirectory() as name:
            ours_s, bare_s = in_turns(Path(name), os.urandom(size_bytes))
        yield Row(
            name=f"durable put, {said}",
            ours=1 / ours_s,
            peer=1 / bare_s,
            ratio=bare_s / ours_s,
            unit="a second",
            goal=f">= {GOAL}",
        )


def in_turns(folder: Path, frame: bytes) -> tuple[float, float]:
    """Return the seconds a put takes, ours and bare: medians of ROUNDS rounds after one that does not count."""
    bare = folder / "bare"
    bare.mkdir()
    at = os.open(bare, os.O_RDONLY | os.O_DIRECTORY)
    ours_s, bare_s = [], []
    with Spool(
        folder / "spool",
        camera="bench",
        clock=SystemClock(),
        mode="durable",
        limits=SpoolLimits(max_bytes=1 << 40, min_free_bytes=0),
    ) as spool:
        for number in range(ROUNDS + 1):
            if number % 2:
                ours_s.append(put(spool, frame))
                bare_s.append(put_bare(at, frame))
            else:
                bare_s.append(put_bare(at, frame))
                ours_s.append(put(spool, frame))
    os.close(at)
    return statistics.median(ours_s[1:]), statistics.median(bare_s[1:])


def put(spool: Spool, frame: bytes) -> float:
    """Put PUTS frames and return the seconds each took; their removal is not measured."""
    began_s = time.perf_counter()
    held = [spool.put(spool.next_id(), frame) for _ in range(PUTS)]
    took_s = time.perf_counter() - began_s
    for held_frame in held:
        spool.ack(held_frame)
    return took_s / PUTS


def put_bare(at: int, frame: bytes) -> float:
    """The same with nothing but the system calls."""
    began_s = time.perf_counter()
    for number in range(PUTS):
        file = os.open(".new.tmp", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600, dir_fd=at)
        os.write(file, frame)
        os.fsync(file)
        os.close(file)
        os.rename(".new.tmp", f"{number:020d}.jpg", src_dir_fd=at, dst_dir_fd=at)
        os.fsync(at)
    took_s = time.perf_counter() - began_s
    for number in range(PUTS):
        os.unlink(f"{number:020d}.jpg", dir_fd=at)
    return took_s / PUTS
