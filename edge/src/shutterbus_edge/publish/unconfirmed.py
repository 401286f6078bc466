"""Says why a broker that is connected confirms nothing.

Connections stand and nothing fails: the client library tries by itself for minutes, while a topic has no leader or too few
replicas. Nothing is sent again because of it, and nothing is lost; but somebody has to hear of it.
"""

from collections.abc import Iterable, Mapping

from shutterbus_edge.publish.pending_send import Kind, PendingSend
from shutterbus_edge.publish.retry import Retry
from shutterbus_runtime.clock import Clock
from shutterbus_transport.errors import BrokerUnavailableError
from shutterbus_transport.sending import SendingClient

UNCONFIRMED_AFTER_S = 10.0
"""To find the cause may take five seconds more; it is said within fifteen."""

ASK_AGAIN_S = 5.0
"""How often the cause is asked for while it lasts; it may be another one by then."""


class UnconfirmedWatch:
    """Watches the messages of one lane by kind: reports may be confirmed while pictures are not."""

    def __init__(self, retries: Mapping[Kind, Retry], clock: Clock) -> None:
        """*retries* are told the reason; they forget it when a message of their kind is confirmed."""
        self._retries = retries
        self._clock = clock
        self._confirmed_at_s: dict[Kind, float] = {}
        self._ask_at_s = float("-inf")

    def confirmed(self, kind: Kind) -> None:
        """Note that a message of *kind* was confirmed."""
        self._confirmed_at_s[kind] = self._clock.monotonic_s()

    def look(self, client: SendingClient, pending_sends: Iterable[PendingSend]) -> set[Kind]:
        """Return the kinds of which *client* has something and the broker confirms nothing, now that the reason is told."""
        now_s = self._clock.monotonic_s()
        if now_s < self._ask_at_s:
            return set()
        oldest: dict[Kind, PendingSend] = {}
        for pending in pending_sends:
            if pending.held:  # a status is not waited for: the report behind it says the same
                oldest.setdefault(pending.kind, pending)
        told = set()
        for kind, pending in oldest.items():
            since_s = max(pending.sent_at_s, self._confirmed_at_s.get(kind, float("-inf")))
            if now_s - since_s < UNCONFIRMED_AFTER_S:
                continue
            self._ask_at_s = now_s + ASK_AGAIN_S
            if cause := client.unconfirmed(pending.topic):
                self._retries[kind].unconfirmed(
                    BrokerUnavailableError(f"connected, but nothing is acknowledged: {cause}")
                )
                told.add(kind)
        return told
