"""A film played as a camera: each capture is its next frame, whatever the pace; stamped when played."""

from pathlib import Path

import cv2

from shutterbus_edge.capture import CapturedImage, Shot, orientation
from shutterbus_edge.capture.fit import Fit
from shutterbus_edge.capture.opencv import Frame, annotate, contained, to_jpeg, turned
from shutterbus_edge.capture.pixels import Annotation
from shutterbus_edge.errors import CameraFinishedError, CameraUnavailableError
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.clock import Clock

DEFAULT_RATE = 10.0
RATE_MAX = 240.0
"""Some containers claim 90,000 frames a second, which is their time base and not a rate."""


class Film:
    """``file:/a/film.avi``; anything that OpenCV's ffmpeg reads."""

    notes = ()
    applied = frozenset({"size_px", "framerate", "quality"}) | orientation.SETTINGS | Annotation.SETTINGS

    def __init__(self, path: Path, settings: CaptureSettings, clock: Clock, *, once: bool) -> None:
        self._path = path
        self._settings = settings
        self._clock = clock
        self._once = once
        self._fit = Fit(settings.quality)
        self._annotation = Annotation(settings)
        self._number = 0
        self._film = self._open()
        rate = self._film.get(cv2.CAP_PROP_FPS)
        self.natural_rate = settings.framerate or (rate if 0 < rate <= RATE_MAX else DEFAULT_RATE)
        self.description = path.name
        self._ahead: Frame | None = self._prepared(self._read())
        height, width = self._ahead.shape[:2]
        self.size_px = (width, height)

    def capture(self, shot: Shot) -> CapturedImage:
        frame = self._prepared(self._read()) if self._ahead is None else self._ahead
        self._ahead = None
        now_us = self._clock.utc_us()
        annotate(frame, self._annotation, shot.number)
        jpeg = self._fit.encode(lambda quality, scale: to_jpeg(frame, quality, scale), shot.frame_max_bytes)
        number, self._number = self._number, self._number + 1
        return CapturedImage(jpeg, now_us, "arrival", {"File": self._path.name, "FrameNumber": number})

    def close(self) -> None:
        self._film.release()

    def _open(self) -> cv2.VideoCapture:
        film = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not film.isOpened():
            raise CameraUnavailableError(f"{self._path} is neither a picture nor a film that OpenCV can read")
        return film

    def _read(self) -> Frame:
        good, frame = self._film.read()
        if good:
            return frame
        if self._once:
            raise CameraFinishedError(f"the film {self._path} has been played")
        self._film.release()
        self._film = self._open()
        self._number = 0
        good, frame = self._film.read()
        if not good:
            raise CameraUnavailableError(f"{self._path} has no frame that OpenCV can read")
        return frame

    def _prepared(self, frame: Frame) -> Frame:
        frame = turned(frame, self._settings)
        return contained(frame, self._settings.size_px) if self._settings.size_px else frame
