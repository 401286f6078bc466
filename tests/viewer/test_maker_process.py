"""The maker process: what it makes, and that a picture that hangs or crashes it costs itself alone."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fakes import FakeClock
from runtime.test_child import is_gone, wait_until
from shutterbus_runtime.child_process import ChildProcess
from shutterbus_viewer.errors import (
    ArchiveUnreadableError,
    FrameGoneError,
    MakerUnavailableError,
    UndrawableError,
)
from shutterbus_viewer.history import process
from shutterbus_viewer.history.process import Deadlines, MakerProcess
from shutterbus_viewer.history.sheets import Sheet, SheetFrame, sheet
from viewer.fakes_viewer import jpeg, picture, png
from viewer.kept_files import frame, pixels
from viewer.test_hostile_pictures import LARGE, claims

MISBEHAVING = (sys.executable, str(Path(__file__).with_name("misbehaving_maker.py")))

BUDGET_BYTES = 60_000_000

Start = Callable[..., MakerProcess]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def start(clock: FakeClock) -> Iterator[Start]:
    """Return makers whose processes misbehave when a picture's name says so; all are closed at the end."""
    started: list[MakerProcess] = []

    def start_one(command: tuple[str, ...] = MISBEHAVING, **deadlines: float) -> MakerProcess:
        started.append(
            MakerProcess(clock, command, deadlines=Deadlines(**deadlines), budget_bytes=BUDGET_BYTES)
        )
        return started[-1]

    yield start_one
    for each in started:
        each.close()


def file(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


def size_px(made: bytes) -> tuple[int, int]:
    height_px, width_px = pixels(made).shape[:2]
    return width_px, height_px


def pid_of(maker: MakerProcess) -> int:
    assert maker._child is not None
    assert maker._child._process is not None
    return maker._child._process.pid


def minutes(made: Sheet) -> list[int]:
    return [minute for minute, _, _ in made.minutes]


def hour_with(folder: Path, name: str) -> list[SheetFrame]:
    """Return three minutes, the second of which is called *name*."""
    return [frame(folder, 0), frame(folder, 1, name=name), frame(folder, 2)]


def test_process_makes_the_same_sheet(start: Start, tmp_path: Path) -> None:
    frames = [frame(tmp_path, minute) for minute in range(5)]

    assert start().sheet(frames) == sheet(frames, BUDGET_BYTES)


def test_frame_is_scaled_and_upright(start: Start, tmp_path: Path) -> None:
    sideways = picture(picture=jpeg(640, 480), orientation=6).frame.data

    made = start().scaled(file(tmp_path, "a.jpg", sideways), 160)

    assert size_px(made.picture) == (160, 213)
    assert pixels(made.picture)[20, 150].min() > 200, "the bright corner went from top left to top right"
    assert not made.as_it_is


def test_jpeg_that_is_no_wider_is_passed_on_as_it_is(start: Start, tmp_path: Path) -> None:
    """With its EXIF, which says how to turn it."""
    sideways = picture(picture=jpeg(640, 480), orientation=6).frame.data

    made = start().scaled(file(tmp_path, "a.jpg", sideways), 480)

    assert (made.picture, made.as_it_is) == (sideways, True)


def test_png_becomes_a_jpeg_and_no_wider(start: Start, tmp_path: Path) -> None:
    made = start().scaled(file(tmp_path, "a.png", png(300, 200)), 640)

    assert size_px(made.picture) == (300, 200)
    assert made.picture.startswith(b"\xff\xd8\xff")
    assert not made.as_it_is


def test_frame_that_is_gone_is_said_to_be(start: Start, tmp_path: Path) -> None:
    with pytest.raises(FrameGoneError, match=r"^a\.jpg is not in the store any more$"):
        start().scaled(str(tmp_path / "a.jpg"), 160)


def test_file_that_cannot_be_read_now_is_not_said_to_be_gone(start: Start, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").mkdir()

    with pytest.raises(ArchiveUnreadableError, match=r"^a\.jpg cannot be read now: Is a directory$"):
        start().scaled(str(tmp_path / "a.jpg"), 160)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (jpeg(320, 180)[:-300], "is damaged: JPEG of .* has no end mark"),
        (claims(LARGE, progressive=True) + b"\xff\xd9", "to scale it takes .* of memory"),
        (claims((640, 360), progressive=False) + b"\xff\xd9", "cannot be decoded"),
    ],
    ids=["torn", "progressive bomb", "no tables"],
)
def test_frame_that_cannot_be_drawn_is_refused_in_a_sentence(
    start: Start, tmp_path: Path, data: bytes, sentence: str
) -> None:
    with pytest.raises(UndrawableError, match=sentence):
        start().scaled(file(tmp_path, "a.jpg", data), 160)


def test_frame_that_crashes_the_decoder_costs_itself_alone(start: Start, tmp_path: Path) -> None:
    maker = start()
    with pytest.raises(UndrawableError, match="cannot be decoded: the maker process ended with signal 11"):
        maker.scaled(file(tmp_path, "crash.jpg", jpeg()), 32)

    assert size_px(maker.scaled(file(tmp_path, "a.jpg", jpeg()), 32).picture) == (32, 24)


def test_frame_that_crashed_two_processes_is_not_tried_again(start: Start, tmp_path: Path) -> None:
    maker = start()
    path = file(tmp_path, "crash.jpg", jpeg())
    for _ in range(2):
        with pytest.raises(UndrawableError, match="signal 11"):
            maker.scaled(path, 32)
    maker.scaled(file(tmp_path, "a.jpg", jpeg()), 32)
    pid = pid_of(maker)

    with pytest.raises(UndrawableError, match="crashes or hangs the decoder, and is not tried again"):
        maker.scaled(path, 32)

    assert pid_of(maker) == pid
    assert not is_gone(pid)


def test_sheet_is_made_without_the_frame_that_crashes_the_decoder(start: Start, tmp_path: Path) -> None:
    """It is complete once that frame is known to be the cause: before, the kernel may have been short of memory."""
    maker = start()
    frames = hour_with(tmp_path, "crash")

    sheets = [maker.sheet(frames) for _ in range(3)]

    assert [minutes(made) for made in sheets] == [[0, 2]] * 3
    assert [made.complete for made in sheets] == [False, False, True]


def test_hour_that_is_full_of_crashes_is_given_up(start: Start, tmp_path: Path) -> None:
    frames = [frame(tmp_path, minute, name=f"crash{minute}") for minute in range(6)]

    with pytest.raises(UndrawableError, match="of this hour at least 4 pictures crash or hang the decoder"):
        start().sheet(frames)


def test_frame_that_hangs_the_decoder_costs_itself_alone(start: Start, tmp_path: Path) -> None:
    maker = start(picture_s=2.0)
    path = file(tmp_path, "hang.jpg", jpeg())
    with pytest.raises(UndrawableError, match=r"cannot be decoded: no end of it within 2 s"):
        maker.scaled(path, 32)
    assert is_gone(int((tmp_path / "hang.begun").read_text()))
    maker._deadlines = Deadlines()  # what comes now goes well, however slow this machine is

    assert size_px(maker.scaled(file(tmp_path, "a.jpg", jpeg()), 32).picture) == (32, 24)


def test_sheet_that_takes_too_long_is_nobodys_fault(start: Start, tmp_path: Path) -> None:
    maker = start(job_s=0.0)

    for _ in range(3):
        with pytest.raises(MakerUnavailableError, match="not made within 0 s"):
            maker.sheet(hour_with(tmp_path, "hang"))


def test_sheet_during_which_the_process_is_killed_is_made_without_one_frame(
    start: Start, tmp_path: Path
) -> None:
    maker = start()
    frames = hour_with(tmp_path, "hang")
    begun = tmp_path / "hang.begun"
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(maker.sheet, frames)
        wait_until(lambda: begun.exists() and bool(begun.read_text()))
        os.kill(int(begun.read_text()), signal.SIGKILL)

        assert minutes(made.result(30)) == [0, 2]


def test_process_that_was_killed_while_it_had_nothing_to_do_is_replaced(start: Start, tmp_path: Path) -> None:
    maker = start()
    path = file(tmp_path, "a.jpg", jpeg())
    for _ in range(3):
        assert size_px(maker.scaled(path, 32).picture) == (32, 24)
        os.kill(pid_of(maker), signal.SIGKILL)


def test_frame_for_which_memory_does_not_suffice_is_refused_by_a_process_that_lives_on(
    start: Start, tmp_path: Path
) -> None:
    maker = start()
    with pytest.raises(UndrawableError, match="takes more memory than decoding may have"):
        maker.scaled(file(tmp_path, "balloon.jpg", jpeg()), 32)
    pid = pid_of(maker)

    assert minutes(maker.sheet(hour_with(tmp_path, "balloon"))) == [0, 2]
    assert pid_of(maker) == pid


def test_process_stands_behind_the_viewer_for_processor_and_memory(start: Start, tmp_path: Path) -> None:
    maker = start()
    maker.scaled(file(tmp_path, "a.jpg", jpeg()), 32)
    facts = Path("/proc", str(pid_of(maker)))

    assert os.getpriority(os.PRIO_PROCESS, pid_of(maker)) >= min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    assert facts.joinpath("oom_score_adj").read_text().strip() == "1000"
    [limit] = [line for line in facts.joinpath("limits").read_text().splitlines() if "address space" in line]
    assert "unlimited" not in limit


def test_process_is_told_no_secret(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIEWER_PASSWORD", "hush")
    maker = start()
    maker.scaled(file(tmp_path, "a.jpg", jpeg()), 32)

    assert b"hush" not in Path("/proc", str(pid_of(maker)), "environ").read_bytes()


def test_process_that_does_not_start_is_not_started_again_at_once(
    start: Start, tmp_path: Path, clock: FakeClock
) -> None:
    starts = tmp_path / "starts"
    program = f"open({str(starts)!r}, 'a').write('1'); raise SystemExit('no decoder here')"
    maker = start((sys.executable, "-c", program))

    for wanted in ("1", "1", "11"):
        with pytest.raises(MakerUnavailableError, match="ended with exit code 1: no decoder here"):
            maker.scaled(str(tmp_path / "a.jpg"), 32)
        assert starts.read_text() == wanted
        clock.pass_s(0.3)


def test_nothing_is_started_before_something_is_asked_for_nor_left_at_the_end(
    start: Start, tmp_path: Path
) -> None:
    maker = start()
    assert maker._child is None
    maker.scaled(file(tmp_path, "a.jpg", jpeg()), 32)
    pid = pid_of(maker)

    maker.close()

    wait_until(lambda: is_gone(pid))
    with pytest.raises(MakerUnavailableError, match="the viewer is about to end"):
        maker.scaled(str(tmp_path / "a.jpg"), 32)


def test_process_does_not_outlive_a_viewer_that_is_killed(tmp_path: Path) -> None:
    program = f"""
from shutterbus_runtime.clock import SystemClock
from shutterbus_viewer.history.process import MakerProcess
maker = MakerProcess(SystemClock(), {MISBEHAVING!r})
maker.scaled({file(tmp_path, "hang.jpg", jpeg())!r}, 32)
"""
    begun = tmp_path / "hang.begun"
    with subprocess.Popen([sys.executable, "-c", program]) as viewer:
        wait_until(lambda: begun.exists() and bool(begun.read_text()))
        viewer.kill()

    wait_until(lambda: is_gone(int(begun.read_text())))


def test_end_of_the_viewer_ends_what_is_being_made(start: Start, tmp_path: Path) -> None:
    maker = start()
    path = file(tmp_path, "hang.jpg", jpeg())
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(maker.scaled, path, 32)
        wait_until((tmp_path / "hang.begun").exists)
        closing = threading.Thread(target=maker.close)
        closing.start()
        with pytest.raises(MakerUnavailableError, match="the viewer is about to end"):
            made.result(30)
        closing.join()


def test_process_that_cannot_be_ended_is_not_joined_by_another(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for a file server that is away, and a kill reaches it when that is back."""
    monkeypatch.setattr(process, "KILLED_S", 0.01)
    maker = start(job_s=0.0)
    path = file(tmp_path, "hang.jpg", jpeg())
    with monkeypatch.context() as deaf:
        deaf.setattr(ChildProcess, "kill", lambda _: None)
        deaf.setattr(ChildProcess, "wait", lambda child, _: child._process.wait())
        for _ in range(3):
            with pytest.raises(MakerUnavailableError, match="cannot be ended: it waits for a file"):
                maker.scaled(path, 32)
        pid = pid_of(maker)
        assert not is_gone(pid)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_gone(pid))
    maker._deadlines = Deadlines()
    (tmp_path / "hang.jpg").rename(tmp_path / "a.jpg")
    wait_until(lambda: answers(maker, str(tmp_path / "a.jpg")))


def answers(maker: MakerProcess, path: str) -> bool:
    try:
        return bool(maker.scaled(path, 32).picture)
    except MakerUnavailableError:
        return False


def test_process_that_rests_is_started_again_when_it_is_needed(start: Start, tmp_path: Path) -> None:
    maker = start()
    path = file(tmp_path, "a.jpg", jpeg())
    maker.scaled(path, 32)
    pid = pid_of(maker)

    maker.rest()

    assert is_gone(pid)
    assert size_px(maker.scaled(path, 32).picture) == (32, 24)
