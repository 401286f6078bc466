"""How frames travel: everything that opens a connection to a broker.

A transport is a package here with a class that keeps the promises of ``Transport``, and one line in ``registry``. Its
client library is imported when the first connection is opened, so that a process pays only for the one it uses.
"""

import importlib
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from shutterbus_runtime.clock import Clock
from shutterbus_runtime.settings import OptionCheck
from shutterbus_transport.consuming import Handler, Reader, Subscription
from shutterbus_transport.registry import TRANSPORTS, TransportName
from shutterbus_transport.sending import OpenClient, Outgoing
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire.frame import Lane

__all__ = ["BACKLOG_SEND_BUFFER_BYTES", "TRANSPORTS", "Sending", "Transport", "TransportName", "transport"]

BACKLOG_SEND_BUFFER_BYTES = 64 * 1024
"""What the kernel may hold of the backlog, and a live picture on the same thin line has to wait for."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What a camera's connections have to know.

    Attributes:
        name: Begins their names in the broker's log. Not to be guessed: a client that connects to an MQTT broker under the name
            of another takes its place.
        frames_topic: Where frames go; its limit is asked for.
        telemetry_topic: Where the rest goes, on a transport that has one topic for it; None: it goes nowhere.
        will: What the broker is to say when it loses us, asked for at every connecting.
    """

    name: str
    frames_topic: str
    telemetry_topic: str | None = None
    will: Callable[[], Outgoing | None] = lambda: None


class Transport(Protocol):
    """One way for frames to travel.

    Attributes:
        name: As ``SS_TYPE`` spells it.
        title: As people spell it.
        reads_together: Whether one reader brings frames and telemetry, so that a report never overtakes what it speaks of.
        several_brokers: Whether a client may be given several addresses of one cluster.
        retains: Whether the broker can keep a topic's last message for those who subscribe later.
        shares_topics: Whether status, reports and readings share one topic of a camera.
    """

    name: str
    title: str
    several_brokers: bool
    reads_together: bool
    retains: bool

    def default_port(self, *, tls: bool) -> int:
        """Return the port of a broker that is named without one."""

    def check_topic(self, topic: str) -> None:
        """Raise ValueError, with what is expected, where no topic can be called that; ``{camera}`` is replaced before."""

    def topic(self, camera: str, kind: str) -> str:
        """Return the topic of *camera* for ``frames``, ``status``, ``reports``, ``readings`` or ``readings/<sensor>``."""

    def owner(self, topic: str) -> tuple[str, str] | None:
        """Return camera and kind of a topic of ours, None for a foreign one."""

    def check_options(self, prefix: str, own: Sequence[str], *, reads: bool) -> OptionCheck:
        """Return the check of options that go to the client library as they are."""

    def carry(self, settings: BrokerSettings, topic: str, size_bytes: int, within_s: float) -> None:
        """Send a message of that size to *topic* and read it back; raise TransportError if it is not back *within_s*."""

    def begin_message(
        self, connection: socket.socket, settings: BrokerSettings, topic: str, size_bytes: int
    ) -> bytes:
        """Return how a message of *size_bytes* to *topic* begins, once what has to be said before is said on *connection*.

        For measuring a bare line: as long as the message is not whole, the broker stores nothing. Raises OSError.
        """

    def open_clients(self, settings: BrokerSettings, sending: Sending) -> Mapping[Lane, OpenClient]:
        """Return how each lane connects."""

    def readers(
        self, settings: BrokerSettings, subscription: Subscription, handler: Handler, clock: Clock
    ) -> list[Reader]:
        """Return the readers for all that *subscription* names, not started. Each calls *handler* by itself."""


def transport(name: str) -> Transport:
    """Return the transport that ``SS_TYPE`` calls *name*; KeyError if there is none."""
    loaded: Transport = importlib.import_module(TRANSPORTS[cast("TransportName", name)]).TRANSPORT
    return loaded
