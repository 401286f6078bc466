"""How many connections there may be, counted from accept, before TLS costs anything.

A TLS connection of asyncio takes 280 kB before its first byte, and who opens it need not be known. So a connection is
*new* until its first request has come whole, then *busy* while that is answered (or for as long as a WebSocket or a
stream lasts), then *idle* until the next. What is new or idle for too long is closed; and where there are too many of
them, the one that waits longest makes room for the newest. What is busy is never closed.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shutterbus_runtime.clock import Clock
from shutterbus_viewer.show.rate_limit import network_of

REQUEST_S = 10.0
"""From accept, or the answer before, until a request is there with all its headers and its body."""

SWEEP_S = 0.5
TOTAL_MAX = 512
"""143 MB with TLS. 100 pages and 64 streams are the most that last."""

WAITING_MAX = 256
"""New and idle ones."""

NEW_PER_ADDRESS_MAX = 64
"""A browser opens six, a household or an office with one address a few dozen at most in the same moment."""

STATE = "connection"
"""Under which the connection is found in an ASGI scope's ``state``."""

Reason = Literal["too-slow", "too-many", "too-many-of-address"]


@dataclass(eq=False, slots=True)
class Connection:
    """One connection.

    Attributes:
        abort: Ends it at once.
        since_s: When it became what it is, on the monotonic clock.
    """

    owner: "Connections"
    network: str
    since_s: float
    abort: Callable[[], object]
    state: Literal["new", "busy", "idle"] = "new"

    def ended(self) -> None:
        """Give its place free."""
        self.owner.forget(self)


class Connections:
    """Counts them. *per_address* is for where each client has its own: behind a proxy all come from one. Only on the loop."""

    def __init__(self, clock: Clock, *, per_address: bool) -> None:
        self._clock = clock
        self._per_address = per_address
        self._busy: set[Connection] = set()
        self._waiting: dict[Connection, None] = {}
        self.closed_for: Counter[Reason] = Counter()

    def __len__(self) -> int:
        return len(self._busy) + len(self._waiting)

    def open(self, address: str) -> Connection | None:
        """Return a place for a new connection, at the cost of one that waits; None if all are busy."""
        network = network_of(address)
        if self._per_address:
            same = [
                waiting for waiting in self._waiting if waiting.state == "new" and waiting.network == network
            ]
            if len(same) >= NEW_PER_ADDRESS_MAX:
                self._close(same[0], "too-many-of-address")
        if len(self) >= TOTAL_MAX or len(self._waiting) >= WAITING_MAX:
            if not self._waiting:
                self.closed_for["too-many"] += 1
                return None
            self._close(next(iter(self._waiting)), "too-many")
        connection = Connection(self, network, self._clock.monotonic_s(), _nothing)
        self._waiting[connection] = None
        return connection

    def busy(self, connection: Connection) -> None:
        """Note that a whole request has come."""
        if self._waiting.pop(connection, connection) is None:
            connection.state = "busy"
            self._busy.add(connection)

    def idle(self, connection: Connection) -> None:
        """Note that the request was answered; time for the next begins."""
        if connection in self._busy or connection in self._waiting:
            self._busy.discard(connection)
            self._waiting.pop(connection, None)
            connection.state, connection.since_s = "idle", self._clock.monotonic_s()
            self._waiting[connection] = None

    def forget(self, connection: Connection) -> None:
        """Note that *connection* has ended."""
        self._busy.discard(connection)
        self._waiting.pop(connection, None)
        # What it refers to refers back to it, and has the buffers of TLS: they shall not wait for the collector.
        connection.abort = _nothing

    def sweep(self) -> None:
        """Close what has waited too long. Call it every SWEEP_S."""
        now_s = self._clock.monotonic_s()
        # In the order in which they began to wait.
        while (oldest := next(iter(self._waiting), None)) and now_s - oldest.since_s > REQUEST_S - SWEEP_S:
            self._close(oldest, "too-slow")

    def _close(self, connection: Connection, reason: Reason) -> None:
        self.closed_for[reason] += 1
        abort = connection.abort
        self.forget(connection)
        abort()


def _nothing() -> None:
    """What is left to do to a connection that has ended."""


class ConnectionMiddleware:
    """Tells ``Connections`` when a request has come whole, and when it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection: Connection | None = scope.get("state", {}).get(STATE)
        if connection is None:  # the lifespan, or no server of ours
            await self._app(scope, receive, send)
            return

        async def receive_noting() -> Message:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                connection.owner.busy(connection)
            return message

        if not _has_body(scope):
            connection.owner.busy(connection)
        try:
            await self._app(scope, receive_noting, send)
        finally:
            connection.owner.idle(connection)


def _has_body(scope: Scope) -> bool:
    return scope["type"] == "http" and any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")
        for name, value in scope["headers"]
    )
