"""What both lanes have in common: messages in flight, and what becomes of each."""

import contextlib
import logging
import queue
import threading
from abc import ABC, abstractmethod

from shutterbus_edge.errors import FrameGoneError
from shutterbus_edge.publish.answers import Verdict, verdict
from shutterbus_edge.publish.encode import Encoder
from shutterbus_edge.publish.lane_connection import SUSPECT_AFTER_S, LaneConnection
from shutterbus_edge.publish.lane_state import Confirmations, LaneState
from shutterbus_edge.publish.pending_send import Kind, PendingSend
from shutterbus_edge.publish.readiness import Event, Phase, Readiness
from shutterbus_edge.publish.retry import Retry
from shutterbus_edge.publish.unconfirmed import UnconfirmedWatch
from shutterbus_edge.publish.window import Window
from shutterbus_edge.spool import Held, Spool
from shutterbus_runtime.clock import Clock
from shutterbus_runtime.outage import Outage
from shutterbus_transport.errors import (
    BrokerUnavailableError,
    MessageRefusedError,
    NoSubscribersError,
    NotAuthorizedError,
    TransportError,
)
from shutterbus_transport.sending import Outgoing, SendingClient
from shutterbus_wire.frame import FrameMetadata
from shutterbus_wire.frame import Lane as LaneName

log = logging.getLogger(__name__)

IDLE_S = 1.0
"""How often a lane looks around when nothing wakes it."""


class Lane(ABC):
    """A loop that settles what was answered, looks after its connection, and sends what fits.

    ``step`` does one turn and is called by one thread; everything else may be called by any. The three kinds
    of message fail apart, each with its own ``Retry``: readings that nobody subscribes to hold up no picture.
    """

    def __init__(
        self,
        name: LaneName,
        connection: LaneConnection,
        encoder: Encoder,
        spool: Spool,
        clock: Clock,
        window: Window,
        frame_retry: Retry,
    ) -> None:
        self.name = name
        self.connection = connection
        self._marked: LaneName = name
        self._encoder = encoder
        self._spool = spool
        self._clock = clock
        self._window = window
        self._stop = threading.Event()
        # Answers from the client's thread; None only wakes. One queue for both, because the loop waits for either.
        self._answers: queue.SimpleQueue[tuple[PendingSend, TransportError | None] | None] = (
            queue.SimpleQueue()
        )
        self._pending: dict[PendingSend, None] = {}
        self._retries: dict[Kind, Retry] = {
            "frame": frame_retry,
            "telemetry": Retry(Outage(f"{name} reports and readings", clock, log)),
            "status": Retry(),
        }
        self._confirmations = Confirmations(clock)
        self._unconfirmed = UnconfirmedWatch(self._retries, clock)
        self.ready = Readiness(connection.retry, self._retries, connection.disconnects)
        self._without_sensors: SendingClient | None = None

    def run(self, stop: threading.Event) -> None:
        """Turn until *stop* is set."""
        self._stop = stop
        while not stop.is_set():
            with contextlib.suppress(queue.Empty):
                self._settle_one(self._answers.get(timeout=self.step()))

    def wake(self) -> None:
        """Make the loop turn now."""
        self._answers.put(None)

    def step(self) -> float:
        """Do one turn; return how many seconds the next may wait."""
        self._settle()
        ended = self.connection.check_health(self._unconfirmed_s())
        if ended or self._closed_as_not_authorized():
            self._settle()
            self._abandon(ended)
        if (client := self.connection.client) and "frame" in self._unconfirmed.look(client, self._pending):
            self.ready.on(Event.UNCONFIRMED)
        # Connecting may take so long that nobody waits for this lane any more, and the spool is closed.
        if self._wants_connection() and (client := self.connection.open()) and not self._stop.is_set():
            if not self.ready.is_open:
                self.ready.on(Event.OPENED)
            self._send(client)
        return self._pause_s()

    def state(self) -> LaneState:
        """Return what this lane is doing."""
        return self._confirmations.state(
            connected=self.connection.client is not None,
            reason=self.ready.reason if self._wants_connection() else "",
            in_flight=len(self._pending),
        )

    @property
    def has_in_flight(self) -> bool:
        """Whether anything waits for its confirmation."""
        return bool(self._pending) or not self._answers.empty()

    def close(self) -> None:
        """Close the connection and give back what was not confirmed. Call it when ``run`` has ended."""
        self._settle()
        self.connection.close()
        self._settle()
        self.ready.on(Event.CLOSED)
        pending_sends, self._pending = list(self._pending), {}
        for pending in pending_sends:
            if pending.held:
                self._spool.release(pending.held)

    @abstractmethod
    def _wants_connection(self) -> bool:
        """Whether there is any use for a connection."""

    @abstractmethod
    def _send(self, client: SendingClient) -> None:
        """Hand over what should go now and fits."""

    @abstractmethod
    def _take_back(self, pending: PendingSend) -> None:
        """Keep what was not confirmed."""

    def _may_send(self, kind: Kind, size_bytes: int, client: SendingClient) -> bool:
        """Whether one more message fits."""
        flying = [pending for pending in self._pending if pending.kind == kind]
        total_bytes = size_bytes + sum(pending.size_bytes for pending in flying)
        why_not = self.ready.why_not(
            kind,
            of_kind=len(flying),
            in_flight=len(self._pending),
            limit=client.window,
            window=self._window(total_bytes, self._confirmations.confirm_s),
            now_s=self._clock.monotonic_s(),
        )
        return why_not is None

    def _hand_over(
        self, client: SendingClient, held: Held, turn: int = 0, metadata: FrameMetadata | None = None
    ) -> None:
        """Read, encode and send *held*; what cannot be sent is set aside. *metadata* is its own, where known."""
        try:
            data = self._spool.read(held)
            if held.kind == "frame":
                self._check_size(len(data), client.limit_bytes)
                outgoing = self._encoder.frame(data, self._marked, metadata)
            else:
                by_sensor = client is not self._without_sensors
                outgoing = self._encoder.telemetry(data, self.name, by_sensor=by_sensor)
        except FrameGoneError:
            return
        except MessageRefusedError as error:
            self._set_aside(held, error)
            return
        except OSError as error:
            unreadable = BrokerUnavailableError(f"{held.name} cannot be read from the spool: {error}")
            self._retries[held.kind].failed(unreadable, self._clock.monotonic_s())
            self._take_back(PendingSend(held.kind, held, held.size_bytes, 0, turn))
            return
        now_s = self._clock.monotonic_s()
        self._launch(
            client, outgoing, PendingSend(held.kind, held, held.size_bytes, now_s, turn, outgoing.topic)
        )

    def _launch(self, client: SendingClient, outgoing: Outgoing, pending: PendingSend) -> None:
        self._pending[pending] = None

        def done(error: TransportError | None) -> None:
            self._answers.put((pending, error))

        client.send(outgoing, done)

    def _check_size(self, size_bytes: int, limit_bytes: int | None) -> None:
        if limit_bytes is not None and size_bytes > (most := self._encoder.frame_max_bytes(limit_bytes)):
            raise MessageRefusedError(
                "over-limit",
                f"it has {size_bytes:,} bytes, and {self._encoder.frames_topic} takes pictures of at most {most:,}; "
                "raise the broker's limit, or choose a smaller size or a lower quality",
            )

    def _set_aside(self, held: Held, error: MessageRefusedError) -> None:
        log.warning("%s is set aside: %s", held.name, error)
        self._spool.set_aside(held, error.reason, str(error))

    def _settle(self) -> None:
        """Act on every answer that has come in."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._settle_one(self._answers.get_nowait())

    def _settle_one(self, answer: tuple[PendingSend, TransportError | None] | None) -> None:
        # An answer from a client that has been closed comes too late.
        if answer is None or answer[0] not in self._pending:
            return
        pending, error = answer
        decided = verdict(pending, error)
        if decided is Verdict.CONNECTION_ENDS:
            return  # with all that this connection had, when the next turn closes it
        del self._pending[pending]
        match decided:
            case Verdict.CONFIRMED:
                self._confirmed(pending)
            case Verdict.SET_ASIDE:
                assert pending.held
                assert isinstance(error, MessageRefusedError)
                self._set_aside(pending.held, error)
            case Verdict.TOPIC_REFUSED:
                # The next connection may find a newer server.
                self._without_sensors = self.connection.client
                self._take_back(pending)
            case Verdict.TAKE_BACK:
                assert error is not None
                self._note_failure(pending, error)
                self._take_back(pending)

    def _note_failure(self, pending: PendingSend, error: TransportError) -> None:
        """Have messages of this kind back off.

        If the connection itself failed, its own back-off applies, and the next turn closes it. But some brokers close the
        connection of a client that sends what it may not: their answer counts all the same.
        """
        denied = isinstance(error, NotAuthorizedError)
        if denied or (self.connection.client and self.connection.client.broken() is None):
            self._retries[pending.kind].failed(error, self._clock.monotonic_s())
            self._note_refusal(pending, error)

    def _note_refusal(self, pending: PendingSend, error: TransportError) -> None:
        if pending.kind != "frame" or not self.ready.is_open:
            return
        match error:
            case NotAuthorizedError():
                self.ready.on(Event.NOT_AUTHORIZED)
            case NoSubscribersError():
                self.ready.on(Event.NO_SUBSCRIBERS)

    def _closed_as_not_authorized(self) -> bool:
        """Close the connection of one who may not send frames when they are due again; True if that happened now.

        Who we are was settled when it was opened, and our certificate may have been replaced since.
        """
        if self.ready.phase is not Phase.NOT_AUTHORIZED:
            return False
        if self._retries["frame"].wait_s(self._clock.monotonic_s()):
            return False
        self.connection.close()
        return True

    def _confirmed(self, pending: PendingSend) -> None:
        self.connection.disconnects.confirmed(pending)
        # Else a status would make every closed connection the first of its row.
        if not self.connection.disconnects.suspects_size:
            self.connection.succeeded()
        self._retries[pending.kind].succeeded()
        self._unconfirmed.confirmed(pending.kind)
        self._confirmations.note(pending)
        if pending.held:
            self._spool.ack(pending.held)
        if pending.kind == "frame" and self.ready.is_open:
            self.ready.on(Event.CONFIRMED)

    def _abandon(self, why: TransportError | None) -> None:
        """Take back everything that the closed client had, but for what a broker will not be given again."""
        self.ready.on(Event.CLOSED)
        pending_sends, self._pending = list(self._pending), {}
        refusal = self.connection.disconnects.ended(why, pending_sends, self._clock.monotonic_s())
        for pending in pending_sends:
            if refusal and pending.held:
                self._set_aside(pending.held, refusal)
            else:
                self._take_back(pending)

    def _unconfirmed_s(self) -> float | None:
        oldest = next(iter(self._pending), None)
        return None if oldest is None else self._clock.monotonic_s() - oldest.sent_at_s

    def _pause_s(self) -> float:
        now_s = self._clock.monotonic_s()
        waits = [IDLE_S, *self.ready.due_again_s(now_s)]
        if (unconfirmed_s := self._unconfirmed_s()) is not None and unconfirmed_s < SUSPECT_AFTER_S:
            waits.append(SUSPECT_AFTER_S - unconfirmed_s)
        return max(0.01, min(waits))
