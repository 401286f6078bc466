"""The backlog lane: everything that did not go live, oldest first, behind the live lane's back; or, in order, everything."""

import heapq
import logging
from collections.abc import Callable

from shutterbus_edge.publish.encode import Encoder
from shutterbus_edge.publish.lane import Lane
from shutterbus_edge.publish.lane_connection import LaneConnection
from shutterbus_edge.publish.pending_send import PendingSend
from shutterbus_edge.publish.retry import LIVE_UNREAD_S, Retry
from shutterbus_edge.publish.window import Window, backlog_window, one_by_one
from shutterbus_edge.settings.edge import Order
from shutterbus_edge.spool import Held, Spool
from shutterbus_edge.spool.names import Kind
from shutterbus_runtime.clock import Clock
from shutterbus_runtime.outage import Outage
from shutterbus_transport.sending import SendingClient

log = logging.getLogger(__name__)

KINDS: tuple[Kind, ...] = ("telemetry", "frame")
"""In the order of sending: telemetry is small, and the account of the pictures should not wait for them."""


class TokenBucket:
    """So many bytes a second, over any stretch longer than one message; without a rate, any number."""

    def __init__(self, bytes_per_s: float | None, clock: Clock) -> None:
        self._bytes_per_s = bytes_per_s
        self._clock = clock
        self._free_at_s = clock.monotonic_s()

    def wait_s(self) -> float:
        """Return how long the next message has to wait; 0 if it may go."""
        return max(0.0, self._free_at_s - self._clock.monotonic_s()) if self._bytes_per_s else 0.0

    def take(self, size_bytes: int) -> None:
        """Note that a message has gone; one may go into debt, which the next waits for."""
        if self._bytes_per_s:
            self._free_at_s = max(self._free_at_s, self._clock.monotonic_s()) + size_bytes / self._bytes_per_s


class BacklogLane(Lane):
    """Claims from the spool what it is about to send. What fails stays claimed and goes first again, in its old turn."""

    def __init__(
        self,
        connection: LaneConnection,
        encoder: Encoder,
        spool: Spool,
        clock: Clock,
        *,
        may_send: Callable[[], bool],
        bytes_per_s: float | None,
        order: Order = "live-first",
    ) -> None:
        """*may_send* says whether the live lane leaves room; *order* ``in-order``, that it is given no pictures at all."""
        in_order = order == "in-order"
        outage = Outage("pictures" if in_order else "backlog pictures", clock, log)
        retry = Retry(outage, unread_s=(LIVE_UNREAD_S, LIVE_UNREAD_S)) if in_order else Retry(outage)
        window: Window = one_by_one if in_order else backlog_window
        super().__init__("backlog", connection, encoder, spool, clock, window, retry)
        self._marked = "live" if in_order else "backlog"
        self._live_leaves_room = may_send
        self._bucket = TokenBucket(bytes_per_s, clock)
        self._next: dict[Kind, list[tuple[int, Held]]] = {"telemetry": [], "frame": []}
        self._turns = 0

    def step(self) -> float:
        for kind in KINDS if self._live_leaves_room() else ():
            if not self._next[kind] and not self._retries[kind].wait_s(self._clock.monotonic_s()):
                self._claim(kind)
        return super().step()

    @property
    def is_idle(self) -> bool:
        """Whether no frame is held, or what is lacks a subscriber or a right, and time brings neither."""
        nothing_held = not self._spool.counts().held_frames
        return not self.has_in_flight and (nothing_held or self._retries["frame"].probing)

    def close(self) -> None:
        super().close()
        for waiting in self._next.values():
            for _, held in waiting:
                self._spool.release(held)
            waiting.clear()

    def _wants_connection(self) -> bool:
        return bool(self._pending or self._next["telemetry"] or self._next["frame"])

    def _claim(self, kind: Kind) -> None:
        if held := self._spool.claim_oldest(kind):
            self._turns += 1
            heapq.heappush(self._next[kind], (self._turns, held))

    def _send(self, client: SendingClient) -> None:
        for kind in KINDS:
            while self._next[kind] and self._live_leaves_room():
                turn, held = self._next[kind][0]
                if self._bucket.wait_s() or not self._may_send(kind, held.size_bytes, client):
                    break
                heapq.heappop(self._next[kind])
                self._bucket.take(held.size_bytes)
                self._hand_over(client, held, turn)
                if not self._next[kind]:
                    self._claim(kind)

    def _take_back(self, pending: PendingSend) -> None:
        if pending.held:
            heapq.heappush(self._next[pending.held.kind], (pending.turn, pending.held))

    def _pause_s(self) -> float:
        pause_s, refill_s = super()._pause_s(), self._bucket.wait_s()
        return max(0.01, min(pause_s, refill_s)) if refill_s and self._wants_connection() else pause_s
