"""JPEGs one behind the other in a file, as ``rpicam-vid --codec mjpeg`` writes them: a film that is passed through."""

import mmap
from collections.abc import Iterator
from pathlib import Path

from shutterbus_edge.capture import CapturedImage, Shot, orientation
from shutterbus_edge.errors import CameraFinishedError, CameraUnavailableError
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.clock import Clock
from shutterbus_wire import jpeg
from shutterbus_wire.errors import MalformedError

SUFFIXES = frozenset({".mjpeg", ".mjpg"})
DEFAULT_RATE = 10.0
"""Such a file does not say how fast it was taken."""
HEADER_MAX_BYTES = 1 << 20
"""What is looked at of a picture before its scan; a large colour profile takes half of that."""

_BEGINNING = b"\xff\xd8\xff"
_MULTI_PICTURE = b"MPF\0"


def is_recording(path: Path) -> bool:
    """Whether the JPEG *path* goes on with another one, and is not a photograph that brings a second view of itself.

    Raises:
        OSError: It cannot be read.
    """
    if path.suffix.lower() in SUFFIXES:
        return True
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            header = data[:HEADER_MAX_BYTES]
            segments = list(jpeg.segments(header))
            end = jpeg.end_of_picture(data, segments[-1].end)
        except MalformedError:
            return False
        multi = any(header[segment.start + 4 : segment.start + 8] == _MULTI_PICTURE for segment in segments)
        return not multi and data[end : end + len(_BEGINNING)] == _BEGINNING


class Recording:
    """``file:/a/film.mjpeg``: each capture is its next picture, whatever the pace; stamped when played."""

    notes = ()
    applied = orientation.SETTINGS | {"framerate"}

    def __init__(self, path: Path, settings: CaptureSettings, clock: Clock, *, once: bool) -> None:
        self._path = path
        self._settings = settings
        self._clock = clock
        self._once = once
        with path.open("rb") as file:
            try:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError as error:
                raise CameraUnavailableError(f"{path} is empty") from error
        self.natural_rate = settings.framerate or DEFAULT_RATE
        self.description = path.name
        self._pictures = enumerate(_pictures(self._data))
        first = next(_pictures(self._data), None)
        if first is None:
            self._data.close()
            raise CameraUnavailableError(f"{path} has no whole JPEG in it")
        self.size_px = jpeg.size_px(first)

    def capture(self, shot: Shot) -> CapturedImage:
        del shot  # its pictures are as they are
        picture = next(self._pictures, None)
        if picture is None:
            if self._once:
                raise CameraFinishedError(f"the film {self._path} has been played")
            self._pictures = enumerate(_pictures(self._data))
            picture = next(self._pictures)
        number, data = picture
        turn = orientation.orientation(self._settings, jpeg.read_header(data).orientation)
        metadata = {"File": self._path.name, "FrameNumber": number}
        return CapturedImage(data, self._clock.utc_us(), "arrival", metadata, turn)

    def close(self) -> None:
        self._data.close()


def _pictures(data: mmap.mmap) -> Iterator[bytes]:
    """Yield one whole JPEG after the other; what is torn is passed over."""
    at = 0
    while (at := data.find(_BEGINNING, at)) >= 0:
        try:
            *_, scan = jpeg.segments(data[at : at + HEADER_MAX_BYTES])
            end = jpeg.end_of_picture(data, at + scan.end)
            picture = data[at:end]
            jpeg.check_whole(picture)
        except MalformedError:
            at += len(_BEGINNING)
            continue
        yield picture
        at = end
