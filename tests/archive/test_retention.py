"""What goes when the archive may not grow any more, and what does not go without a person's word."""

from pathlib import Path

import pytest

from archive.fakes_archive import NOW_US, Rig, delivery, frame
from shutterbus_archive import retain
from shutterbus_archive.catalog import Ageing
from shutterbus_archive.downloads import RunningDownloads
from shutterbus_archive.errors import StoreUnavailableError
from shutterbus_archive.retention import Limits, Retention
from shutterbus_archive.settings import ArchiveSettings
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire import download_note
from shutterbus_wire.download_note import DownloadNote

SIZE = len(frame(0).data)
MINUTE_US = 60_000_000


def fill(rig: Rig, count: int = 20) -> None:
    """Keep *count* frames, one a minute, the last of them taken now; from two cameras in turn."""
    for seq in range(count):
        at_us = NOW_US - (count - 1 - seq) * MINUTE_US
        rig.take(delivery(seq, camera="gate" if seq % 2 else "yard", at_us=at_us))


def retention(rig: Rig, **limits: float) -> Retention:
    return Retention(rig.store, rig.catalog, Limits(**limits), rig.clock, rig.archive.floor)  # type: ignore[arg-type] # bytes are whole


def left(rig: Rig) -> list[int]:
    return sorted(int(name.rpartition("-")[2].removesuffix(".jpg")) for name in rig.files)


def test_oldest_of_all_cameras_go_and_only_as_many_as_have_to(rig: Rig) -> None:
    fill(rig)
    retention(rig, max_bytes=15 * SIZE + 100).enforce()
    assert left(rig) == list(range(5, 20))
    assert rig.archived == 15


def test_what_was_taken_too_long_ago_goes(rig: Rig) -> None:
    fill(rig)
    retention(rig, max_age_s=15.5 * 60).enforce()
    assert left(rig) == list(range(4, 20))


def test_within_its_limits_nothing_goes(rig: Rig) -> None:
    fill(rig)
    keeper = retention(rig, max_bytes=10**9, max_age_s=86_400)
    keeper.enforce()
    assert len(left(rig)) == 20
    assert keeper.problem == ""


def test_frame_that_aged_out_is_known_and_does_not_come_back(rig: Rig) -> None:
    """Else retention would make room for what it has just removed."""
    fill(rig)
    retention(rig, max_bytes=15 * SIZE + 100).enforce()
    rig.take(delivery(1, camera="gate", at_us=NOW_US - 18 * MINUTE_US))
    assert left(rig) == list(range(5, 20))
    assert rig.keeper.kept["repeated"] == 1


def test_more_than_half_at_once_waits_for_a_person_and_says_what_to_type(rig: Rig, tmp_path: Path) -> None:
    fill(rig)
    keeper = retention(rig, max_age_s=510.0)
    keeper.enforce()
    assert len(left(rig)) == 20
    assert keeper.problem.endswith("at once: shutterbus-archive retain --yes agrees to that")

    settings = ArchiveSettings(
        state_dir=rig.state, max_age_s=510.0, mqtt=BrokerSettings(type="mqtt", brokers=(("h", 1),))
    )
    assert "20 frames" in retain.preview(settings)
    assert len(left(rig)) == 20, "saying it removes nothing"
    assert "Agreed" in retain.agree(settings)
    keeper.enforce()
    assert left(rig) == list(range(11, 20))
    assert keeper.problem == ""


def test_limit_that_was_changed_may_take_little_at_once_only(rig: Rig) -> None:
    """A nought too few is typed quickly."""
    fill(rig, 40)
    retention(rig, max_bytes=40 * SIZE + 1_000).enforce()
    changed = retention(rig, max_bytes=35 * SIZE)
    changed.enforce()
    assert len(left(rig)) == 40
    assert "retain --yes" in changed.problem


def test_clock_that_is_behind_makes_nothing_old(rig: Rig) -> None:
    fill(rig)
    rig.clock.jump_s(-3_600)
    retention(rig, max_age_s=60).enforce()
    assert len(left(rig)) == 20


def test_what_a_cut_left_as_garbage_is_removed_at_the_next_look(rig: Rig) -> None:
    fill(rig)
    ageing = Ageing(rig.catalog)
    keys = ageing.discard(ageing.oldest(3))
    assert len(left(rig)) == 20
    assert sorted(ageing.garbage()) == sorted(keys)

    retention(rig).enforce()
    assert left(rig) == list(range(3, 20))
    assert ageing.garbage() == []


def test_store_that_is_away_is_left_alone(rig: Rig) -> None:
    fill(rig)
    rig.store.away = "the disk is gone"
    with pytest.raises(StoreUnavailableError):
        retention(rig, max_bytes=15 * SIZE).enforce()
    assert rig.archived == 20


def test_what_is_being_downloaded_is_left_alone_and_goes_afterwards(rig: Rig, tmp_path: Path) -> None:
    """For an hour at most: a viewer that was killed in between takes no note back."""
    fill(rig)
    folder = tmp_path / "downloads"
    note = DownloadNote(
        camera="gate",
        from_us=NOW_US - 18 * MINUTE_US,
        to_us=NOW_US - 14 * MINUTE_US,
        begun_us=rig.clock.utc_us(),
    )
    folder.mkdir()
    (folder / "a.json").write_bytes(download_note.encode(note))
    (folder / "b.json").write_bytes(b"{}")
    downloads = RunningDownloads(folder, rig.clock)
    limits = Limits(max_bytes=15 * SIZE + 100)
    keeper = Retention(rig.store, rig.catalog, limits, rig.clock, rig.archive.floor, downloads)

    keeper.enforce()
    assert left(rig) == [1, 3, *range(7, 20)]
    assert keeper.problem == ""

    rig.take(delivery(20, camera="gate", at_us=NOW_US))
    keeper.enforce()
    assert left(rig) == [1, 3, *range(8, 21)]
    rig.clock.monotonic_now_s += 3_601
    rig.take(delivery(21, camera="gate", at_us=NOW_US))
    keeper.enforce()
    assert left(rig) == [3, *range(8, 22)]


def test_download_of_a_camera_that_the_archive_does_not_know_holds_nothing(rig: Rig, tmp_path: Path) -> None:
    fill(rig)
    note = DownloadNote(camera="mill", from_us=0, to_us=NOW_US, begun_us=rig.clock.utc_us())
    (tmp_path / "a.json").write_bytes(download_note.encode(note))
    limits = Limits(max_bytes=15 * SIZE + 100)
    Retention(
        rig.store, rig.catalog, limits, rig.clock, rig.archive.floor, RunningDownloads(tmp_path, rig.clock)
    ).enforce()
    assert left(rig) == list(range(5, 20))
