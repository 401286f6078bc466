"""Files played as a camera: ``file:`` begins again after the last picture, ``file-once:`` ends there.

A folder or picture needs Pillow alone; OpenCV is loaded for a film only.
"""

from pathlib import Path

from shutterbus_edge.capture import Camera
from shutterbus_edge.errors import CameraUnavailableError
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.clock import Clock
from shutterbus_wire.jpeg import sniff

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm"})


def open_loop(rest: str, settings: CaptureSettings, clock: Clock) -> Camera:
    return _open(Path(rest).expanduser(), settings, clock, once=False)


def open_once(rest: str, settings: CaptureSettings, clock: Clock) -> Camera:
    return _open(Path(rest).expanduser(), settings, clock, once=True)


def _open(path: Path, settings: CaptureSettings, clock: Clock, *, once: bool) -> Camera:
    try:
        is_pictures = path.is_dir() or _is_picture(path)
    except OSError as error:
        raise CameraUnavailableError(f"{path} cannot be read: {error.strerror}") from error
    if is_pictures:
        from shutterbus_edge.capture.pictures import Pictures

        return Pictures(path, settings, clock, once=once)
    from shutterbus_edge.capture.film import Film

    return Film(path, settings, clock, once=once)


def _is_picture(path: Path) -> bool:
    with path.open("rb") as file:
        return sniff(file.read(16)) is not None or path.suffix.lower() in PICTURE_SUFFIXES
