"""A picture, or a folder of them in the order of their names. A JPEG is passed through untouched."""

import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from PIL import ExifTags, Image, ImageOps

from shutterbus_edge.capture import CapturedImage, Shot, orientation
from shutterbus_edge.capture.fit import Fit
from shutterbus_edge.capture.pixels import Annotation, to_jpeg, turned
from shutterbus_edge.capture.playing import PICTURE_SUFFIXES
from shutterbus_edge.errors import CameraFinishedError, CameraUnavailableError
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.clock import Clock
from shutterbus_wire import tiff
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.jpeg import Header, check_whole, exif_block, size_px, sniff

log = logging.getLogger(__name__)

DEFAULT_RATE = 1.0
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""What Pillow raises for a file it cannot read."""


class Pictures:
    """``file:/a/folder`` or ``file:/a/picture.jpg``.

    Looped, it is a camera and a picture is taken now. Taken once, a picture is as old as it says itself (EXIF), or
    as its file is. A file that cannot be read is named in the log and passed over.
    """

    notes = ()

    def __init__(self, path: Path, settings: CaptureSettings, clock: Clock, *, once: bool) -> None:
        self._path = path
        self._settings = settings
        self._clock = clock
        self._once = once
        self._fit = Fit(settings.quality)
        self._annotation = Annotation(settings)
        self.description = path.name or str(path)
        self.natural_rate = settings.framerate or DEFAULT_RATE
        files = self._files()
        self._rest = iter(files)
        self._unreadable = 0
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
        file, jpeg, header = picture
        camera_metadata = {"File": file.name}
        turn = orientation.orientation(self._settings, header.orientation) if header else None
        if self._once:
            return CapturedImage(jpeg, _taken_at_us(file, jpeg, header), "file", camera_metadata, turn)
        return CapturedImage(jpeg, self._clock.utc_us(), "arrival", camera_metadata, turn)

    def close(self) -> None:
        """Nothing is held."""

    def _files(self) -> list[Path]:
        try:
            if not self._path.is_dir():
                return [self._path]
            files = [file for file in sorted(self._path.iterdir()) if file.suffix.lower() in PICTURE_SUFFIXES]
        except OSError as error:
            raise CameraUnavailableError(f"{self._path} cannot be read: {error.strerror}") from error
        if not files:
            kinds = ", ".join(sorted(PICTURE_SUFFIXES))
            raise CameraUnavailableError(f"there is no picture in {self._path} (of the kinds {kinds})")
        return files

    def _readable(self, files: Iterator[Path], shot: Shot) -> Iterator[tuple[Path, bytes, Header | None]]:
        """Yield file, JPEG, and the header of one that is passed through; the others have been turned already."""
        for file in files:
            try:
                data = file.read_bytes()
                if sniff(data) == "image/jpeg":
                    yield file, data, check_whole(data)
                else:
                    yield file, self._converted(file, shot), None
            except (*UNREADABLE, MalformedError) as error:
                log.warning("%s is passed over: %s", file.name, error)

    def _converted(self, file: Path, shot: Shot) -> bytes:
        with Image.open(file) as opened:
            image = turned(ImageOps.exif_transpose(opened).convert("RGB"), self._settings)
        if self._settings.size_px:
            image = ImageOps.contain(image, self._settings.size_px)
        self._annotation.draw(image, shot.number)
        return self._fit.encode(lambda quality, scale: to_jpeg(image, quality, scale), shot.frame_max_bytes)


def _taken_at_us(file: Path, jpeg: bytes, header: Header | None) -> int:
    """Return when the picture in *file* says it was taken, else when the file was last changed."""
    tags = _photo_tags(jpeg, header) if header else {}
    text, offset, fraction = (
        tiff.text(tags.get(tag)) or ""
        for tag in (
            ExifTags.Base.DateTimeOriginal,
            ExifTags.Base.OffsetTimeOriginal,
            ExifTags.Base.SubsecTimeOriginal,
        )
    )
    try:
        at = datetime.strptime(text + offset, "%Y:%m:%d %H:%M:%S%z" if offset else "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 (a camera without a zone means local time; made so below)
        at_us = int(at.astimezone().timestamp()) * 1_000_000
    except (ValueError, OverflowError, OSError):
        return file.stat().st_mtime_ns // 1000
    fraction = fraction.strip()
    return at_us + (int(fraction[:6].ljust(6, "0")) if fraction.isascii() and fraction.isdigit() else 0)


def _photo_tags(jpeg: bytes, header: Header) -> tiff.Directory:
    try:
        return tiff.read(exif_block(jpeg, header.exif[0])).photo if header.exif else {}
    except MalformedError:
        return {}
