"""Who took a picture, and which one it is.

``camera`` names the device, ``epoch`` one unbroken count of its pictures, ``seq`` the picture in it. The
three together are never used twice: a repeat is recognised and a hole is seen. The rules are checked at every
boundary, because a camera's name becomes a topic, a folder, a URL and a certificate.
"""

import re
import secrets
from dataclasses import dataclass

from shutterbus_wire.errors import IdentityError

CAMERA_PATTERN = r"[a-z0-9][a-z0-9-]{0,47}"
EPOCH_PATTERN = r"[0-9a-f]{16}"
FRAME_ID_PATTERN = rf"{EPOCH_PATTERN}-(?:0|[1-9][0-9]{{0,18}})"
SEQ_MAX = 2**63 - 1

_CAMERA = re.compile(CAMERA_PATTERN)
_FRAME_ID = re.compile(rf"({EPOCH_PATTERN})-(0|[1-9][0-9]{{0,18}})")
_EPOCH = re.compile(EPOCH_PATTERN)


def check_camera(name: str) -> str:
    """Return *name* if it may name a camera; raise IdentityError if not."""
    if not _CAMERA.fullmatch(name):
        raise IdentityError(
            f"{name[:80]!r} cannot name a camera: use 1 to 48 of a-z, 0-9 and -, beginning with a letter or digit"
        )
    return name


def check_epoch(text: str) -> str:
    """Return *text* if it is an epoch, 16 lower-case hex digits; raise IdentityError if not."""
    if not _EPOCH.fullmatch(text):
        raise IdentityError(f"{text[:80]!r} is not an epoch: 16 of 0-9 and a-f are expected")
    return text


def new_epoch() -> str:
    """Return 64 random bits as 16 hex digits."""
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True, order=True)
class FrameId:
    """An epoch and the number of a picture in it, written ``<epoch>-<seq>``.

    Ordering is by text of the epoch, then seq: it means something only within one epoch.
    """

    epoch: str
    seq: int

    def __post_init__(self) -> None:
        check_epoch(self.epoch)
        if not 0 <= self.seq <= SEQ_MAX:
            raise IdentityError(f"{self.seq} cannot number a picture: 0 to {SEQ_MAX} are expected")

    def __str__(self) -> str:
        return f"{self.epoch}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> "FrameId":
        """Return the id that *text* spells; raise IdentityError if it spells none."""
        match = _FRAME_ID.fullmatch(text)
        if not match:
            raise IdentityError(f"{text[:80]!r} is not a frame id: <16 hex digits>-<number> is expected")
        return cls(match[1], int(match[2]))
