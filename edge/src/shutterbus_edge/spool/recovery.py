"""What a spool does before its first frame: owns the folder, finds what earlier processes left, and notes the epoch to count in."""

import logging
import math
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shutterbus_edge.errors import MisconfiguredError, SpoolInUseError
from shutterbus_edge.spool import epoch as epochs
from shutterbus_edge.spool import names
from shutterbus_edge.spool.entry import Entry
from shutterbus_edge.spool.files import FileEntry, Files, FolderFiles, discard, store
from shutterbus_runtime.clock import Clock

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """What is in the folder, and the epoch to count in; failure is what keeps the disk from taking note of that."""

    entries: list[Entry]
    saved: epochs.SavedEpoch
    failure: OSError | None


def open_folder(files: Files, folder: Path, camera: str, machine: str, clock: Clock) -> Opened:
    """Own the folder and note that its epoch is in use, or a new one; see ``Spool`` for what is raised."""
    listing: list[FileEntry] = []
    note: bytes | None = None
    failure: OSError | None = None
    try:
        files.open()
        listing = tidy(files)
        note = _read(files)
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise _unusable(folder, error) from error
    except OSError as error:
        failure = error
    left = entries(listing, clock)
    newest: dict[str, int] = {}
    for entry in left:
        if entry.held.kind == "frame":
            identity = entry.held.id
            newest[identity.epoch] = max(identity.seq, newest.get(identity.epoch, 0))
    beginning = epochs.begin(note, camera, machine, newest)
    if failure is None:
        try:
            # Also the test that the folder can be written: create, write, fsync, rename.
            store(files, epochs.FILE, beginning.saved.encode())
        except PermissionError as error:
            files.close()
            raise _unusable(folder, error) from error
        except OSError as error:
            failure = error
    if failure is not None:
        beginning = beginning.unnoted(failure)
    if beginning.reason is not None:
        log.info("a new epoch begins, %s: %s", beginning.saved.epoch, beginning.reason)
    noted = [epoch for epoch, _, _ in beginning.saved.uncertain]
    return Opened(in_order(left, [*noted, beginning.saved.epoch]), beginning.saved, failure)


def obstacle(folder: Path) -> str | None:
    """Return why frames cannot be kept in *folder*, a sentence; None if they can, or an edge is doing so now."""
    files = FolderFiles(folder)
    try:
        files.open()
        store(files, TRIED, b"")
        files.unlink(TRIED)
    except SpoolInUseError:
        return None
    except OSError as error:
        return str(_unusable(folder, error))
    finally:
        files.close()
    return None


def _read(files: Files) -> bytes | None:
    try:
        return files.read(epochs.FILE)
    except FileNotFoundError:
        return None
    except OSError:
        return b""  # there is one, and it cannot be read


def _unusable(folder: Path, error: OSError) -> MisconfiguredError:
    return MisconfiguredError(
        f"the spool folder {folder} cannot be used ({error.strerror}): "
        f"user {os.getuid()} needs a folder there that it may write, or another SPOOL_DIR"
    )


TEMPORARY = re.compile(r"\..+\.tmp")
TRIED = ".tried.tmp"

CLOCK_WAS_SET_US = 1_704_067_200_000_000  # 2024-01-01
"""A file older than this was written before the clock was set; its age cannot be known."""


def tidy(files: Files) -> list[FileEntry]:
    """Remove what a cut left half-written, and list the rest."""
    listed = files.list()
    for file in listed:
        if TEMPORARY.fullmatch(file.name):
            discard(files, file.name)
    return [f for f in listed if not TEMPORARY.fullmatch(f.name)]


def entries(files: Iterable[FileEntry], clock: Clock) -> list[Entry]:
    """Return the frames and telemetry among *files*; what is not ours is left alone.

    Only names and times are looked at: content is checked when it is sent. The age of a file is what the clock makes of
    its modification time, never negative.
    """
    now_us, now_s = clock.utc_us(), clock.monotonic_s()
    result = []
    for file in files:
        if ours := names.parse(file.name, file.size_bytes, file.written_at_us):
            held, digest = ours
            known = held.captured_at_us >= CLOCK_WAS_SET_US
            age_us = max(0, now_us - held.captured_at_us) if known else 0
            result.append(Entry.from_disk(held, now_s - age_us / 1e6, digest))
    return result


def in_order(recovered: list[Entry], epochs: Sequence[str]) -> list[Entry]:
    """Return *recovered* in the order in which it was put, whatever the clock did meanwhile.

    *epochs* are those whose order was noted, the one to come last; others were before them. Within an epoch and stream
    the numbers decide. Ages are made to follow that order, by making younger what seems too old for its place.
    """
    began_us: dict[str, int] = {}
    series: dict[tuple[str, str | None], list[Entry]] = defaultdict(list)
    for entry in recovered:
        epoch = entry.held.id.epoch
        began_us[epoch] = min(entry.held.captured_at_us, began_us.get(epoch, entry.held.captured_at_us))
        series[epoch, entry.held.stream].append(entry)
    for stream_entries in series.values():
        stream_entries.sort(key=lambda e: e.held.id.seq)
        make_younger(stream_entries)
    noted = {epoch: number for number, epoch in enumerate(epochs, 1)}
    rank = {epoch: (noted.get(epoch, 0), began, epoch) for epoch, began in began_us.items()}
    ordered = sorted(recovered, key=lambda e: (rank[e.held.id.epoch], e.put_at_s, e.held.id.seq))
    make_younger(ordered)
    return ordered


def make_younger(
    entries: Iterable[Entry], at_least_s: float = -math.inf, *, beginning_with: Entry | None = None
) -> None:
    """Make what comes later in *entries* no older than what comes before it, nor than *at_least_s* from one of them on."""
    latest_s = -math.inf
    for entry in entries:
        if beginning_with is None or entry is beginning_with:
            latest_s, beginning_with = max(latest_s, at_least_s), None
        latest_s = entry.put_at_s = max(latest_s, entry.put_at_s)
