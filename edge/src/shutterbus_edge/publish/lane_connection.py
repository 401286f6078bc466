"""One lane's connection: opened, watched, closed, and opened again."""

import socket
from collections.abc import Callable

from shutterbus_edge.publish.disconnects import DisconnectTracker
from shutterbus_edge.publish.retry import Retry
from shutterbus_runtime.clock import Clock
from shutterbus_transport.errors import (
    BrokerClosedConnectionError,
    BrokerUnavailableError,
    TransportError,
    TransportMisconfiguredError,
)
from shutterbus_transport.sending import OpenClient, SendingClient

SUSPECT_AFTER_S = 5.0
"""Unconfirmed for so long, a message makes us ask whether the broker is still there."""

STUCK_AFTER_S = 330.0
"""Longer than any client's own time-out: it will never answer."""

UNANSWERED_MAX = 2
"""A link may be so full that one probe drowns; two in a row mean that nobody is there."""


class LaneConnection:
    """Keeps at most one client, and a reason where there is none.

    Attributes:
        client: The open client, or None.
        retry: When it may be opened again, and why it is not open.
        opened: How many clients have been opened so far.
        disconnects: How they ended.
    """

    def __init__(
        self,
        open_client: OpenClient,
        reach: Callable[[], None],
        why: Callable[[OSError], str],
        clock: Clock,
        retry: Retry,
        disconnects: DisconnectTracker,
    ) -> None:
        """*reach* raises OSError while the broker accepts no connection; *why* makes a sentence of that."""
        self.client: SendingClient | None = None
        self.retry = retry
        self.opened = 0
        self.disconnects = disconnects
        self._open_client = open_client
        self._reach = reach
        self._why = why
        self._clock = clock
        self._probe_at_s = 0.0
        self._unanswered = 0

    def open(self) -> SendingClient | None:
        """Return the client, opened now if one is due; None while the broker is away."""
        if self.client or self.retry.wait_s(self._clock.monotonic_s()):
            return self.client
        try:
            self._reach()
            self.client = self._open_client()
        except OSError as error:
            self._not_opened(BrokerUnavailableError(self._why(error)))
        except (BrokerUnavailableError, TransportMisconfiguredError) as error:
            self._not_opened(error)
        else:
            self.opened += 1
            self._unanswered = 0
            self.retry.reason = ""
        return self.client

    def check_health(self, unconfirmed_s: float | None) -> TransportError | None:
        """Close the client if it cannot work any more; return why, if that happened now.

        *unconfirmed_s* is for how long the oldest message in pending has been waiting. A client is closed rather
        than left to try again by itself, because it would then send its old messages before the newest.
        """
        if self.client is None:
            return None
        error = self.client.broken() or self._away(unconfirmed_s)
        if isinstance(error, BrokerClosedConnectionError):
            try:
                self._reach()
            except OSError as away:  # which is why it hung up
                error = BrokerUnavailableError(self._why(away))
        if error:
            self.close()
            self._failed(error)
        return error

    def close(self) -> None:
        """Close the client, if there is one."""
        if self.client:
            client, self.client = self.client, None
            client.close()

    def succeeded(self) -> None:
        """Note that the broker confirmed something: the next failure is the first of its row."""
        self._unanswered = 0
        self.retry.succeeded()

    def _not_opened(self, error: TransportError) -> None:
        self.disconnects.not_connected()
        self._failed(error)

    def _failed(self, error: TransportError) -> None:
        self.retry.failed(error, self._clock.monotonic_s())

    def _away(self, unconfirmed_s: float | None) -> TransportError | None:
        now_s = self._clock.monotonic_s()
        if unconfirmed_s is None or unconfirmed_s < SUSPECT_AFTER_S:
            self._probe_at_s, self._unanswered = now_s, 0
            return None
        if unconfirmed_s > STUCK_AFTER_S:
            return BrokerUnavailableError(f"the broker confirmed nothing for {unconfirmed_s:.0f} s")
        if now_s < self._probe_at_s:
            return None
        try:
            self._reach()
        except socket.gaierror:
            # Says nothing about the connection that we have.
            self._unanswered = 0
        except TimeoutError as error:
            self._unanswered += 1
            if self._unanswered < UNANSWERED_MAX:
                return None
            return BrokerUnavailableError(self._why(error))
        except OSError as error:
            return BrokerUnavailableError(self._why(error))
        else:
            self._unanswered = 0
        self._probe_at_s = self._clock.monotonic_s() + SUSPECT_AFTER_S
        return None
