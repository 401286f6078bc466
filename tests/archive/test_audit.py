"""What the audit says of an archive in which something is not as the catalog has it."""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from archive.fakes_archive import NOW_US, Rig, bare_delivery, delivery, reading, telemetry_delivery
from shutterbus_archive.__main__ import main
from shutterbus_archive.audit import Audit, DayAudit, Depth
from shutterbus_archive.audit_messages import audit_quarantine, audit_telemetry
from shutterbus_archive.catalog import Ageing, beside, schema
from shutterbus_archive.errors import ArchiveError
from wire.pictures import CAMERA_JPEG

DAY_US = 86_400_000_000


def audit(rig: Rig, depth: Depth = "presence") -> dict[tuple[str, str], DayAudit]:
    with beside.reading(rig.state) as connection:
        return {(day.camera, day.day): day for day in Audit(connection, rig.store, depth).run()}


def names(rig: Rig, word: str, depth: Depth = "presence") -> list[str]:
    """Return the numbers of the frames that are *word*."""
    keys = [getattr(each, "key", each) for day in audit(rig, depth).values() for each in getattr(day, word)]
    return [key.rpartition("/")[2].partition("_")[2] for key in keys]


def file_of(rig: Rig, seq: int) -> Path:
    [path] = (rig.root / "frames").rglob(f"*-{seq}.jpg")
    return path


def make_old(path: Path) -> Path:
    os.utime(path, (0, 0))
    return path


def test_archive_in_order_has_its_days_and_nothing_to_say(rig: Rig) -> None:
    rig.take(*(delivery(seq, camera=camera) for seq in range(3) for camera in ("gate", "yard")))
    rig.take(delivery(9, at_us=NOW_US - DAY_US), delivery(10, at_us=5))

    days = audit(rig, "content")
    assert {name: day.frames for name, day in days.items()} == {
        ("gate", "2026-11-26"): 1,
        ("gate", "2026-11-27"): 4,
        ("yard", "2026-11-27"): 3,
    }
    assert not any(day.missing or day.untracked or day.damaged for day in days.values())


def test_file_that_is_gone_is_missing(rig: Rig) -> None:
    rig.take(*(delivery(seq) for seq in range(5)), delivery(5, at_us=5))
    file_of(rig, 2).unlink()
    file_of(rig, 5).unlink()
    assert names(rig, "missing") == ["9f2c4e1a77b0d3c5-5.jpg", "9f2c4e1a77b0d3c5-2.jpg"]


def test_file_without_a_row_is_untracked_once_it_is_not_on_its_way(rig: Rig) -> None:
    rig.take(*(delivery(seq) for seq in range(5)))
    stray = file_of(rig, 2).with_name("holiday.jpg")
    stray.write_bytes(b"")
    assert names(rig, "untracked") == []
    make_old(stray)
    other = (
        rig.root / "frames/camera=shed/date=2026-11-27/hour=22/20261127T220400.000000Z_9f2c4e1a77b0d3c5-1.jpg"
    )
    other.parent.mkdir(parents=True)
    other.write_bytes(b"")
    make_old(other)
    days = audit(rig)
    assert days["gate", "2026-11-27"].untracked == [stray.relative_to(rig.root).as_posix()]
    assert days["shed", "2026-11-27"].untracked == [other.relative_to(rig.root).as_posix()]


def test_what_retention_is_about_to_remove_is_nobodys_trouble(rig: Rig) -> None:
    rig.take(*(delivery(seq) for seq in range(5)))
    for seq in range(5):
        make_old(file_of(rig, seq))
    ageing = Ageing(rig.catalog)
    ageing.discard(ageing.oldest(2))
    assert names(rig, "untracked") == names(rig, "missing") == []


@pytest.mark.parametrize(
    ("damage", "depth", "words"),
    [
        (lambda data: data[:-1], "sizes", "bytes long, and"),
        (lambda data: data[:-9] + b"x" + data[-8:], "content", "other bytes than were stored"),
    ],
)
def test_damaged_file_is_named_by_the_audit_that_looks_so_deep(
    rig: Rig, damage: Callable[[bytes], bytes], depth: Depth, words: str
) -> None:
    rig.take(*(delivery(seq) for seq in range(5)))
    path = file_of(rig, 3)
    path.write_bytes(damage(path.read_bytes()))
    assert names(rig, "damaged") == []
    [damaged] = audit(rig, depth)["gate", "2026-11-27"].damaged
    assert damaged.key == path.relative_to(rig.root).as_posix()
    assert words in damaged.sentence


def test_picture_that_names_another_frame_than_its_file_is_damaged(rig: Rig) -> None:
    """Rows and files that were exchanged have the right sums."""
    rig.take(delivery(0), delivery(1), delivery(2))
    with rig.catalog.transaction() as connection:
        connection.exec_driver_sql("update frame set seq = 7 where seq = 1")
    path = file_of(rig, 1)
    path.rename(path.with_name(path.name.replace("-1.jpg", "-7.jpg")))
    [damaged] = audit(rig, "content")["gate", "2026-11-27"].damaged
    assert damaged.sentence == "its EXIF names frame 9f2c4e1a77b0d3c5-1"


def test_frame_of_a_foreign_topic_needs_no_identity_in_its_picture(rig: Rig) -> None:
    rig.take(bare_delivery(CAMERA_JPEG, topic="holiday", seq=3))
    [day] = audit(rig, "content").values()
    assert (day.frames, day.damaged) == (1, [])


def test_more_than_half_missing_is_a_disk_and_not_a_list(rig: Rig) -> None:
    rig.take(*(delivery(seq) for seq in range(5)))
    for seq in range(3):
        file_of(rig, seq).unlink()
    with pytest.raises(ArchiveError, match=r"more than half of the 5 frames .* is its disk mounted"):
        audit(rig)


def test_row_that_came_while_it_looked_is_not_untracked(rig: Rig) -> None:
    """The archive runs meanwhile: files come before their rows, and go after them."""
    rig.take(*(delivery(seq) for seq in range(3)))
    kept = rig.store.keys
    late = 7

    def keys(prefix: str) -> Iterator[str]:
        yield from kept(prefix)
        rig.take(delivery(late))
        make_old(file_of(rig, late))
        yield file_of(rig, late).relative_to(rig.root).as_posix()

    rig.store.keys = keys  # type: ignore[method-assign]
    assert names(rig, "untracked") == names(rig, "missing") == []


def messages(rig: Rig, depth: Depth = "presence") -> list[DayAudit]:
    with beside.reading(rig.state) as connection:
        return list(audit_quarantine(connection, rig.store, depth, time.time_ns() // 1_000))


def test_quarantine_is_compared_as_well(rig: Rig) -> None:
    rig.take(*(bare_delivery(b"nonsense %d" % seq, seq=seq) for seq in range(4)))
    first, second, third, _ = (rig.root / row.key for row in rig.catalog.quarantined())
    assert messages(rig, "content") == []
    first.unlink()
    second.write_bytes(b"longer than it was")
    third.write_bytes(b"Nonsense 2")
    stray = make_old(Path(shutil.copy(second, second.with_name("stray.bin"))))
    [seen] = messages(rig, "content")
    assert (seen.camera, seen.day) == ("gate", "quarantine")
    assert [rig.root / key for key in seen.missing] == [first]
    assert [rig.root / key for key in seen.untracked] == [stray]
    assert sorted((rig.root / damage.key, damage.sentence) for damage in seen.damaged) == sorted(
        [
            (second, "18 bytes long, and 10 were stored"),
            (third, "other bytes than were stored (SHA-256)"),
        ]
    )


def test_report_or_reading_without_a_line_is_missing(rig: Rig) -> None:
    for seq in range(6):
        rig.keeper.telemetry(telemetry_delivery(reading(seq), seq))
    rig.keeper.turn(more=False)
    [path] = (rig.root / "telemetry").rglob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    with beside.reading(rig.state) as connection:
        assert list(audit_telemetry(connection, rig.store)) == []
        path.write_bytes(b"".join([*lines[:2], b"nonsense\n", *lines[4:]]))
        [seen] = audit_telemetry(connection, rig.store)
    assert (seen.camera, seen.day, seen.missing) == (
        "gate",
        "telemetry",
        ["readings-cpu 9f2c4e1a77b0d3c5-2..3"],
    )


def test_terminal_sees_how_far_it_has_come_and_a_program_does_not(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.take(*(delivery(seq) for seq in range(5)))
    audit(rig)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    audit(rig)
    assert capsys.readouterr().err == "\r\x1b[Kaudit: 1 of 5 (20 %)\r\x1b[K"


def test_frame_that_aged_out_while_it_looked_is_not_missing(rig: Rig) -> None:
    rig.take(*(delivery(seq) for seq in range(3)))
    kept = rig.store.keys

    def keys(prefix: str) -> Iterator[str]:
        ageing = Ageing(rig.catalog)
        rig.store.remove(ageing.discard(ageing.oldest(1)))
        yield from kept(prefix)

    rig.store.keys = keys  # type: ignore[method-assign]
    assert names(rig, "missing") == []


def test_command_prints_by_camera_and_day_and_its_exit_code_says_whether_all_is_there(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(rig.state)
    monkeypatch.setenv("ARCHIVE_STATE_DIR", str(rig.state))
    monkeypatch.setenv("ARCHIVE_DIR", str(rig.root))
    monkeypatch.setenv("ARCHIVE_KAFKA_BROKERS", "localhost")
    rig.catalog.note(schema.STORE, rig.marker.store)
    rig.take(*(delivery(seq) for seq in range(5)))
    assert main(["audit"]) == 0
    assert capsys.readouterr().out == "5 frames: 0 missing, 0 damaged, 0 untracked\n"

    gone = file_of(rig, 2)
    gone.unlink()
    assert main(["audit", "--sizes"]) == 1
    said = capsys.readouterr().out
    assert "gate 2026-11-27: 5 frames, 1 missing\n" in said
    assert f"  missing {gone.relative_to(rig.root).as_posix()}\n" in said
    assert main(["audit", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["frames"], answer["missing"]) == (5, 1)
    assert answer["days"][0]["missing"] == [gone.relative_to(rig.root).as_posix()]
