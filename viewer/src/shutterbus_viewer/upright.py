"""How large a picture is on screen: cameras mounted sideways say so in their EXIF instead of turning pixels."""

from shutterbus_wire import jpeg, tiff
from shutterbus_wire.errors import MalformedError

_ORIENTATION = 0x0112
_SIDEWAYS = range(5, 9)


def upright_size_px(picture: bytes) -> tuple[int, int]:
    """Return width and height of a JPEG or PNG as a browser shows it.

    Raises:
        MalformedError: No picture, a damaged header, or more pixels than should be decoded.
    """
    width, height = jpeg.size_px(picture)
    return (height, width) if _orientation(picture) in _SIDEWAYS else (width, height)


def _orientation(picture: bytes) -> int:
    if jpeg.sniff(picture) != "image/jpeg":
        return 1
    for segment in jpeg.segments(picture):
        if jpeg.is_exif(picture, segment):
            try:
                value = tiff.read(picture[segment.start + 10 : segment.end]).image.get(_ORIENTATION)
            except MalformedError:
                return 1
            return int.from_bytes(value.data[:2]) if value and value.kind == tiff.SHORT else 1
    return 1
