"""How much stays free on the disk of the pictures, and what goes for it."""

from pathlib import Path

import pytest

from archive.fakes_archive import Rig, delivery, frame
from fakes import FakeClock
from shutterbus_archive.floor import LOOK_S, Floor, Neighbour
from shutterbus_archive.retention import Limits, Retention
from shutterbus_archive.store import Room

GIB = 1 << 30
SIZE = len(frame(0).data)


def room(path: Path | None = None, *, total: int = 1_000 * GIB) -> Room:
    return Room(total, 100 * GIB, None, path.stat().st_dev if path else None)


@pytest.mark.parametrize(
    ("setting", "total", "floor"),
    [
        (None, 40 * GIB, 2 * GIB),
        (None, 1_000 * GIB, 5 * GIB),
        (10 * GIB, 40 * GIB, 10 * GIB),
        (0, 40 * GIB, 0),
    ],
)
def test_it_is_what_is_set_or_the_smaller_of_a_twentieth_and_five_gib(
    setting: int | None, total: int, floor: int
) -> None:
    assert Floor(setting, FakeClock().monotonic_s).free_bytes(room(total=total)) == floor


def test_what_kafka_may_still_take_of_the_same_disk_stays_free_as_well(tmp_path: Path) -> None:
    clock = FakeClock()
    (tmp_path / "topic-0").mkdir()
    (tmp_path / "topic-0/00000.log").write_bytes(bytes(3_000_000))
    floor = Floor(GIB, clock.monotonic_s, Neighbour(tmp_path, 20_000_000))

    before = floor.free_bytes(room(tmp_path))
    (tmp_path / "topic-0/00001.log").write_bytes(bytes(30_000_000))
    clock.pass_s(LOOK_S)

    assert before == pytest.approx(GIB + 17_000_000, abs=100_000)
    assert floor.free_bytes(room(tmp_path)) == GIB, "it takes no more"


def test_kafka_on_another_disk_or_machine_takes_nothing_of_this_one(tmp_path: Path) -> None:
    elsewhere, absent = Neighbour(Path("/proc"), 20_000_000), Neighbour(tmp_path / "nothing", 20_000_000)
    for neighbour in (elsewhere, absent):
        assert Floor(GIB, FakeClock().monotonic_s, neighbour).free_bytes(room(tmp_path)) == GIB


@pytest.mark.parametrize(("limits", "left"), [(Limits(), 20), (Limits(max_bytes=10**9), 15)])
def test_below_it_the_oldest_go_if_there_is_any_limit(rig: Rig, limits: Limits, left: int) -> None:
    """Without one, the reader pauses."""

    class Disk:
        """As large as 24 pictures, with nothing else on it."""

        def __getattr__(self, name: str) -> object:
            return getattr(rig.store, name)

        def room(self) -> Room:
            used = sum(path.stat().st_size for path in (rig.root / "frames").rglob("*.jpg"))
            return Room(10**9, 24 * SIZE - used, None)

    rig.take(*(delivery(seq) for seq in range(20)))
    floor = Floor(9 * SIZE, rig.clock.monotonic_s)
    Retention(Disk(), rig.catalog, limits, rig.clock, floor).enforce()  # type: ignore[arg-type] # the rest is the store's
    assert rig.archived == left
