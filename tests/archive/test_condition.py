"""What the archive says of itself."""

import pytest

from archive.fakes_archive import NOW_US, Rig, bare_delivery, delivery, frame
from shutterbus_archive.copies import CatalogCopies
from shutterbus_archive.errors import StoreUnavailableError
from shutterbus_archive.retention import Limits, Retention
from shutterbus_archive.status.condition import Condition
from shutterbus_archive.store import Room


@pytest.fixture
def condition(rig: Rig) -> Condition:
    retention = Retention(rig.store, rig.catalog, Limits(), rig.clock, rig.archive.floor)
    copies = CatalogCopies(rig.store, rig.state, rig.clock)
    return Condition(rig.archive, [(rig.reader, rig.keeper)], retention, copies)


def test_status_has_what_the_doctor_asks_for(rig: Rig, condition: Condition) -> None:
    """By camera: how many, how new, and what could not be used; and what room there is."""
    rig.take(delivery(3), delivery(1), delivery(7, camera="yard"), bare_delivery(b"no picture"))
    rig.store.room_is = Room(total_bytes=100, free_bytes=60, free_files=7)
    rig.reader.lag = {"shutterbus.gate.frames": 12}

    said = condition.metadata()

    size = len(frame(3).data)
    assert said["cameras"]["gate"] == {"frames": 2, "bytes": 2 * size, "newest_at_us": NOW_US + 3_000_000}
    assert said["cameras"]["yard"]["newest_at_us"] == NOW_US + 7_000_000
    assert said["quarantined"] == {"gate": 1}
    assert said["store"] == {"total_bytes": 100, "free_bytes": 60, "free_files": 7, "floor_bytes": 0}
    metrics = condition.metrics().splitlines()
    for line in (
        'shutterbus_archive_frames{camera="gate"} 2',
        f'shutterbus_archive_newest_seconds{{camera="yard"}} {(NOW_US + 7_000_000) / 1e6}',
        'shutterbus_archive_quarantined{camera="gate"} 1',
        'shutterbus_archive_lag_messages{reader="kafka frames",topic="shutterbus.gate.frames"} 12',
        "shutterbus_archive_free_bytes 60",
        "shutterbus_archive_free_files 7",
    ):
        assert line in metrics


def test_store_that_is_away_has_no_room(
    rig: Rig, condition: Condition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with it stands among the problems."""

    def away() -> Room:
        raise StoreUnavailableError("the disk is not mounted")

    monkeypatch.setattr(rig.store, "room", away)
    rig.store.away = "the disk is not mounted"
    rig.take(delivery(1))
    assert condition.metadata()["store"] is None
    assert list(condition.problems()) == ["the disk is not mounted"]
    assert "free_bytes" not in condition.metrics()
