"""Which message a broker hangs up on, where it does not say why it does.

MQTT 3.1.1 has no word for "too large": a broker with a limit that it never told ends the connection at the beginning of
such a message, and would do so each time, with all that waits behind it. What the message does and what an outage or a bad
line does is told apart by repetition, and an end counts only if

- the broker itself hung up, within ``PROMPTLY_S`` of being given the message; a line that falls silent does not count;
- it had one message of ours and no other, and had confirmed none but a status on that connection;
- that message is the one of the last time, and larger than any that the broker has confirmed so far;
- the broker has taken every connection since, at the first attempt, and has confirmed something of ours at some time: one
  that hangs up on a client without the right to write confirms nothing, and what it hangs up on is kept.
"""

import threading
from collections.abc import Sequence

from shutterbus_edge.publish.pending_send import PendingSend
from shutterbus_edge.spool import Held
from shutterbus_transport.errors import BrokerClosedConnectionError, MessageRefusedError, TransportError

DISCONNECTS_MAX = 3
"""In a row, on the same message; then it is the message."""

PROMPTLY_S = 10.0
"""A limit is known to be broken when the first bytes have come, also on a line that takes minutes for the rest."""


class LargestAcked:
    """The largest message that the broker has confirmed, by either lane: it has no limit below that."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._lock = threading.Lock()

    def confirmed(self, size_bytes: int) -> None:
        with self._lock:
            self.size_bytes = max(self.size_bytes, size_bytes)


class DisconnectTracker:
    """Counts how the connections of one lane end.

    Attributes:
        suspects_size: Whether the broker last hung up on something larger than it has ever confirmed. Messages then go one at
            a time, until one is confirmed or the broker turns out to be away.
    """

    def __init__(self, largest_acked: LargestAcked) -> None:
        self.suspects_size = False
        self._largest_acked = largest_acked
        self._delivered = False
        self._suspect: Held | None = None
        self._times = 0

    @property
    def accepts_smaller(self) -> bool:
        """Whether the broker is there and has taken something of ours, while it hangs up on something larger."""
        return self.suspects_size and self._largest_acked.size_bytes > 0

    def confirmed(self, pending: PendingSend) -> None:
        """Note that the broker confirmed *pending*. A status, which is sent first on every connection, clears nothing."""
        self._largest_acked.confirmed(pending.size_bytes)
        if pending.held:
            self._delivered = True
            self._reset()

    def not_connected(self) -> None:
        """Note that the broker gave no connection: it was going away, whatever it was being sent."""
        self._reset()

    def ended(
        self, why: TransportError | None, pending_sends: Sequence[PendingSend], now_s: float
    ) -> MessageRefusedError | None:
        """Note that a connection ended with *pending_sends* unconfirmed; return what condemns a single one, if that is clear now."""
        delivered, self._delivered = self._delivered, False
        if not isinstance(why, BrokerClosedConnectionError):
            self._reset()
            return None
        large = [
            pending
            for pending in pending_sends
            if pending.held and pending.size_bytes > self._largest_acked.size_bytes
        ]
        self.suspects_size = self.suspects_size or bool(large)
        if delivered or not large or len(pending_sends) > 1 or now_s - large[0].sent_at_s > PROMPTLY_S:
            self._suspect = None
            return None
        if large[0].held is not self._suspect:
            self._suspect, self._times = large[0].held, 0
        self._times += 1
        if self._times < DISCONNECTS_MAX or not self._largest_acked.size_bytes:
            return None
        self._suspect = None
        return MessageRefusedError("hung-up", self._sentence(why, large[0].size_bytes))

    def _reset(self) -> None:
        self.suspects_size, self._suspect = False, None

    def _sentence(self, why: BrokerClosedConnectionError, size_bytes: int) -> str:
        return (
            f"it has {size_bytes:,} bytes, and {why} {self._times} times in a row while this alone was being sent; the largest "
            f"that it has confirmed had {self._largest_acked.size_bytes:,}. "
            "Look at the broker's log and raise its limit for one message (max_packet_size of Mosquitto), or choose a smaller "
            "size or a lower quality"
        )
