"""The forms in which a frame travels.

A codec is a class in a module of its own here, and a line in ``CODECS``. Each is recognised by its first bytes, whatever
the sender claims, and only by itself: the suite ``tests/wire/test_codecs.py`` asks every member for that and the rest.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from shutterbus_wire.codecs.bare_picture import BarePicture
from shutterbus_wire.codecs.photo_json import PhotoJson
from shutterbus_wire.codecs.sinetstream import Sinetstream
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.frame import Frame


class Codec(Protocol):
    """One form of a message that carries a picture. It keeps nothing between calls."""

    def recognises(self, value: bytes) -> bool:
        """Whether *value* begins like a message of this form; ``decode`` says whether it is one. Looks at no more than 64 bytes."""

    def decode(self, value: bytes) -> tuple[bytes, int | None]:
        """Return the picture in *value*, and the instant that the message itself names, us since 1970; None: it names none.

        The picture is not looked at. Time and memory grow with the size of *value* and with nothing else in it.

        Raises:
            MalformedError: It is torn, encrypted or not of this form.
        """

    def encode(self, frame: Frame) -> tuple[bytes, str]:
        """Return the message that carries *frame*, and its content type."""

    def picture_max_bytes(self, message_max_bytes: int) -> int:
        """Return how large a picture may be in a message of that size, its envelope's few bytes not counted."""


CODECS: Mapping[str, Codec] = MappingProxyType({
    "jpeg": BarePicture(),
    "3": Sinetstream(3),
    "2": Sinetstream(2),
    "json": PhotoJson(),
})  # fmt: skip
"""By what ``SS_MESSAGE_FORMAT`` calls them; its allowed values are these."""


def decode(value: bytes) -> tuple[bytes, int | None]:
    """Return the picture in a message of any form, and the instant that it names; see ``Codec.decode``."""
    for codec in CODECS.values():
        if codec.recognises(value):
            return codec.decode(value)
    raise MalformedError(
        "not-a-picture",
        f"neither a picture nor a message with one: begins with {value[:4].hex(' ') or 'nothing'}",
    )
