"""The live lane: the newest picture, now, whatever else there is."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from shutterbus_edge.publish.encode import Encoder
from shutterbus_edge.publish.lane import Lane
from shutterbus_edge.publish.lane_connection import LaneConnection
from shutterbus_edge.publish.pending_send import Kind, PendingSend
from shutterbus_edge.publish.readiness import Phase
from shutterbus_edge.publish.retry import LIVE_UNREAD_S, Retry
from shutterbus_edge.publish.window import live_window
from shutterbus_edge.spool import Held, Spool
from shutterbus_runtime.clock import Clock
from shutterbus_runtime.outage import Outage
from shutterbus_transport.errors import TransportError
from shutterbus_transport.sending import Outgoing, SendingClient
from shutterbus_wire.frame import FrameMetadata

log = logging.getLogger(__name__)

TELEMETRY_WAITING_MAX = 32
"""More than these become backlog at once."""


class LiveLane(Lane):
    """Holds at most one picture that waits; a newer one takes its place, and the older becomes backlog.

    A picture stays here, sent again as often as needed, until it is confirmed or a newer one exists. One that a
    client has been given becomes backlog only when that client has failed it or has been closed.
    """

    def __init__(
        self,
        connection: LaneConnection,
        encoder: Encoder,
        spool: Spool,
        clock: Clock,
        on_backlog: Callable[[], None],
    ) -> None:
        """*on_backlog* is called when something has become backlog."""
        retry = Retry(Outage("live pictures", clock, log), unread_s=(LIVE_UNREAD_S, LIVE_UNREAD_S))
        super().__init__("live", connection, encoder, spool, clock, live_window, retry)
        self._on_backlog = on_backlog
        self._lock = threading.Lock()
        self._waiting: Held | None = None
        self._newest: Held | None = None
        self._facts_of_newest: FrameMetadata | None = None
        self._handing_over = False
        self._full = False
        self._telemetry: deque[Held] = deque()
        self._status: Outgoing | None = None
        self._status_due = False
        self._told_at_opening = 0

    def offer(self, held: Held, metadata: FrameMetadata | None = None) -> None:
        """Take the newest picture; *metadata* saves reading it from there. Never waits."""
        with self._lock:
            older, self._waiting, self._newest, self._facts_of_newest = self._waiting, held, held, metadata
            must_wake = not (self._full or self._handing_over)
        if older:
            self._release(older)
        if must_wake:  # else the next confirmation does, or the lane looks again as it is just sending
            self.wake()

    def offer_telemetry(self, held: Held) -> None:
        """Take a report or a reading. Never waits."""
        if len(self._telemetry) >= TELEMETRY_WAITING_MAX:
            self._release(held)
        else:
            self._telemetry.append(held)
            self.wake()

    def tell_status(self, outgoing: Outgoing) -> None:
        """Send a status now and again after every connecting. Never waits."""
        with self._lock:
            self._status, self._status_due = outgoing, True
        self.wake()

    @property
    def leaves_room(self) -> bool:
        """Whether the backlog may be sent: this lane is connected and has delivered, or has nothing to deliver.

        So the newest picture is the first one that a returning broker sees. One that hangs up on this lane's pictures is
        there, and may take others.
        """
        if self.ready.phase is Phase.NO_SUBSCRIBERS:
            return False
        if self.connection.disconnects.accepts_smaller:
            return True
        if not self.ready.is_open:
            return False
        with self._lock:
            flying = any(pending.kind == "frame" for pending in list(self._pending))
            has_frames = flying or self._handing_over or self._waiting is not None
        return not has_frames or self.ready.phase is Phase.DELIVERING

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to wait for: what is not confirmed lacks a subscriber or a right, and time brings neither."""
        waiting: dict[Kind, bool] = {
            "frame": self._waiting is not None or self._handing_over,
            "telemetry": bool(self._telemetry),
            "status": self._status_due,
        }
        return not self.has_in_flight and not any(
            waits and not self._retries[kind].probing for kind, waits in waiting.items()
        )

    def close(self) -> None:
        super().close()
        with self._lock:
            waiting, self._waiting = self._waiting, None
        for held in ([waiting] if waiting else []) + list(self._telemetry):
            self._spool.release(held)
        self._telemetry.clear()

    def _wants_connection(self) -> bool:
        return True  # for the status, and to learn the largest picture before there is one

    def _send(self, client: SendingClient) -> None:
        if client.limit_bytes is not None:
            self._spool.learn_frame_max_bytes(self._encoder.frame_max_bytes(client.limit_bytes))
        if self._told_at_opening != self.connection.opened:
            self._told_at_opening = self.connection.opened
            self._status_due = self._status is not None
        with self._lock:
            status = self._status if self._status_due and self._may_send("status", 0, client) else None
            self._status_due = self._status_due and status is None
        if status:
            self._launch(
                client,
                status,
                PendingSend("status", None, len(status.message.value), self._clock.monotonic_s()),
            )
        while taken := self._next(client):
            frame, metadata = taken
            self._hand_over(client, frame, metadata=metadata)
            self._handing_over = False
        while self._telemetry and self._may_send("telemetry", self._telemetry[0].size_bytes, client):
            self._hand_over(client, self._telemetry.popleft())

    def _next(self, client: SendingClient) -> tuple[Held, FrameMetadata | None] | None:
        with self._lock:
            next_size_bytes = self._newest.size_bytes if self._newest else 0
            fits = self._may_send("frame", next_size_bytes, client)
            self._full = bool(self._pending) and not fits
            if self._waiting is None or not fits:
                return None
            taken, self._waiting = self._waiting, None
            self._handing_over = True
            return taken, self._facts_of_newest

    def _abandon(self, why: TransportError | None) -> None:
        self._full = False
        super()._abandon(why)

    def _take_back(self, pending: PendingSend) -> None:
        if pending.held is None:
            self._status_due = True
            return
        if pending.kind == "frame":
            with self._lock:
                if self._waiting is None and pending.held is self._newest:
                    self._waiting = pending.held
                    return
        self._release(pending.held)

    def _confirmed(self, pending: PendingSend) -> None:
        was_delivering = self.ready.phase is Phase.DELIVERING
        super()._confirmed(pending)
        if pending.kind == "frame" and not was_delivering:
            self._on_backlog()  # which has been waiting for that

    def _release(self, held: Held) -> None:
        self._spool.release(held)
        self._on_backlog()
