"""What can go wrong between us and a broker, sorted by what the caller does about it."""


class TransportError(Exception):
    """Base class; its text is a sentence for people."""


class BrokerUnavailableError(TransportError):
    """The broker did not take the message, or gives no connection now. Keep the message, and try again later."""


class BrokerClosedConnectionError(BrokerUnavailableError):
    """The broker closed the connection without a reason: it is stopping, or it does not take what it was sent."""


class NoSubscribersError(BrokerUnavailableError):
    """The broker took the message and had nobody to give it to (MQTT 0x10). Keep it until somebody subscribes."""


class TransportMisconfiguredError(TransportError):
    """A certificate, password, right or topic has to be corrected first. Wait long, and say what to correct."""


class LoginRefusedError(TransportMisconfiguredError):
    """The broker does not accept the user and password. Wait long: repeated wrong passwords lock an account."""


class NotAuthorizedError(TransportMisconfiguredError):
    """Our identity lacks a right, a topic or a certificate. Try again soon at first: it may be on its way."""


class MessageRefusedError(TransportError):
    """The broker will never take this message. Set it aside; do not send it again.

    Attributes:
        reason: A short fixed word for counters and the quarantine folder, such as ``over-limit``.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
