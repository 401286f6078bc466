"""What the spool promises, one promise a test."""

import errno
import io
import json
import logging
import os
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.record._crc32c import crc as crc32c_py
from kafka.record.util import calc_crc32c
from PIL import Image

from edge.fakes_spool import Disk, FakeFiles, failing
from fakes import FakeClock
from shutterbus_edge.errors import FrameGoneError, MisconfiguredError, SpoolInUseError
from shutterbus_edge.settings.edge import SpoolSettings
from shutterbus_edge.spool import Held, Spool, SpoolCounts, SpoolLimits, camera_name, open_spool
from shutterbus_edge.spool.counters import RANGES_MAX, Dropped, Ranges
from shutterbus_edge.spool.files import FolderFiles
from shutterbus_edge.spool.limits import MIB
from shutterbus_edge.spool.names import digest_of
from shutterbus_runtime.clock import SystemClock
from shutterbus_wire.exif import stamp
from shutterbus_wire.frame import FrameMetadata
from shutterbus_wire.identity import FrameId, check_camera

FRAME = b"\xff\xd8 a picture \xff\xd9"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def disk() -> Disk:
    return Disk()


def make(disk: Disk | FakeFiles, clock: FakeClock, **options: Any) -> Spool:
    files = disk if isinstance(disk, FakeFiles) else FakeFiles(disk, clock)
    settings: dict[str, Any] = {
        "camera": "gate",
        "mode": "durable",
        "machine": "one",
        "background": False,
    } | options
    return Spool(Path("spool"), clock=clock, files=files, **settings)


def put(spool: Spool, data: bytes = FRAME) -> Held:
    """A frame that no lane is sending any more."""
    held = spool.put(spool.next_id(), data)
    spool.release(held)
    return held


def numbers_held(spool: Spool) -> list[int]:
    claimed = []
    while held := spool.claim_oldest("frame"):
        claimed.append(held)
    for held in claimed:
        spool.release(held)
    return [held.id.seq for held in claimed]


def dropped(spool: Spool) -> dict[str, list[tuple[int, int]]]:
    counts = spool.counts().this_epoch.dropped
    return {reason: [(first, last) for _, first, last in d.ranges] for reason, d in counts.items()}


# Files


def test_file_is_the_picture_under_its_number_and_digest(tmp_path: Path, clock: FakeClock) -> None:
    """So that ls, cp and any image viewer work on the card, and a listing is the whole recovery."""
    with Spool(tmp_path, camera="gate", clock=clock, mode="durable", background=False) as spool:
        identity = spool.next_id()
        spool.put(identity, b"123456789")

    # E3069283 is the check value of CRC-32C for these nine bytes.
    path = tmp_path / f"{identity.epoch}-00000000000000000000-e3069283.jpg"
    assert path.read_bytes() == b"123456789"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_folder_is_made_for_its_owner_only(tmp_path: Path, clock: FakeClock) -> None:
    folder = tmp_path / "var" / "spool"

    with Spool(folder, camera="gate", clock=clock, background=False):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_telemetry_is_kept_under_its_stream(disk: Disk, clock: FakeClock) -> None:
    spool = make(disk, clock)

    seqs = [
        spool.next_telemetry_seq("reports"),
        spool.next_telemetry_seq("readings-cpu"),
        spool.next_telemetry_seq("reports"),
    ]
    spool.put_telemetry("reports", seqs[2], b"123456789")

    assert seqs == [0, 0, 1]
    assert f"{spool.epoch}-reports-00000000000000000001-e3069283.json" in disk.names


def test_what_others_put_into_the_folder_is_left_alone(tmp_path: Path, clock: FakeClock) -> None:
    """Only half-written files of our own are cleaned up."""
    mine = tmp_path / f".{'0' * 16}-{'0' * 20}-00000000.jpg.tmp"
    theirs = [tmp_path / name for name in ("notes.txt", "holiday.jpg", "0-1-2.jpg", ".hidden")]
    for path in (mine, *theirs):
        path.write_bytes(b"x")
    (tmp_path / f"{'1' * 16}-{'0' * 20}-00000000.jpg").symlink_to("/etc/passwd")

    with Spool(tmp_path, camera="gate", clock=clock, background=False) as spool:
        assert spool.claim_oldest() is None

    assert all(path.exists() for path in theirs)
    assert not mine.exists()


def test_order_holds_where_numbers_grow_a_digit(disk: Disk, clock: FakeClock) -> None:
    """9 to 10 and 99 to 100: a spool sorted as text by unpadded numbers goes wrong here."""
    spool = make(disk, clock)
    for _ in range(102):
        put(spool)
    spool.close()

    assert numbers_held(make(disk, clock)) == list(range(102))


# Put, claim, confirm


def test_put_is_claimed_by_its_caller_until_released(disk: Disk, clock: FakeClock) -> None:
    """So that the backlog lane does not send what the live lane is sending."""
    spool = make(disk, clock)

    held = spool.put(spool.next_id(), FRAME)
    assert spool.claim_oldest() is None
    spool.release(held)

    assert spool.claim_oldest() == held
    assert spool.claim_oldest() is None


def test_capture_time_comes_from_the_facts_and_after_a_restart_from_the_file(
    disk: Disk, clock: FakeClock
) -> None:
    spool = make(disk, clock)
    held = spool.put(FrameMetadata(camera="gate", id=spool.next_id(), captured_at_us=42), FRAME)
    spool.close()

    recovered = make(disk, clock).claim_oldest()

    assert held.captured_at_us == 42
    assert recovered is not None
    assert recovered.captured_at_us == clock.utc_us()


def test_confirmed_frame_leaves_the_disk_whoever_claims_it(disk: Disk, clock: FakeClock) -> None:
    """An answer that comes late, after the frame has become backlog, is an answer."""
    spool = make(disk, clock)
    held = put(spool)

    spool.ack(held)

    assert not any(name.endswith(".jpg") for name in disk.names)
    assert spool.counts().this_epoch.acked == 1
    with pytest.raises(FrameGoneError, match="no longer held"):
        spool.read(held)


def test_number_that_was_taken_and_never_put_is_counted(disk: Disk, clock: FakeClock) -> None:
    """A picture that failed between its number and the spool leaves no unexplained hole."""
    spool = make(disk, clock)
    spool.next_id()
    spool.next_id()
    put(spool)

    assert dropped(spool) == {"unfinished": [(0, 1)]}
    assert spool.counts().this_epoch.captured == 3


def test_number_cannot_be_put_twice(disk: Disk, clock: FakeClock) -> None:
    spool = make(disk, clock)
    held = put(spool)

    with pytest.raises(ValueError, match="is not the next frame"):
        spool.put(held.id, b"other bytes")
    with pytest.raises(ValueError, match="is not the next frame"):
        spool.put(FrameId("0" * 16, 1), FRAME)


# Modes


def test_spill_writes_nothing_that_is_confirmed_in_time(disk: Disk, clock: FakeClock) -> None:
    """In normal running the card is not worn at all."""
    spool = make(disk, clock, mode="spill")
    held = spool.put(spool.next_id(), FRAME)
    clock.pass_s(1.9)
    spool.maintain()
    spool.ack(held)
    clock.pass_s(60)
    spool.maintain()

    assert list(disk.names) == ["epoch.json"]


def test_spill_writes_what_is_not_confirmed_in_two_seconds(disk: Disk, clock: FakeClock) -> None:
    """Even while the live lane still tries."""
    spool = make(disk, clock, mode="spill")
    held = spool.put(spool.next_id(), FRAME)
    assert spool.counts().in_memory_frames == 1
    clock.pass_s(2)
    spool.maintain()

    assert spool.counts().in_memory_frames == 0
    assert spool.read(held) == FRAME
    assert any(name.endswith(".jpg") for name in disk.names)


def test_spill_writes_early_when_memory_fills(disk: Disk, clock: FakeClock) -> None:
    """From half full on, oldest first, so that a slow disk finds room to be slow."""
    spool = make(disk, clock, mode="spill", limits=SpoolLimits(memory_max_bytes=1_000))
    for _ in range(3):
        put(spool, bytes(250))
    spool.maintain()

    assert spool.counts().in_memory_frames == 2
    assert dropped(spool) == {}


def test_memory_mode_keeps_the_card_clean_until_the_end(disk: Disk, clock: FakeClock) -> None:
    """A clean stop still loses nothing."""
    spool = make(disk, clock, mode="memory")
    put(spool)
    clock.pass_s(100)
    spool.maintain()
    assert not any(name.endswith(".jpg") for name in disk.names)

    spool.close()

    assert numbers_held(make(disk, clock)) == [0]


def test_memory_mode_drops_by_policy(disk: Disk, clock: FakeClock) -> None:
    spool = make(disk, clock, mode="memory", limits=SpoolLimits(memory_max_bytes=100))
    for _ in range(5):
        put(spool, bytes(40))

    assert dropped(spool) == {"overwritten": [(0, 2)]}


def test_sum_comes_out_at_any_instant(tmp_path: Path) -> None:
    """Capture, two lanes, the spool's own thread and somebody who counts, all at once on a real disk."""
    limits = SpoolLimits(max_files=20, memory_max_bytes=400, spill_after_s=0.005, min_free_bytes=0)
    spool = Spool(tmp_path, camera="gate", clock=SystemClock(), limits=limits)
    failures: list[SpoolCounts] = []
    done = threading.Event()

    def capture() -> None:
        for n in range(400):
            held = spool.put(spool.next_id(), bytes(20 + n % 7))
            (spool.ack if n % 5 == 0 else spool.release)(held)

    def backlog() -> None:
        while not done.is_set():
            if (held := spool.claim_oldest()) is None:
                time.sleep(0.01)  # as a lane does that has nothing to send
                continue
            assert len(spool.read(held)) == held.size_bytes
            {0: spool.release, 1: spool.ack}.get(held.id.seq % 3, spool.ack)(held)

    def count() -> None:
        while not done.is_set():
            counts = spool.counts()
            if not adds_up(counts):
                failures.append(counts)

    with ThreadPoolExecutor() as pool:
        others = [pool.submit(backlog), pool.submit(backlog), pool.submit(count)]
        capture()
        done.set()
    for other in others:
        other.result()
    spool.close()

    assert failures == []
    assert adds_up(spool.counts())
    assert spool.counts().this_epoch.captured == 400
    assert len(list(tmp_path.glob("*.jpg"))) == spool.counts().held_frames


# Limits


@pytest.mark.parametrize(
    "limits",
    [
        {"max_files": 4},
        {"max_bytes": 4 * len(FRAME)},
        {"max_bytes": 5 * len(FRAME) - 1},
    ],
)
def test_full_spool_drops_its_oldest_frame(disk: Disk, clock: FakeClock, limits: dict[str, int]) -> None:
    """The newest picture is the one worth having."""
    spool = make(disk, clock, limits=SpoolLimits(**limits))  # type: ignore[arg-type]  # whichever it names
    for _ in range(6):
        put(spool)

    assert numbers_held(spool) == [2, 3, 4, 5]
    assert dropped(spool) == {"overwritten": [(0, 1)]}
    assert len([name for name in disk.names if name.endswith(".jpg")]) == 4


def test_thin_keeps_every_second_of_the_oldest_half(disk: Disk, clock: FakeClock) -> None:
    """A timelapse keeps its whole span, ever coarser towards its beginning."""
    spool = make(disk, clock, limits=SpoolLimits(max_files=8, on_full="thin"))
    for _ in range(10):
        put(spool)
    assert numbers_held(spool) == [0, 2, 4, 5, 6, 7, 8, 9]

    for _ in range(40):
        put(spool)

    held = numbers_held(spool)
    assert len(held) == 8
    assert held[-4:] == [46, 47, 48, 49]
    assert held[0] == 0
    assert list(dropped(spool)) == ["thinned"]


def test_reject_new_gives_a_new_frame_its_chance_to_go_live(disk: Disk, clock: FakeClock) -> None:
    """It is rejected from the backlog, when the live lane has given it up; what is there stays."""
    spool = make(disk, clock, limits=SpoolLimits(max_files=2, on_full="reject-new"))
    for _ in range(2):
        put(spool)
    live = spool.put(spool.next_id(), FRAME)
    spool.maintain()
    assert spool.read(live) == FRAME
    spool.ack(live)
    put(spool)
    spool.maintain()

    assert numbers_held(spool) == [0, 1]
    assert dropped(spool) == {"rejected": [(3, 3)]}
    assert spool.counts().this_epoch.acked == 1


def test_old_frames_expire(disk: Disk, clock: FakeClock) -> None:
    spool = make(disk, clock, limits=SpoolLimits(max_age_s=100))
    put(spool)
    clock.pass_s(60)
    put(spool)
    clock.pass_s(60)
    spool.maintain()

    assert dropped(spool) == {"expired": [(0, 0)]}


def stamped(held_id: FrameId, clock: FakeClock, *, clock_synced: bool) -> bytes:
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "JPEG")
    metadata = FrameMetadata("gate", held_id, clock.utc_us(), "arrival", clock_synced, {})
    return stamp(file.getvalue(), metadata, software="test")


DAY_S = 86_400


@pytest.mark.parametrize("clock_synced", [True, False])
def test_frames_of_a_clock_that_was_not_trusted_are_as_old_as_this_start(
    clock_synced: bool, disk: Disk, clock: FakeClock
) -> None:
    """A Pi without a clock of its own starts with the time of its last shutdown, weeks ago, and learns the time later."""
    clock.utc_offset_us -= 26 * DAY_S * 1_000_000
    spool = make(disk, clock)
    for _ in range(3):
        identity = spool.next_id()
        spool.release(spool.put(identity, stamped(identity, clock, clock_synced=clock_synced)))
    spool.close()
    clock.utc_offset_us += 26 * DAY_S * 1_000_000

    again = make(disk, clock, limits=SpoolLimits(max_age_s=7 * DAY_S))
    again.maintain()
    assert dropped(again) == ({"expired": [(0, 2)]} if clock_synced else {})
    clock.pass_s(7 * DAY_S + 1)
    again.maintain()
    assert dropped(again) == {"expired": [(0, 2)]}


def test_clock_that_is_set_expires_nothing(disk: Disk, clock: FakeClock) -> None:
    """A Pi starts in 1970 and learns the time later."""
    clock.utc_offset_us = 0
    spool = make(disk, clock)
    put(spool)
    clock.jump_s(56 * 365 * 86_400)
    spool.maintain()
    spool.close()
    spool = make(disk, clock)
    spool.maintain()

    assert numbers_held(spool) == [0]


def test_age_goes_on_over_a_restart(disk: Disk, clock: FakeClock) -> None:
    spool = make(disk, clock)
    put(spool)
    spool.close()
    clock.pass_s(3_600)

    assert make(disk, clock).counts().oldest_held_age_s == pytest.approx(3_600)


def test_claimed_frames_are_not_dropped(disk: Disk, clock: FakeClock) -> None:
    """What is on the wire may be confirmed any moment."""
    spool = make(disk, clock, limits=SpoolLimits(max_files=2))
    flying = spool.put(spool.next_id(), FRAME)
    for _ in range(3):
        put(spool)

    assert spool.read(flying) == FRAME
    assert dropped(spool) == {"overwritten": [(1, 2)]}


def test_telemetry_makes_no_room_for_pictures(disk: Disk, clock: FakeClock) -> None:
    """The account of what happened is worth more than any one picture."""
    spool = make(disk, clock, limits=SpoolLimits(max_files=1))
    telemetry = spool.put_telemetry("reports", spool.next_telemetry_seq("reports"), b"{}")
    spool.release(telemetry)
    for _ in range(5):
        put(spool)

    assert spool.read(telemetry) == b"{}"
    assert spool.counts().records_dropped == 0


def test_telemetry_has_a_bound_of_its_own(
    disk: Disk, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutterbus_edge.spool.limits.TELEMETRY_MAX_FILES", 3)
    spool = make(disk, clock)
    for _ in range(5):
        spool.release(spool.put_telemetry("reports", spool.next_telemetry_seq("reports"), b"{}"))

    counts = spool.counts()
    assert (counts.held_telemetry, counts.records_dropped) == (3, 2)
    first = spool.claim_oldest("telemetry")
    assert first is not None
    assert first.id.seq == 2


def test_spool_does_not_grow_while_the_disk_is_nearly_full(disk: Disk, clock: FakeClock) -> None:
    """Somebody else fills the disk: each new frame takes the place of an old one, and no more than that goes."""
    spool = make(disk, clock, limits=SpoolLimits(min_free_bytes=10 * MIB))
    for _ in range(5):
        put(spool)
    disk.capacity_bytes = disk.used_bytes + 5 * MIB
    for _ in range(2):
        put(spool)

    assert numbers_held(spool) == [2, 3, 4, 5, 6]


def test_limit_lowered_by_mistake_does_not_empty_the_spool_at_a_stroke(disk: Disk, clock: FakeClock) -> None:
    """SPOOL_MAX_BYTES=2 where 2GiB was meant costs a hundred frames a picture, not all of them at the start."""
    spool = make(disk, clock)
    for _ in range(300):
        put(spool)
    spool.close()

    spool = make(disk, clock, limits=SpoolLimits(max_files=1))
    assert spool.counts().held_frames == 300
    put(spool)

    assert spool.counts().held_frames == 201


def test_default_limit_does_not_shrink_as_the_spool_fills(disk: Disk, clock: FakeClock) -> None:
    """A quarter of what was free before it took any."""
    limits = SpoolLimits()
    files = FakeFiles(disk, clock)
    empty = limits.bytes_allowed(0, files.free())
    disk.capacity_bytes -= 1 << 30

    assert limits.bytes_allowed(1 << 30, files.free()) == empty == (1 << 39) // 4


def test_frame_larger_than_the_whole_spool_goes_live_or_nowhere(disk: Disk, clock: FakeClock) -> None:
    """It must not push everything else out in vain."""
    spool = make(disk, clock, limits=SpoolLimits(max_bytes=100))
    put(spool, bytes(50))
    large = spool.put(spool.next_id(), bytes(101))
    assert len(spool.read(large)) == 101
    spool.release(large)
    spool.maintain()

    assert numbers_held(spool) == [0]
    assert dropped(spool) == {"too-large": [(1, 1)]}


def test_drops_are_said_once_a_minute(disk: Disk, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """An hour of overwriting is sixty lines, each with numbers from and to."""
    spool = make(disk, clock, limits=SpoolLimits(max_files=1))
    caplog.set_level(logging.WARNING)
    for _ in range(120):
        put(spool)
        clock.pass_s(1)
        spool.maintain()

    assert len(caplog.messages) == 2
    assert caplog.messages[1].startswith("dropped 60 (overwritten): ")


# A disk that fails


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_makes_room_of_its_own(disk: Disk, clock: FakeClock, number: int) -> None:
    """The disk says that it is full although the limits did not, and goes on saying so for a while."""
    files = FakeFiles(disk, clock)
    spool = make(files, clock)
    for _ in range(5):
        put(spool)
    refusals = iter(range(3))

    def full(call: str, name: str) -> None:
        if call == "write" and next(refusals, None) is not None:
            raise OSError(number, os.strerror(number))

    files.fault = full
    put(spool)

    assert dropped(spool) == {"no-space": [(0, 2)]}
    assert numbers_held(spool) == [3, 4, 5]
    assert not any(name.endswith(".tmp") for name in disk.names)
    assert spool.counts().trouble is None


def test_disk_that_others_filled_keeps_frames_in_memory(disk: Disk, clock: FakeClock) -> None:
    """There is nothing of our own to remove."""
    spool = make(disk, clock)
    disk.capacity_bytes = disk.used_bytes + 5
    held = put(spool)

    assert spool.read(held) == FRAME
    assert "SPOOL_MIN_FREE" in (spool.counts().trouble or "")


@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO])
@pytest.mark.parametrize("mode", ["spill", "durable"])
def test_broken_disk_stops_nothing_and_is_used_again(
    disk: Disk, clock: FakeClock, number: int, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Frames stay in memory, health says why, and they go to disk when it works again."""
    files = FakeFiles(disk, clock)
    spool = make(files, clock, mode=mode)
    files.fault = failing(number)
    helds = [put(spool) for _ in range(3)]
    clock.pass_s(3)
    spool.maintain()

    counts = spool.counts()
    assert counts.in_memory_frames == 3
    assert counts.trouble is not None
    assert os.strerror(number) in counts.trouble
    assert spool.read(helds[0]) == FRAME

    files.fault = lambda _call, _name: None
    clock.pass_s(6)
    spool.maintain()

    assert spool.counts().in_memory_frames == 0
    assert spool.counts().trouble is None
    assert [r.message for r in caplog.records if r.levelno == logging.WARNING] == [
        f"spool: the spool folder cannot be written ({os.strerror(number)}): frames are kept in memory only"
    ]


@pytest.mark.parametrize("call", ["create", "write", "fsync", "rename", "sync_folder"])
def test_frame_whose_writing_failed_is_written_anew(disk: Disk, clock: FakeClock, call: str) -> None:
    """After a failed fsync the kernel may take the pages for clean: that file is never trusted again."""
    files = FakeFiles(disk, clock)
    spool = make(files, clock)
    files.fault = failing(errno.EIO, call)
    put(spool)
    assert not any(name.endswith(".tmp") for name in disk.names)
    files.fault = lambda _call, _name: None
    before = len(files.calls)
    clock.pass_s(6)
    spool.maintain()

    again = [c for c, name in files.calls[before:] if ".jpg" in name]
    assert again == ["create", "write", "write", "fsync", "rename", "sync_folder"]


def test_broken_disk_bounds_memory(disk: Disk, clock: FakeClock) -> None:
    files = FakeFiles(disk, clock)
    spool = make(files, clock, limits=SpoolLimits(memory_max_bytes=100))
    files.fault = failing(errno.EROFS)
    for _ in range(5):
        put(spool, bytes(40))

    assert dropped(spool) == {"memory-full": [(0, 2)]}


def test_broken_disk_bounds_the_memory_of_telemetry(
    disk: Disk, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutterbus_edge.spool.limits.TELEMETRY_MEMORY_MAX_BYTES", 10)
    files = FakeFiles(disk, clock)
    spool = make(files, clock)
    files.fault = failing(errno.EROFS)
    for _ in range(8):
        spool.release(spool.put_telemetry("reports", spool.next_telemetry_seq("reports"), b"{}"))

    assert spool.counts().held_telemetry == 5


def test_broken_disk_at_the_start_is_no_reason_not_to_start(disk: Disk, clock: FakeClock) -> None:
    """A read-only card must not end in a loop of restarts. Its epoch is new, as its use cannot be noted."""
    old = make(disk, clock)
    put(old)
    old.close()
    files = FakeFiles(disk, clock)
    files.fault = failing(errno.EROFS)
    spool = make(files, clock)
    live = spool.put(spool.next_id(), FRAME)

    assert spool.epoch != old.epoch
    assert spool.read(live) == FRAME
    assert spool.counts().held_frames == 2
    assert spool.counts().trouble is not None

    files.fault = lambda _call, _name: None
    clock.pass_s(6)
    spool.maintain()
    assert json.loads(disk.contents()["epoch.json"])["epoch"] == spool.epoch
    assert spool.counts().in_memory_frames == 0


def test_disk_that_works_again_is_noticed_without_a_frame_to_try_it(disk: Disk, clock: FakeClock) -> None:
    files = FakeFiles(disk, clock)
    spool = make(files, clock)
    held = put(spool)
    files.fault = failing(errno.EROFS)
    spool.ack(held)
    assert spool.counts().trouble is not None
    files.fault = lambda _call, _name: None
    clock.pass_s(6)
    spool.maintain()

    assert spool.counts().trouble is None
    assert not any(name.endswith(".jpg") for name in disk.names)


def test_file_that_cannot_be_removed_does_not_hold_up_the_rest(
    disk: Disk, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """One bad inode is no broken disk: it is sent again after a restart, and recognised as a repeat."""
    files = FakeFiles(disk, clock)
    spool = make(files, clock)
    first, second = put(spool), put(spool)

    def bad_inode(call: str, name: str) -> None:
        if call == "unlink" and name.startswith(first.name):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    files.fault = bad_inode
    spool.ack(first)
    spool.ack(second)

    assert spool.counts().trouble is None
    assert [name for name in disk.names if name.endswith(".jpg")] == [
        name for name in disk.names if name.startswith(first.name)
    ]
    assert "will be sent again after a restart" in caplog.text


def test_what_cannot_be_written_at_the_end_is_counted(disk: Disk, clock: FakeClock) -> None:
    files = FakeFiles(disk, clock)
    spool = make(files, clock, mode="spill")
    put(spool)
    files.fault = failing(errno.EIO, "fsync")
    spool.close()

    assert dropped(spool) == {"memory-lost": [(0, 0)]}


def test_slow_disk_does_not_stall_spilling_puts(tmp_path: Path, clock: FakeClock) -> None:
    """Capture keeps time while an fsync takes as long as it likes."""
    syncing, go_on = threading.Event(), threading.Event()

    class SlowFiles(FolderFiles):
        def fsync(self, descriptor: int) -> None:
            if threading.current_thread().name == "spool":
                syncing.set()
                assert go_on.wait(30)
            super().fsync(descriptor)

    spool = Spool(tmp_path, camera="gate", clock=clock, files=SlowFiles(tmp_path), mode="spill")
    first = spool.put(spool.next_id(), FRAME)
    clock.pass_s(3)
    assert syncing.wait(10)
    # The disk hangs in this very moment, and everything but the disk goes on.
    second = put(spool)
    assert spool.read(first) == FRAME
    assert spool.claim_oldest() == second
    spool.ack(second)
    spool.ack(first)
    assert spool.counts().held_frames == 0
    go_on.set()
    spool.close()

    assert not list(tmp_path.glob("*.jpg"))  # confirmed while it was being written


# Damage


def test_damaged_frame_is_set_aside_and_the_next_one_flows(tmp_path: Path, clock: FakeClock) -> None:
    with Spool(tmp_path, camera="gate", clock=clock, mode="durable", background=False) as spool:
        put(spool)
        put(spool)
        (damaged,) = tmp_path.glob("*-00000000000000000000-*.jpg")
        damaged.write_bytes(FRAME[:-3])
        bad = spool.claim_oldest()
        assert bad is not None
        with pytest.raises(FrameGoneError, match="digest"):
            spool.read(bad)
        good = spool.claim_oldest()
        assert good is not None
        assert spool.read(good) == FRAME
        assert spool.counts().this_epoch.quarantined == 1

    assert (tmp_path / "quarantine" / damaged.name).read_bytes() == FRAME[:-3]
    assert "digest" in (tmp_path / "quarantine" / f"{damaged.name}.txt").read_text()


def test_bad_sector_hurts_one_frame(disk: Disk, clock: FakeClock) -> None:
    files = FakeFiles(disk, clock)
    spool = make(files, clock)
    put(spool)
    held = spool.claim_oldest()
    assert held is not None
    files.fault = failing(errno.EIO, "read")

    with pytest.raises(FrameGoneError, match=os.strerror(errno.EIO)):
        spool.read(held)
    assert spool.counts().this_epoch.quarantined == 1


def test_file_that_somebody_removed_is_counted(disk: Disk, clock: FakeClock) -> None:
    spool = make(disk, clock)
    held = spool.put(spool.next_id(), FRAME)
    disk.names.clear()

    with pytest.raises(FrameGoneError, match="vanished"):
        spool.read(held)
    assert dropped(spool) == {"vanished": [(0, 0)]}


def test_files_removed_between_two_starts_are_counted(disk: Disk, clock: FakeClock) -> None:
    spool = make(disk, clock)
    put(spool)
    put(spool)
    spool.close()
    disk.names = {name: node for name, node in disk.names.items() if not name.endswith(".jpg")}

    counts = make(disk, clock).counts()

    assert counts.this_epoch.dropped["vanished"].count == 2
    assert adds_up(counts)


def test_frame_in_memory_can_be_set_aside_too(disk: Disk, clock: FakeClock) -> None:
    spool = make(disk, clock, mode="spill")
    held = spool.put(spool.next_id(), FRAME)
    spool.set_aside(held, "over-limit", "1,000,000 bytes, 999,999 are allowed")

    kept = {name: data for name, data in disk.contents().items() if name.startswith("quarantine/")}
    assert list(kept.values()) == [FRAME, b"over-limit: 1,000,000 bytes, 999,999 are allowed\n"]


def test_quarantine_is_bounded(disk: Disk, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its oldest goes: a camera that only makes pictures the broker refuses must not fill its card with them."""
    monkeypatch.setattr("shutterbus_edge.spool.quarantine.FILES_MAX", 3)
    spool = make(disk, clock)
    for _ in range(5):
        clock.pass_s(1)
        spool.set_aside(spool.put(spool.next_id(), FRAME), "over-limit", "it is too large")

    pictures = sorted(n for n in disk.names if n.startswith("quarantine/") and n.endswith(".jpg"))
    assert [int(name.split("-")[1]) for name in pictures] == [2, 3, 4]
    assert spool.counts().this_epoch.quarantined == 5


def test_second_file_with_the_same_number_is_set_aside(disk: Disk, clock: FakeClock) -> None:
    """Somebody copied frames together; one number is one picture."""
    spool = make(disk, clock)
    held = put(spool)
    name = next(n for n in disk.names if n.startswith(held.name))
    spool.close()
    disk.names[name.replace(name[-12:-4], "00000000")] = disk.names[name]

    counts = make(disk, clock).counts()

    assert counts.held_frames == 1
    assert adds_up(counts)
    assert any("identity-conflict" in data.decode(errors="replace") for data in disk.contents().values())


# Epochs


def test_clean_stop_goes_on_counting(disk: Disk, clock: FakeClock) -> None:
    """Numbers, streams and sums: no hole, no new epoch, nothing uncertain."""
    spool = make(disk, clock, limits=SpoolLimits(max_files=2))
    for _ in range(3):
        put(spool)
    spool.ack(put(spool))
    spool.next_telemetry_seq("reports")
    spool.close()

    again = make(disk, clock)

    assert again.next_id() == FrameId(spool.epoch, 4)
    assert again.next_telemetry_seq("reports") == 1
    assert again.counts().uncertain == ()
    assert again.counts().this_epoch == spool.counts().this_epoch
    assert again.counts().this_epoch.captured == 4


def test_unclean_stop_begins_an_epoch_and_says_what_is_uncertain(disk: Disk, clock: FakeClock) -> None:
    spool = make(disk, clock)
    spool.ack(put(spool))
    spool.close()
    spool = make(disk, clock)
    put(spool)  # and then the power goes

    again = make(disk, clock)

    assert again.epoch != spool.epoch
    assert again.counts().uncertain == ((spool.epoch, 1, None),)
    assert again.counts().previous_epochs.captured == again.counts().previous_epochs.held == 1
    assert adds_up(again.counts())


@pytest.mark.parametrize("change", [{"machine": "two"}, {"camera": "yard"}])
def test_another_machine_or_camera_begins_an_epoch(
    disk: Disk, clock: FakeClock, change: dict[str, str]
) -> None:
    """A copied card must not shadow the pictures of the card it was copied from."""
    spool = make(disk, clock)
    put(spool)
    spool.close()

    again = make(disk, clock, **change)

    assert again.epoch != spool.epoch
    assert again.counts().uncertain == ((spool.epoch, 1, None),)


def test_note_older_than_the_frames_beside_it_is_not_believed(disk: Disk, clock: FakeClock) -> None:
    """Half a backup was restored."""
    spool = make(disk, clock)
    spool.close()
    backup = disk.names["epoch.json"]
    spool = make(disk, clock)
    put(spool)
    spool.close()
    disk.names["epoch.json"] = backup

    assert make(disk, clock).epoch != spool.epoch


def test_unreadable_note_begins_an_epoch(disk: Disk, clock: FakeClock) -> None:
    spool = make(disk, clock)
    spool.close()
    disk.names["epoch.json"].data = b"\0" * 100

    assert make(disk, clock).epoch != spool.epoch


@given(st.data())
def test_note_with_one_flipped_bit_costs_its_content_at_most(data: st.DataObject) -> None:
    """It never keeps the spool from opening, and no number is given twice."""
    disk, clock = Disk(), FakeClock()
    spool = make(disk, clock)
    used = {put(spool).id for _ in range(3)}
    spool.ack(put(spool))
    spool.next_telemetry_seq("reports")
    used |= {FrameId(spool.epoch, 3)}
    spool.close()
    note = bytearray(disk.names["epoch.json"].data)
    bit = data.draw(st.integers(0, len(note) * 8 - 1))
    note[bit // 8] ^= 1 << bit % 8
    disk.names["epoch.json"].data = bytes(note)

    again = make(disk, clock)

    assert again.next_id() not in used
    assert numbers_held(again) == [0, 1, 2]


@pytest.mark.parametrize(
    "change",
    [
        {"next_seq": -1}, {"next_seq": 1 << 63}, {"epoch": "gate"}, {"streams": {"Reports!": 0}},
        {"streams": {"reports": -5}}, {"uncertain": [["x", 0, None]]}, {"next_seq": 10**30}, {"tally": None},
    ],
    ids=str,
)  # fmt: skip
def test_note_with_values_that_cannot_be_begins_an_epoch(
    change: dict[str, Any], disk: Disk, clock: FakeClock
) -> None:
    spool = make(disk, clock)
    put(spool)
    spool.close()
    note = json.loads(disk.names["epoch.json"].data)
    disk.names["epoch.json"].data = json.dumps(note | change).encode()

    again = make(disk, clock)

    assert again.epoch != spool.epoch
    assert numbers_held(again) == [0]


def test_earlier_epochs_are_sent_first(disk: Disk, clock: FakeClock) -> None:
    for _ in range(4):
        clock.pass_s(1)
        put(make(disk, clock))
    spool = make(disk, clock)
    put(spool)

    sent = []
    while held := spool.claim_oldest():
        sent.append(held.captured_at_us)

    assert len(sent) == 5
    assert sent == sorted(sent)


# The folder


def test_second_process_is_told_that_the_folder_is_taken(tmp_path: Path, clock: FakeClock) -> None:
    with (
        Spool(tmp_path, camera="gate", clock=clock, background=False),
        pytest.raises(SpoolInUseError, match=r"another process is using .*SPOOL_DIR"),
    ):
        Spool(tmp_path, camera="gate", clock=clock, background=False)
    with Spool(tmp_path, camera="gate", clock=clock, background=False):
        """Free again."""


def test_folder_that_is_a_file_is_said_in_a_sentence(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "spool").touch()

    with pytest.raises(MisconfiguredError, match="SPOOL_DIR"):
        Spool(tmp_path / "spool", camera="gate", clock=clock, background=False)


def test_folder_that_may_not_be_written_is_said_in_a_sentence(disk: Disk, clock: FakeClock) -> None:
    """The wrong owner is no broken disk: it does not get better by waiting."""
    files = FakeFiles(disk, clock)
    files.fault = failing(errno.EACCES)

    with pytest.raises(MisconfiguredError, match=r"Permission denied.*SPOOL_DIR"):
        make(files, clock)


def test_camera_name_is_made_once(tmp_path: Path, clock: FakeClock) -> None:
    name = camera_name(tmp_path / "spool")

    assert camera_name(tmp_path / "spool") == name == check_camera(name)
    assert name.startswith("camera-")
    with Spool(tmp_path / "spool", camera=name, clock=clock, background=False):
        assert camera_name(tmp_path / "spool") == name


def test_limit_of_the_broker_outlasts_a_restart(disk: Disk, clock: FakeClock) -> None:
    """It is met at capture even when the broker is away at the start."""
    spool = make(disk, clock)
    assert spool.frame_max_bytes is None
    spool.learn_frame_max_bytes(2_093_068)
    spool.close()

    assert make(disk, clock).frame_max_bytes == 2_093_068


def test_settings_open_a_spool(tmp_path: Path, clock: FakeClock) -> None:
    with open_spool(SpoolSettings(dir=tmp_path, max_bytes=5 * MIB), "gate", clock) as spool:
        put(spool, bytes(10))
        assert spool.counts().held_frames == 1


# Digests and ranges


def test_digest_is_the_same_where_there_is_no_fast_one() -> None:
    """A 32-bit Pi has no wheel for it; its card is read elsewhere all the same."""
    for data in (b"", b"123456789", bytes(range(256)) * 3):
        assert calc_crc32c(data, crc32c_py) == digest_of(data)


def test_ranges_join_neighbours_and_stay_few() -> None:
    """Thinning a season leaves a hundred thousand holes; a report has to carry them."""
    ranges = Ranges()
    for seq in (3, 1, 2):
        ranges.add("0" * 16, seq, seq)
    assert ranges.dropped() == Dropped(3, (("0" * 16, 1, 3),))

    for seq in range(10, 10_000, 2):
        ranges.add("1" * 16, seq, seq)

    result = ranges.dropped()
    assert result.count == 3 + 4_995
    assert len(result.ranges) == RANGES_MAX
    assert result.ranges[0] == ("0" * 16, 1, 3)
    assert (result.ranges[1][1], result.ranges[-1][2]) == (10, 9_998)


def adds_up(counts: SpoolCounts) -> bool:
    return all(
        tally.captured
        == tally.acked + sum(d.count for d in tally.dropped.values()) + tally.quarantined + tally.held
        for tally in (counts.this_epoch, counts.previous_epochs)
    )
