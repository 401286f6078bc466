"""A broker that behaves, the clients it answers, and a publisher whose lanes turn when the test says so."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge.fakes_edge import JPEG
from fakes import FakeClock
from shutterbus_edge.publish.backlog import BacklogLane
from shutterbus_edge.publish.disconnects import DisconnectTracker, LargestAcked
from shutterbus_edge.publish.encode import Encoder
from shutterbus_edge.publish.lane_connection import LaneConnection
from shutterbus_edge.publish.live import LiveLane
from shutterbus_edge.publish.retry import Retry
from shutterbus_edge.settings.edge import Order
from shutterbus_edge.spool import Held, Spool
from shutterbus_transport.errors import BrokerClosedConnectionError, BrokerUnavailableError, TransportError
from shutterbus_transport.sending import Done, Outgoing
from shutterbus_wire.exif import stamp
from shutterbus_wire.frame import FrameMetadata, Lane
from shutterbus_wire.telemetry import Reading, encode_telemetry


def picture(metadata: FrameMetadata, size_bytes: int = 0) -> bytes:
    """Return a JPEG with *facts* in it, about *size_bytes* long."""
    jpeg = JPEG[:2]
    while size_bytes - len(jpeg) > len(JPEG) + 700:
        length = min(65_000, size_bytes - len(jpeg) - len(JPEG) - 600)
        jpeg += b"\xff\xfe" + (length + 2).to_bytes(2, "big") + bytes(length)
    return stamp(jpeg + JPEG[2:], metadata, software="test")


HUNG_UP = BrokerClosedConnectionError("the broker hung up")
SILENT = BrokerUnavailableError("the connection is lost")


@dataclass
class FakeBroker:
    """Takes messages and confirms them after ``confirm_after_s``.

    Attributes:
        up: Whether connections are accepted.
        answers: Whether messages are confirmed; connections are accepted all the same.
        silent: A link without an answer: probes time out instead of being refused.
        verdict: What is answered for a message; None confirms it.
        hidden_limit_bytes: What it was never heard to say; it hangs up on a message above that.
        why_unconfirmed: What its client finds where it answers nothing; None while the line is merely slow.
        unanswered_topic: Messages to it are not confirmed; a topic may lack what another has.
        received: ``(lane, frame id or id of telemetry)`` in the order of arrival, confirmed or not.
        retained: The ids of those that were to be kept.
    """

    clock: FakeClock
    limit_bytes: int | None = None
    window: int | None = None
    up: bool = True
    answers: bool = True
    silent: bool = False
    confirm_after_s: float = 0.0
    bytes_per_s: float | None = None
    verdict: Callable[[Outgoing], TransportError | None] = lambda _: None
    hidden_limit_bytes: int | None = None
    refusal: TransportError | None = None
    why_unconfirmed: str | None = None
    unanswered_topic: str | None = None
    received: list[tuple[str, str]] = field(default_factory=list)
    retained: list[str] = field(default_factory=list)
    clients: list["FakeClient"] = field(default_factory=list)
    probes: int = 0

    def reach(self) -> None:
        self.probes += 1
        if self.silent:
            self.clock.pass_s(4)
            raise TimeoutError("timed out")
        if not self.up:
            raise ConnectionRefusedError(111, "Connection refused")

    def open(self, lane: Lane) -> "FakeClient":
        if self.refusal:
            raise self.refusal
        client = FakeClient(self, lane)
        self.clients.append(client)
        return client

    def lose_connections(self, error: TransportError = HUNG_UP) -> None:
        """End every connection, as a broker that stops does, or by *error*."""
        for client in self.clients:
            client.lose(error)

    def turn(self) -> None:
        """Answer what is due."""
        if self.answers and self.up and not self.silent:
            for client in self.clients:
                client.answer()

    @property
    def ids(self) -> list[str]:
        return [identity for _, identity in self.received]

    @property
    def open_clients(self) -> int:
        return sum(not client.closed for client in self.clients)


class FakeClient:
    """One connection to a FakeBroker. It keeps what is in pending, as a real library does, until closed or lost."""

    def __init__(self, broker: FakeBroker, lane: Lane) -> None:
        self.limit_bytes, self.window = broker.limit_bytes, broker.window
        self.lane = lane
        self.closed = False
        self._broker = broker
        self._lost: TransportError | None = None
        self._in_flight: list[tuple[float, Outgoing, Done]] = []
        self._free_at_s = 0.0

    def send(self, outgoing: Outgoing, done: Done) -> None:
        assert not self.closed, "sent on a closed client"
        if self._lost:
            done(SILENT)
            return
        now_s = self._broker.clock.monotonic_s()
        if self._broker.bytes_per_s:
            self._free_at_s = (
                max(now_s, self._free_at_s) + len(outgoing.message.value) / self._broker.bytes_per_s
            )
        due_s = max(now_s, self._free_at_s) + self._broker.confirm_after_s
        if outgoing.topic == self._broker.unanswered_topic:
            due_s = float("inf")
        self._in_flight.append((due_s, outgoing, done))

    def answer(self) -> None:
        now_s, limit_bytes = self._broker.clock.monotonic_s(), self._broker.hidden_limit_bytes
        if limit_bytes and any(len(sent.message.value) > limit_bytes for _, sent, _ in self._in_flight):
            self.lose(HUNG_UP)
        due = [sent for sent in self._in_flight if sent[0] <= now_s]
        self._in_flight = [sent for sent in self._in_flight if sent[0] > now_s]
        for _, outgoing, done in due:
            verdict = self._broker.verdict(outgoing)
            identity = outgoing.message.attributes["id"]
            if verdict is None:
                self._broker.received.append((self.lane, identity))
                if outgoing.retain:
                    self._broker.retained.append(identity)
            done(verdict)

    def lose(self, error: TransportError) -> None:
        self._lost = self._lost or error
        in_flight, self._in_flight = self._in_flight, []
        for _, _, done in in_flight:
            done(self._lost)

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    def unconfirmed(self, topic: str) -> str | None:
        return self._broker.why_unconfirmed and f"topic {topic} {self._broker.why_unconfirmed}"

    def broken(self) -> TransportError | None:
        return self._lost

    def close(self) -> None:
        self.closed = True
        self._in_flight.clear()


class Bench:
    """A camera with both lanes, a real spool in memory, and a fake broker; nothing happens but in ``run_s``."""

    def __init__(
        self,
        folder: Path,
        *,
        transport: str = "mqtt",
        bytes_per_s: float | None = None,
        topic: str | None = None,
        order: Order = "live-first",
    ) -> None:
        self.clock = FakeClock()
        self.broker = FakeBroker(self.clock)
        self.folder = folder
        self.spool = Spool(folder / "spool", camera="gate", clock=self.clock, mode="memory", background=False)
        self.encoder = Encoder(transport, "gate", topic=topic)
        jitter, self._largest_acked = random.Random(1).random, LargestAcked()
        self.live = LiveLane(
            self._connection("live", jitter), self.encoder, self.spool, self.clock, on_backlog=lambda: None
        )
        self.backlog = BacklogLane(
            self._connection("backlog", jitter),
            self.encoder,
            self.spool,
            self.clock,
            may_send=lambda: self.live.leaves_room,
            bytes_per_s=bytes_per_s,
            order=order,
        )

    def _connection(self, lane: Lane, jitter: Callable[[], float]) -> LaneConnection:
        return LaneConnection(
            lambda: self.broker.open(lane),
            self.broker.reach,
            str,
            self.clock,
            Retry(jitter=jitter),
            DisconnectTracker(self._largest_acked),
        )

    def shoot(self, size_bytes: int = 0) -> Held:
        """Take a picture, keep it, and offer it."""
        held = self.keep(size_bytes)
        self.live.offer(held)
        return held

    def keep(self, size_bytes: int = 0) -> Held:
        """Take a picture and keep it."""
        metadata = FrameMetadata("gate", self.spool.next_id(), self.clock.utc_us())
        return self.spool.put(metadata, picture(metadata, size_bytes))

    def read_sensor(self) -> Held:
        """Keep a reading, and offer it."""
        held = self.keep_reading()
        self.live.offer_telemetry(held)
        return held

    def keep_reading(self) -> Held:
        """Read a sensor and keep what it says."""
        seq = self.spool.next_telemetry_seq("readings-cpu")
        reading = Reading(
            camera="gate",
            epoch=self.spool.epoch,
            seq=seq,
            at_us=self.clock.utc_us(),
            sensor="cpu",
            values={"t": 1.0},
        )
        return self.spool.put_telemetry(reading.stream, seq, encode_telemetry(reading, "live").value)

    def run_s(
        self, duration_s: float, step_s: float = 0.1, each: Callable[[], object] = lambda: None
    ) -> None:
        """Let time pass, with every part turning every *step_s*."""
        end_s = self.clock.monotonic_s() + duration_s
        while self.clock.monotonic_s() < end_s:
            each()
            self.turn()
            self.clock.pass_s(step_s)
        self.turn()

    def turn(self) -> None:
        """Turn every part once."""
        for lane in (self.live, self.backlog):
            lane.step()
            self.broker.turn()
            lane.step()

    @property
    def held(self) -> int:
        return self.spool.counts().held_frames
