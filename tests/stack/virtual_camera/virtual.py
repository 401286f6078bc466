"""Makes the adapter open libcamera's virtual camera: two things about it that picamera2 does not expect."""

import libcamera
from picamera2 import Picamera2
from picamera2.allocators import Allocator, LibcameraAllocator

from shutterbus_edge.capture import picamera2 as adapter


class VirtualCamera(Picamera2):  # type: ignore[misc] # picamera2 publishes no types
    """picamera2 itself, for a camera that has no raw stream and takes its memory from libcamera."""

    def __init__(self, number: int = 0) -> None:
        super().__init__(number, allocator=Allocator())
        self.allocator = LibcameraAllocator(self.camera)

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
