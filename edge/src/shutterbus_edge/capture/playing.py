"""Files played as a camera: ``file:`` begins again after the last picture, ``file-once:`` ends there.

A folder or picture needs Pillow alone; OpenCV is loaded for a film only.
"""

from pathlib import Path

from shutterbus_edge.capture import Camera
from shutterbus_edge.capture.recording import Recording, is_recording
from shutterbus_edge.errors import CameraUnavailableError
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.clock import Clock
from shutterbus_wire.jpeg import ContentType, sniff

HEIF_SUFFIXES = frozenset({".heic", ".heif"})
"""As phones take pictures. Pillow needs a library for them."""
PICTURE_SUFFIXES = HEIF_SUFFIXES | {
    *(".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".avif", ".ppm", ".pgm"),
}


def open_loop(rest: str, settings: CaptureSettings, clock: Clock) -> Camera:
    return _open(Path(rest).expanduser(), settings, clock, once=False)


def open_once(rest: str, settings: CaptureSettings, clock: Clock) -> Camera:
    return _open(Path(rest).expanduser(), settings, clock, once=True)


def _open(path: Path, settings: CaptureSettings, clock: Clock, *, once: bool) -> Camera:
    try:
        is_folder = path.is_dir()
        kind = None if is_folder else _kind(path)
        if kind == "image/jpeg" and is_recording(path):
            return Recording(path, settings, clock, once=once)
    except OSError as error:
        raise CameraUnavailableError(f"{path} cannot be read: {error.strerror}") from error
    if is_folder or kind or path.suffix.lower() in PICTURE_SUFFIXES:
        from shutterbus_edge.capture.pictures import Pictures

        return Pictures(path, settings, clock, once=once)
    from shutterbus_edge.capture.film import Film

    return Film(path, settings, clock, once=once)


def _kind(path: Path) -> ContentType | None:
    with path.open("rb") as file:
        return sniff(file.read(16))
