"""The sheet of an hour from 60 pictures of 1080p, against cv2 alone, which reads, decodes at an eighth, scales, pastes and encodes.

Processor time of one thread, as the maker process has it. Alone means without any doubt: that the files are there and whole, that
pictures have the shape of the first and stand upright, and what decoding them takes.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from bench.kept import MINUTE_US, KeptFrame, keep
from bench.rows import Row
from bench.screen import full_hd_bytes

from shutterbus_viewer.decode_plan import memory_budget_bytes
from shutterbus_viewer.history.sheets import COLUMNS, QUALITY, ROWS, SheetFrame, sheet

ROUNDS = 25
CELL_PX = 160, 90


def ours(frames: Sequence[KeptFrame]) -> int:
    """Make the sheet; return its size in bytes."""
    asked = [
        SheetFrame(minute, frame.captured_us, str(frame.id), str(frame.path))
        for minute, frame in enumerate(frames)
    ]
    made = sheet(asked, memory_budget_bytes())
    assert made.complete
    assert len(made.minutes) == len(frames)
    return len(made.jpeg)


def alone(frames: Sequence[KeptFrame]) -> int:
    """Likewise, with nothing of ours."""
    width_px, height_px = CELL_PX
    grid = np.zeros((ROWS * height_px, COLUMNS * width_px, 3), np.uint8)
    for minute, frame in enumerate(frames):
        data = np.fromfile(frame.path, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_REDUCED_COLOR_8 | cv2.IMREAD_IGNORE_ORIENTATION)
        assert image is not None
        top, left = minute // COLUMNS * height_px, minute % COLUMNS * width_px
        grid[top : top + height_px, left : left + width_px] = cv2.resize(
            image, CELL_PX, interpolation=cv2.INTER_AREA
        )
    made, jpeg = cv2.imencode(".jpg", grid, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert made
    return len(jpeg)


def cpu_ms(make: Callable[[Sequence[KeptFrame]], int], frames: Sequence[KeptFrame]) -> float:
    """Return how many ms of processor it takes."""
    began_s = time.process_time()
    make(frames)
    return (time.process_time() - began_s) * 1_000


def measure() -> Iterator[Row]:
    """Yield one row."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        frames = keep(Path(name) / "archive", full_hd_bytes(), COLUMNS * ROWS, MINUTE_US)["gate"]
        assert ours(frames) == alone(frames)  # they make the same
        took_ms = [(cpu_ms(ours, frames), cpu_ms(alone, frames)) for _ in range(ROUNDS)]
    yield Row(
        name="sheet of an hour, 60 pictures of 1080p: CPU",
        ours=statistics.median(ours_ms for ours_ms, _ in took_ms),
        peer=statistics.median(alone_ms for _, alone_ms in took_ms),
        ratio=statistics.median(ours_ms / alone_ms for ours_ms, alone_ms in took_ms),
        unit="ms",
        goal="<= 1.2",
    )
