"""The machine and the container that the edge runs in."""

import importlib.util
import time
from datetime import UTC, datetime
from pathlib import Path

import shutterbus_edge
from shutterbus_edge.doctor.context import CheckContext
from shutterbus_edge.hardware import board, media
from shutterbus_edge.status.timekeeping import clock_synced
from shutterbus_runtime.checks import CheckResult, failure, ok, skipped, warning, worst_of

FORWARDS_SIGNALS = ("docker-init", "tini", "dumb-init", "catatonit", "systemd", "init")
CAP_SYS_ADMIN = 1 << 21
"""Held by privileged containers, and by none that Docker makes otherwise."""
LARGE_NEEDS_BYTES = 400_000_000
"""What a 4K edge may need of its container's memory while the broker is away."""


def clock(context: CheckContext) -> CheckResult:
    """Whether the time is known. A Pi has no clock of its own and begins where it was switched off."""
    now_s = context.clock.utc_us() / 1e6
    now = f"{datetime.fromtimestamp(now_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
    # The software cannot be from the future.
    if now_s < Path(shutterbus_edge.__file__).stat().st_mtime - 86_400:
        return failure(f"it is {now} here, before this software was made", "timedatectl set-ntp true")
    if not clock_synced():
        return warning(
            f"it is {now} here, but nobody sets this clock: pictures are marked so",
            "timedatectl set-ntp true",
        )
    return ok(f"{now}, set by the network; TZ {time.strftime('%Z')}")


def memory(context: CheckContext) -> CheckResult:
    """Whether board and container have room for pictures of this size."""
    have = board.memory(context.root)
    findings = [
        failure(sentence, "in .env: a smaller PICAMERA_RESOLUTION")
        for sentence in board.cannot(context.settings, context.root)
    ]
    limit = _limit_bytes(context.root)
    size = context.settings.capture.size_px
    if limit is not None and limit < LARGE_NEEDS_BYTES and size and size[0] * size[1] >= board.LARGE_PX:
        findings.append(
            warning(f"the container may use {limit >> 20} MiB, little for 4K", "in .env: EDGE_MEMORY=512m")
        )
    sentence = f"{have['MemTotal'] >> 20} MiB on this board"
    if limit is not None:
        sentence += f", {limit >> 20} MiB for this container"
    if cma := have.get("CmaTotal"):
        sentence += f", {cma >> 20} MiB for cameras (CMA, {have.get('CmaFree', 0) >> 20} free)"
    return worst_of([*findings, ok(sentence)])


def checksums(context: CheckContext) -> CheckResult:
    """Whether digests are made by the processor: without, a 4K picture costs up to 0.7 s each time."""
    if importlib.util.find_spec("crc32c"):
        return ok("crc32c is there")
    large = (context.picture_bytes or 0) > 1_000_000
    return (warning if large else ok)("crc32c is not there: digests are made in Python", "pip install crc32c")


def container(context: CheckContext) -> CheckResult:
    """Which walls stand between the edge and the rest of this machine."""
    root = context.root
    if not media.in_container(root):
        return skipped("this is no container")
    findings = []
    if (root / "var/run/docker.sock").exists() or (root / "run/docker.sock").exists():
        findings.append(
            warning(
                "the Docker socket is in here: somebody who breaks in owns the machine", "remove the mount"
            )
        )
    if (first := (root / "proc/1/comm").read_text().strip()) not in FORWARDS_SIGNALS:
        findings.append(warning(f"{first} is the first process and reaps nobody's children", "init: true"))
    if _privileged(root):
        findings.append(
            ok(
                "privileged, which always works",
                "without: docker compose run --rm edge devices",
            )
        )
    else:
        findings.append(ok("unprivileged"))
    return worst_of(findings)


def _privileged(root: Path) -> bool:
    status = dict(
        line.split(":\t", 1) for line in (root / "proc/self/status").read_text().splitlines() if ":\t" in line
    )
    return bool(int(status["CapEff"], 16) & CAP_SYS_ADMIN)


def _limit_bytes(root: Path) -> int | None:
    for place in ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = (root / place).read_text().strip()
        except OSError:
            continue
        # Version 1 writes no limit as a number near 2^63.
        return int(text) if text.isdecimal() and int(text) < 1 << 60 else None
    return None
