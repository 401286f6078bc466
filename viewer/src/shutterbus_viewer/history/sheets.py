"""An hour at a glance: one JPEG of 10 x 6 cells, one a minute, row by row.

All pictures of an hour cost one request and about 90 kB, so dragging through a day shows something at every place. A sheet
is a function of the files it is made from, which never change.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from shutterbus_viewer.decode_plan import plan
from shutterbus_viewer.errors import ArchiveUnreadableError, FrameGoneError, UndrawableError
from shutterbus_viewer.history import kept_frame
from shutterbus_viewer.scaling import Pixels, encoded, upright

COLUMNS, ROWS = 10, 6
CELL_MAX_PX = 160
"""Of a cell's longer side."""
EMPTY_CELL_PX = 160, 90
"""Of an hour in which nothing can be drawn."""
QUALITY = 65


class SheetFrame(NamedTuple):
    """The frame that stands for one minute of the hour.

    Attributes:
        minute: 0 to 59.
        captured_us: When it was taken, us since 1970, UTC.
        id: ``<epoch>-<seq>``.
        path: Its file, absolute.
    """

    minute: int
    captured_us: int
    id: str
    path: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet and what is on it.

    Attributes:
        width_px, height_px: Of one cell.
        minutes: Minute, instant and id of each frame that is on it, by minute.
        complete: Whether every file could be read. One that could not may be back the next time, so that this sheet is
            not worth keeping.
    """

    jpeg: bytes
    width_px: int
    height_px: int
    minutes: tuple[tuple[int, int, str], ...]
    complete: bool = True

    @property
    def layout(self) -> dict[str, object]:
        """What a page needs to find a minute: the JSON beside the JPEG."""
        return {
            "columns": COLUMNS,
            "rows": ROWS,
            "width": self.width_px,
            "height": self.height_px,
            "minutes": [list(minute) for minute in self.minutes],
        }

    def to_bytes(self) -> bytes:
        """Return both in one piece."""
        return json.dumps(self.layout, separators=(",", ":")).encode() + b"\n" + self.jpeg

    @classmethod
    def from_bytes(cls, piece: bytes) -> "Sheet":
        """Return what ``to_bytes`` was called on."""
        line, _, jpeg = piece.partition(b"\n")
        layout = json.loads(line)
        minutes = tuple((minute, captured_us, frame) for minute, captured_us, frame in layout["minutes"])
        return cls(jpeg, layout["width"], layout["height"], minutes)


def sheet(
    frames: Iterable[SheetFrame], budget_bytes: int, begin: Callable[[SheetFrame], None] = lambda _: None
) -> Sheet:
    """Return the sheet of one hour's *frames*, at most one a minute; cells without a picture stay black.

    A frame that is gone or cannot be drawn is not on it. Decoding one takes at most *budget_bytes* of memory. *begin* is
    called before each frame.

    Raises:
        UndrawableError: The sheet cannot be encoded.
    """
    drawn: dict[SheetFrame, Pixels] = {}
    complete = True
    for frame in sorted(frames):
        begin(frame)
        try:
            drawn[frame] = _small(Path(frame.path), budget_bytes)
        except (FrameGoneError, ArchiveUnreadableError):
            complete = False
        except (UndrawableError, MemoryError):
            continue
    width_px, height_px = _cell_px(drawn.values())
    grid = np.zeros((ROWS * height_px, COLUMNS * width_px, 3), np.uint8)
    for frame, image in drawn.items():
        row, column = divmod(frame.minute, COLUMNS)
        top, left = row * height_px, column * width_px
        _paste(image, grid[top : top + height_px, left : left + width_px])
    minutes = tuple((frame.minute, frame.captured_us, frame.id) for frame in drawn)
    return Sheet(encoded(grid, QUALITY), width_px, height_px, minutes, complete)


def _small(path: Path, budget_bytes: int) -> Pixels:
    """Return the picture upright, and no side longer than a cell's may be."""
    picture, header = kept_frame.read(path)
    width_px, height_px = header.upright_size_px
    to_width_px = max(1, round(width_px * min(1.0, CELL_MAX_PX / max(width_px, height_px))))
    return upright(picture, plan(header, to_width_px, budget_bytes), to_width_px)


def _cell_px(images: Iterable[Pixels]) -> tuple[int, int]:
    """Return width and height of a cell: those of most pictures of the hour, the earliest where several sizes are as many."""
    sizes = Counter((image.shape[1], image.shape[0]) for image in images)
    if not sizes:
        return EMPTY_CELL_PX
    [((width_px, height_px), _)] = sizes.most_common(1)
    return width_px, min(height_px, CELL_MAX_PX)  # one that is a line has its width rounded up


def _paste(image: Pixels, cell: Pixels) -> None:
    """Put *image* into the middle of *cell*, smaller where it has to be."""
    room_height_px, room_width_px = cell.shape[:2]
    height_px, width_px = image.shape[:2]
    scale = min(1.0, room_width_px / width_px, room_height_px / height_px)
    if scale < 1:
        width_px, height_px = max(1, int(width_px * scale)), max(1, int(height_px * scale))
        image = cv2.resize(image, (width_px, height_px), interpolation=cv2.INTER_AREA)
    top, left = (room_height_px - height_px) // 2, (room_width_px - width_px) // 2
    cell[top : top + height_px, left : left + width_px] = image
