"""A camera on a Raspberry Pi's ribbon cable. The only file that knows picamera2 and libcamera.

One configuration for life: changing it fragments the memory that camera buffers need. Pictures are read as YUV and
handed to the JPEG encoder plane by plane, which costs a third of the memory of RGB and no conversion. OpenCV is never
loaded, and numpy only by picamera2 itself.
"""

import contextlib
import os
import time
from collections.abc import Mapping
from typing import Any

os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:WARN")  # read when the library loads

from libcamera import ColorSpace, Transform
from libcamera import controls as libcamera_controls
from picamera2 import Picamera2

from shutterbus_edge.capture import CapturedImage, Shot
from shutterbus_edge.capture.fit import Fit
from shutterbus_edge.capture.orientation import orientation
from shutterbus_edge.capture.picamera2_controls import APPLIED, Asked, ask, json_facts, offered
from shutterbus_edge.capture.pixels import Annotation
from shutterbus_edge.capture.planes import jpeg_of, planes_of
from shutterbus_edge.errors import CameraUnavailableError, MisconfiguredError
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.clock import Clock
from shutterbus_wire.frame import CapturedAtSource

DEFAULT_SIZE_PX = (1920, 1080)
BUFFERS, BUFFERS_LARGE, LARGE_PX = 3, 2, 1920 * 1088
"""The newest, one being filled and one waiting; above 1080p one less: a 4K buffer is 12 MB of a memory of 64."""
FRESH_NS = 150_000_000
"""A picture whose exposure began this long before the call was taken now. Waiting for one that begins later would
halve the rate of a stream."""
WAIT_S = 8.0
"""For a frame, beyond its exposure; below the deadline after which this process would be killed."""
WARM_UP_FRAMES = 12
"""Exposure and white balance settle within these."""
SIDE_STEP_PX = 2
"""Chroma has half the size, so sides are even."""


class PiCamera:
    """``picamera2``, or ``picamera2:1`` for the second camera."""

    natural_rate = None
    applied = APPLIED
    make = "Raspberry Pi"

    def __init__(self, rest: str, settings: CaptureSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._fit = Fit(settings.quality)
        self._annotation = Annotation(settings)
        number = _number(rest, settings)
        self._camera = self.open_device(number)
        self._model = str(self._camera.camera_properties.get("Model", "camera"))
        self.description = self._model
        try:
            self._start()
        except RuntimeError as error:
            self.close()
            raise CameraUnavailableError(
                f"the camera does not start: {error}; see `dmesg` on the host"
            ) from error
        except OSError as error:
            self.close()
            raise CameraUnavailableError(
                f"no memory for camera buffers ({error}); ask for a smaller size, or give cma-512 to vc4-kms-v3d in "
                "/boot/firmware/config.txt"
            ) from error

    @staticmethod
    def open_device(number: int) -> Picamera2:
        """Open camera *number*, or say why not."""
        # Asked first, because picamera2 answers a missing camera with an IndexError.
        cameras = Picamera2.global_camera_info()
        if not cameras:
            raise CameraUnavailableError(
                "libcamera finds no camera; check the ribbon cable, then `rpicam-hello --list-cameras` on the host"
            )
        if number >= len(cameras):
            raise CameraUnavailableError(
                f"there is no camera {number}; libcamera finds {len(cameras)}, from 0"
            )
        try:
            return Picamera2(number)
        except RuntimeError as error:
            raise CameraUnavailableError(
                f"the camera cannot be opened, another program may use it: {error}"
            ) from error

    def _start(self) -> None:
        camera, settings = self._camera, self._settings
        width, height = settings.size_px or DEFAULT_SIZE_PX
        size = (
            max(SIDE_STEP_PX, width // SIDE_STEP_PX * SIDE_STEP_PX),
            height // SIDE_STEP_PX * SIDE_STEP_PX,
        )
        # Turns by 180 degrees and flips are the sensor's; a quarter turn is left to the viewer of the picture.
        half_turn = settings.rotation == 180
        quarter = settings.rotation in {90, 270}
        transform = Transform(
            hflip=int(not quarter and settings.hflip != half_turn),
            vflip=int(not quarter and settings.vflip != half_turn),
        )
        self._orientation = orientation(settings) if quarter else None
        asked = ask(settings)
        more: dict[str, Any] = {}
        if settings.colour_space:
            more["colour_space"] = getattr(ColorSpace, settings.colour_space)()
        if mode := self._sensor_mode(asked):
            more["sensor"] = mode
        configuration = camera.create_video_configuration(
            main={"size": size, "format": settings.pixel_format or "YUV420"},
            transform=transform,
            buffer_count=settings.buffer_count
            or (BUFFERS if size[0] * size[1] <= LARGE_PX else BUFFERS_LARGE),
            display=None,
            encode=None,
            **more,
        )
        # Its own default of 33 ms a frame would forbid both long exposures and slow rates.
        configuration["controls"].pop("FrameDurationLimits", None)
        camera.configure(configuration)
        # What was configured is not always what was asked for.
        main = camera.camera_configuration()["main"]
        self._format = main["format"]
        self.size_px = tuple(main["size"])
        advertised = camera.camera_controls
        controls, notes = offered(asked.wishes, advertised, settings, _enumerated)
        frozen, more_notes = offered(asked.frozen, advertised, settings, _enumerated)
        notes += [*more_notes, *asked.notes]
        if settings.zoom and "ScalerCrop" in advertised:
            controls["ScalerCrop"] = _crop(settings.zoom, camera.camera_properties, advertised)
        elif settings.zoom:
            notes.append(f"{settings.given.get('zoom', 'zoom')}: this camera has no ScalerCrop")
        if settings.size_px and settings.size_px != self.size_px:
            became = f"{self.size_px[0]}x{self.size_px[1]}"
            notes.append(f"{settings.given.get('size_px', 'size')}: {width}x{height} became {became}")
        if settings.pixel_format and settings.pixel_format != self._format:
            notes.append(f"{settings.given.get('pixel_format', 'format')}: the camera gives {self._format}")
        self.notes = tuple(notes)
        self._wait_s = WAIT_S + settings.exposure_s
        camera.set_controls(controls)
        camera.start()
        for _ in range(WARM_UP_FRAMES if settings.exposure_s < 1 else 1):
            self._request().release()
        camera.set_controls(frozen)

    def _sensor_mode(self, asked: Asked) -> dict[str, Any] | None:
        if not asked.sensor_mode:
            return None
        modes = self._camera.sensor_modes
        if asked.sensor_mode > len(modes):
            raise MisconfiguredError(
                f"{self._settings.given.get('sensor_mode', 'sensor mode')}={asked.sensor_mode}: this sensor has "
                f"{len(modes)} modes, from 1; 0 chooses by size"
            )
        mode = modes[asked.sensor_mode - 1]
        return {"output_size": mode["size"], "bit_depth": mode["bit_depth"]}

    def _request(self) -> Any:
        # Without a time-out this would wait without end on a loose cable.
        try:
            return self._camera.capture_request(wait=self._wait_s)
        except TimeoutError as error:
            raise CameraUnavailableError(
                f"no picture from the camera in {self._wait_s:g} s; check the ribbon cable"
            ) from error
        except RuntimeError as error:
            raise CameraUnavailableError(f"the camera failed: {error}") from error

    def _fresh_request(self) -> tuple[Any, dict[str, Any]]:
        """Return a picture of now and its metadata; the queue may hold one from when the last was asked for."""
        begun_after_ns = time.monotonic_ns() - FRESH_NS
        while True:
            request = self._request()
            camera_metadata: dict[str, Any] = request.get_metadata()
            ended_ns = camera_metadata.get("SensorTimestamp")
            # picamera2's own flush asks the same, and fails where a camera does not tell its exposure.
            if ended_ns is None or ended_ns - 1000 * camera_metadata.get("ExposureTime", 0) >= begun_after_ns:
                return request, camera_metadata
            request.release()

    def capture(self, shot: Shot) -> CapturedImage:
        request, camera_metadata = self._fresh_request()
        try:
            # A copy, so that the camera has its buffer back while the JPEG is made.
            pixels = request.make_array("main")
        finally:
            request.release()
        at_us, source = self._captured_at(camera_metadata)
        planes = planes_of(pixels, self._format, self.size_px)
        if isinstance(planes, tuple):
            self._annotate(planes, shot.number)
        jpeg = self._fit.encode(
            lambda quality, scale: jpeg_of(planes, self._format, self.size_px, quality, scale),
            shot.frame_max_bytes,
        )
        return CapturedImage(
            jpeg, at_us, source, json_facts(camera_metadata), self._orientation, self.make, self._model
        )

    def _captured_at(self, camera_metadata: Mapping[str, Any]) -> tuple[int, CapturedAtSource]:
        if wall_ns := camera_metadata.get("FrameWallClock"):
            return int(wall_ns) // 1000, "sensor"
        if sensor_ns := camera_metadata.get("SensorTimestamp"):
            age_us = (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - int(sensor_ns)) // 1000
            return self._clock.utc_us() - age_us, "sensor"
        return self._clock.utc_us(), "arrival"

    def _annotate(self, planes: tuple[Any, Any, Any], number: int) -> None:
        luma = planes[0]
        height, width = luma.shape
        label = self._annotation.label(width, number)
        if label is None or label.height > height:
            return
        # Text on an opaque strip of grey: the sensor's planes know brightness and colour apart.
        grey = label.convert("RGB").convert("L")
        left = (width - label.width) // 4 * 2
        luma[: label.height, left : left + label.width] = memoryview(grey.tobytes()).cast(
            "B", (grey.height, grey.width)
        )
        for chroma in planes[1:]:
            chroma[: label.height // 2, left // 2 : (left + label.width) // 2] = 128

    def close(self) -> None:
        # picamera2 has been seen to raise here (no dma heap, a camera unplugged); the process ends anyway.
        with contextlib.suppress(RuntimeError, OSError, AttributeError):
            self._camera.close()


def _number(rest: str, settings: CaptureSettings) -> int:
    if not rest:
        return settings.camera_number or 0
    if not (rest.isascii() and rest.isdigit()):
        raise MisconfiguredError(
            f"CAMERA_SOURCE=picamera2:{rest}: expected a number from 0, as in picamera2:1"
        )
    return int(rest)


def _crop(
    zoom: tuple[float, float, float, float], properties: Mapping[str, Any], controls: Mapping[str, Any]
) -> tuple[int, int, int, int]:
    left, top, width, height = properties.get("ScalerCropMaximum") or controls["ScalerCrop"][1]
    return (
        int(left + zoom[0] * width),
        int(top + zoom[1] * height),
        max(1, int(min(zoom[2], 1 - zoom[0]) * width)),
        max(1, int(min(zoom[3], 1 - zoom[1]) * height)),
    )


def _enumerated(control: str, word: str) -> int:
    """Return the number of *word*, in any case, among libcamera's for *control*."""
    for place in (libcamera_controls, libcamera_controls.draft):
        if (values := getattr(place, f"{control}Enum", None)) is not None:
            words = {name.lower(): (name, value) for name, value in values.__members__.items()}
            if word.lower() in words:
                return int(words[word.lower()][1])
            allowed = ", ".join(name for name, _ in words.values())
            raise MisconfiguredError(f"libcamera's {control} has no {word!r}; it has {allowed}")
    raise MisconfiguredError(f"libcamera's {control} takes numbers, not the word {word!r}")
