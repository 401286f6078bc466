"""Light becomes a picture.

A source is a class in a module of its own here, and a line in ``SOURCES``. Nothing in this module imports a
camera or image library: the process that publishes reads addresses with it and stays small; the libraries load
in the capture process (``python -m shutterbus_edge.capture``), and only the one that the address asks for.
"""

import difflib
import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from shutterbus_edge.errors import CameraUnavailableError, MisconfiguredError
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.clock import Clock
from shutterbus_wire.exif import TEXTS
from shutterbus_wire.frame import CapturedAtSource

SOURCES = {
    "testcard": "testcard:TestCard",
    "file": "playing:open_loop",
    "file-once": "playing:open_once",
    "v4l2": "v4l2:Webcam",
    "picamera2": "picamera2:PiCamera",
}
"""Scheme of the address: the module here and what to call in it with (rest of the address, settings, clock)."""

NOT_YET = ("rtsp", "rtsps", "http", "https")


@dataclass(frozen=True, slots=True)
class Shot:
    """What is known of a picture before it is taken.

    Attributes:
        number: What its frame will be numbered, for sources that draw it; a shot that fails leaves it to the next.
        frame_max_bytes: The largest picture that the broker takes; None if it never said.
    """

    number: int
    frame_max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class CapturedImage:
    """One picture as its source handed it over.

    Attributes:
        jpeg: A whole JPEG; for a source that passes pictures through, the very bytes it was given.
        captured_at_us: Instant of exposure in us since 1970-01-01T00:00:00Z by this machine's clock.
        captured_at_source: What that instant is worth; see ``shutterbus_wire.frame.Facts``.
        metadata: The camera's own facts, JSON values only.
        orientation: The EXIF Orientation to write, where settings turn the picture and its pixels were left
            alone; None keeps what the picture says of itself.
        make: Of the camera, where the source knows it.
        model: Likewise.
    """

    jpeg: bytes
    captured_at_us: int
    captured_at_source: CapturedAtSource
    camera_metadata: Mapping[str, Any] = field(default_factory=dict)
    orientation: int | None = None
    make: str | None = None
    model: str | None = None


class Camera(Protocol):
    """Something that can take a picture when asked. Used by one thread."""

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of its pictures; where they differ, of the first."""

    @property
    def natural_rate(self) -> float | None:
        """Pictures a second where nothing else says so; None if its hardware sets the pace."""

    @property
    def applied(self) -> frozenset[str]:
        """The fields of ``CaptureSettings`` that this source does something with."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about what was asked of it and done otherwise, such as a value out of its range."""

    @property
    def description(self) -> str:
        """What a person would call it: ``test card``, ``imx708_wide``, ``vtest.avi``."""

    def capture(self, shot: Shot) -> CapturedImage:
        """Return the next picture.

        A source that encodes keeps the JPEG within the shot's limit, by lower quality, then by fewer pixels; one
        that passes pictures through hands them over as they are.

        Raises:
            CameraUnavailableError: Nothing can be taken now. Close it and open it again.
            CameraFinishedError: It was to be played once, and that is done.
        """

    def close(self) -> None:
        """Give the device back. It is not used again."""


@dataclass(frozen=True, slots=True)
class Address:
    """``CAMERA_SOURCE``, taken apart: ``v4l2:/dev/video0`` is scheme ``v4l2`` and rest ``/dev/video0``."""

    scheme: str
    rest: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.rest}" if self.rest else self.scheme


def parse_address(text: str) -> Address:
    """Return the address of a source; nothing is opened.

    Raises:
        MisconfiguredError: It names no source of this version.
    """
    scheme, _, rest = text.strip().partition(":")
    scheme = scheme.lower()
    if scheme in NOT_YET:
        raise MisconfiguredError(
            f"CAMERA_SOURCE={text}: {scheme} cameras are not in this version; {_known()}"
        )
    if scheme not in SOURCES:
        near = difflib.get_close_matches(scheme, SOURCES, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        # A bare path is the likeliest slip of all.
        hint = f"did you mean file:{text}? " if text.startswith(("/", "./", "~")) else hint
        raise MisconfiguredError(f"CAMERA_SOURCE={text}: there is no source {scheme!r}; {hint}{_known()}")
    if scheme in {"file", "file-once"} and not rest:
        raise MisconfiguredError(f"CAMERA_SOURCE={text}: say which file, as in {scheme}:/pictures")
    return Address(scheme, rest)


def missing(address: Address) -> str | None:
    """Return what *address* names and is not there, a sentence; None where it is, or only opening it would tell."""
    match address.scheme:
        case "file" | "file-once":
            path = Path(os.path.expanduser(address.rest))  # noqa: PTH111 (a name it does not know stays as it is)
        case "v4l2":
            path = Path(address.rest or "/dev/video0")
        case _:
            return None
    return None if path.exists() else f"CAMERA_SOURCE={address}: there is no {path}."


def _known() -> str:
    return f"this version has {', '.join(SOURCES)}"


def open_camera(address: str, settings: CaptureSettings, clock: Clock) -> Camera:
    """Open the source at *address*.

    Raises:
        CameraUnavailableError: It is not there, or not now; the sentence says what to do.
        MisconfiguredError: The address or a setting can never work.
    """
    parsed = parse_address(address)
    module_name, _, name = SOURCES[parsed.scheme].partition(":")
    try:
        module = importlib.import_module(f"{__name__}.{module_name}")
    except ModuleNotFoundError as error:
        raise CameraUnavailableError(
            f"{address} needs the Python module {error.name}; {_how_to_get(error.name)}"
        ) from error
    opener: Callable[[str, CaptureSettings, Clock], Camera] = getattr(module, name)
    return opener(parsed.rest, settings, clock)


def _how_to_get(module: str | None) -> str:
    if module in {"cv2", "numpy"}:
        return "install it with: pip install opencv-python-headless"
    if module in {"picamera2", "libcamera", "simplejpeg"}:
        return (
            "on a Raspberry Pi: sudo apt install python3-picamera2; on a machine without a camera "
            "set CAMERA_SOURCE=testcard"
        )
    return "install it and start again"


def not_applied(settings: CaptureSettings, applied: frozenset[str]) -> list[str]:
    """Return the environment names of settings the user gave that the source does nothing with."""
    # Texts for EXIF are written by who gives a picture its number, whatever it comes from.
    applied |= {f"exif_tags.{name}" for name in TEXTS}
    return sorted(
        name
        for setting, name in settings.given.items()
        # A control is given as "controls.AeEnable".
        if setting not in applied and setting.partition(".")[0] not in applied
    )
