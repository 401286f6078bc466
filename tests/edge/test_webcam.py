"""A webcam on a bus that loses data."""

import random
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from fakes import FakeClock
from shutterbus_edge.capture import Shot
from shutterbus_edge.capture.v4l2 import Webcam
from shutterbus_edge.errors import CameraUnavailableError
from shutterbus_edge.settings.capture import CaptureSettings

RATE = 30


def picture() -> bytes:
    noise = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    done, data = cv2.imencode(".jpg", noise)
    assert done
    return data.tobytes()


WHOLE = picture()


class Device:
    """What OpenCV opens: 30 MJPEG frames a second, each what *frame* returns."""

    def __init__(self, clock: FakeClock, frame: Callable[[], bytes]) -> None:
        self._clock = clock
        self._frame = frame

    def grab(self) -> bool:
        self._clock.pass_s(1 / RATE)
        return True

    def retrieve(self) -> tuple[bool, NDArray[Any]]:
        return True, np.frombuffer(self._frame(), np.uint8)

    def get(self, name: int) -> float:
        stamped_ms = time.monotonic() * 1_000
        return {cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG"), cv2.CAP_PROP_POS_MSEC: stamped_ms}[name]

    def set(self, _name: int, _value: float) -> bool:
        return True

    def release(self) -> None:
        """Nothing is held."""


def webcam(frame: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch) -> tuple[Webcam, FakeClock]:
    clock = FakeClock()
    monkeypatch.setattr(Webcam, "open_device", staticmethod(lambda _: Device(clock, frame)))
    return Webcam("", CaptureSettings(), clock), clock


def test_it_is_asked_for_a_whole_picture_as_long_as_the_shot_has_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 100 frames 87 are cut short: one in 13 is whole, and five seconds bring 150."""
    dice = random.Random(7)

    def frame() -> bytes:
        return WHOLE[: len(WHOLE) // 2] if dice.random() < 0.87 else WHOLE

    for _ in range(20):
        camera, _ = webcam(frame, monkeypatch)
        for number in range(20):
            assert camera.capture(Shot(number)).jpeg == WHOLE


def test_one_that_gives_no_whole_picture_is_given_up_within_the_shot(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [WHOLE]
    camera, clock = webcam(lambda: whole.pop() if whole else WHOLE[:400], monkeypatch)
    began_s = clock.monotonic_s()
    with pytest.raises(
        CameraUnavailableError, match=r"gave \d+ torn pictures within 5 s; try another USB port"
    ):
        camera.capture(Shot(0))
    assert clock.monotonic_s() - began_s == pytest.approx(5, abs=0.5)


def test_what_the_buffer_held_before_is_no_part_of_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    camera, _ = webcam(lambda: WHOLE + b"\x5f\x8a\xff\xd9\x01", monkeypatch)
    assert camera.capture(Shot(0)).jpeg == WHOLE
