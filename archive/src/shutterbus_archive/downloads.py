"""What is being downloaded now, as the viewer has noted it in a folder of its own, which is only read."""

from pathlib import Path

from shutterbus_runtime.clock import Clock
from shutterbus_wire import download_note
from shutterbus_wire.download_note import DownloadNote
from shutterbus_wire.errors import MalformedError

NOTES_MAX = 100
"""A viewer has a few at once; more are nobody's honest notes."""


class RunningDownloads:
    """Looks into the folder each time it is asked."""

    def __init__(self, folder: Path | None, clock: Clock) -> None:
        """Look in *folder*, which need not be there; None: nobody notes any."""
        self._folder = folder
        self._clock = clock

    def __call__(self) -> list[DownloadNote]:
        """Return the notes that still count. What cannot be read holds nothing."""
        if self._folder is None:
            return []
        now_us = self._clock.utc_us()
        notes = []
        for path in sorted(self._folder.glob(f"*{download_note.SUFFIX}"))[:NOTES_MAX]:
            try:
                with path.open("rb") as file:
                    note = download_note.parse(file.read(download_note.NOTE_MAX_BYTES))
            except (OSError, MalformedError):
                continue
            if note.holds_at(now_us):
                notes.append(note)
        return notes
