"""Runs inside the container: asks everything of the adapter, and prints what came of it as one line of JSON each."""

import contextlib
import io
import itertools
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from edge.camera_promises import PROMISES
from shutterbus_edge.capture import Camera, Shot, open_camera, process
from shutterbus_edge.capture.planes import jpeg_of, planes_of
from shutterbus_edge.errors import CameraUnavailableError
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.clock import SystemClock
from shutterbus_wire.jpeg import size_px
from stack.virtual_camera import virtual

SMALL = (640, 480)


def opened(settings: CaptureSettings) -> Camera:
    return open_camera("picamera2", settings, SystemClock())


def the_sensor_says_when(given: Camera) -> None:
    picture = given.capture(Shot(0))
    assert picture.captured_at_source == "sensor"
    assert picture.camera_metadata["SensorTimestamp"] > 0
    assert (picture.make, picture.model) == ("Raspberry Pi", "Virtual Video Device")


def colours_are_right(given: Camera) -> None:
    """The bars are white, yellow, cyan, green, ..., and wander; planes in the wrong order would exchange them."""
    image = Image.open(io.BytesIO(given.capture(Shot(0)).jpeg)).convert("RGB")
    row = image.crop((0, image.height // 3, image.width, image.height // 3 + 1)).tobytes()
    colours = [tuple(part > 128 for part in row[at : at + 3]) for at in range(0, len(row), 3)]
    runs = [(colour, len(list(run))) for colour, run in itertools.groupby(colours)]
    # Where two bars meet there are a few pixels of neither.
    bars = [colour for colour, width_px in runs if width_px > image.width // 32]
    yellow, cyan, blue = (True, True, False), (False, True, True), (False, False, True)
    assert blue in bars, bars
    assert (yellow, cyan) in itertools.pairwise(bars), bars


def what_it_cannot_do_is_named() -> None:
    """By the names that the user gave; the real camera class would raise on each of them."""
    given = {
        "iso": "PICAMERA_ISO",
        "framerate": "PICAMERA_FRAMERATE",
        "zoom": "PICAMERA_ZOOM",
        "awb_mode": "PICAMERA_AWB_MODE",
        "controls.Sharpness": "PICAMERA2_CONTROLS_SHARPNESS",
    }
    picture = CaptureSettings(
        size_px=SMALL,
        iso=400,
        framerate=5,
        zoom=(0, 0, 0.5, 0.5),
        awb_mode="off",
        controls={"Sharpness": "2"},
        given=given,
    )
    with contextlib.closing(opened(picture)) as camera:
        notes = "\n".join(camera.notes)
        camera.capture(Shot(0))
    for name in given.values():
        assert name in notes, f"{name} is not in {notes}"
    assert "FrameDurationLimits (200000, 200000) became" in notes, notes


def text_is_drawn() -> None:
    """In the planes, without a detour by RGB."""
    strips = []
    for text in (None, "GATE"):
        with contextlib.closing(opened(CaptureSettings(size_px=SMALL, annotate_text=text))) as camera:
            image = Image.open(io.BytesIO(camera.capture(Shot(0)).jpeg)).convert("L")
            strips.append(image.crop((300, 2, 340, 30)).tobytes())
    assert strips[0] != strips[1]


def a_killed_capture_process_is_replaced() -> None:
    """The whole supervisor on the real library: open, shoot, lose the process, shoot again."""
    process.CHILD = [sys.executable, str(Path(__file__).with_name("child.py"))]
    capture = process.CaptureProcess("picamera2", CaptureSettings(size_px=SMALL), SystemClock())
    try:
        assert size_px(capture.shoot(Shot(0), 20).jpeg) == SMALL
        assert capture.opened is not None
        assert capture.opened.description == "Virtual Video Device"
        child = capture._child
        assert child is not None
        assert child._process is not None
        os.kill(child._process.pid, signal.SIGKILL)
        lost = None
        until_s = time.monotonic() + 20
        while time.monotonic() < until_s:
            try:
                capture.shoot(Shot(0), 20)
            except CameraUnavailableError as error:
                lost = str(error)
                time.sleep(0.05)
            else:
                if lost or capture.restarts:
                    break
        assert capture.restarts == 1, (capture.restarts, lost)
    finally:
        capture.close()


def numpy_is_all_it_loads() -> None:
    """OpenCV's numpy and apt's do not go together on a Pi."""
    assert "cv2" not in sys.modules


def every_format_has_its_colours() -> None:
    """The virtual camera gives NV12 only; a Pi gives YUV420 in rows longer than the picture, or RGB on request."""
    width, height, stride = 64, 48, 96
    luma, red_blue, red_red = 81, 90, 240  # red, as brightness and the two colour differences
    rows = np.zeros((height * 3 // 2, stride), np.uint8)
    rows[:height] = luma
    yuv420, yvu420 = rows.copy(), rows.copy()
    for picture, first, second in ((yuv420, red_blue, red_red), (yvu420, red_red, red_blue)):
        colours = picture[height:].reshape(height, stride // 2)
        colours[: height // 2], colours[height // 2 :] = first, second
    nv12, nv21 = rows[:, :width].copy(), rows[:, :width].copy()
    nv12[height:, 0::2], nv12[height:, 1::2] = red_blue, red_red
    nv21[height:, 0::2], nv21[height:, 1::2] = red_red, red_blue
    bgr = np.zeros((height, width, 3), np.uint8)
    bgr[:, :, 2] = 255
    bgrx = np.concatenate([bgr, np.full((height, width, 1), 255, np.uint8)], axis=2)
    pictures = {
        "YUV420": yuv420,
        "YVU420": yvu420,
        "NV12": nv12,
        "NV21": nv21,
        "RGB888": bgr,
        "BGR888": bgr[:, :, ::-1].copy(),
        "XRGB8888": bgrx,
        "XBGR8888": bgrx[:, :, [2, 1, 0, 3]].copy(),
    }
    for name, pixels in pictures.items():
        for scale in (1.0, 0.5):
            data = jpeg_of(planes_of(pixels, name, (width, height)), name, (width, height), 90, scale)
            image = Image.open(io.BytesIO(data)).convert("RGB")
            assert image.size == (width * scale, height * scale), (name, image.size)
            red, green, blue = image.crop((9, 9, 10, 10)).tobytes()
            assert red > 200, (name, scale, red, green, blue)
            assert max(green, blue) < 60, (name, scale, red, green, blue)


def with_camera(check: Callable[[Camera], None]) -> Callable[[], None]:
    def run() -> None:
        with contextlib.closing(opened(CaptureSettings(size_px=SMALL))) as camera:
            check(camera)

    return run


CHECKS: dict[str, Callable[[], None]] = {
    **{name: partial(promise, opened) for name, promise in PROMISES.items()},
    "the_sensor_says_when": with_camera(the_sensor_says_when),
    "colours_are_right": with_camera(colours_are_right),
    "what_it_cannot_do_is_named": what_it_cannot_do_is_named,
    "text_is_drawn": text_is_drawn,
    "every_format_has_its_colours": every_format_has_its_colours,
    "a_killed_capture_process_is_replaced": a_killed_capture_process_is_replaced,
    "numpy_is_all_it_loads": numpy_is_all_it_loads,
}

if __name__ == "__main__":
    virtual.install()
    for name, check in CHECKS.items():
        failure = ""
        try:
            check()
        except BaseException:  # noqa: BLE001 (whatever it was is the result, for the test to show)
            failure = traceback.format_exc()
        print(json.dumps({"check": name, "failure": failure}), flush=True)
    # libcamera's threads have been seen to keep a process alive.
    os._exit(0)
