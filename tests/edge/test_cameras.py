"""One suite over every source that can run on any machine; the real picamera2 has it too, in tests/stack."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from edge.camera_promises import PROMISES
from machine import needs
from shutterbus_edge.capture import Camera, open_camera
from shutterbus_edge.capture.v4l2 import Webcam
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.clock import SystemClock

VTEST = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
SIZE_PX = (320, 200)


def picture_of(number: int) -> Image.Image:
    """Return something that differs in every part and every time, and does not compress to nothing."""
    noise = np.random.default_rng(number).integers(0, 80, (SIZE_PX[1], SIZE_PX[0], 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    ImageDraw.Draw(image).text((20, 20), f"{number}", (255, 160, 0), font_size=100)
    return image


def jpeg_folder(folder: Path) -> Path:
    for number in range(4):
        picture_of(number).save(folder / f"{number}.jpg", quality=90)
    (folder / "notes.txt").write_text("not a picture")
    return folder


def film(path: Path) -> Path:
    """Write a film of JPEGs, as a webcam would send them."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 12, SIZE_PX)
    for number in range(60):
        writer.write(np.asarray(picture_of(number))[:, :, ::-1].copy())
    writer.release()
    return path


def _png(folder: Path) -> str:
    picture_of(0).save(folder / "one.png")
    return f"file:{folder / 'one.png'}"


def _street(_: Path) -> str:
    needs(VTEST.exists(), "there is no street footage (Debian package opencv-doc)")
    return f"file:{VTEST}"


ADDRESSES: dict[str, Callable[[Path], str]] = {
    "testcard": lambda _: "testcard:640x360",
    "portrait testcard": lambda _: "testcard:360x640",
    "folder of JPEGs": lambda folder: f"file:{jpeg_folder(folder)}",
    "PNG": _png,
    "film": lambda folder: f"file:{film(folder / 'film.avi')}",
    "street": _street,
    "webcam with MJPEG": lambda folder: f"v4l2:{film(folder / 'webcam.avi')}",
    "webcam without": lambda folder: f"v4l2:{film(folder / 'decoded.avi')}",
}


def film_as_device(device: str) -> cv2.VideoCapture:
    """Stand in for the driver: OpenCV hands a film's own JPEGs over as V4L2 does a webcam's."""
    capture = cv2.VideoCapture(device, cv2.CAP_FFMPEG)
    if "webcam" in device:
        capture.set(cv2.CAP_PROP_FORMAT, -1)
    return capture


@pytest.mark.parametrize("promise", PROMISES)
@pytest.mark.parametrize("source", ADDRESSES)
def test_the_source_keeps_the_promise(
    source: str, promise: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """See camera_promises."""
    monkeypatch.setattr(Webcam, "open_device", staticmethod(film_as_device))
    if source == "webcam without":
        monkeypatch.setattr(Webcam, "_fourcc", lambda _: "YUYV")
    address = ADDRESSES[source](tmp_path)

    def opener(settings: CaptureSettings) -> Camera:
        return open_camera(address, settings, SystemClock())

    PROMISES[promise](opener)
