"""A picture, or a folder of them in the order of their names. A JPEG is passed through untouched."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from PIL import ExifTags, Image, ImageOps

from shutterbus_edge.capture import CapturedImage, Shot, orientation
from shutterbus_edge.capture.fit import Fit
from shutterbus_edge.capture.pixels import Annotation, to_jpeg, to_rgb, turned
from shutterbus_edge.capture.playing import HEIF_SUFFIXES, PICTURE_SUFFIXES
from shutterbus_edge.errors import CameraFinishedError, CameraUnavailableError
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.clock import Clock
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.jpeg import Header, check_whole, size_px, sniff
from shutterbus_wire.taken_at import NoInstantError, taken_at_us, texts_of

log = logging.getLogger(__name__)

DEFAULT_RATE = 1.0
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""What Pillow raises for a file it cannot read."""


class Pictures:
    """``file:/a/folder`` or ``file:/a/picture.jpg``.

    Looped, it is a camera and a picture is taken now. Taken once, a picture is as old as it says itself (EXIF), or
    as its file is. A file that cannot be read is passed over, and named in the log once.
    """

    def __init__(self, path: Path, settings: CaptureSettings, clock: Clock, *, once: bool) -> None:
        self._path = path
        self._settings = settings
        self._clock = clock
        self._once = once
        self._fit = Fit(settings.quality)
        self._annotation = Annotation(settings)
        self.description = path.name or str(path)
        self.natural_rate = settings.framerate or DEFAULT_RATE
        self._said: set[str] = set()
        self.notes: tuple[str, ...] = ()
        files = self._files()
        self._rest = iter(files)
        self.applied = orientation.SETTINGS | {"framerate"}
        if not any(file.suffix.lower() in {".jpg", ".jpeg"} for file in files):
            self.applied |= {"quality", "size_px"} | Annotation.SETTINGS
        # The size of the first that can be read, without taking it.
        first = next(self._readable(iter(files), Shot(0)), None)
        if first is None:
            raise CameraUnavailableError(f"none of the {len(files)} pictures of {path} can be read")
        self.size_px = size_px(first[1])

    def capture(self, shot: Shot) -> CapturedImage:
        picture = next(self._readable(self._rest, shot), None)
        if picture is None and not self._once:
            self._rest = iter(self._files())
            picture = next(self._readable(self._rest, shot), None)
        if picture is None:
            if self._once:
                raise CameraFinishedError(f"all pictures of {self._path} are taken")
            raise CameraUnavailableError(f"no picture of {self._path} can be read any more")
        file, jpeg, header, texts = picture
        camera_metadata = {"File": file.name}
        turn = orientation.orientation(self._settings, header.orientation) if header else None
        if self._once:
            return CapturedImage(jpeg, self._taken_at_us(file, texts), "file", camera_metadata, turn)
        return CapturedImage(jpeg, self._clock.utc_us(), "arrival", camera_metadata, turn)

    def close(self) -> None:
        """Nothing is held."""

    def _files(self) -> list[Path]:
        try:
            if not self._path.is_dir():
                return [self._path]
            entries = sorted(self._path.iterdir())
            if folders := sum(entry.is_dir() for entry in entries):
                self.notes = (f"{self._path}: what is in its {folders} folders is not played",)
            files = [entry for entry in entries if entry.suffix.lower() in PICTURE_SUFFIXES]
        except OSError as error:
            raise CameraUnavailableError(f"{self._path} cannot be read: {error.strerror}") from error
        if not files:
            kinds = ", ".join(sorted(PICTURE_SUFFIXES))
            raise CameraUnavailableError(f"there is no picture in {self._path} (of the kinds {kinds})")
        return files

    def _readable(
        self, files: Iterator[Path], shot: Shot
    ) -> Iterator[tuple[Path, bytes, Header | None, Mapping[int, str]]]:
        """Yield file, JPEG, the header of one that is passed through (others are turned already), and texts of its EXIF."""
        for file in files:
            try:
                data = file.read_bytes()
                if sniff(data) == "image/jpeg":
                    header = check_whole(data)
                    yield file, data, header, texts_of(data, header)
                else:
                    yield self._converted(file, shot)
            except (*UNREADABLE, MalformedError, CameraUnavailableError) as error:
                self._say_once(f"{file.name} is passed over: {error}")

    def _converted(self, file: Path, shot: Shot) -> tuple[Path, bytes, None, Mapping[int, str]]:
        if file.suffix.lower() in HEIF_SUFFIXES:
            _learn_heif()
        with Image.open(file) as opened:
            opened.load()  # a PNG may have its EXIF behind the pixels
            texts = _texts(opened.getexif())
            image = to_rgb(ImageOps.exif_transpose(opened))
        image = turned(image, self._settings)
        if self._settings.size_px:
            image = ImageOps.contain(image, self._settings.size_px)
        self._annotation.draw(image, shot.number)
        jpeg = self._fit.encode(lambda quality, scale: to_jpeg(image, quality, scale), shot.frame_max_bytes)
        return file, jpeg, None, texts

    def _taken_at_us(self, file: Path, texts: Mapping[int, str]) -> int:
        """Return when the picture in *file* says it was taken, else when the file was last changed, else now."""
        try:
            if (at_us := taken_at_us(texts)) is not None:
                return at_us
        except NoInstantError as error:
            self._say_once(f"{file.name} says it was taken at {error}; the time of the file is used instead")
        changed_at_us = file.stat().st_mtime_ns // 1000
        return changed_at_us if changed_at_us >= 0 else self._clock.utc_us()

    def _say_once(self, sentence: str) -> None:
        # A folder goes round: the same file would be named at every turn.
        if sentence not in self._said:
            self._said.add(sentence)
            log.warning("%s", sentence)


def _texts(exif: Image.Exif) -> Mapping[int, str]:
    return {
        tag: str(value) for tags in (exif, exif.get_ifd(ExifTags.IFD.Exif)) for tag, value in tags.items()
    }


def _learn_heif() -> None:
    """Have Pillow read HEIF. A second time costs nothing."""
    try:
        from pillow_heif import register_heif_opener
    except ModuleNotFoundError as error:
        raise CameraUnavailableError(
            f"it needs the Python module {error.name}; install it with: pip install pillow-heif"
        ) from error
    register_heif_opener()
