"""What this board's memory and sensor can do, for settings that ask for more."""

import contextlib
import importlib
import re
from pathlib import Path
from typing import Any

from shutterbus_edge.capture import parse_address
from shutterbus_edge.settings.edge import EdgeSettings

LARGE_PX = 3840 * 2160
LARGE_NEEDS_BYTES = 600_000_000
"""A 4K picture as pixels, as JPEG and on its way take a board with more than the 512 MB of the Zeros and the 3A+."""
CMA_BUFFERS = 2
"""As many pictures, each as YUV420 and as the sensor's own 12 bits a pixel, the camera holds at the least."""


def memory(root: Path = Path("/")) -> dict[str, int]:
    """Return the kernel's memory figures in bytes, by its names: ``MemTotal``, ``CmaTotal``."""
    lines = (root / "proc/meminfo").read_text().splitlines()
    matches = (re.match(r"(\w+):\s+(\d+) kB", line) for line in lines)
    return {match[1]: int(match[2]) * 1024 for match in matches if match}


def cma_needed_bytes(size_px: tuple[int, int]) -> int:
    """Return how much contiguous memory libcamera takes for pictures of *size_px*."""
    pixels = size_px[0] * size_px[1]
    return CMA_BUFFERS * (pixels * 3 // 2 + pixels * 3 // 2)


def sensor_px(number: int) -> tuple[int, int] | None:
    """Return width and height of the sensor of libcamera's camera *number*; None without libcamera or camera."""
    with contextlib.suppress(ImportError, IndexError, RuntimeError):
        libcamera: Any = importlib.import_module("libcamera")
        properties = libcamera.CameraManager.singleton().cameras[number].properties
        known = {key.name: value for key, value in properties.items()}
        sizes = (
            [known["PixelArraySize"]] if "PixelArraySize" in known else known.get("PixelArrayActiveAreas", ())
        )
        return max(((size.width, size.height) for size in sizes), default=None)
    return None


def cannot(settings: EdgeSettings, root: Path = Path("/")) -> list[str]:
    """Return a sentence for everything about the wanted size of pictures that is beyond this board."""
    wanted = settings.capture.size_px
    address = parse_address(settings.camera_source)
    if (
        wanted is None
        or wanted[0] * wanted[1] < LARGE_PX
        or address.scheme not in {"picamera2", "v4l2", "testcard"}
    ):
        return []
    name = settings.capture.given.get("size_px", "PICAMERA_RESOLUTION")
    asked = f"{name}={wanted[0]}x{wanted[1]} cannot be used:"
    have = memory(root)
    sentences = []
    if have["MemTotal"] < LARGE_NEEDS_BYTES:
        sentences.append(
            f"{asked} this board has {have['MemTotal'] // 1_000_000} MB of memory, and 4K needs a board with 1 GB. "
            "FHD works here."
        )
    if address.scheme != "picamera2":
        return sentences
    sensor = sensor_px(int(address.rest or 0))
    if sensor and (sensor[0] < wanted[0] or sensor[1] < wanted[1]):
        sentences.append(
            f"{asked} the sensor has {sensor[0]} x {sensor[1]} pixels. A High Quality camera, a Camera Module 3 or an "
            "AI camera has enough."
        )
    cma = have.get("CmaTotal")
    if cma and cma < cma_needed_bytes(wanted):
        sentences.append(
            f"{asked} the kernel keeps {cma // 1_000_000} MB for cameras (CMA), and 4K needs "
            f"{cma_needed_bytes(wanted) // 1_000_000}. Write dtoverlay=vc4-kms-v3d,cma-256 into "
            "/boot/firmware/config.txt and restart."
        )
    return sentences
