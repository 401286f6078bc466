"""The frames of one camera in their one order: by when they were taken, then by epoch and number.

So pages and neighbours neither skip nor repeat one of several that were taken at once.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from shutterbus_wire.identity import FrameId
from shutterbus_wire.store_layout import FrameKey

PNG = 1
"""The bit of ``frame.flags``."""

Place = tuple[int, int, int]
"""Where a frame stands: when it was taken, us since 1970, UTC, the catalog's number of its epoch, and its own."""

_LARGEST = 2**63 - 1
_PLACE = "(frame.captured_us, frame.epoch_id, frame.seq)"
_SELECT = (
    "select frame.captured_us, epoch.hex, frame.seq, frame.filed_us, frame.flags, frame.bytes "
    "from frame indexed by frame_of_camera join epoch on epoch.id = frame.epoch_id where frame.camera_id = ?"
)
# The place alone is what the index is entered by. With a bound on the time beside it, SQLite enters it by that, and reads all that were
# taken at once.
_AFTER = (
    f"{_SELECT} and {_PLACE} > (?, ?, ?) and frame.captured_us < ? "
    "order by frame.captured_us, frame.epoch_id, frame.seq limit ?"
)
_BEFORE = (
    f"{_SELECT} and {_PLACE} < (?, ?, ?) "
    "order by frame.captured_us desc, frame.epoch_id desc, frame.seq desc limit 1"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A frame that the archive has now."""

    captured_us: int
    key: FrameKey
    size_bytes: int

    @property
    def id(self) -> FrameId:
        return self.key.id


def key_of(camera: str, frame: FrameId, filed_us: int, flags: int) -> FrameKey:
    """Return what the file of a frame is called."""
    return FrameKey(camera, frame, filed_us, "image/png" if flags & PNG else "image/jpeg")


class FrameOrder:
    """Answers from one look at the catalog."""

    def __init__(self, asked: sqlite3.Connection, camera: str) -> None:
        self._asked = asked
        self._camera = camera
        row = asked.execute("select id from camera where name = ?", (camera,)).fetchone()
        self._number: int | None = row and row[0]

    @property
    def known(self) -> bool:
        """Whether the archive has ever heard of the camera."""
        return self._number is not None

    def place(self, captured_us: int, frame: FrameId) -> Place:
        """Return where a frame stands, also one that is here no more; of an unknown epoch, behind all of its instant."""
        sql = "select id from epoch where camera_id = ? and hex = ?"
        row = self._asked.execute(sql, (self._number, frame.epoch)).fetchone()
        return captured_us, row[0] if row else _LARGEST, frame.seq

    def behind(self, place: Place, end_us: int = _LARGEST, most: int = 1) -> Iterator[Kept]:
        """Yield at most *most* frames behind *place* that were taken before *end_us*."""
        values = (self._number, *place, end_us, most)
        return map(self._kept, self._asked.execute(_AFTER, values))

    def before(self, place: Place) -> Kept | None:
        """Return the last frame before *place*."""
        row = self._asked.execute(_BEFORE, (self._number, *place)).fetchone()
        return self._kept(row) if row else None

    def after(self, place: Place) -> Kept | None:
        """Return the first frame behind *place*."""
        return next(self.behind(place), None)

    def nearest(self, at_us: int, first_us: int = 0, end_us: int = _LARGEST) -> Kept | None:
        """Return what was taken nearest to an instant, from *first_us* on and before *end_us*."""
        beside = (self.before(end_of(at_us)), self.after(begin_of(at_us)))
        within = [kept for kept in beside if kept and first_us <= kept.captured_us < end_us]
        return min(within, key=lambda kept: abs(kept.captured_us - at_us), default=None)

    def _kept(self, row: tuple[int, str, int, int, int, int]) -> Kept:
        captured_us, epoch, seq, filed_us, flags, size_bytes = row
        return Kept(captured_us, key_of(self._camera, FrameId(epoch, seq), filed_us, flags), size_bytes)


def begin_of(at_us: int) -> Place:
    """Return the place before all that was taken at an instant."""
    return at_us, -1, -1


def end_of(at_us: int) -> Place:
    """Return the place behind all that was taken at an instant."""
    return at_us, _LARGEST, _LARGEST
