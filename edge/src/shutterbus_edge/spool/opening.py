"""What a spool does before its first frame: owns the folder, finds what is there, and notes the epoch to count in."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from shutterbus_edge.errors import MisconfiguredError
from shutterbus_edge.spool import epoch as epochs
from shutterbus_edge.spool import found
from shutterbus_edge.spool.entry import Entry
from shutterbus_edge.spool.files import Files, Found, store
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
    listing: list[Found] = []
    note: bytes | None = None
    failure: OSError | None = None
    try:
        files.open()
        listing = found.tidy(files)
        note = _read(files)
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise _unusable(folder, error) from error
    except OSError as error:
        failure = error
    entries = found.entries(listing, clock)
    newest: dict[str, int] = {}
    for entry in entries:
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
    return Opened(found.in_order(entries, [*noted, beginning.saved.epoch]), beginning.saved, failure)


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
