"""Many kept frames as one zip, made while it is sent: nothing is compressed, since pictures are, and the length is known before.

What is missing when a download begins is named in a text file in it. What goes later breaks it off, since the length was
announced: a browser then says that the download failed, and does not keep an archive that looks whole.
"""

import asyncio
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath
from typing import NamedTuple

from zipstream import ZipStream

from shutterbus_viewer.errors import FrameGoneError, TooLargeError, TooManyError, ViewerError
from shutterbus_wire import instant

PER_USER = 2
IN_ALL = 4
FRAMES_MAX = 100_000
"""In one zip: its directory comes last, and until then each takes 0.7 kB of memory."""
PIECE_BYTES = 256 * 1024
MISSING = "MISSING.txt"


class Row(NamedTuple):
    """A kept frame.

    Attributes:
        captured_us: When it was taken, us since 1970, UTC.
        id: ``<epoch>-<seq>``.
        path: Its file.
        size_bytes: What the catalog says of it.
    """

    captured_us: int
    id: str
    path: str
    size_bytes: int


class Download:
    """One zip, to be read once and closed. Reading and making it wait for the disk.

    Attributes:
        size_bytes: Its length.
        frames: How many pictures are in it.
        missing: How many are not, since their files are gone.
    """

    def __init__(
        self, camera: str, rows: Iterable[Row], frames_max: int = FRAMES_MAX, place: "_Place | None" = None
    ) -> None:
        """Look at the files of all *rows*; *place* is given back when this is closed.

        Raises:
            TooLargeError: There are more than *frames_max*.
        """
        self._place = place
        self._zip = ZipStream(sized=True)
        self.frames = 0
        lines = []
        for number, row in enumerate(rows):
            if number == frames_max:
                raise TooLargeError(
                    f"more than {frames_max:,} pictures do not go into one zip: choose a shorter time, or one picture in every minute"
                )
            name = name_in_zip(camera, row)
            try:
                self._zip.add_path(row.path, name, recurse=False)
                self.frames += 1
            except OSError:
                lines.append(f"{name}, {row.size_bytes} bytes, is not in the store any more\n")
        self.missing = len(lines)
        if lines:
            self._zip.add("".join(lines), MISSING)
        self.size_bytes = len(self._zip)

    def __iter__(self) -> Iterator[bytes]:
        """Yield pieces of about ``PIECE_BYTES``.

        Raises:
            FrameGoneError: A file went or changed meanwhile; what was yielded is no whole zip.
        """
        piece = bytearray()
        try:
            for part in self._zip:
                piece += part
                if len(piece) >= PIECE_BYTES:
                    yield bytes(piece)
                    piece.clear()
        except (OSError, RuntimeError) as error:
            raise FrameGoneError(f"a picture went while it was downloaded: {error}") from error
        yield bytes(piece)

    def close(self) -> None:
        """Let another one begin."""
        if self._place is not None:
            self._place.give_back()


class Downloads:
    """Begins downloads, as many at once as may be. Any thread may end them."""

    def __init__(self, per_user: int = PER_USER, in_all: int = IN_ALL, frames_max: int = FRAMES_MAX) -> None:
        self._per_user = per_user
        self._in_all = in_all
        self._frames_max = frames_max
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()

    async def begin(self, user: str, camera: str, rows: Iterable[Row]) -> Download:
        """Return the zip of these *rows* of *camera*, which are read in another thread.

        Raises:
            TooManyError: *user*, or all together, have as many open as they may.
            TooLargeError: See ``Download``.
        """
        self._take(user)
        place = _Place(self._give_back, user)
        try:
            return await asyncio.to_thread(Download, camera, rows, self._frames_max, place)
        except ViewerError:
            place.give_back()
            raise

    def _take(self, user: str) -> None:
        with self._lock:
            if self._open[user] >= self._per_user:
                raise TooManyError(
                    f"{self._per_user} downloads of {user} are running; wait for one, or end it"
                )
            if self._open.total() >= self._in_all:
                raise TooManyError(f"{self._in_all} downloads are running; try again when one has ended")
            self._open[user] += 1

    def _give_back(self, user: str) -> None:
        with self._lock:
            self._open[user] -= 1
            if not self._open[user]:
                del self._open[user]


class _Place:
    """One of those that may be open; free again once, at the latest when nothing refers to it any more."""

    def __init__(self, give_back: Callable[[str], None], user: str) -> None:
        self.give_back = weakref.finalize(self, give_back, user)


def name_in_zip(camera: str, row: Row) -> str:
    """Return ``gate-20261127T224249.123456Z_9f2c4e1a77b0d3c5-118.jpg``: sorted by name, they are in order of time."""
    suffix = PurePath(row.path).suffix or ".jpg"
    return f"{camera}-{instant.at(row.captured_us):%Y%m%dT%H%M%S.%f}Z_{row.id}{suffix}"
