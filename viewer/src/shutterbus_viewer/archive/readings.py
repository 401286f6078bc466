"""Readings of the past, thinned to what a graph can show: the least, the mean and the greatest value of each stretch.

A stretch without a value is left out, so that a hole stays a hole.
"""

import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from shutterbus_viewer.archive.catalog import CatalogReader
from shutterbus_wire.instant import LAST_US

_ABOUT = "from reading where camera_id = ? and sensor = ? and name = ?"


@dataclass(slots=True)
class Series:
    """One quantity of one sensor: columns of equal length, in order.

    Attributes:
        at_us: Where each stretch begins; of single readings their own instants.
    """

    sensor: str
    name: str
    unit: str = ""
    at_us: list[int] = field(default_factory=list)
    least: list[float] = field(default_factory=list)
    mean: list[float] = field(default_factory=list)
    greatest: list[float] = field(default_factory=list)

    def add(self, at_us: int, least: float, mean: float, greatest: float, unit: str) -> None:
        """Add what comes next in time; the newest unit counts."""
        self.at_us.append(at_us)
        self.least.append(least)
        self.mean.append(mean)
        self.greatest.append(greatest)
        self.unit = unit


Key = tuple[int, str, str]
"""The catalog's number of a camera, a sensor and a quantity."""
Fill = Callable[[sqlite3.Connection, Series, Key], None]


class Readings:
    """Answers from the catalog; any thread may ask. Each question raises ArchiveUnreadableError as ``CatalogReader.ask`` does."""

    def __init__(self, reader: CatalogReader) -> None:
        self._reader = reader

    def points(self, camera: str, from_us: int, to_us: int, most: int) -> list[Series]:
        """Return what was read within the range: the readings themselves where they are at most *most*, else that many stretches."""
        step_us = max(1, -(-(to_us - from_us) // most))
        borders_us = [*range(from_us, to_us, step_us), to_us]
        sql = f"select at_us, value, unit {_ABOUT} and at_us >= ? and at_us < ? order by at_us limit ?"

        def thinned(asked: sqlite3.Connection, series: Series, key: Key) -> None:
            rows = asked.execute(sql, (*key, from_us, to_us, most + 1)).fetchall()
            if len(rows) > most:
                _summarise(asked, series, key, borders_us)
            else:
                for at_us, value, unit in rows:
                    series.add(at_us, value, value, value, unit)

        return self._each(camera, thinned)

    def stretches(self, camera: str, borders_us: Sequence[int]) -> list[Series]:
        """Return what was read between each two of *borders_us*: hours or days, which are not all of one length."""

        def between(asked: sqlite3.Connection, series: Series, key: Key) -> None:
            _summarise(asked, series, key, borders_us)

        return self._each(camera, between)

    def _each(self, camera: str, fill: Fill) -> list[Series]:
        def all_of_them(asked: sqlite3.Connection) -> list[Series]:
            row = asked.execute("select id from camera where name = ?", (camera,)).fetchone()
            made = []
            for sensor, name in _quantities(asked, row[0]) if row else ():
                series = Series(sensor, name)
                fill(asked, series, (row[0], sensor, name))
                if series.at_us:
                    made.append(series)
            return made

        return self._reader.ask(all_of_them)


def _summarise(asked: sqlite3.Connection, series: Series, key: Key, borders_us: Sequence[int]) -> None:
    """Add what was read between each two of *borders_us*. One question a stretch: grouped in one, a million readings are sorted first."""
    sql = f"select min(value), avg(value), max(value), unit, max(at_us) {_ABOUT} and at_us >= ? and at_us < ?"
    for start, end in itertools.pairwise(borders_us):
        least, mean, greatest, unit, _ = asked.execute(sql, (*key, start, end)).fetchone()
        if least is not None:
            series.add(start, least, mean, greatest, unit)


def _quantities(asked: sqlite3.Connection, camera: int) -> Iterator[tuple[str, str]]:
    """Find them one after the other: to list them by all readings would read all readings.

    Compared without their instants, a step would read all readings of the quantity before.
    """
    last = "", ""
    sql = (
        "select sensor, name from reading where camera_id = ? and (sensor, name, at_us) > (?, ?, ?) "
        "order by sensor, name, at_us limit 1"
    )
    while (row := asked.execute(sql, (camera, *last, LAST_US)).fetchone()) is not None:
        yield (last := (str(row[0]), str(row[1])))
