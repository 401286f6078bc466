"""Questions about a camera's past, to a catalog of ten million frames that an archive goes on adding to, against their SQL alone.

Ours opens the catalog for each question, as the viewer does; the SQL has a connection that stays open. ``python -m bench.history
FOLDER`` keeps the catalog in FOLDER, since to make it takes minutes.
"""

import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from bench import large_catalog
from bench.large_catalog import BEGIN_US, CAMERAS, DAYS, END_US, FRAMES_A_DAY
from bench.rows import Row

from shutterbus_viewer.archive.catalog import FILE, CatalogReader
from shutterbus_viewer.archive.days import days
from shutterbus_viewer.archive.history import Direction, History
from shutterbus_viewer.archive.readings import Readings
from shutterbus_wire.store_layout import DAY_US

TURNS = 400
PAGE, POINTS = 500, 600
ZONE = ZoneInfo("Europe/Berlin")

Ask = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, for a place that chance names: one call of ours and one of the SQL alone, which ask the same."""

    name: str
    goal: str
    about: Callable[[random.Random], tuple[Ask, Ask]]
    turns: int = TURNS


class Questions:
    """What a page asks of the catalog in *folder*."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        reader = CatalogReader(folder)
        self._history, self._readings = History(reader), Readings(reader)
        self._connection = connection

    def __iter__(self) -> Iterator[Question]:
        yield Question("strip of a day", "<= 50 ms", self.strip)
        yield Question(f"page of {PAGE} frames", "<= 50 ms", self.page)
        yield Question("neighbour", "<= 20 ms", self.neighbour)
        yield Question(f"all {DAYS} days with their noons", "", self.all_days)
        yield Question(f"a million readings as {POINTS} points", "", self.points, turns=10)

    def strip(self, chance: random.Random) -> tuple[Ask, Ask]:
        camera = chance.randrange(len(CAMERAS))
        from_us = BEGIN_US + chance.randrange(DAYS) * DAY_US
        sql = "select start_us, frames, bytes from bucket where camera_id = ? and start_us >= ? and start_us < ?"
        return (
            lambda: self._history.buckets(CAMERAS[camera], from_us, from_us + DAY_US),
            lambda: self._rows(sql, camera + 1, from_us, from_us + DAY_US),
        )

    def page(self, chance: random.Random) -> tuple[Ask, Ask]:
        camera, seq = _frame(chance)
        from_us = large_catalog.captured_us(camera, seq)
        sql = (
            "select captured_us, hex, seq, bytes from frame join epoch on epoch.id = epoch_id "
            "where frame.camera_id = ? and captured_us >= ? and captured_us < ? order by captured_us, epoch_id, seq limit ?"
        )
        return (
            lambda: self._history.frames(CAMERAS[camera], from_us, END_US, PAGE),
            lambda: self._rows(sql, camera + 1, from_us, END_US, PAGE),
        )

    def neighbour(self, chance: random.Random) -> tuple[Ask, Ask]:
        camera, seq = _frame(chance)
        at_us, frame = large_catalog.captured_us(camera, seq), large_catalog.frame_id(camera, seq)
        direction: Direction = chance.choice(("next", "previous"))
        sign, order = (">", "") if direction == "next" else ("<", "desc")
        sql = (
            "select captured_us, epoch_id, seq, bytes from frame "
            f"where camera_id = ? and (captured_us, epoch_id, seq) {sign} (?, ?, ?) "
            f"order by captured_us {order}, epoch_id {order}, seq {order} limit 1"
        )
        return (
            lambda: self._history.neighbour(CAMERAS[camera], at_us, direction, frame),
            lambda: self._rows(sql, camera + 1, at_us, camera + 1, seq),
        )

    def all_days(self, chance: random.Random) -> tuple[Ask, Ask]:
        camera = chance.randrange(len(CAMERAS))
        buckets = "select start_us, frames, bytes from bucket where camera_id = ? and start_us < ?"
        beside = (
            "select max(captured_us) from frame where camera_id = ? and captured_us <= ? "
            "union all select min(captured_us) from frame where camera_id = ? and captured_us >= ?"
        )

        def alone() -> None:
            self._rows(buckets, camera + 1, END_US)
            for noon_us in range(BEGIN_US + DAY_US // 2, END_US, DAY_US):
                self._rows(beside, camera + 1, noon_us, camera + 1, noon_us)

        return lambda: days(self._history, CAMERAS[camera], ZONE, 0, END_US), alone

    def points(self, _: random.Random) -> tuple[Ask, Ask]:
        sql = (
            "select count(*), min(value), avg(value), max(value) from reading "
            "where camera_id = 1 and sensor = 'outside' and name = 'temperature' and at_us >= ? and at_us < ?"
        )
        return (
            lambda: self._readings.points(CAMERAS[0], BEGIN_US, END_US, POINTS),
            lambda: self._rows(sql, BEGIN_US, END_US),
        )

    def _rows(self, sql: str, *values: int) -> list[tuple[object, ...]]:
        return self._connection.execute(sql, values).fetchall()


def _frame(chance: random.Random) -> tuple[int, int]:
    return chance.randrange(len(CAMERAS)), chance.randrange(DAYS * FRAMES_A_DAY)


@contextmanager
def adding(folder: Path) -> Iterator[None]:
    """An archive that adds to the catalog meanwhile."""
    command = [sys.executable, "-m", "bench.large_catalog", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        try:
            yield
        finally:
            process.terminate()


def in_turns(question: Question) -> tuple[list[float], list[float]]:
    """Return how many ms each question took, ours and its SQL alone, the shortest first; each is first every second time."""
    chance = random.Random(question.name)
    took_ms: tuple[list[float], list[float]] = [], []
    for turn in range(question.turns):
        asks = question.about(chance)
        for which in (0, 1) if turn % 2 else (1, 0):
            began_s = time.perf_counter()
            asks[which]()
            took_ms[which].append(1_000 * (time.perf_counter() - began_s))
    ours, alone = map(sorted, took_ms)
    return ours, alone


def measure(folder: Path | None = None) -> Iterator[Row]:
    """Yield two rows a question. The catalog is made in *folder* where it is not there yet."""
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "catalog"
        large_catalog.make(folder)
        stack.enter_context(adding(folder))
        connection = sqlite3.connect(f"file:{folder / FILE}?mode=ro", uri=True)
        stack.enter_context(closing(connection))
        for question in Questions(folder, connection):
            ours, alone = in_turns(question)
            for name, share, goal in (("p50", 0.5, ""), ("p95", 0.95, question.goal)):
                at = int(share * len(ours))
                yield Row(
                    name=f"{question.name}, {name}",
                    ours=ours[at],
                    peer=alone[at],
                    ratio=ours[at] / alone[at],
                    unit="ms",
                    goal=goal,
                )


if __name__ == "__main__":
    for row in measure(Path(sys.argv[1])):
        print(row.markdown(), flush=True)
