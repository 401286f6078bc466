"""What the promises of transports are asked of: a real broker of each kind, and a handler that notes what comes."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from shutterbus_runtime.clock import SystemClock
from shutterbus_transport import Sending, transport
from shutterbus_transport.consuming import Delivery, Gap, Group, Handler, Reader, Subscription
from shutterbus_transport.errors import TransportError
from shutterbus_transport.sending import Outgoing, SendingClient
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire.frame import Frame, FrameMetadata
from shutterbus_wire.identity import FrameId
from shutterbus_wire.message import Message, encode_frame
from stack.brokers import Container

EPOCH = "00c0ffee00c0ffee"


@dataclass
class Broker:
    """A broker of one transport, and how to reach it."""

    name: str
    container: Container

    @property
    def settings(self) -> BrokerSettings:
        return BrokerSettings.model_validate(
            {"type": self.name, "brokers": self.container.address, "keepalive_s": 5}
        )

    def topic(self, camera: str) -> str:
        return transport(self.name).topic(camera, "frames")

    @contextmanager
    def client(self, camera: str) -> Iterator[SendingClient]:
        """One client of the live lane."""
        sending = Sending(f"test-{camera}", self.topic(camera))
        client = transport(self.name).open_clients(self.settings, sending)["live"]()
        try:
            yield client
        finally:
            client.close()

    def reader(self, handler: Handler, group: Group | None = None) -> Reader:
        """A reader of frames, not started."""
        subscription = Subscription(kinds=("frames",), group=group)
        [reader] = transport(self.name).readers(self.settings, subscription, handler, SystemClock())
        return reader


def message(camera: str, seq: int, size_bytes: int = 1_000) -> Message:
    """A message with the attributes of a frame; to a transport its bytes mean nothing."""
    metadata = FrameMetadata(camera, FrameId(EPOCH, seq), 1_800_000_000_000_000)
    return encode_frame(Frame(metadata, seq.to_bytes(4) * (size_bytes // 4)), "jpeg", "live")


def send(
    client: SendingClient, topic: str, *messages: Message, within_s: float = 30
) -> list[TransportError | None]:
    """Send all and return what became of each, in order."""
    answers: queue.SimpleQueue[tuple[int, TransportError | None]] = queue.SimpleQueue()

    def answered(number: int, error: TransportError | None) -> None:
        answers.put((number, error))

    for number, next_message in enumerate(messages):
        client.send(Outgoing(topic, b"camera", next_message), partial(answered, number))
    outcomes = dict(answers.get(timeout=within_s) for _ in messages)
    return [outcomes[number] for number in range(len(messages))]


def deliver(client: SendingClient, topic: str, *messages: Message, within_s: float = 60) -> None:
    """Send each until it is confirmed, as a lane does: a broker that has just started may not know a topic yet."""
    deadline_s = time.monotonic() + within_s
    for next_message in messages:
        while (answer := send(client, topic, next_message)[0]) is not None:
            assert time.monotonic() < deadline_s, answer


@dataclass
class Notes(Handler):
    """Notes what comes on one topic; what comes on others is acknowledged and forgotten.

    Attributes:
        acknowledges: Whether each delivery is acknowledged as it comes.
    """

    topic: str
    acknowledges: bool = True
    deliveries: list[Delivery] = field(default_factory=list)
    refusals: list[tuple[str, str]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    down: str = "not connected yet"
    turns: int = 0
    due: Callable[[], None] | None = None
    reader: Reader | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    def frame(self, delivery: Delivery) -> bool:
        ours = delivery.arrival.topic == self.topic
        if ours:
            self._note(lambda: self.deliveries.append(delivery))
        if self.reader and (self.acknowledges or not ours):
            self.reader.acknowledge([delivery])
        return True

    def telemetry(self, delivery: Delivery) -> None:
        raise AssertionError("nobody asked for telemetry")

    def refused(self, delivery: Delivery, reason: str, sentence: str) -> None:
        self._note(lambda: self.refusals.append((reason, sentence)))

    def outage(self, source: str, transport: str, sentence: str) -> None:
        def note() -> None:
            self.down = sentence

        self._note(note)

    def gap(self, gap: Gap) -> None:
        self._note(lambda: self.gaps.append(gap))

    def turn(self, *, more: bool) -> None:
        due, self.due = self.due, None
        if due:
            due()

        def note() -> None:
            self.turns += 1

        self._note(note)

    def in_turn(self, act: Callable[[], None]) -> None:
        """Have *act* called from within the handler, as acknowledging wants it, and return when that is done."""
        self.due = act
        self.turn_round()

    @property
    def ids(self) -> list[str]:
        return [delivery.arrival.attributes["id"] for delivery in self.deliveries]

    @property
    def seqs(self) -> list[int]:
        return [int(identity.rpartition("-")[2]) for identity in self.ids]

    def wait(self, condition: Callable[[], bool], within_s: float = 30) -> float:
        """Return the seconds until *condition* held; it is looked at whenever something has come."""
        begun_s = time.monotonic()
        with self.changed:
            assert self.changed.wait_for(condition, within_s), (
                f"{len(self.deliveries)} came, {self.gaps=}, {self.refusals=}, {self.down=}"
            )
        return time.monotonic() - begun_s

    def turn_round(self, times: int = 4) -> None:
        """Return when the reader has gone round so often: what it had to deliver has come."""
        until = self.turns + times
        self.wait(lambda: self.turns >= until)

    def _note(self, change: Callable[[], None]) -> None:
        with self.changed:
            change()
            self.changed.notify_all()


@contextmanager
def reading(broker: Broker, notes: Notes, group: Group | None = None) -> Iterator[Reader]:
    """A reader that runs, connected."""
    reader = notes.reader = broker.reader(notes, group)
    reader.start()
    try:
        notes.wait(lambda: not notes.down)
        yield reader
    finally:
        reader.stop()
        reader.join(15)
        assert not reader.is_alive(), "the reader does not stop"
