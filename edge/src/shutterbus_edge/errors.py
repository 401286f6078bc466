"""Every error that the edge raises on purpose, sorted by what its caller does about it.

What a broker does to us is sorted in ``shutterbus_transport.errors``.

``SettingsError``: settings that mean nothing. Stop; its sentences name variable, value and what is allowed.
"""

from shutterbus_runtime.settings import SettingsError

__all__ = ["SettingsError"]


class EdgeError(Exception):
    """Base class; its text is a sentence for people. Catch this only at the top of the process."""


class MisconfiguredError(EdgeError):
    """Something outside has to be put right first. Stop, or wait long, and say what to fix."""


class CameraUnavailableError(EdgeError):
    """No picture can be taken now. Wait, and open the camera again."""


class CameraFinishedError(EdgeError):
    """A source that was to be played once has been. Take no more pictures; publish what is held."""


class SpoolInUseError(MisconfiguredError):
    """Another process owns the spool folder."""


class FrameGoneError(EdgeError):
    """The spool has not got these bytes any more: confirmed, or damaged and set aside. Take the next."""
