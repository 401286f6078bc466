"""When to try again, by what went wrong."""

import random
from collections.abc import Callable

from shutterbus_runtime.outage import Outage
from shutterbus_transport.errors import (
    NoSubscribersError,
    NotAuthorizedError,
    TransportError,
    TransportMisconfiguredError,
)

AWAY_FIRST_S, AWAY_MOST_S = 0.5, 5.0
OTHERS_FIRST_S, OTHERS_MOST_S = 5.0, 60.0
"""For somebody else to do their part: subscribe, or give us our rights. On a server that is just starting both come soon."""
LIVE_UNREAD_S = 2.0
"""Between two of the live lane's newest pictures while nobody subscribes: whoever comes sees one within 3 s."""
MISCONFIGURED_S = 60.0
"""Long, because a wrong password sent every few seconds locks an account, and a person has to act anyway."""


class Retry:
    """Counts failures in a row and says when the next attempt is due.

    What is merely away is tried after a random part of 0.5 s, doubling to 5 s, so that a thousand cameras do
    not come back as one. Attributes may be read by any thread.

    Attributes:
        reason: Why it does not work, a sentence; empty while it does.
        probing: Whether the next attempt should risk as little as possible: one message.
    """

    def __init__(
        self,
        outage: Outage | None = None,
        jitter: Callable[[], float] = random.random,
        *,
        unread_s: tuple[float, float] = (OTHERS_FIRST_S, OTHERS_MOST_S),
    ) -> None:
        """*unread_s* is the first and the longest wait while nobody subscribes."""
        self.reason = ""
        self.probing = False
        self._outage = outage
        self._jitter = jitter
        self._unread_s = unread_s
        self._backoff_s = (AWAY_FIRST_S, AWAY_MOST_S)
        self._failures = 0
        self._due_at_s = float("-inf")

    def failed(self, error: TransportError, now_s: float) -> None:
        """Note a failure; the first of a row, or one for a new reason, is logged."""
        self.reason = str(error)
        self.probing = isinstance(error, NoSubscribersError | TransportMisconfiguredError)
        jitter = 1.0
        match error:
            case NoSubscribersError():
                backoff_s = self._unread_s
            case NotAuthorizedError():
                backoff_s = OTHERS_FIRST_S, OTHERS_MOST_S
            case TransportMisconfiguredError():
                backoff_s = MISCONFIGURED_S, MISCONFIGURED_S
            case _:
                backoff_s, jitter = (AWAY_FIRST_S, AWAY_MOST_S), self._jitter()
        if backoff_s != self._backoff_s:
            # A server that was away for a night and now lacks our rights may be about to give them.
            self._backoff_s, self._failures = backoff_s, 0
        first_s, most_s = backoff_s
        wait_s = min(most_s, first_s * 2**self._failures) * jitter
        self._failures = min(self._failures + 1, 16)
        self._due_at_s = now_s + wait_s
        if self._outage:
            self._outage.failed(error)

    def unconfirmed(self, error: TransportError) -> None:
        """Note that an attempt has had no answer so far: a reason to tell, and none to try again."""
        self.reason = str(error)
        if self._outage:
            self._outage.failed(error)

    def succeeded(self) -> None:
        """Note a success."""
        self.reason, self.probing = "", False
        self._failures, self._due_at_s = 0, float("-inf")
        if self._outage:
            self._outage.succeeded()

    def wait_s(self, now_s: float) -> float:
        """Return how long to wait before the next attempt; 0 if it is due."""
        return max(0.0, self._due_at_s - now_s)
