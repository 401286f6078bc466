"""Sheets that are made before anybody asks."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from fakes import FakeClock
from shutterbus_viewer.errors import ArchiveUnreadableError
from shutterbus_viewer.history.ahead import CAMERAS_MAX, HOUR_US, SETTLED_US, Ahead
from shutterbus_viewer.history.cache import Cache
from shutterbus_viewer.history.maker import Maker
from shutterbus_viewer.history.process import MakerProcess
from shutterbus_viewer.history.sheets import SheetFrame

HOUR_0_US = 500_000 * HOUR_US


class NotingMaker(Maker):
    """Makes nothing, and notes what it was told to make ahead: camera and hour, the first first."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(Cache(None, 0), MakerProcess(clock), clock)
        self.told: list[tuple[str, int]] = []

    def ahead(self, hours: "Sequence[Sequence[SheetFrame]]") -> None:  # type: ignore[override] # a list is what it gets
        self.told += [(frames[0].id, frames[0].captured_us) for frames in hours]


class Rig:
    def __init__(self, cache_dir: Path) -> None:
        self.clock = FakeClock(utc_offset_us=HOUR_0_US, monotonic_now_s=0)
        self.maker = NotingMaker(self.clock)
        self.empty: set[int] = set()
        self.readable = True
        self.ahead = Ahead(self.maker, Cache(cache_dir, 0), self._frames, self.clock)

    def _frames(self, camera: str, begin_us: int) -> Sequence[SheetFrame]:
        if not self.readable:
            raise ArchiveUnreadableError("it is away")
        hour = (begin_us - HOUR_0_US) // HOUR_US
        return [] if hour in self.empty else [SheetFrame(0, hour, camera, "/store/a.jpg")]

    def order(self) -> list[tuple[str, int]]:
        """Return what is made ahead now."""
        self.maker.told.clear()
        asyncio.run(self.ahead.order())
        return self.maker.told


def test_day_of_a_camera_whose_past_is_looked_at_is_made_newest_hour_first(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    assert rig.order() == [], "nobody looks at anything"

    rig.ahead.look_at("gate")
    rig.empty = {-5}

    assert rig.order() == [("gate", hour) for hour in (-2, -3, -4, *range(-6, -26, -1))]
    assert rig.order() == []


def test_each_hour_follows_when_what_was_on_its_way_has_come(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.ahead.look_at("gate")
    rig.order()
    rig.clock.monotonic_now_s = SETTLED_US / 1e6 - 1
    assert rig.order() == []
    rig.clock.monotonic_now_s += 1
    assert rig.order() == [("gate", -1)]


def test_archive_that_is_away_is_asked_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.ahead.look_at("gate")
    rig.readable = False
    assert rig.order() == []
    rig.readable = True
    assert len(rig.order()) == 24


def test_only_cameras_that_were_looked_at_last_are_made(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    for number in range(CAMERAS_MAX + 1):
        rig.ahead.look_at(f"camera-{number}")
    rig.ahead.look_at("camera-1")
    cameras = list(dict.fromkeys(camera for camera, _ in rig.order()))
    assert cameras == ["camera-1", *(f"camera-{number}" for number in range(CAMERAS_MAX, 1, -1))]
