"""What a reader of frames brings, and what a transport does for it: deliver, hold, acknowledge, and say what is wrong.

A reader brings a ``Handler``. Everything else is the transport's: connections and their outages, offsets and sessions,
pausing, and acknowledgements that reach the broker only for what the handler has finished with.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from shutterbus_wire.errors import MalformedError
from shutterbus_wire.message import Arrival

Kind = Literal["frames", "telemetry"]

MISTAKES = (ValueError, LookupError, TypeError, ArithmeticError, AttributeError, AssertionError)
"""What a decoder may raise if it has a mistake. It costs that message or batch, never the stream."""
UNUSABLE = (MalformedError, *MISTAKES, RecursionError)
"""What decoding a message may raise; ``why_unusable`` says it."""

TURN_S = 0.5
"""At least so often a reader calls ``Handler.turn``."""


def why_unusable(error: Exception) -> tuple[str, str]:
    """Return the word and the sentence for why a message cannot be used."""
    if isinstance(error, MalformedError):
        return error.reason, str(error)
    return "unreadable", f"{type(error).__name__}: {error}"


@dataclass(frozen=True, slots=True)
class Group:
    """Readers that share the work and remember how far they came.

    Attributes:
        name: Kafka's consumer group.
        member: This reader's stable name in it: Kafka's group instance, MQTT's client id. A client that connects with an MQTT
            client id takes over its session and queued messages, so it should hold 128 random bits.
    """

    name: str
    member: str

    def of(self, kind: Kind) -> "Group":
        """Return the group for *kind*, where frames and telemetry are read apart."""
        return self if kind == "frames" else Group(f"{self.name}.{kind}", self.member)


@dataclass(frozen=True, slots=True)
class Subscription:
    """What to read.

    Attributes:
        kinds: Of our own topics.
        foreign: Further topics or patterns to read frames from, ``*`` on Kafka, ``+`` and ``#`` on MQTT.
        group: Without one, a reader sees everything and acknowledges nothing.
        begin: Without a group: from the ``last`` frame of each camera on, skipping what one that fell behind would show
            late; or with what comes from ``now`` on, all of it.
        state_dir: A folder that outlives the process, for a note of what has ended it; one process uses it. None for none.
    """

    kinds: tuple[Kind, ...] = ("frames", "telemetry")
    foreign: tuple[str, ...] = ()
    group: Group | None = None
    begin: Literal["last", "now"] = "last"
    state_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way to a handler.

    Attributes:
        age_s: Since the broker received it, in seconds; 0 where the broker does not say.
        broker_time_us: When the broker stored it, us since 1970, UTC; None where it does not say.
        receipt: What ``Reader.acknowledge`` needs; it means something to the reader that brought it alone.
    """

    arrival: Arrival
    age_s: float = 0.0
    broker_time_us: int | None = None
    receipt: tuple[object, int, int] | None = None

    @property
    def received_at_us(self) -> int | None:
        """When the broker received it, us since 1970, UTC; None where nobody knows."""
        return None if self.arrival.retained else self.arrival.arrived_at_us - int(self.age_s * 1e6)


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages that the broker deleted before this group had read them.

    Attributes:
        camera: Whose topic it is; None for a foreign one.
        first, last: Offsets of the first and last one that is gone.
    """

    transport: str
    topic: str
    camera: str | None
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many messages are gone."""
        return self.last - self.first + 1


class Handler(ABC):
    """What is done with what comes. Readers call it from their own threads: one that serves several has to lock.

    Nothing that a message contains may make it raise. What it is given stays unacknowledged until it calls
    ``Reader.acknowledge``, from within one of these calls.
    """

    @abstractmethod
    def frame(self, delivery: Delivery) -> bool:
        """Take a frame; say whether it can be read. A reader that looks for a last frame looks further back if not."""

    @abstractmethod
    def telemetry(self, delivery: Delivery) -> None:
        """Take a status, a report or a reading."""

    @abstractmethod
    def refused(self, delivery: Delivery, reason: str, sentence: str) -> None:
        """Take note of a message that the transport itself could not read; what is known of it is in *delivery*."""

    @abstractmethod
    def outage(self, source: str, transport: str, sentence: str) -> None:
        """Take note that *source*, a connection of *transport*, is down; an empty sentence ends it."""

    def lacking(self, source: str, transport: str, sentence: str, cameras: Collection[str]) -> None:  # noqa: B027 (likewise)
        """Take note of what the topics of *cameras* lack, such as a leader, while *transport* is connected.

        *source* tells one such note from another; an empty sentence ends it.
        """

    def cameras(self, camera_names: set[str]) -> None:  # noqa: B027 (not every handler has a use for it)
        """Take note of cameras that have topics of ours; a foreign topic must not speak as one of them."""

    def gap(self, gap: Gap) -> None:  # noqa: B027 (not every handler has a use for it)
        """Take note of messages that were deleted before they were read."""

    def turn(self, *, more: bool) -> None:  # noqa: B027 (not every handler has a use for it)
        """Do what is due. *more* says whether further messages are waiting; else a group can be closed now."""


class Reader(Protocol):
    """A thread that reads one broker for a handler until ``stop``, whatever the broker does.

    Attributes:
        name: For logs and health.
        connected: Whether the broker is there now.
        lag: By topic, how many messages the broker has that this reader's group is not finished with, as of about a second ago.
            Empty without a group, and where the broker does not tell, as over MQTT.
    """

    name: str
    connected: bool
    lag: Mapping[str, int]

    def start(self) -> None:
        """Begin to read."""

    def stop(self) -> None:
        """End soon; ``join`` to wait for it."""

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended."""

    def is_alive(self) -> bool:
        """Whether it runs."""

    def pause(self) -> None:
        """Deliver nothing more, and stay connected and a member of the group. Any thread may call it."""

    def resume(self) -> None:
        """Deliver again. Any thread may call it."""

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        """Tell the broker that *deliveries* need not come again. Only from within a call of the handler.

        What an older connection or an earlier assignment brought is passed over: it comes again by itself.
        """
