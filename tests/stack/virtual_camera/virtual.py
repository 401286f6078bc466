"""Makes the adapter open libcamera's virtual camera: three things about it that no camera of a Pi has."""

import time

import libcamera
from picamera2 import Picamera2
from picamera2.allocators import Allocator, LibcameraAllocator

from shutterbus_edge.capture import picamera2 as adapter

FRAME_S = 1 / 15


class VirtualCamera(Picamera2):  # type: ignore[misc] # picamera2 publishes no types
    """picamera2 itself, for a camera that has no raw stream, takes its memory from libcamera and knows no pace.

    As soon as a buffer is free it fills it again, and would keep a processor busy with pictures that nobody wants.
    """

    def __init__(self, number: int = 0) -> None:
        super().__init__(number, allocator=Allocator())
        self.allocator = LibcameraAllocator(self.camera)
        self.pre_callback = lambda _request: time.sleep(FRAME_S)

    def _get_raw_modes(self) -> list[dict[str, object]]:
        formats = self.camera.generate_configuration([libcamera.StreamRole.Viewfinder]).at(0).formats
        return [
            {"format": str(pixels), "size": (size.width, size.height)}
            for pixels in formats.pixel_formats
            for size in formats.sizes(pixels)
        ]


def install() -> None:
    """Let ``PiCamera`` open virtual cameras from now on."""
    adapter.Picamera2 = VirtualCamera  # type: ignore[attr-defined] # in place of the name it imported
