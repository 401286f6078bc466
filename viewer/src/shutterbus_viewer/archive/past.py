"""All that is asked of one archive."""

from dataclasses import dataclass
from pathlib import Path

from shutterbus_viewer.archive.beats import Beats
from shutterbus_viewer.archive.catalog import CatalogReader
from shutterbus_viewer.archive.files import FrameFiles
from shutterbus_viewer.archive.history import History
from shutterbus_viewer.archive.readings import Readings
from shutterbus_viewer.history.sheets import SheetFrame

MINUTE_US = 60_000_000
MINUTES = 60
HOUR_US = MINUTES * MINUTE_US


@dataclass(frozen=True, slots=True)
class Past:
    """What the archive is asked with."""

    catalog: CatalogReader
    history: History
    readings: Readings
    files: FrameFiles
    beats: Beats

    @classmethod
    def of(cls, state_dir: Path, store_dir: Path | None = None) -> "Past":
        """Return that of the archive with these ARCHIVE_STATE_DIR and ARCHIVE_DIR."""
        catalog = CatalogReader(state_dir)
        files = FrameFiles(store_dir or state_dir / "store")
        return cls(catalog, History(catalog), Readings(catalog), files, Beats(catalog))

    def frames_of_hour(self, camera: str, begin_us: int) -> list[SheetFrame]:
        """Return what the sheet of the hour that begins then is made of: the first frame of each minute."""
        kept = self.history.thinned(camera, begin_us, begin_us + HOUR_US, MINUTE_US, MINUTES)
        return [
            SheetFrame(
                (each.captured_us - begin_us) // MINUTE_US,
                each.captured_us,
                str(each.id),
                str(self.files.path(each.key)),
            )
            for each in kept
        ]
