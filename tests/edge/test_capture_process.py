"""A camera that hangs, crashes or is not there stops nothing but itself."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakes import FakeClock
from shutterbus_edge.capture import Shot, process
from shutterbus_edge.capture.process import CaptureProcess
from shutterbus_edge.errors import CameraFinishedError, CameraUnavailableError, MisconfiguredError
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.supervised_child import Limits

FAKE_CHILD = str(Path(__file__).with_name("fake_capture_child.py"))
PATIENT_S = 20.0
"""Longer than anything takes that goes well, on a busy machine."""
SHOT = Shot(0)

Starter = Callable[..., CaptureProcess]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> Iterator[Starter]:
    """Start a supervisor over a fake camera with a fault; all are closed at the end."""
    started: list[CaptureProcess] = []

    def start_one(fault: str, **limits: float) -> CaptureProcess:
        monkeypatch.setattr(process, "CHILD", [sys.executable, FAKE_CHILD, fault])
        started.append(CaptureProcess("testcard", CaptureSettings(), clock, limits=Limits(**limits)))
        return started[-1]

    yield start_one
    for each in started:
        each.close()


def _pid(capture: CaptureProcess) -> int:
    child = capture._child
    assert child is not None
    assert child._process is not None
    return child._process.pid


def _is_gone(pid: int) -> bool:
    """Whether the process has ended; one that is no more than an entry for its parent to read has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def _wait_until(condition: Callable[[], bool]) -> None:
    until_s = time.monotonic() + PATIENT_S
    while not condition():
        assert time.monotonic() < until_s
        threading.Event().wait(0.01)


def test_pictures_come_one_by_one_with_what_is_known_of_them(start: Starter) -> None:
    capture = start("none")
    first, second = capture.shoot(Shot(7, 1000), PATIENT_S), capture.shoot(SHOT, PATIENT_S)

    assert (first.jpeg, second.jpeg) == (b"picture 0", b"picture 1")
    assert first.camera_metadata == {"number": 7, "frame_max_bytes": 1000}
    assert second.camera_metadata == {"number": 0, "frame_max_bytes": None}
    assert capture.opened is not None
    assert (capture.opened.size_px, capture.opened.natural_rate) == ((4, 3), 5.0)
    assert capture.restarts == 0


def test_a_camera_that_hangs_in_a_shot_is_killed_and_started_again(start: Starter, clock: FakeClock) -> None:
    """As picamera2 does for ever on a loose cable."""
    capture = start("third-blocks")
    for _ in range(2):
        capture.shoot(SHOT, PATIENT_S)
    hanging = _pid(capture)
    with pytest.raises(CameraUnavailableError, match=r"hangs: no picture within 0\.2 s"):
        capture.shoot(SHOT, 0.2)

    assert _is_gone(hanging)
    clock.pass_s(1)
    assert capture.shoot(SHOT, PATIENT_S).jpeg == b"picture 0"
    assert capture.restarts == 1


def test_a_silent_child_is_killed_also_while_idle(start: Starter, clock: FakeClock) -> None:
    """Between the shots of a day nobody asks; the next shot must not be the one that finds out."""
    capture = start("deaf", silence_s=0.5)
    _wait_until(lambda: capture.opened is not None)
    pid = _pid(capture)
    _wait_until(lambda: _is_gone(pid))
    clock.pass_s(3600)
    with pytest.raises(CameraUnavailableError, match=r"no sign of life for 0\.5 s"):
        capture.shoot(SHOT, PATIENT_S)

    assert capture.restarts == 1, "the shot found a new child, and that one hung too"


def test_a_camera_that_never_opens_is_killed(start: Starter) -> None:
    """It beats, so only its own limit ends it; a shot meanwhile does not wait longer than it was told to."""
    capture = start("never-open", opening_s=0.5)
    with pytest.raises(CameraUnavailableError, match="still being opened"):
        capture.shoot(SHOT, 0.01)
    with pytest.raises(CameraUnavailableError, match=r"not open after 0\.5 s"):
        capture.shoot(SHOT, PATIENT_S)


def test_a_crash_is_told_with_the_last_words(start: Starter) -> None:
    """The signal alone would not say which library it was."""
    with pytest.raises(CameraUnavailableError, match="signal 11: assertion failed in the driver"):
        start("crash").shoot(SHOT, PATIENT_S)


def test_an_absent_camera_is_answered_for_at_once_and_tried_again_less_and_less_often(
    start: Starter, clock: FakeClock
) -> None:
    """0.5 s doubling to 30 s."""
    capture = start("absent")
    pauses = []
    for _ in range(9):
        restarts = capture.restarts
        with pytest.raises(CameraUnavailableError, match="check the cable"):
            capture.shoot(SHOT, PATIENT_S)
        ended_s = clock.monotonic_s()
        while capture.restarts == restarts:
            clock.pass_s(0.25)
            with pytest.raises(CameraUnavailableError, match="check the cable"):
                capture.shoot(SHOT, PATIENT_S)
        pauses.append(clock.monotonic_s() - ended_s)

    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_back_off_begins_anew_after_good_work(start: Starter, clock: FakeClock) -> None:
    """A camera that fails once a week is back half a second later, every time."""
    capture = start("third-blocks")
    for _ in range(3):
        capture.shoot(SHOT, PATIENT_S)
        capture.shoot(SHOT, PATIENT_S)
        clock.pass_s(60)
        with pytest.raises(CameraUnavailableError):
            capture.shoot(SHOT, 0.1)
        clock.pass_s(0.5)
    assert capture.shoot(SHOT, PATIENT_S).jpeg == b"picture 0"
    assert capture.restarts == 3


def test_close_ends_a_shot_that_hangs(start: Starter) -> None:
    """Ctrl-C must not wait for a camera."""
    capture = start("blocks")
    _wait_until(lambda: capture.opened is not None)
    pid = _pid(capture)
    threading.Timer(0.1, capture.close).start()
    with pytest.raises(CameraUnavailableError):
        capture.shoot(SHOT, PATIENT_S)

    assert _is_gone(pid)


def test_the_child_ends_with_its_parent() -> None:
    """Killed without a word, the edge must not leave a process that holds the camera."""
    program = (
        "import sys; from shutterbus_edge.capture import Shot;"
        "from shutterbus_edge.capture.process import CaptureProcess;"
        "from shutterbus_edge.settings.capture import CaptureSettings; from shutterbus_runtime.clock import SystemClock;"
        "c = CaptureProcess('testcard', CaptureSettings(), SystemClock()); c.shoot(Shot(0), 20);"
        "print(c._child._process.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not _is_gone(pid)
        parent.kill()
    _wait_until(lambda: _is_gone(pid))


def test_settings_without_effect_are_warned_about_once(
    start: Starter, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Not at every restart of a camera with a loose cable."""
    caplog.set_level(logging.INFO)
    capture = start("third-blocks")
    for _ in range(3):
        capture.shoot(SHOT, PATIENT_S)
        capture.shoot(SHOT, PATIENT_S)
        with pytest.raises(CameraUnavailableError):
            capture.shoot(SHOT, 0.1)
        clock.pass_s(60)

    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
        "PICAMERA_LED: no effect"
    ]
    assert caplog.messages.count("camera open: fake, 4 x 3") == 1


def test_a_source_played_once_ends_and_is_not_started_again(tmp_path: Path, clock: FakeClock) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "one.png")
    capture = CaptureProcess(f"file-once:{tmp_path}", CaptureSettings(), clock)
    try:
        assert capture.shoot(SHOT, PATIENT_S).captured_at_source == "file"
        for _ in range(2):
            with pytest.raises(CameraFinishedError, match="are taken"):
                capture.shoot(SHOT, PATIENT_S)
            clock.pass_s(3600)
        assert capture.restarts == 0
    finally:
        capture.close()


def test_an_address_that_means_nothing_stops_at_once(clock: FakeClock) -> None:
    """Before any process is started."""
    with pytest.raises(MisconfiguredError, match="did you mean testcard"):
        CaptureProcess("testcart", CaptureSettings(), clock)


def test_the_parent_loads_no_picture_library() -> None:
    """The process that publishes stays small: Pillow, numpy and OpenCV are 60 MB together."""
    program = (
        "import sys, shutterbus_edge.capture.process;"
        "print([name for name in ('PIL', 'cv2', 'numpy', 'picamera2') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"


def test_the_child_is_not_told_the_brokers_secrets(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    """It runs other people's drivers and reads other people's files, and needs none of them."""
    monkeypatch.setenv("SS_PASSWORD", "hidden")
    capture = CaptureProcess("testcard", CaptureSettings(), clock)
    try:
        capture.shoot(SHOT, PATIENT_S)
        environment = Path(f"/proc/{_pid(capture)}/environ").read_bytes()
        assert b"PATH=" in environment
        assert b"hidden" not in environment
    finally:
        capture.close()
    assert os.environ["SS_PASSWORD"] == "hidden"
