"""Notes of what is being downloaded, for the archive, whose retention leaves that alone meanwhile."""

import contextlib
import logging
import secrets
from pathlib import Path

from shutterbus_runtime.clock import Clock
from shutterbus_wire import download_note
from shutterbus_wire.download_note import DownloadNote

FOLDER = "downloads"

log = logging.getLogger(__name__)


class Note:
    """A note that stands until it is ended; ending it again does nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def end(self) -> None:
        """Take it away."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)


class DownloadNotes:
    """Writes them. Where they cannot be written, downloads go on without: the archive seldom removes what is looked at."""

    def __init__(self, state_dir: Path | None, clock: Clock) -> None:
        """Write into a folder of *state_dir*, and take away what a viewer left there that was killed; None: write none."""
        self._folder = state_dir / FOLDER if state_dir else None
        self._clock = clock
        if self._folder is not None:
            with contextlib.suppress(OSError):
                for path in self._folder.glob(f"*{download_note.SUFFIX}"):
                    path.unlink(missing_ok=True)

    def begin(self, camera: str, from_us: int, to_us: int) -> Note:
        """Note that what *camera* took within the range is being downloaded from now on."""
        if self._folder is None:
            return Note(None)
        path = self._folder / f"{secrets.token_hex(8)}{download_note.SUFFIX}"
        note = DownloadNote(camera=camera, from_us=from_us, to_us=to_us, begun_us=self._clock.utc_us())
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            beside = path.with_suffix(".tmp")
            beside.write_bytes(download_note.encode(note))
            beside.rename(path)
        except OSError as error:
            log.warning(
                "%s cannot be written (%s): retention does not know of a download", path, error.strerror
            )
        return Note(path)
