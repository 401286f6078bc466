"""Whether pictures can wait here, how fast the disk takes them, and how many there is room for."""

import os
import secrets
import time
from pathlib import Path

from shutterbus_edge.doctor.context import CheckContext
from shutterbus_edge.spool.files import Free
from shutterbus_edge.spool.limits import GIB, SpoolLimits
from shutterbus_edge.spool.names import parse
from shutterbus_edge.spool.quarantine import EXPLANATION, FOLDER
from shutterbus_runtime.checks import CheckResult, failure, ok, skipped, warning, worst_of

TRIALS = 20
TRIAL_BYTES = 200_000
TRIALS_S = 5.0
SLOW_S = 1.0
SHORT_S = 3600.0
FORGETFUL = ("overlay", "aufs", "tmpfs", "ramfs")
UNRELIABLE = ("nfs", "nfs4", "cifs", "smb3", "vfat", "exfat", "9p", "fuse.sshfs")


def disk(context: CheckContext) -> CheckResult:
    """Write as the spool does, and time it."""
    folder = context.settings.spool.dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        times = _trials(folder)
    except OSError as error:
        return failure(
            f"{folder} cannot be written: {(error.strerror or str(error)).lower()}",
            "dmesg | tail  (a card that has become read-only is at its end)",
        )
    slowest = times[max(0, len(times) * 99 // 100 - 1)]
    kind = _file_system(folder, context.root)
    sentence = f"{folder} on {kind} stores {TRIAL_BYTES // 1000} kB in {times[len(times) // 2] * 1000:.0f} ms, at worst {slowest * 1000:.0f} ms"
    if kind in FORGETFUL:
        return warning(
            f"{folder} is on {kind}: what waits there is gone when the container is made anew, or the power fails",
            "mount a volume there, as the project's compose file does",
        )
    if kind in UNRELIABLE:
        return warning(
            f"{folder} is on {kind}, which may lose what it has confirmed", "use a local ext4 disk"
        )
    if slowest > SLOW_S:
        return warning(f"{sentence}: this card is slow or worn", "use another card or a USB disk")
    return ok(sentence)


def room(context: CheckContext) -> CheckResult:
    """Look at free bytes and inodes, what waits, and what has been set aside."""
    folder = context.settings.spool.dir
    free = _free(folder)
    findings = [ok(f"{free.free_bytes / GIB:.1f} GiB free")]
    floor = context.settings.spool.min_free_bytes
    floor = min(GIB, free.total_bytes // 10) if floor is None else floor
    if free.free_bytes < floor:
        findings.append(
            failure(
                f"{free.free_bytes / GIB:.2f} GiB are free, less than SPOOL_MIN_FREE ({floor / GIB:.2f} GiB): each new "
                "picture takes the place of an old one",
                "docker system prune, or SPOOL_MIN_FREE in .env",
            )
        )
    if free.free_inodes is not None and free.total_inodes and free.free_inodes < free.total_inodes // 100:
        findings.append(failure(f"only {free.free_inodes:,} more files fit on the disk (inodes)", "df -i"))
    aside = sorted((folder / FOLDER).glob(f"*{EXPLANATION}"), key=lambda file: file.stat().st_mtime)
    if aside:
        said = aside[-1].read_text(errors="replace").strip()
        findings.append(
            warning(
                f"{len(aside)} set aside in {folder / FOLDER}, the last because: {said}",
                f"look at them, then: rm {folder / FOLDER}/*",
            )
        )
    return worst_of(findings)


def outage(context: CheckContext) -> CheckResult:
    """For how long the broker may be away before the first picture is lost."""
    size, rate = context.picture_bytes, context.pictures_per_s
    if size is None or not rate:
        return skipped("how many pictures are to come, and how large, is not known")
    spool = context.settings.spool
    if spool.mode == "memory":
        kept_s = spool.memory_max_bytes / (size * rate)
        return warning(
            f"SPOOL_MODE=memory keeps {_span(kept_s)} of pictures, and none over a restart",
            "in .env: SPOOL_MODE=spill",
        )
    limits = SpoolLimits(max_bytes=spool.max_bytes, max_files=spool.max_files, max_age_s=spool.max_age_s)
    try:
        held = [file.stat().st_size for file in spool.dir.iterdir() if parse(file.name, 0, 0)]
        allowed_bytes = limits.bytes_allowed(sum(held), _free(spool.dir))
    except OSError as error:
        return skipped(f"{spool.dir} cannot be read: {error.strerror}")
    left_s = {
        "SPOOL_MAX_BYTES": (allowed_bytes - sum(held)) / (size * rate),
        "SPOOL_MAX_FILES": (spool.max_files - len(held)) / rate,
        "SPOOL_MAX_AGE": spool.max_age_s,
    }
    first = min(left_s, key=lambda name: left_s[name])
    waiting = f", {len(held):,} waiting now" if held else ""
    sentence = f"the broker may be away for {_span(max(0.0, left_s[first]))} before a picture is lost ({first}{waiting})"
    return warning(sentence, f"in .env: a larger {first}") if left_s[first] < SHORT_S else ok(sentence)


def _trials(folder: Path) -> list[float]:
    """Return how long each of some writes took, sorted; names are such that an edge would clear them away."""
    data = secrets.token_bytes(TRIAL_BYTES)
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    taken: list[float] = []
    until_s = time.monotonic() + TRIALS_S
    name = f".doctor-{secrets.token_hex(4)}"
    try:
        while len(taken) < TRIALS and time.monotonic() < until_s:
            begun_s = time.monotonic()
            file = os.open(
                f"{name}.tmp", os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=at
            )
            try:
                os.write(file, data)
                os.fsync(file)
            finally:
                os.close(file)
            os.rename(f"{name}.tmp", f"{name}-.tmp", src_dir_fd=at, dst_dir_fd=at)
            os.fsync(at)
            taken.append(time.monotonic() - begun_s)
            os.unlink(f"{name}-.tmp", dir_fd=at)
    finally:
        for left in (f"{name}.tmp", f"{name}-.tmp"):
            (folder / left).unlink(missing_ok=True)
        os.close(at)
    return sorted(taken)


def _free(folder: Path) -> Free:
    status = os.statvfs(folder)
    return Free(
        total_bytes=status.f_blocks * status.f_frsize,
        free_bytes=status.f_bavail * status.f_frsize,
        free_inodes=status.f_favail if status.f_files else None,
        total_inodes=status.f_files or None,
    )


def _file_system(folder: Path, root: Path) -> str:
    """Return the type of the file system that *folder* is on, such as ``ext4``."""
    best, kind = -1, "an unknown file system"
    for line in (root / "proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        place = before.split()[4].replace("\\040", " ")
        # The last of equals lies over the others.
        if folder.resolve().is_relative_to(place) and len(place) >= best:
            best, kind = len(place), after.split()[0]
    return kind


def _span(seconds: float) -> str:
    for unit, length_s in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"
