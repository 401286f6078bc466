"""A catalog made anew from the files alone is the one that was."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.fakes_archive import (
    EPOCH,
    NOW_US,
    Rig,
    bare_delivery,
    delivery,
    frame,
    reading,
    telemetry_delivery,
)
from shutterbus_archive.__main__ import main
from shutterbus_archive.catalog import schema
from shutterbus_archive.rebuild import Rebuild, Rebuilt
from shutterbus_transport.consuming import Delivery
from shutterbus_wire.telemetry import Report, Status
from wire.pictures import BARE_JPEG, BARE_PNG, CAMERA_JPEG

DAY_US = 86_400_000_000
TABLES = {
    "frame": """select camera.name, epoch.hex, seq, captured_us, filed_us, bytes, crc, flags from frame
        join epoch on epoch.id = frame.epoch_id join camera on camera.id = frame.camera_id""",
    "bucket": """select camera.name, start_us, frames, aged, bytes, first_us, last_us from bucket
        join camera on camera.id = bucket.camera_id""",
    "span": """select camera.name, epoch.hex, state, first, last from span join epoch on epoch.id = span.epoch_id
        join camera on camera.id = epoch.camera_id""",
    "telemetry": """select camera.name, epoch.hex, stream, first, last from telemetry
        join epoch on epoch.id = telemetry.epoch_id join camera on camera.id = epoch.camera_id""",
    "reading": """select camera.name, sensor, reading.name, at_us, value, unit from reading
        join camera on camera.id = reading.camera_id""",
}


def content(state: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return all that a catalog says, in an order and with names of its own."""
    with closing(sqlite3.connect(f"file:{state / 'catalog.sqlite'}?mode=ro", uri=True)) as catalog:
        return {table: sorted(catalog.execute(query)) for table, query in TABLES.items()}


def rebuild(rig: Rig, since: str = "") -> Rebuilt:
    """Let go of the catalog, and make one from the files."""
    rig.catalog.close()
    if not since:
        for path in rig.state.iterdir():
            path.unlink()
    rig.open()
    return Rebuild(rig.store, rig.catalog, since).run()


def report(seq: int, camera: str = "gate") -> Report:
    status = Status(camera=camera, state="online", since_us=NOW_US)
    return Report(
        camera=camera,
        epoch=EPOCH,
        seq=seq,
        at_us=NOW_US + seq * 60_000_000,
        event="minute",
        captured=seq,
        published=seq,
        missed=0,
        held_frames=0,
        held_bytes=0,
        clock_synced=True,
        status=status,
    )


frames = st.lists(
    st.builds(
        delivery,
        st.integers(0, 30),
        camera=st.sampled_from(["gate", "gate-2", "yard"]),
        epoch=st.sampled_from([EPOCH, "0" * 16]),
        at_us=st.one_of(
            st.integers(NOW_US - 3 * DAY_US, NOW_US + 3 * DAY_US),
            st.integers(0, 5 * 10**9).map(lambda us: us),
        ),
    ),
    max_size=25,
)


@settings(max_examples=12)
@given(taken=frames, foreign=st.sets(st.integers(0, 9)), sensed=st.sets(st.integers(0, 3_000), max_size=20))
def test_frames_telemetry_readings_and_buckets_are_those_of_the_catalog_before(
    taken: list[Delivery], foreign: set[int], sensed: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rig = Rig(tmp_path_factory.mktemp("rebuild"))
    try:
        rig.take(*taken)
        for seq in foreign:
            rig.take(bare_delivery([BARE_JPEG, BARE_PNG, CAMERA_JPEG][seq % 3], topic="Some/Topic", seq=seq))
        for seq in sensed:
            rig.keeper.telemetry(telemetry_delivery(reading(seq, load=seq / 7, heat=-1.5), seq))
            rig.keeper.telemetry(telemetry_delivery(report(seq), seq))
        rig.keeper.turn(more=False)
        before = content(rig.state)
        rebuilt = rebuild(rig)
        assert content(rig.state) == before
        assert (rebuilt.frames, rebuilt.telemetry) == (len(before["frame"]), 2 * len(sensed))
        assert rebuilt.left_out == []
    finally:
        rig.close()


def test_what_the_files_say_is_what_late_repeats_are_known_by(rig: Rig) -> None:
    rig.take(delivery(0), delivery(1))
    rebuild(rig)
    rig.take(delivery(1), delivery(2))
    assert rig.keeper.kept == {"stored": 1, "repeated": 1, "quarantined": 0}
    assert rig.archived == len(rig.files) == 3


def test_file_that_is_not_what_its_name_says_is_left_out_and_named(rig: Rig) -> None:
    rig.take(*(delivery(seq) for seq in range(4)))
    paths = {seq: next((rig.root / "frames").rglob(f"*-{seq}.jpg")) for seq in range(4)}
    paths[0].write_bytes(paths[1].read_bytes())
    paths[2].write_bytes(b"")
    paths[3].with_name("holiday.jpg").write_bytes(b"")

    rebuilt = rebuild(rig)
    assert rig.archived == 2
    assert {Path(name).name: why for name, why in rebuilt.left_out} == {
        paths[0].name: f"its EXIF names frame {EPOCH}-1",
        paths[2].name: "not a JPEG: begins with nothing",
        "holiday.jpg": "no name of a frame",
    }


def test_torn_picture_is_taken_in_and_counted(rig: Rig) -> None:
    rig.take(delivery(0))
    [path] = (rig.root / "frames").rglob("*.jpg")
    path.write_bytes(frame(0).data[:-2])
    assert rebuild(rig).torn == rig.archived == 1


def test_line_of_telemetry_that_cannot_be_read_costs_itself_alone(rig: Rig) -> None:
    for seq in range(3):
        rig.keeper.telemetry(telemetry_delivery(reading(seq), seq))
    rig.keeper.turn(more=False)
    [path] = (rig.root / "telemetry").rglob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"nonsense\n" + lines[2])
    rebuilt = rebuild(rig)
    assert rebuilt.telemetry == 2
    assert [name for name, _ in rebuilt.left_out] == ["telemetry/camera=gate/date=2026-11-27.jsonl, line 2"]


def test_since_a_day_adds_what_an_older_copy_of_the_catalog_does_not_have(rig: Rig) -> None:
    rig.take(delivery(0, at_us=NOW_US - DAY_US), delivery(1))
    rig.close()
    copy = rig.state.with_name("copy")
    shutil.copytree(rig.state, copy)
    rig.open()
    rig.take(delivery(2), delivery(3, at_us=NOW_US - DAY_US), delivery(4))
    rig.keeper.telemetry(telemetry_delivery(reading(0), 0))
    rig.keeper.turn(more=False)
    whole = content(rig.state)
    rig.catalog.close()
    shutil.rmtree(rig.state)
    shutil.copytree(copy, rig.state)
    rig.open()

    assert rebuild(rig, since="2026-11-27").frames == 2
    assert rig.archived == 4
    assert rebuild(rig, since="2026-11-26").frames == 1
    assert content(rig.state) == whole


@pytest.fixture
def command(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """A rig whose archive has ended, and whose settings are in the environment."""
    monkeypatch.chdir(rig.state)
    monkeypatch.setenv("ARCHIVE_STATE_DIR", str(rig.state))
    monkeypatch.setenv("ARCHIVE_DIR", str(rig.root))
    monkeypatch.setenv("ARCHIVE_KAFKA_BROKERS", "localhost")
    rig.catalog.note(schema.STORE, rig.marker.store)
    rig.catalog.note(schema.MEMBER, "shutterbus-archive-0123")
    return rig


def test_command_sets_the_old_catalog_aside_and_says_what_no_file_holds(
    command: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    command.take(delivery(0), delivery(1))
    before = content(command.state)
    command.catalog.close()
    with (command.state / "catalog.sqlite").open("r+b") as file:
        file.truncate(20_000)
    damaged = (command.state / "catalog.sqlite").read_bytes()

    assert main(["rebuild"]) == 0
    said = capsys.readouterr().out
    assert "Taken in: 2 frames" in said
    assert "which frames aged out" in said
    assert content(command.state) == before
    [aside] = command.state.glob("catalog.sqlite.replaced-*")
    assert aside.read_bytes() == damaged
    command.open()
    assert command.catalog.noted(schema.STORE) == command.marker.store


def test_command_keeps_the_name_by_which_brokers_know_the_archive(command: Rig) -> None:
    command.catalog.close()
    assert main(["rebuild"]) == 0
    command.open()
    assert command.catalog.noted(schema.MEMBER) == "shutterbus-archive-0123"


def test_command_refuses_while_the_archive_runs(command: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rebuild"]) == 1
    assert f"is in use by process {os.getpid()}" in capsys.readouterr().err


def test_command_refuses_where_no_store_is_and_leaves_the_catalog(
    command: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    command.take(delivery(0))
    command.catalog.close()
    shutil.rmtree(command.root)
    assert main(["rebuild"]) == 1
    assert "is its disk mounted" in capsys.readouterr().err
    command.open()
    assert command.archived == 1
    command.root.mkdir()


def test_rebuild_that_is_cut_leaves_the_old_catalog(command: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    command.take(delivery(0))
    command.catalog.close()

    def cut(_: Rebuild) -> Rebuilt:
        raise KeyboardInterrupt

    monkeypatch.setattr(Rebuild, "run", cut)
    with pytest.raises(KeyboardInterrupt):
        main(["rebuild"])
    command.open()
    assert command.archived == 1
