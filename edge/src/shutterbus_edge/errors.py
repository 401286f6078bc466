"""Every error that the edge raises on purpose, sorted by what its caller does about it.

``SettingsError``: settings that mean nothing. Stop; its sentences name variable, value and what is allowed.
"""

from shutterbus_runtime.settings import SettingsError

__all__ = ["SettingsError"]


class EdgeError(Exception):
    """Base class; its text is a sentence for people. Catch this only at the top of the process."""


class MisconfiguredError(EdgeError):
    """Something outside has to be put right first. Stop, or wait long, and say what to fix."""


class NotGrantedError(MisconfiguredError):
    """Our identity lacks what it needs: its certificate, a right, a topic. Look again soon at first; it may be on its way."""


class CameraUnavailableError(EdgeError):
    """No picture can be taken now. Wait, and open the camera again."""


class CameraFinishedError(EdgeError):
    """A source that was to be played once has been. Take no more pictures; publish what is held."""


class BrokerUnavailableError(EdgeError):
    """The broker did not take the message. Keep it, and send it again later."""


class HungUpError(BrokerUnavailableError):
    """The broker ended the connection and did not say why. One that is stopped does so, and one that minds a message."""


class NobodyListensError(BrokerUnavailableError):
    """The broker took the message and had nobody to give it to. Keep it until somebody subscribes."""


class FrameRefusedError(EdgeError):
    """The broker will never take this message. Set it aside; do not send it again.

    Attributes:
        reason: A short fixed word for counters and the quarantine folder, such as ``over-limit``.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class SpoolInUseError(MisconfiguredError):
    """Another process owns the spool folder."""


class NoLongerHeldError(EdgeError):
    """The spool has not got these bytes any more: confirmed, or damaged and set aside. Take the next."""
