"""A webcam, or anything else behind ``/dev/video*``, by OpenCV's V4L2.

Its own MJPEG is passed on as it is; only a camera that has none is encoded here.
"""

import contextlib
import fcntl
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from shutterbus_edge.capture import CapturedImage, Shot, orientation
from shutterbus_edge.capture.fit import Fit
from shutterbus_edge.capture.mjpeg import whole_jpeg
from shutterbus_edge.capture.opencv import annotate, contained, to_jpeg, turned
from shutterbus_edge.capture.pixels import Annotation
from shutterbus_edge.errors import CameraUnavailableError
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.clock import Clock
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.frame import CapturedAtSource
from shutterbus_wire.jpeg import size_px

DEFAULT_DEVICE = "/dev/video0"
MJPEG_FOURCCS = frozenset({"MJPG", "JPEG"})
FRESH_S = 0.2
"""A frame this old by the driver's clock still counts as taken now."""
OLD_MAX_S = 7 * 86_400.0
"""The longest pause between pictures; an age beyond it is another clock's."""
WAITED_S = 0.003
QUEUED_MAX = 8
"""Frames the driver may have kept from before the shot; OpenCV asks for four buffers."""
TORN_MAX_S = 5.0
"""How long one whole picture is looked for among torn ones: half of what a shot has."""

VIDIOC_QUERYCTRL, VIDIOC_S_CTRL = 0xC0445624, 0xC008561C
CONTROLS = {
    "brightness": (0x00980900, 50, 50),
    "contrast": (0x00980901, 0, 100),
    "saturation": (0x00980902, 0, 100),
    "sharpness": (0x0098091B, 0, 100),
}
"""By setting: V4L2's control, the setting's neutral value, and how far it goes from there."""

Control = Callable[[int, int, bytes], bytes]


class Webcam:
    """``v4l2:/dev/video0``. It sets its own pace."""

    natural_rate = None

    def __init__(self, rest: str, settings: CaptureSettings, clock: Clock) -> None:
        self._device = rest or DEFAULT_DEVICE
        self._settings = settings
        self._clock = clock
        self._fit = Fit(settings.quality)
        self._annotation = Annotation(settings)
        self._capture = self.open_device(self._device)
        self.description = self._name()
        asked = self._ask_for_format()
        self.is_mjpeg = self._fourcc() in MJPEG_FOURCCS
        # Decoding stays off only where there is nothing to decode.
        self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 0 if self.is_mjpeg else 1)
        self.applied = frozenset({"size_px", "framerate"}) | orientation.SETTINGS
        if not self.is_mjpeg:
            self.applied |= {"quality"} | Annotation.SETTINGS
        with contextlib.suppress(OSError):
            self.applied |= apply_controls(self._device, settings)
        first = self.capture(Shot(0))
        self.size_px = size_px(first.jpeg)
        self.notes: tuple[str, ...] = ()
        if asked and self.is_mjpeg and self.size_px != asked:
            name = settings.given.get("size_px", "size")
            wanted, have = (f"{width}x{height}" for width, height in (asked, self.size_px))
            self.notes = (f"{name}: {self._device} has no {wanted}; its pictures are {have}",)

    @staticmethod
    def open_device(device: str) -> cv2.VideoCapture:
        """Open the device, or say why not."""
        path = Path(device)
        if not path.exists():
            raise CameraUnavailableError(
                f"there is no {device}; `v4l2-ctl --list-devices` shows the cameras there are"
            )
        if not os.access(path, os.R_OK | os.W_OK):
            raise CameraUnavailableError(f"{device} may not be used by this user; add it to the group video")
        capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        if not capture.isOpened():
            raise CameraUnavailableError(
                f"{device} cannot be opened: another program may use it (`fuser {device}`), or it is no camera"
            )
        return capture

    def capture(self, shot: Shot) -> CapturedImage:
        give_up_s = self._clock.monotonic_s() + TORN_MAX_S
        torn = 0
        while not torn or self._clock.monotonic_s() < give_up_s:
            frame, at_us, source = self._fresh_frame(1 if torn else QUEUED_MAX)
            if not self.is_mjpeg:
                return CapturedImage(self._encoded(frame, shot), at_us, source)
            with contextlib.suppress(MalformedError):  # torn on its way over the bus: take the next
                jpeg = whole_jpeg(frame.tobytes())
                return CapturedImage(jpeg, at_us, source, orientation=orientation.orientation(self._settings))
            torn += 1
        raise CameraUnavailableError(
            f"{self._device} gave {torn} torn pictures within {TORN_MAX_S:g} s; try another USB port or cable, or a "
            "smaller size"
        )

    def close(self) -> None:
        self._capture.release()

    def _encoded(self, frame: Any, shot: Shot) -> bytes:
        frame = turned(frame, self._settings)
        if self._settings.size_px:
            frame = contained(frame, self._settings.size_px)
        annotate(frame, self._annotation, shot.number)
        return self._fit.encode(lambda quality, scale: to_jpeg(frame, quality, scale), shot.frame_max_bytes)

    def _fresh_frame(self, tries: int) -> tuple[Any, int, CapturedAtSource]:
        """Return a frame of now; the driver may still hold some from when a picture was last asked for."""
        for _ in range(tries):
            asked_s = time.monotonic()
            if not self._capture.grab():
                raise CameraUnavailableError(f"{self._device} gives no picture; is it still plugged in?")
            now_s = time.monotonic()
            age_s = now_s - self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            # Some drivers stamp by another clock, or not at all; then a frame that was waited for is new.
            if 0 <= age_s <= FRESH_S or (not 0 <= age_s <= OLD_MAX_S and now_s - asked_s > WAITED_S):
                break
        good, frame = self._capture.retrieve()
        if not good or frame is None:
            raise CameraUnavailableError(f"{self._device} gives no picture; is it still plugged in?")
        now_us = self._clock.utc_us()
        if 0 <= age_s <= FRESH_S:
            return frame, now_us - int(age_s * 1e6), "driver"
        return frame, now_us, "arrival"

    def _ask_for_format(self) -> tuple[int, int] | None:
        # The format first: it decides which sizes and rates there are.
        self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        size = self._settings.size_px
        if size:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        if self._settings.framerate:
            self._capture.set(cv2.CAP_PROP_FPS, self._settings.framerate)
        return size

    def _fourcc(self) -> str:
        return int(self._capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("latin-1").upper()

    def _name(self) -> str:
        with contextlib.suppress(OSError):
            return (
                Path("/sys/class/video4linux", Path(self._device).resolve().name, "name").read_text().strip()
            )
        return self._device


def apply_controls(device: str, settings: CaptureSettings, control: Control = fcntl.ioctl) -> frozenset[str]:
    """Set those image controls that *settings* ask for and the device has; return the settings applied.

    A setting's range is spread over the device's own: neutral is the device's default, the ends are its ends.

    Raises:
        OSError: The device cannot be opened.
    """
    applied = set()
    descriptor = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    try:
        for setting, (number, neutral, reach) in CONTROLS.items():
            value = getattr(settings, setting)
            if value is None:
                continue
            with contextlib.suppress(OSError):  # this device has no such control
                query = struct.pack("II32siiiiI8x", number, 0, b"", 0, 0, 0, 0, 0)
                low, high, _, default = struct.unpack_from(
                    "iiii", control(descriptor, VIDIOC_QUERYCTRL, query), 40
                )
                part = (value - neutral) / reach
                wanted = default + part * ((high - default) if part > 0 else (default - low))
                control(descriptor, VIDIOC_S_CTRL, struct.pack("Ii", number, round(wanted)))
                applied.add(setting)
    finally:
        os.close(descriptor)
    return frozenset(applied)
