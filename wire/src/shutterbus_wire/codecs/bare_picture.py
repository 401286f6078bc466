"""The picture itself, with nothing around it: what our own topics carry."""

from shutterbus_wire import jpeg
from shutterbus_wire.frame import Frame


class BarePicture:
    """A JPEG or PNG as it is; its time is in its EXIF."""

    def recognises(self, value: bytes) -> bool:
        return jpeg.sniff(value) is not None

    def decode(self, value: bytes) -> tuple[bytes, None]:
        return value, None

    def encode(self, frame: Frame) -> tuple[bytes, str]:
        return frame.data, frame.content_type

    def picture_max_bytes(self, message_max_bytes: int) -> int:
        return message_max_bytes
