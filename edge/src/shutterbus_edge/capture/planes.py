"""Camera buffers as planes of brightness and colour, and as JPEG, without a detour by RGB.

Arrays are what picamera2 hands over; numpy itself is not needed here.
"""

from typing import Any

import simplejpeg
from PIL import Image

from shutterbus_edge.capture.pixels import to_jpeg
from shutterbus_edge.errors import MisconfiguredError

RGB_ORDER = {"XBGR8888": "RGBX", "XRGB8888": "BGRX", "BGR888": "RGB", "RGB888": "BGR"}
"""libcamera names pixels by their bits from the top, so from the last byte to the first."""


def planes_of(pixels: Any, pixel_format: str, size: tuple[int, int]) -> Any:
    """Return brightness and the two colour planes; an RGB picture is returned as it is."""
    width, height = size
    if pixel_format in {"YUV420", "YVU420"}:
        stride = pixels.shape[1]
        halves = pixels.reshape(pixels.shape[0] * 2, stride // 2)
        first = halves[2 * height : 2 * height + height // 2, : width // 2]
        second = halves[2 * height + height // 2 : 3 * height, : width // 2]
        chroma = (first, second) if pixel_format == "YUV420" else (second, first)
        return (pixels[:height, :width], *chroma)
    if pixel_format in {"NV12", "NV21"}:
        first = pixels[height:, 0:width:2].copy()
        second = pixels[height:, 1:width:2].copy()
        chroma = (first, second) if pixel_format == "NV12" else (second, first)
        return (pixels[:height, :width], *chroma)
    if pixel_format not in RGB_ORDER:
        raise MisconfiguredError(
            f"pictures in {pixel_format} cannot be encoded; leave the format out, or use YUV420"
        )
    return pixels


def jpeg_of(planes: Any, pixel_format: str, size: tuple[int, int], quality: int, scale: float) -> bytes:
    """Return the picture as a JPEG of *quality*, its sides multiplied by *scale*."""
    if scale != 1.0:
        return to_jpeg(_image(planes, pixel_format, size), quality, scale)
    if isinstance(planes, tuple):
        jpeg: bytes = simplejpeg.encode_jpeg_yuv_planes(*planes, quality)
    else:
        jpeg = simplejpeg.encode_jpeg(planes, quality, RGB_ORDER[pixel_format], "420")
    return jpeg


def _image(planes: Any, pixel_format: str, size: tuple[int, int]) -> Image.Image:
    # Slow, and only for a limit that even the lowest quality does not meet.
    if not isinstance(planes, tuple):
        return Image.frombytes("RGB", size, planes.tobytes(), "raw", RGB_ORDER[pixel_format])
    bands = [Image.frombytes("L", plane.shape[::-1], plane.tobytes()) for plane in planes]
    return Image.merge("YCbCr", [bands[0], *(band.resize(size) for band in bands[1:])])
