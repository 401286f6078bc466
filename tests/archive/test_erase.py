"""Erased frames are gone for good, whatever comes later; kept ones stay, whatever the limits say."""

import json
import shutil
from collections.abc import Mapping

import pytest

from archive.fakes_archive import EPOCH, NOW_US, Rig, delivery, frame
from archive.test_rebuild import content
from shutterbus_archive.__main__ import main
from shutterbus_archive.catalog import Ageing, Keep, Protection, schema
from shutterbus_archive.erase import Eraser, Meant
from shutterbus_archive.errors import ArchiveError, StoreUnavailableError
from shutterbus_archive.orders import Orders
from shutterbus_archive.rebuild import Rebuild, Rebuilt
from shutterbus_archive.release import release
from shutterbus_archive.retention import Limits, Retention
from shutterbus_archive.store import Stored

SIZE = len(frame(0).data)
S_US = 1_000_000


def fill(rig: Rig, *cameras: str, count: int = 10) -> None:
    """Keep *count* frames of each camera, one a second, the last of them taken now."""
    rig.take(
        *(
            delivery(seq, camera=camera, at_us=NOW_US - (count - 1 - seq) * S_US)
            for camera in cameras or ("gate",)
            for seq in range(count)
        )
    )


def erase(
    rig: Rig, *ids: str, camera: str | None = None, from_s: int | None = None, to_s: int | None = None
) -> int:
    """Erase by id, or what was taken so many seconds from now on and before."""
    times = [None if at_s is None else NOW_US + at_s * S_US for at_s in (from_s, to_s)]
    eraser = Eraser(rig.store, rig.catalog, NOW_US + 1)
    return sum(eraser.erase(plan) for plan in eraser.plan(Meant(ids, camera, *times), "asked for"))


def rebuild(rig: Rig) -> Rebuilt:
    rig.catalog.close()
    for path in rig.state.iterdir():
        path.unlink()
    rig.open()
    return Rebuild(rig.store, rig.catalog).run()


def left(rig: Rig, camera: str = "gate") -> list[int]:
    names = [path.stem for path in (rig.root / f"frames/camera={camera}").rglob("*.jpg")]
    return sorted(int(name.rpartition("-")[2]) for name in names)


@pytest.mark.parametrize(
    ("meant", "stays"),
    [
        ({"ids": [f"{EPOCH}-3"]}, [0, 1, 2, 4, 5, 6, 7, 8, 9]),
        ({"ids": [f"{EPOCH}-2..7", f"{EPOCH}-0"]}, [1, 8, 9]),
        ({"camera": "gate"}, []),
        ({"camera": "gate", "from_s": -4}, [0, 1, 2, 3, 4]),
        ({"camera": "gate", "to_s": -4}, [5, 6, 7, 8, 9]),
        ({"from_s": -4, "to_s": -1}, [0, 1, 2, 3, 4, 8, 9]),
    ],
)
def test_what_is_named_goes_and_nothing_else(rig: Rig, meant: dict[str, object], stays: list[int]) -> None:
    fill(rig)
    ids = meant.pop("ids", ())
    assert erase(rig, *ids, **meant) == 10 - len(stays)  # type: ignore[arg-type,misc] # as the table has them
    assert left(rig) == stays
    assert rig.archived == len(stays)
    assert Ageing(rig.catalog).garbage() == []


def test_frames_of_other_cameras_stay(rig: Rig) -> None:
    fill(rig, "gate", "yard")
    erase(rig, camera="gate")
    assert (left(rig), len(left(rig, "yard"))) == ([], 10)


def test_erased_frame_that_comes_again_is_acknowledged_and_not_kept(rig: Rig) -> None:
    fill(rig)
    erase(rig, camera="gate", from_s=-5)
    before = len(rig.reader.seqs)
    fill(rig)
    assert left(rig) == [0, 1, 2, 3]
    assert len(rig.reader.seqs) == before + 10


def test_frame_that_was_still_on_its_way_is_not_kept_either(rig: Rig) -> None:
    fill(rig)
    erase(rig, f"{EPOCH}-5..40", camera="gate")
    erase(rig, camera="gate", from_s=-100, to_s=-50)
    rig.take(delivery(40, at_us=NOW_US), delivery(99, at_us=NOW_US - 60 * S_US), delivery(41, at_us=NOW_US))
    assert left(rig) == [0, 1, 2, 3, 4, 41]
    assert rig.keeper.kept["erased"] == 2
    assert {40, 41, 99} <= set(rig.reader.seqs)


def test_camera_whose_pictures_were_erased_takes_new_ones(rig: Rig) -> None:
    fill(rig)
    erase(rig, camera="gate")
    rig.take(delivery(10, at_us=NOW_US + 5 * S_US))
    assert left(rig) == [10]


def test_frame_whose_camera_does_not_trust_its_clock_is_not_meant_by_a_time(rig: Rig) -> None:
    """Its clock may be days behind: new pictures would be lost."""
    fill(rig)
    erase(rig, camera="gate")
    sent = delivery(50, at_us=NOW_US - 100 * S_US, clock_synced=False)
    rig.take(sent)
    assert left(rig) == [50]


def test_frame_that_was_being_stored_as_the_order_came_goes_as_well(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(rig)
    stored = rig.store.put

    def put(objects: Mapping[str, bytes]) -> Mapping[str, Stored]:
        outcomes = stored(objects)
        erase(rig, f"{EPOCH}-5..40", camera="gate")
        return outcomes

    with monkeypatch.context() as patched:
        patched.setattr(rig.store, "put", put)
        rig.take(delivery(20, at_us=NOW_US), delivery(41, at_us=NOW_US))
    assert rig.archived == 6
    Retention(rig.store, rig.catalog, Limits(), rig.clock, rig.archive.floor).enforce()
    assert left(rig) == [0, 1, 2, 3, 4, 41]


def test_clock_that_ran_ahead_does_not_save_a_picture(rig: Rig) -> None:
    rig.take(delivery(0, at_us=NOW_US + 3_600 * S_US))
    erase(rig, camera="gate")
    assert left(rig) == []


def test_catalog_made_anew_is_the_same_and_still_knows_what_was_erased(rig: Rig) -> None:
    fill(rig, "gate", "yard", count=20)
    erase(rig, f"{EPOCH}-3..6", camera="gate")
    erase(rig, camera="yard", from_s=-100, to_s=-5)
    before = content(rig.state)
    assert rebuild(rig).erased == 0
    assert content(rig.state) == before
    fill(rig, "gate", "yard", count=20)
    rig.take(delivery(70, camera="yard", at_us=NOW_US - 50 * S_US))
    assert len(left(rig)) == 16
    assert len(left(rig, "yard")) == 6


def test_file_that_a_cut_left_is_removed_after_the_catalog_was_made_anew(rig: Rig) -> None:
    fill(rig)
    [file] = (rig.root / "frames").rglob("*-3.jpg")
    data = file.read_bytes()
    erase(rig, f"{EPOCH}-3")
    file.write_bytes(data)
    assert rebuild(rig).erased == 1
    Retention(rig.store, rig.catalog, Limits(), rig.clock, rig.archive.floor).enforce()
    assert left(rig) == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_order_that_was_written_and_then_cut_is_carried_out_by_rebuild(rig: Rig) -> None:
    fill(rig)
    eraser = Eraser(rig.store, rig.catalog, NOW_US)
    [plan] = eraser.plan(Meant([f"{EPOCH}-3"]), "asked for")
    Orders(rig.store).write_erasure(plan.order)
    assert rebuild(rig).erased == 1
    assert rig.archived == 9


def test_older_copy_of_the_catalog_learns_what_was_erased_and_kept_since(rig: Rig) -> None:
    fill(rig)
    rig.close()
    copy = rig.state.with_name("copy")
    shutil.copytree(rig.state, copy)
    rig.open()
    erase(rig, f"{EPOCH}-3")
    keep = Keep("a1", "gate", NOW_US - S_US, NOW_US, "evidence", NOW_US)
    Protection(rig.catalog).add(keep, lambda: Orders(rig.store).write_keep(keep))
    before = content(rig.state)
    rig.catalog.close()
    shutil.rmtree(rig.state)
    copy.rename(rig.state)
    rig.open()
    Rebuild(rig.store, rig.catalog, "2026-11-27").run()
    assert content(rig.state) == before
    assert Protection(rig.catalog).keeps() == [keep]


def test_store_that_is_away_leaves_all_as_it_was(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(rig)

    def away(_: object) -> None:
        raise StoreUnavailableError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(rig.store, "append", away)
        with pytest.raises(StoreUnavailableError):
            erase(rig, camera="gate")
    assert rig.archived == 10
    rig.take(delivery(10, at_us=NOW_US - 20 * S_US))
    assert rig.archived == 11


@pytest.mark.parametrize(
    ("meant", "words"),
    [
        (Meant(), "either frames by id are expected"),
        (Meant([f"{EPOCH}-1"], from_us=5), "either frames by id are expected"),
        (Meant(["gate-1"]), "is no frame: <16 hex digits>-<number>"),
        (Meant([f"{EPOCH}-5..4"]), "ends before it begins"),
        (Meant(["0000000000000000-1"]), "no camera has an epoch 0000000000000000"),
        (Meant(camera="gaet"), "there is no camera 'gaet' here; there are gate"),
        (Meant(from_us=5, to_us=5), "--to has to be later"),
    ],
)
def test_what_cannot_be_meant_is_said(rig: Rig, meant: Meant, words: str) -> None:
    fill(rig)
    with pytest.raises(ArchiveError, match=words):
        Eraser(rig.store, rig.catalog, NOW_US).plan(meant, "asked for")


def test_message_in_quarantine_that_is_an_erased_frame_is_not_released(rig: Rig) -> None:
    fill(rig)
    rig.take(delivery(3, note="forged", at_us=NOW_US))
    erase(rig, f"{EPOCH}-3")
    with pytest.raises(ArchiveError, match=f"is frame {EPOCH}-3 of gate, which was erased"):
        release(rig.archive, 1)


def kept(rig: Rig, from_s: int, to_s: int, camera: str = "gate") -> Protection:
    protection = Protection(rig.catalog)
    protection.add(Keep("a1", camera, NOW_US + from_s * S_US, NOW_US + to_s * S_US, "", NOW_US))
    return protection


def test_retention_leaves_alone_what_is_kept_and_takes_what_is_around_it(rig: Rig) -> None:
    fill(rig, "gate", "yard")
    protection = kept(rig, -9, -5)
    retention = Retention(
        rig.store, rig.catalog, Limits(max_bytes=10 * SIZE + 100), rig.clock, rig.archive.floor
    )
    retention.enforce()
    assert left(rig) == [0, 1, 2, 3, 7, 8, 9]
    assert left(rig, "yard") == [7, 8, 9]
    protection.drop("a1")
    Retention(
        rig.store, rig.catalog, Limits(max_bytes=10 * SIZE + 100), rig.clock, rig.archive.floor
    ).enforce()
    assert left(rig) == [0, 1, 2, 3, 7, 8, 9], "within its limit nothing goes"


def test_kept_days_are_passed_over_as_a_whole(rig: Rig) -> None:
    for day in range(3):
        rig.take(delivery(day, at_us=NOW_US - (3 - day) * 86_400 * S_US))
    fill(rig, "yard")
    kept(rig, -10 * 86_400, -86_400 + 1)
    Retention(rig.store, rig.catalog, Limits(max_age_s=86_400 / 2), rig.clock, rig.archive.floor).enforce()
    assert left(rig) == [0, 1, 2]
    assert Ageing(rig.catalog).bytes_before(NOW_US - 43_200 * S_US) == 0
    assert Ageing(rig.catalog).kept_bytes() == 3 * SIZE


def test_limit_that_kept_frames_alone_exceed_is_said(rig: Rig) -> None:
    fill(rig)
    kept(rig, -9, 1)
    retention = Retention(rig.store, rig.catalog, Limits(max_bytes=2 * SIZE), rig.clock, rig.archive.floor)
    retention.enforce()
    assert len(left(rig)) == 10
    assert "all that is left is kept" in retention.problem


def test_retain_says_what_the_limits_remove_beside_what_is_kept(
    command: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(command)
    with command.catalog.transaction() as connection:
        connection.exec_driver_sql("update frame set bytes = 1000000000")
        connection.exec_driver_sql("update bucket set bytes = 10000000000")
    kept(command, -9, -5)
    monkeypatch.setenv("ARCHIVE_MAX_BYTES", "3GB")
    assert main(["retain"]) == 0
    assert capsys.readouterr().out == (
        "10 frames, 10.00 GB (4.00 GB are kept whatever the limits say), of which the limits remove 6.00 GB, the oldest first.\n"
    )


def test_what_is_kept_is_not_erased_by_mistake(rig: Rig) -> None:
    fill(rig)
    kept(rig, -9, -5)
    erase(rig, camera="gate", from_s=-5)
    with pytest.raises(ArchiveError, match=r"some of it is kept \(a1\)"):
        erase(rig, f"{EPOCH}-2")
    assert left(rig) == [0, 1, 2, 3]


@pytest.fixture
def command(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """A rig whose archive runs, and whose settings are in the environment."""
    monkeypatch.chdir(rig.state)
    monkeypatch.setenv("ARCHIVE_STATE_DIR", str(rig.state))
    monkeypatch.setenv("ARCHIVE_DIR", str(rig.root))
    monkeypatch.setenv("ARCHIVE_KAFKA_BROKERS", "localhost")
    rig.catalog.note(schema.STORE, rig.marker.store)
    return rig


def test_commands_say_what_would_go_and_remove_it_with_yes(
    command: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(command)
    words = ["erase", f"{EPOCH}-2..4", "--reason", "asked for"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert f"gate {EPOCH}-2..4: 3 frames, 0.00 GB, taken from 2026-11-27T22:03:53.123456Z to" in said
    assert "Nothing is erased yet" in said
    assert len(left(command)) == 10
    assert main([*words, "--yes", "--json"]) == 0
    [answer] = json.loads(capsys.readouterr().out)
    assert (answer["erased"], answer["reason"]) == (3, "asked for")
    assert left(command) == [0, 1, 5, 6, 7, 8, 9]
    fill(command)
    assert left(command) == [0, 1, 5, 6, 7, 8, 9]


def test_commands_keep_list_and_let_go(command: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    fill(command)
    times = ["--from", "2026-11-27T22:03:00Z", "--to", "2026-11-28"]
    assert main(["keep", "add", "--camera", "gate", *times, "--reason", "evidence", "--json"]) == 0
    keep = json.loads(capsys.readouterr().out)
    assert main(["keep", "list"]) == 0
    assert capsys.readouterr().out == (
        f"{keep['id']}  gate  2026-11-27T22:03:00.000000Z to 2026-11-28T00:00:00.000000Z  evidence\n"
    )
    rebuild(command)
    assert [each.id for each in Protection(command.catalog).keeps()] == [keep["id"]]
    command.catalog.note(schema.STORE, command.marker.store)
    assert main(["keep", "drop", keep["id"]]) == 0
    assert main(["keep"]) == 0
    assert capsys.readouterr().out.endswith("Nothing is kept from retention.\n")
    assert main(["keep", "drop", "b2"]) == 1
    assert main(["keep", "add", "--camera", "gaet", *times]) == 1
    assert "there is no camera 'gaet' here" in capsys.readouterr().err
