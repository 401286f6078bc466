"""What can be wrong with bytes or names that arrive from elsewhere."""


class WireError(ValueError):
    """Base of every error that this package raises on purpose; its text is a sentence for people."""


class MalformedError(WireError):
    """Bytes that cannot be read as what they claim to be. Set them aside; asking again will not help.

    Attributes:
        reason: A short fixed word for counters and quarantine folders, such as ``not-a-picture``.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class IdentityError(WireError):
    """A camera name, epoch or frame id that breaks the rules of ``identity``."""
