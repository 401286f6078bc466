"""Connections are counted from accept, and those that ask for nothing do not stay."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from fakes import FakeClock
from shutterbus_viewer.show.connections import (
    NEW_PER_ADDRESS_MAX,
    REQUEST_S,
    STATE,
    TOTAL_MAX,
    WAITING_MAX,
    Connection,
    ConnectionMiddleware,
    Connections,
)


class Listener:
    """Opens connections, and notes in which order they are ended."""

    def __init__(self, *, per_address: bool = True) -> None:
        self.clock = FakeClock()
        self.connections = Connections(self.clock, per_address=per_address)
        self.ended: list[Connection] = []

    def open(self, address: str = "192.0.2.1") -> Connection:
        connection = self.connections.open(address)
        assert connection is not None
        connection.abort = lambda: self.ended.append(connection)
        return connection


def test_address_that_opens_too_many_loses_its_own_oldest() -> None:
    listener = Listener()
    other = listener.open("198.51.100.7")
    flood = [listener.open() for _ in range(NEW_PER_ADDRESS_MAX + 3)]

    assert listener.ended == flood[:3]
    assert other not in listener.ended


def test_network_of_ipv6_is_one_address() -> None:
    listener = Listener()
    for number in range(NEW_PER_ADDRESS_MAX + 3):
        listener.open(f"2001:db8::{number:x}")

    assert len(listener.ended) == 3


def test_behind_a_proxy_the_bound_of_an_address_does_not_bite() -> None:
    listener = Listener(per_address=False)
    for _ in range(WAITING_MAX):
        listener.open()

    assert listener.ended == []


def test_from_many_addresses_the_one_that_waits_longest_makes_room() -> None:
    listener = Listener()
    flood = [listener.open(f"10.0.{number // 250}.{number % 250}") for number in range(3_000)]

    assert len(listener.connections) == WAITING_MAX
    assert listener.ended == flood[: 3_000 - WAITING_MAX]
    assert listener.connections.closed_for == {"too-many": 3_000 - WAITING_MAX}


def test_what_is_busy_is_never_closed_and_what_is_idle_goes_first() -> None:
    listener = Listener()
    page = listener.open()
    listener.connections.busy(page)
    idle = listener.open()
    listener.connections.busy(idle)
    listener.connections.idle(idle)
    for number in range(3_000):
        listener.open(f"10.0.{number // 250}.{number % 250}")
    listener.clock.pass_s(3_600)
    listener.connections.sweep()

    assert listener.ended[0] is idle
    assert page not in listener.ended
    assert len(listener.connections) == 1


def test_when_all_are_busy_the_next_is_refused() -> None:
    listener = Listener()
    for number in range(TOTAL_MAX):
        listener.connections.busy(listener.open(f"10.0.{number // 250}.{number % 250}"))

    assert listener.connections.open("192.0.2.9") is None
    assert len(listener.connections) == TOTAL_MAX


@pytest.mark.parametrize(("after_s", "open_still"), [(9.4, True), (REQUEST_S, False)])
def test_request_has_ten_seconds_from_accept(after_s: float, open_still: bool) -> None:
    listener = Listener()
    listener.open()
    listener.clock.pass_s(after_s)
    listener.connections.sweep()

    assert (listener.ended == []) is open_still
    assert len(listener.connections) == open_still


def test_next_request_has_ten_seconds_from_the_answer_to_the_last() -> None:
    listener = Listener()
    connection = listener.open()
    listener.connections.busy(connection)
    listener.clock.pass_s(60)
    listener.connections.idle(connection)
    listener.clock.pass_s(9)
    listener.connections.sweep()
    assert listener.ended == []
    listener.clock.pass_s(1)
    listener.connections.sweep()

    assert listener.ended == [connection]


def test_connection_that_ended_is_not_counted_any_more() -> None:
    listener = Listener()
    connection = listener.open()
    connection.ended()
    listener.connections.busy(connection)
    listener.connections.idle(connection)

    assert len(listener.connections) == 0


def serve(connection: Connection, scope: dict[str, Any], *bodies: Message) -> list[str]:
    """Serve one request through the middleware; return the state of the connection at each step of it."""
    states: list[str] = []
    left = list(bodies)

    async def receive() -> Message:
        return left.pop(0)

    async def send(message: Message) -> None:
        pass

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        states.append(connection.state)
        while left:
            await receive()
            states.append(connection.state)

    asyncio.run(ConnectionMiddleware(app)({**scope, "state": {STATE: connection}}, receive, send))
    return [*states, connection.state]


def body(data: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": data, "more_body": more}


def test_request_without_a_body_has_come_with_its_headers() -> None:
    assert serve(Listener().open(), {"type": "http", "headers": [(b"content-length", b"0")]}) == [
        "busy",
        "idle",
    ]


def test_request_with_a_body_has_come_with_its_last_byte() -> None:
    """A body that trickles in does not hold its connection for longer than headers that do."""
    for header in ((b"content-length", b"9"), (b"transfer-encoding", b"chunked")):
        states = serve(
            Listener().open(),
            {"type": "http", "headers": [header]},
            body(b"a", more=True),
            body(b"b", more=False),
        )

        assert states == ["new", "new", "busy", "idle"]


def test_web_socket_is_busy_as_long_as_it_lasts() -> None:
    assert serve(Listener().open(), {"type": "websocket", "headers": []}) == ["busy", "idle"]
