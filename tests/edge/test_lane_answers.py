"""What an answer of the broker means, and how much goes at once: decided without a lane."""

import pytest

from shutterbus_edge.publish.answers import Verdict, verdict
from shutterbus_edge.publish.pending_send import Kind, PendingSend
from shutterbus_edge.publish.window import PIPELINED_BYTES, backlog_window, live_window
from shutterbus_edge.spool import Held
from shutterbus_transport.errors import (
    BrokerClosedConnectionError,
    BrokerUnavailableError,
    MessageRefusedError,
    NoSubscribersError,
    NotAuthorizedError,
    TransportError,
)
from shutterbus_wire.identity import FrameId

HELD = Held("0-0", "frame", FrameId("0" * 16, 0), 10, 0)
OWN_TOPIC = "shutterbus/gate/readings/cpu"


@pytest.mark.parametrize(
    ("error", "kind", "topic", "expected"),
    [
        (None, "frame", "t", Verdict.CONFIRMED),
        (NoSubscribersError("nobody"), "status", "t", Verdict.CONFIRMED),
        (NoSubscribersError("nobody"), "frame", "t", Verdict.TAKE_BACK),
        (BrokerClosedConnectionError("gone"), "frame", "t", Verdict.CONNECTION_ENDS),
        (MessageRefusedError("over-limit", "too large"), "frame", "t", Verdict.SET_ASIDE),
        (MessageRefusedError("over-limit", "too large"), "status", "t", Verdict.TAKE_BACK),
        (NotAuthorizedError("no right"), "telemetry", OWN_TOPIC, Verdict.TOPIC_REFUSED),
        (NotAuthorizedError("no right"), "telemetry", "shutterbus/gate/readings", Verdict.TAKE_BACK),
        (BrokerUnavailableError("away"), "frame", "t", Verdict.TAKE_BACK),
    ],
)
def test_an_answer_decides_what_becomes_of_a_message(
    error: TransportError | None, kind: Kind, topic: str, expected: Verdict
) -> None:
    """The table of answers.py."""
    pending = PendingSend(kind, None if kind == "status" else HELD, 10, 0.0, topic=topic)

    assert verdict(pending, error) is expected


@pytest.mark.parametrize(
    ("confirm_s", "sizes"),
    [(None, [4, 1, 1]), (0.1, [16, 16, 2]), (0.5, [4, 2, 2]), (2.0, [4, 1, 1])],
)
def test_more_goes_at_once_the_faster_the_broker_confirms(confirm_s: float | None, sizes: list[int]) -> None:
    """Before it has confirmed anything, it is taken for a slow one."""
    totals = (PIPELINED_BYTES, 2 * PIPELINED_BYTES, 2 * PIPELINED_BYTES + 1)

    assert [live_window(total_bytes, confirm_s) for total_bytes in totals] == sizes


def test_a_large_message_of_the_backlog_goes_alone() -> None:
    """Else the newest picture would wait behind two of them."""
    assert [backlog_window(total, 0.1) for total in (PIPELINED_BYTES, PIPELINED_BYTES + 1)] == [8, 1]
