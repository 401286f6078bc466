"""What a lane needs of a client library, and no more."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shutterbus_transport.errors import TransportError
from shutterbus_wire.message import Message

Done = Callable[[TransportError | None], None]
"""Called once for a message: with None when the broker has confirmed it, else with what became of it."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message and where it goes.

    Attributes:
        key: Kafka's key; our cameras' names.
        retain: Whether an MQTT broker keeps it for those who subscribe later.
    """

    topic: str
    key: bytes
    message: Message
    retain: bool = False


class SendingClient(Protocol):
    """One connection to a broker, with the library's queue behind it; both die together.

    A lane calls it from one thread and never hands it more than it is prepared to have in memory.

    Attributes:
        limit_bytes: The largest message that the broker accepts; None where it does not say.
        window: How many messages the broker accepts unconfirmed; None where it does not say.
    """

    limit_bytes: int | None
    window: int | None

    def send(self, outgoing: Outgoing, done: Done) -> None:
        """Hand over a message without waiting. *done* may be called by any thread, also before this returns."""

    def broken(self) -> TransportError | None:
        """Return why this client has to be closed, or None while it is usable."""

    def unconfirmed(self, topic: str) -> str | None:
        """Return why nothing sent to *topic* is confirmed, a sentence; None while it is still on its way on a slow line.

        Asked after seconds without an answer; it may take five seconds.
        """

    def close(self) -> None:
        """End the connection and every thread of it now. What was not confirmed stays unanswered."""


OpenClient = Callable[[], SendingClient]
"""Connects. Raises BrokerUnavailableError or TransportMisconfiguredError; it may take ten seconds to do so."""
