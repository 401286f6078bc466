r"""Facts inside a JPEG: one EXIF segment right after SOI, in place of the source's own.

Any image tool reads the standard tags. The whole truth is in ``UserComment``: ``ASCII\0\0\0`` and one line of
JSON, see ``metadata_json``. Specified in ``docs/wire-format.md``.
"""

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

from shutterbus_wire import instant, metadata_json, tiff
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.frame import FrameMetadata
from shutterbus_wire.identity import FrameId
from shutterbus_wire.jpeg import APP1, Header, check_whole, exif_block, exif_segments, pieces_without

_EXIF = b"Exif\0\0"
_BLOCK_MAX_BYTES = 0xFFFF - 2 - len(_EXIF)
_COMMENT_CODE = b"ASCII\0\0\0"
_OURS = _COMMENT_CODE + metadata_json.BEGINNING

_MAKE, _MODEL, _SOFTWARE = 0x010F, 0x0110, 0x0131
_EXPOSURE_TIME, _SENSITIVITY, _EXIF_VERSION = 0x829A, 0x8827, 0x9000
_DATE_TIME_ORIGINAL, _OFFSET_ORIGINAL, _SUBSEC_ORIGINAL = 0x9003, 0x9011, 0x9291
_USER_COMMENT, _IMAGE_UNIQUE_ID, _BODY_SERIAL_NUMBER = 0x9286, 0xA420, 0xA431

_IMAGE_TEXTS = {
    "IFD0.ImageDescription": 0x010E,
    "IFD0.Make": _MAKE,
    "IFD0.Model": _MODEL,
    "IFD0.Artist": 0x013B,
    "IFD0.HostComputer": 0x013C,
    "IFD0.Copyright": 0x8298,
}
_PHOTO_TEXTS = {
    "EXIF.CameraOwnerName": 0xA430,
    "EXIF.LensMake": 0xA433,
    "EXIF.LensModel": 0xA434,
    "EXIF.LensSerialNumber": 0xA435,
}
TEXTS = frozenset({*_IMAGE_TEXTS, *_PHOTO_TEXTS})
"""Tags that a camera's owner may fill in, by the names that the Raspberry Pi's first camera library gave them."""

# What cannot be moved, because it holds offsets into the old file, or is of no use to anyone.
_LEFT_BEHIND = frozenset({
    0x0111, 0x0117, 0x0144, 0x0145, 0x014A, 0x0201, 0x0202,  # strips, tiles, sub-directories, thumbnail
    0x927C, 0xC634, 0xEA1C, 0xEA1D,  # MakerNote, DNGPrivateData, padding, offset of the MakerNote
})  # fmt: skip

_IMAGE_DEFAULTS = {
    tiff.ORIENTATION: tiff.Value(tiff.SHORT, 1, b"\0\x01"),
    0x011A: tiff.Value(tiff.RATIONAL, 1, b"\0\0\0H\0\0\0\x01"),  # XResolution, 72
    0x011B: tiff.Value(tiff.RATIONAL, 1, b"\0\0\0H\0\0\0\x01"),  # YResolution
    0x0128: tiff.Value(tiff.SHORT, 1, b"\0\x02"),  # ResolutionUnit: inch
    0x0213: tiff.Value(tiff.SHORT, 1, b"\0\x01"),  # YCbCrPositioning: centred
}
_PHOTO_DEFAULTS = {
    0x9101: tiff.Value(tiff.UNDEFINED, 4, b"\1\2\3\0"),  # ComponentsConfiguration: Y Cb Cr
    0xA000: tiff.Value(tiff.UNDEFINED, 4, b"0100"),  # FlashpixVersion
    0xA001: tiff.Value(tiff.SHORT, 1, b"\0\x01"),  # ColorSpace: sRGB
}
"""What the EXIF standard wants in every JPEG, as the source has it or else so."""

_DEFAULTS_MAX_BYTES = 256


def stamp(
    jpeg: bytes,
    metadata: FrameMetadata,
    *,
    software: str,
    header: Header | None = None,
    orientation: int | None = None,
    make: str | None = None,
    model: str | None = None,
    texts: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """Return *jpeg* with *metadata* in its EXIF and every other byte as it was.

    *header* is that of *jpeg*, from ``check_whole``, where the caller has it already.

    The source's own tags are kept where they do not say the same thing, without thumbnail and MakerNote; the
    largest of them go first if the segment's 64 KiB do not hold all. *orientation*, *make* and *model* win over
    the source's, and *texts*, by their names in ``TEXTS``, over these. Metadata beyond 16 KiB is left out, largest first; ``left_out`` in the comment counts it.

    Raises:
        MalformedError: *jpeg* is no whole JPEG.
    """
    header = header or check_whole(jpeg)
    soi, *rest = pieces_without(jpeg, header.exif)
    tags = _source_tags(jpeg, header)
    image, photo = _own_tags(metadata, software=software, orientation=orientation, make=make, model=model)
    image |= {tag: _name(texts[name]) for name, tag in _IMAGE_TEXTS.items() if name in texts}
    photo |= {tag: _name(texts[name]) for name, tag in _PHOTO_TEXTS.items() if name in texts}
    _fit(tags, image, photo)
    block = tiff.write(
        tiff.Tags(
            {**_IMAGE_DEFAULTS, **tags.image, **image},
            {**_PHOTO_DEFAULTS, **tags.photo, **_size(header), **photo},
            tags.position,
            tags.interop,
        )
    )
    length = len(block) + len(_EXIF) + 2
    head = b"".join((b"\xff", APP1.to_bytes(1), length.to_bytes(2), _EXIF, block))
    return b"".join((soi, head, *rest))


def read_metadata(jpeg: bytes, header: Header | None = None) -> FrameMetadata | None:
    """Return the facts inside *jpeg*, or None if no Shutterbus edge has stamped it.

    Without its *header*, which the caller may have already, *jpeg* is walked as far as to the facts.

    Raises:
        MalformedError: No JPEG; or stamped, but damaged, contradictory or of an unknown version.
    """
    for segment in header.exif if header else exif_segments(jpeg):
        block = exif_block(jpeg, segment)
        if _OURS in block:
            return _facts(tiff.read(block))
    return None


def _source_tags(jpeg: bytes, header: Header) -> tiff.Tags:
    if not header.exif:
        return tiff.Tags()
    try:
        tags = tiff.read(exif_block(jpeg, header.exif[0]))
    except MalformedError:
        return tiff.Tags()  # beyond repair: as if it had none
    for directory in (tags.image, tags.photo, tags.position, tags.interop):
        for tag in _LEFT_BEHIND & directory.keys():
            del directory[tag]
    return tags


def _own_tags(
    metadata: FrameMetadata, *, software: str, orientation: int | None, make: str | None, model: str | None
) -> tuple[tiff.Directory, tiff.Directory]:
    moment = instant.at(metadata.captured_at_us)
    image = {_SOFTWARE: _name(software)}
    if orientation is not None:
        image[tiff.ORIENTATION] = _short(orientation)
    if make:
        image[_MAKE] = _name(make)
    if model:
        image[_MODEL] = _name(model)
    comment = _COMMENT_CODE + metadata_json.write(metadata)
    photo = {
        _EXIF_VERSION: tiff.Value(tiff.UNDEFINED, 4, b"0232"),
        _DATE_TIME_ORIGINAL: tiff.ascii_value(moment.strftime("%Y:%m:%d %H:%M:%S")),
        _SUBSEC_ORIGINAL: tiff.ascii_value(moment.strftime("%f")),
        _OFFSET_ORIGINAL: tiff.ascii_value("+00:00"),
        _USER_COMMENT: tiff.Value(tiff.UNDEFINED, len(comment), comment),
        _IMAGE_UNIQUE_ID: tiff.ascii_value(_unique_id(metadata.id)),
        _BODY_SERIAL_NUMBER: tiff.ascii_value(metadata.camera),
    }
    exposure_us = round(_number(metadata.camera_metadata.get("ExposureTime")) or 0)
    if 0 < exposure_us < 2**32:
        exposure_s = Fraction(exposure_us, 1_000_000)
        ratio = exposure_s.numerator.to_bytes(4) + exposure_s.denominator.to_bytes(4)
        photo[_EXPOSURE_TIME] = tiff.Value(tiff.RATIONAL, 1, ratio)
    analogue = _number(metadata.camera_metadata.get("AnalogueGain"))
    if analogue is not None:
        # Gain 1 is about ISO 100, as libcamera's own tools write it.
        sensitivity = 100 * analogue * (_number(metadata.camera_metadata.get("DigitalGain")) or 1.0)
        if 1 <= sensitivity <= 0xFFFF:
            photo[_SENSITIVITY] = _short(round(sensitivity))
    return image, photo


def _fit(tags: tiff.Tags, image: tiff.Directory, photo: tiff.Directory) -> None:
    """Drop the source's largest tags until they and ours fit into one segment."""
    if tags == tiff.Tags():
        return
    surplus = _surplus(tags, image, photo)
    if surplus <= 0:
        return
    kept = [
        (directory, tag, value)
        for directory, ours in (
            (tags.image, image),
            (tags.photo, photo),
            (tags.position, {}),
            (tags.interop, {}),
        )
        for tag, value in directory.items()
        if tag not in ours
    ]
    kept.sort(key=lambda entry: len(entry[2].data))
    while surplus > 0:
        directory, tag, value = kept.pop()
        del directory[tag]
        surplus -= 12 + tiff.room(value)


def _surplus(tags: tiff.Tags, image: tiff.Directory, photo: tiff.Directory) -> int:
    merged = tiff.Tags({**tags.image, **image}, {**tags.photo, **photo}, tags.position, tags.interop)
    return tiff.size(merged) + _DEFAULTS_MAX_BYTES - _BLOCK_MAX_BYTES


def _facts(tags: tiff.Tags) -> FrameMetadata:
    comment = tags.photo.get(_USER_COMMENT)
    if comment is None or not comment.data.startswith(_OURS):
        raise MalformedError("broken-exif", "EXIF comment of a Shutterbus picture is not where it should be")
    metadata = metadata_json.read(comment.data[len(_COMMENT_CODE) :])
    unique_id, serial = (tiff.text(tags.photo.get(tag)) for tag in (_IMAGE_UNIQUE_ID, _BODY_SERIAL_NUMBER))
    if (unique_id, serial) != (_unique_id(metadata.id), metadata.camera):
        raise MalformedError(
            "identity-conflict",
            f"EXIF names {metadata.camera} {metadata.id} in its comment, "
            f"but {str(serial)[:80]} {str(unique_id)[:80]} in its tags",
        )
    return metadata


def _unique_id(identity: FrameId) -> str:
    return f"{identity.epoch}{identity.seq:016x}"


def _size(header: Header) -> tiff.Directory:
    width, height = header.size_px
    return {
        0xA002: tiff.Value(tiff.LONG, 1, width.to_bytes(4)),  # PixelXDimension
        0xA003: tiff.Value(tiff.LONG, 1, height.to_bytes(4)),  # PixelYDimension
    }


def _short(number: int) -> tiff.Value:
    return tiff.Value(tiff.SHORT, 1, number.to_bytes(2))


def _name(text: str) -> tiff.Value:
    return tiff.ascii_value(text[:255])


def _number(value: object) -> float | None:
    """Return *value* if it is a number of sensible size, else None."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
        return value
    return None
