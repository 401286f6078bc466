"""What comes is kept once, and acknowledged only when it is."""

import contextlib
import json
import os
import sqlite3
import subprocess
import threading
from collections.abc import Iterable
from dataclasses import replace

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
from shutterbus_archive.consume.keeper import GROUP_MAX_BYTES, GROUP_MAX_COUNT, GROUP_MAX_S, RETRY_S
from shutterbus_archive.floor import Floor
from shutterbus_archive.keeping import Group, Outcome
from shutterbus_archive.store import Room
from shutterbus_transport.consuming import Delivery
from shutterbus_wire.telemetry import Status
from stack.waiting import wait_until


def test_frame_is_stored_byte_for_byte_noted_and_acknowledged(rig: Rig) -> None:
    rig.take(delivery(118))

    [file] = (rig.root / "frames").rglob("*.jpg")
    assert file.read_bytes() == frame(118).data
    assert file.relative_to(rig.root).as_posix() == (
        f"frames/camera=gate/date=2026-11-27/hour=22/20261127T220558.123456Z_{EPOCH}-118.jpg"
    )
    assert rig.catalog.totals() == {"gate": (1, len(frame(118).data))}
    assert rig.reader.seqs == [118]


def test_group_waits_for_more_and_no_longer_than_it_may(rig: Rig) -> None:
    rig.keeper.frame(delivery(0))
    rig.keeper.turn(more=True)
    assert rig.reader.seqs == []

    rig.clock.pass_s(GROUP_MAX_S)

    def acknowledged() -> bool:
        rig.keeper.turn(more=True)
        return rig.reader.seqs == [0]

    wait_until(acknowledged, 60, lambda: f"{rig.reader.seqs}")


def test_group_is_closed_when_nothing_more_can_come(rig: Rig) -> None:
    rig.keeper.frame(delivery(0))
    rig.keeper.turn(more=False)
    assert rig.reader.seqs == [0]


def test_full_group_is_kept_while_the_next_one_comes(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = threading.Event(), threading.Event()
    keep = rig.archive.keep

    def keep_slowly(group: Group) -> Outcome:
        begun.set()
        assert may_end.wait(60)
        return keep(group)

    monkeypatch.setattr(rig.archive, "keep", keep_slowly)
    for seq in range(GROUP_MAX_COUNT):
        assert not begun.is_set()
        rig.keeper.frame(delivery(seq))
    assert begun.wait(60)
    rig.keeper.frame(delivery(GROUP_MAX_COUNT))
    rig.keeper.turn(more=True)
    assert rig.reader.seqs == []

    may_end.set()
    rig.keeper.turn(more=False)
    assert rig.reader.seqs == list(range(GROUP_MAX_COUNT + 1))
    assert GROUP_MAX_BYTES == 16 * 1024 * 1024


def test_two_groups_that_a_store_could_not_take_are_held_in_their_order(rig: Rig) -> None:
    rig.store.away = "the disk is gone"
    for seq in range(GROUP_MAX_COUNT + 5):
        rig.keeper.frame(delivery(seq))
    rig.keeper.turn(more=True)
    rig.keeper.turn(more=False)
    assert (rig.reader.paused, rig.reader.seqs) == (True, [])

    rig.store.away = ""
    rig.clock.pass_s(RETRY_S)
    rig.keeper.turn(more=False)
    assert rig.reader.seqs == list(range(GROUP_MAX_COUNT + 5))
    assert (rig.reader.paused, rig.keeper.problem) == (False, "")


def test_nothing_is_acknowledged_before_its_file_is_synced_and_its_row_committed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    sync, acknowledge = os.fsync, rig.reader.acknowledge
    seen: list[tuple[int, int]] = []

    def fsync(descriptor: int) -> None:
        sync(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    def look_and_acknowledge(deliveries: Iterable[Delivery]) -> None:
        files = [path for path in (rig.root / "frames").rglob("*.jpg") if path.stat().st_ino in synced]
        with contextlib.closing(sqlite3.connect(rig.state / "catalog.sqlite")) as another_process:
            [[rows]] = another_process.execute("select count(*) from frame")
        seen.append((len(files), rows))
        acknowledge(deliveries)

    monkeypatch.setattr("os.fsync", fsync)
    monkeypatch.setattr(rig.reader, "acknowledge", look_and_acknowledge)
    rig.take(delivery(0), delivery(1))
    assert seen == [(2, 2)]


def test_repeat_is_acknowledged_and_not_stored_again(rig: Rig) -> None:
    rig.take(delivery(0), delivery(0))
    rig.take(delivery(0), delivery(1))

    assert rig.archived == len(rig.files) == 2
    assert rig.reader.seqs == [0, 0, 0, 1]
    assert rig.keeper.kept == {"stored": 2, "repeated": 2, "quarantined": 0}


def test_same_id_with_other_bytes_goes_to_quarantine_and_the_first_stays(rig: Rig) -> None:
    rig.take(delivery(0))
    rig.take(delivery(0, note="forged"), delivery(1), delivery(1, note="forged"))

    assert rig.archived == 2
    assert rig.keeper.kept["quarantined"] == 2
    kept = sorted(path.read_bytes() for path in (rig.root / "quarantine").rglob("*.jpg"))
    assert kept == sorted(frame(seq, note="forged").data for seq in (0, 1))


@pytest.mark.parametrize(
    ("value", "reason"),
    [(b"nonsense", "not-a-picture"), (frame(0).data[:-30], "torn-picture"), (b"", "not-a-picture")],
)
def test_what_cannot_be_used_is_kept_with_its_reason_and_acknowledged(
    rig: Rig, value: bytes, reason: str
) -> None:
    rig.take(bare_delivery(value, seq=7), delivery(8))

    assert rig.reader.seqs == [8, 7]
    assert rig.archived == 1
    [file, facts] = sorted((rig.root / "quarantine").rglob("*.*"))
    assert file.read_bytes() == value
    assert (facts.name, json.loads(facts.read_bytes())["reason"]) == (f"{file.name}.json", reason)
    [row] = rig.catalog.quarantined()
    assert (row.camera, row.reason, row.position, row.size_bytes) == ("gate", reason, "0:7", len(value))


def test_store_that_is_away_pauses_the_reader_and_loses_nothing(rig: Rig) -> None:
    rig.store.away = "the disk is gone"
    rig.take(delivery(0))
    assert rig.reader.paused
    assert rig.keeper.problem == "the disk is gone"
    assert rig.reader.seqs == []

    rig.keeper.frame(delivery(1))  # was on its way
    rig.keeper.turn(more=False)
    assert rig.reader.seqs == [], "it is not asked again at once"

    rig.store.away = ""
    rig.clock.pass_s(RETRY_S)
    rig.keeper.turn(more=False)
    assert rig.reader.seqs == [0, 1]
    assert not rig.reader.paused
    assert rig.keeper.problem == ""


def test_store_with_too_little_room_is_left_alone(rig: Rig) -> None:
    rig.archive.floor = Floor(1_000_000, rig.clock.monotonic_s)
    rig.store.room_is = Room(10**9, 999_999, None)
    rig.take(delivery(0))
    assert "ARCHIVE_MIN_FREE keeps 0.00 GB" in rig.keeper.problem
    assert rig.reader.paused


def test_what_was_stored_and_not_noted_is_stored_once(rig: Rig) -> None:
    """A process killed between the two, or a line that broke: its files are there, and are the very ones."""
    rig.store.fails_after_put = 1
    rig.take(delivery(0), delivery(1))
    assert len(rig.files) == 2
    assert rig.archived == 0

    rig.clock.pass_s(RETRY_S)
    rig.keeper.turn(more=False)
    assert rig.archived == len(rig.files) == 2


def test_another_process_finds_what_one_before_it_kept(rig: Rig) -> None:
    rig.take(delivery(0))
    rig.close()
    rig.open()
    rig.take(delivery(0), delivery(1))
    assert rig.keeper.kept == {"stored": 1, "repeated": 1, "quarantined": 0}


def test_readings_and_reports_are_lines_and_rows_once(rig: Rig) -> None:
    for _ in range(2):
        rig.keeper.telemetry(telemetry_delivery(reading(0, load=0.25), 0))
        rig.keeper.telemetry(telemetry_delivery(reading(1, load=0.75), 1))
        rig.keeper.turn(more=False)

    lines = (rig.root / "telemetry/camera=gate/date=2026-11-27.jsonl").read_text().splitlines()
    assert [json.loads(line)["values"]["load"] for line in lines] == [0.25, 0.75]
    assert rig.reader.seqs == [0, 1, 0, 1]


def test_status_is_acknowledged_and_every_report_has_it(rig: Rig) -> None:
    rig.keeper.telemetry(telemetry_delivery(Status(camera="gate", state="online", since_us=NOW_US), 3))
    rig.keeper.turn(more=False)
    assert rig.reader.seqs == [3]


def test_frame_of_a_clock_before_the_year_2000_is_filed_by_its_arrival(rig: Rig) -> None:
    rig.take(delivery(0, at_us=3_600_000_000))
    assert rig.files == [f"20261127T220400.123456Z_{EPOCH}-0.jpg"]


@pytest.mark.parametrize("broker", ["kafka", "mqtt"])
def test_frame_filed_by_its_arrival_is_one_file_though_it_arrives_again(rig: Rig, broker: str) -> None:
    """It was written and had no row yet when we were killed; it arrives a second time in another minute, hour or day."""

    def given(again: bool) -> Delivery:
        sent = delivery(0, at_us=3_600_000_000, arrived_us=NOW_US + again * 3 * 3_600_000_000)
        if broker == "kafka":
            return replace(sent, broker_time_us=NOW_US - 5)
        topic = "shutterbus/gate/frames"
        return replace(
            sent,
            arrival=replace(sent.arrival, transport="mqtt", topic=topic, position=None, redelivered=again),
        )

    rig.store.fails_after_put = 1
    rig.take(given(again=False))
    rig.close()
    rig.open()
    rig.take(given(again=True), delivery(1, at_us=3_600_000_000))
    assert (len(rig.files), rig.archived) == (2, 2)


def test_exiftool_and_find_count_what_the_catalog_counts(rig: Rig) -> None:
    rig.take(*(delivery(seq, camera=camera) for seq in range(20) for camera in ("gate", "yard")))
    counted = subprocess.run(
        ["exiftool", "-q", "-p", "$ImageUniqueID $SerialNumber", "-r", rig.root / "frames"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\n")[:-1]
    assert len(counted) == len(set(counted)) == rig.archived == len(rig.files) == 40


@settings(max_examples=40)
@given(data=st.data())
def test_whatever_comes_in_any_order_is_kept_once(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With repeats, a store that fails after it has stored, and processes that end between: nothing is missing or twice."""
    rig = Rig(tmp_path_factory.mktemp("any"))
    count = data.draw(st.integers(1, 12))
    order = data.draw(st.permutations([*range(count)] * 2))
    pending: list[Delivery] = []
    try:
        for seq in order:
            pending.append(delivery(seq))
            rig.keeper.frame(pending[-1])
            match data.draw(st.sampled_from(["more", "turn", "fails", "killed"])):
                case "turn":
                    rig.keeper.turn(more=False)
                case "fails":
                    rig.store.fails_after_put = 1
                    rig.keeper.turn(more=False)
                    rig.clock.pass_s(RETRY_S)
                case "killed":
                    if data.draw(st.booleans()):
                        rig.store.fails_after_put = 1
                        rig.keeper.turn(more=False)
                    unacknowledged = [each for each in pending if each not in rig.reader.acknowledged]
                    rig.close()
                    rig.open()
                    for each in unacknowledged:
                        rig.keeper.frame(each)
        for _ in range(3):
            rig.clock.pass_s(RETRY_S)
            rig.keeper.turn(more=False)
        assert rig.archived == len(rig.files) == count
        names = [("gate", frame(seq).metadata.id) for seq in range(count)]
        assert rig.catalog.archived(names) == set(names)
    finally:
        rig.close()
