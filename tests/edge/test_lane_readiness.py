"""A lane goes through its phases as its table says, and one place says why it does not send."""

import itertools

import pytest

from shutterbus_edge.publish.disconnects import DisconnectTracker, LargestAcked
from shutterbus_edge.publish.readiness import PHASES, Event, LanePhaseError, Phase, Readiness, WhyNot
from shutterbus_edge.publish.retry import Retry
from shutterbus_transport.errors import BrokerUnavailableError, NoSubscribersError


def readiness(phase: Phase = Phase.CONNECTED) -> Readiness:
    made = Readiness(
        Retry(),
        {"frame": Retry(), "telemetry": Retry(), "status": Retry()},
        DisconnectTracker(LargestAcked()),
    )
    made.phase = phase
    return made


def why_not(
    ready: Readiness, *, of_kind: int = 0, in_flight: int = 0, limit: int | None = None, now_s: float = 0.0
) -> WhyNot | None:
    return ready.why_not("frame", of_kind=of_kind, in_flight=in_flight, limit=limit, window=4, now_s=now_s)


@pytest.mark.parametrize(("phase", "event"), [*itertools.product(Phase, Event)])
def test_every_transition(phase: Phase, event: Event) -> None:
    ready = readiness(phase)
    wanted = PHASES.get((phase, event))
    if wanted is None:
        with pytest.raises(LanePhaseError, match=f"the lane is {phase.value}"):
            ready.on(event)
        assert ready.phase is phase
    else:
        ready.on(event)
        assert ready.phase is wanted


def test_answers_belong_to_an_open_connection() -> None:
    assert {event for phase, event in PHASES if phase is Phase.AWAY} == {Event.OPENED, Event.CLOSED}
    assert {phase for phase, event in PHASES if event is Event.OPENED} == {Phase.AWAY}


def test_first_obstacle_is_the_one_that_is_named() -> None:
    away = readiness(Phase.AWAY)
    away.kinds["frame"].failed(BrokerUnavailableError("busy"), 0.0)
    assert why_not(away) is WhyNot.NOT_CONNECTED

    backing_off = readiness()
    backing_off.kinds["frame"].failed(NoSubscribersError("nobody"), 0.0)
    assert why_not(backing_off, of_kind=1, in_flight=9, limit=1) is WhyNot.BACKING_OFF
    assert why_not(backing_off, of_kind=1, in_flight=1, now_s=60) is WhyNot.ONE_AT_A_TIME
    assert why_not(backing_off, now_s=60) is None


def test_suspicion_lets_one_message_of_any_kind_go() -> None:
    ready = readiness()
    ready.disconnects.suspects_size = True
    assert why_not(ready) is None
    assert why_not(ready, in_flight=1) is WhyNot.ONE_AT_A_TIME


def test_window_of_the_broker_and_our_own_both_hold() -> None:
    ready = readiness(Phase.DELIVERING)
    assert why_not(ready, in_flight=2, limit=2) is WhyNot.WINDOW_FULL
    assert why_not(ready, of_kind=4, in_flight=4) is WhyNot.WINDOW_FULL
    assert why_not(ready, of_kind=3, in_flight=3, limit=20) is None


def test_kinds_fail_apart() -> None:
    ready = readiness(Phase.DELIVERING)
    ready.kinds["telemetry"].failed(NoSubscribersError("nobody reads them"), 0.0)
    assert why_not(ready) is None
    assert ready.reason == "nobody reads them"
    assert ready.due_again_s(0.0) == [5.0]
