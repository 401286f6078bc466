"""What the server's doctor says of the archive."""

import datetime as dt
from typing import Any

import pytest

from shutterbus_broker.doctor import archive, backlog
from shutterbus_broker.doctor.backlog import Unread
from shutterbus_runtime.checks import CheckResult

GIB = 1 << 30
MOUNTED = {"ARCHIVE_DIR": "/mnt/pictures"}


def _told(
    *,
    problems: tuple[str, ...] = (),
    free: float = 500,
    files: int | None = 10_000_000,
    floor: int = 5,
    quarantined: dict[str, int] | None = None,
) -> archive.Told:
    told = archive.Told()
    status: dict[str, Any] = {
        "problems": list(problems),
        "frames": 1_000_000,
        "bytes": 100 * GIB,
        "cameras": {
            "gate": {"frames": 1_000_000, "bytes": 100 * GIB, "newest_at_us": 1_795_817_040_123_456},
            "yard": {"frames": 0, "bytes": 0, "newest_at_us": None},
        },
        "quarantined": quarantined or {},
        "store": {
            "total_bytes": 1_000 * GIB,
            "free_bytes": int(free * GIB),
            "free_files": files,
            "floor_bytes": floor * GIB,
        },
    }
    archive.read(status, told)
    return told


def _seen(result: CheckResult) -> tuple[str, str]:
    assert bool(result.fix) is (result.status in {"warning", "failure"})
    return result.status, result.sentence


def test_archive_that_keeps_what_comes_says_how_much_it_has() -> None:
    """And how new it is, for the cameras' lines."""
    told = _told()
    assert _seen(archive.health(told, {})) == (
        "ok",
        "it keeps what comes: 1,000,000 frames of 1 camera, 100.00 GiB",
    )
    assert told.cameras == {"gate": dt.datetime(2026, 11, 27, 22, 4, 0, 123_456, dt.UTC)}


def test_what_is_wrong_is_said_of_the_folder_as_its_owner_calls_it() -> None:
    """In the container it has another name."""
    told = _told(problems=("there is no store at /var/lib/shutterbus/store: is its disk mounted?",))
    assert _seen(archive.health(told, MOUNTED)) == (
        "failure",
        "there is no store at /mnt/pictures: is its disk mounted?",
    )
    assert "no store at state/archive/store:" in archive.health(told, {}).sentence


@pytest.mark.parametrize(
    ("free", "files", "floor", "status", "words"),
    [
        (500, 10_000_000, 5, "ok", "500.0 GiB are free in the store, and inodes for 10,000,000 more files"),
        (500, None, 5, "ok", "500.0 GiB are free in the store"),
        (
            9.5,
            10_000_000,
            5,
            "warning",
            "below 5.0 (ARCHIVE_MIN_FREE, and what Kafka may still take) reading pauses",
        ),
        (9.5, 10_000_000, 1, "ok", "9.5 GiB are free"),
        (
            304,
            10_000_000,
            300,
            "warning",
            "below 300.0 (ARCHIVE_MIN_FREE, and what Kafka may still take) reading pauses",
        ),
        (500, 40_000, 5, "warning", "inodes for 40,000 more files"),
    ],
)
def test_room_is_told_before_reading_pauses(
    free: float, files: int | None, floor: int, status: str, words: str
) -> None:
    """Bytes and inodes, whichever ends first."""
    result = archive.room(_told(free=free, files=files, floor=floor))
    assert result.status == status
    assert words in result.sentence
    _seen(result)


def test_quarantine_is_counted_by_camera_the_worst_first() -> None:
    """Somebody has to look at it; nothing else waits for that."""
    assert _seen(archive.quarantine(_told())) == ("ok", "nothing is in quarantine")
    many = {"a": 1, "b": 2, "c": 3_000, "d": 1}
    assert _seen(archive.quarantine(_told(quarantined=many))) == (
        "warning",
        "3,004 messages that could not be used are kept in quarantine: c 3,000, b 2, a 1 and 1 more",
    )


def test_nothing_is_claimed_of_an_archive_that_gives_no_answer() -> None:
    """What is wrong with it has a line of its own."""
    silent = archive.Told()
    assert archive.room(silent).status == "skipped"
    assert archive.quarantine(silent).status == "skipped"


def test_backlog_is_a_warning_when_half_of_what_kafka_keeps_is_unread() -> None:
    """The share of one topic counts, not the number: a camera that has just been enrolled has nothing to lose."""
    fine = [Unread("shutterbus.gate.frames", 40_000, 0.49), Unread("shutterbus.yard.frames", 2, 0.0)]
    assert _seen(backlog.judge(fine)) == ("ok", "40,002 messages in Kafka are not in the archive yet")
    status, sentence = _seen(backlog.judge([*fine, Unread("shutterbus.pond.frames", 5, 0.5)]))
    assert status == "warning"
    assert "those of shutterbus.pond.frames are 50% of what Kafka keeps of it" in sentence
    assert _seen(backlog.judge([])) == ("ok", "0 messages in Kafka are not in the archive yet")
