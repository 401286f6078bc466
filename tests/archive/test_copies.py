"""The copy of the catalog in the store."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from archive.fakes_archive import NOW_US, Rig, delivery
from fakes import FakeClock
from shutterbus_archive.catalog import Catalog
from shutterbus_archive.copies import CatalogCopies

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000


@pytest.fixture
def copies(rig: Rig) -> CatalogCopies:
    return CatalogCopies(rig.store, rig.state, rig.clock)


def _set(clock: FakeClock, at_us: int) -> None:
    clock.utc_offset_us = at_us - int(clock.monotonic_now_s * 1e6)


def _nights(rig: Rig) -> list[str]:
    return [path.stem for path in sorted((rig.root / "catalog").iterdir())]


def test_copy_is_a_catalog_that_opens_by_itself(rig: Rig, copies: CatalogCopies, tmp_path: Path) -> None:
    """With all that was committed, though the archive has its own open and some of it only in its log."""
    rig.take(delivery(118))
    assert (rig.state / "catalog.sqlite-wal").stat().st_size > 0

    copies.turn()

    assert copies.problem == ""
    assert sorted(path.name for path in rig.state.iterdir()) == [
        "catalog.sqlite",
        "catalog.sqlite-shm",
        "catalog.sqlite-wal",
        "catalog.sqlite.lock",
    ]
    (copy,) = (rig.root / "catalog").iterdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(copy, elsewhere / "catalog.sqlite")
    restored = Catalog(elsewhere)
    assert restored.totals() == rig.catalog.totals() != {}
    restored.close()


def test_each_night_has_one_copy_and_two_are_kept(rig: Rig, copies: CatalogCopies) -> None:
    """A night begins at two o'clock, UTC; what is missed is made up for when the archive runs again."""
    for at_us in (NOW_US, NOW_US + 3 * HOUR_US):  # 22:04, and 01:04 of the same night
        _set(rig.clock, at_us)
        copies.turn()
        assert _nights(rig) == ["2026-11-27"]
    made_at = (rig.root / "catalog/2026-11-27.sqlite").stat().st_mtime_ns
    _set(rig.clock, NOW_US + 4 * HOUR_US)
    copies.turn()
    assert _nights(rig) == ["2026-11-27", "2026-11-28"]
    assert (rig.root / "catalog/2026-11-27.sqlite").stat().st_mtime_ns == made_at
    _set(rig.clock, NOW_US + 5 * DAY_US)
    copies.turn()
    assert _nights(rig) == ["2026-11-28", "2026-12-02"]


def test_clock_that_is_behind_removes_no_newer_copy(rig: Rig, copies: CatalogCopies) -> None:
    """As on a machine without a battery, before a time server has answered."""
    for days in (0, 1):
        _set(rig.clock, NOW_US + days * DAY_US)
        copies.turn()
    _set(rig.clock, 0)
    copies.turn()
    assert _nights(rig) == ["1969-12-31", "2026-11-27", "2026-11-28"]


def test_store_that_is_away_gets_its_copy_when_it_is_back(rig: Rig, copies: CatalogCopies) -> None:
    """That it is away is said by those who have something to keep."""
    rig.store.away = "the disk is not mounted"
    copies.turn()
    assert copies.problem == ""
    rig.store.away = ""
    copies.turn()
    assert _nights(rig) == ["2026-11-27"]


def test_copy_that_cannot_be_made_is_said_and_leaves_nothing(
    rig: Rig, copies: CatalogCopies, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, not every hour; and it is taken back when it can be made."""
    synced = os.fsync

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    for _ in range(2):
        copies.turn()
    assert copies.problem.endswith("the disk is full")
    assert len(caplog.records) == 1
    assert list((rig.root / "catalog").iterdir()) == []
    assert not list(rig.state.glob("*.copy"))

    monkeypatch.setattr("os.fsync", synced)
    copies.turn()
    assert (copies.problem, _nights(rig)) == ("", ["2026-11-27"])


def test_what_a_killed_process_left_half_copied_is_no_hindrance(rig: Rig, copies: CatalogCopies) -> None:
    (rig.state / "catalog.copy").write_bytes(b"half")
    copies.turn()
    with sqlite3.connect(rig.root / "catalog/2026-11-27.sqlite") as copy:
        assert copy.execute("pragma integrity_check").fetchone() == ("ok",)
