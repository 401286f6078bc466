"""A broker that is connected and confirms nothing is said within fifteen seconds, with its cause."""

import logging
from pathlib import Path

import pytest

from edge.fakes_publish import Bench
from shutterbus_edge.publish.readiness import Phase
from shutterbus_transport.errors import NotAuthorizedError

NO_LEADER = "connected, but nothing is acknowledged: topic shutterbus.gate.frames has no leader"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path, transport="kafka")
    made.shoot()
    made.run_s(1)
    assert made.live.ready.phase is Phase.DELIVERING
    return made


def test_cause_is_said_within_fifteen_seconds_and_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.broker.answers, bench.broker.why_unconfirmed = False, "has no leader"
    bench.run_s(9, each=bench.shoot, step_s=1)
    assert bench.live.state().reason == ""
    bench.run_s(6, each=bench.shoot, step_s=1)
    assert bench.live.state().connected
    assert bench.live.state().reason == NO_LEADER
    assert bench.live.ready.phase is Phase.UNCONFIRMED
    bench.run_s(60, each=bench.shoot, step_s=1)
    assert [line for line in caplog.messages if line.startswith("live")] == [f"live pictures: {NO_LEADER}"]


def test_first_confirmation_ends_it_and_nothing_was_lost(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench.broker.answers, bench.broker.why_unconfirmed = False, "has no leader"
    bench.run_s(60, each=bench.shoot, step_s=1)
    bench.broker.answers = True
    bench.run_s(30)
    assert bench.live.state().reason == bench.backlog.state().reason == ""
    assert bench.live.ready.phase is Phase.DELIVERING
    assert any(line.startswith("live pictures: back after") for line in caplog.messages)
    assert bench.held == 0
    assert len(set(bench.broker.ids)) == len(bench.broker.ids) == 61


def test_another_cause_is_said_too(bench: Bench) -> None:
    bench.broker.answers, bench.broker.why_unconfirmed = False, "has no leader"
    bench.shoot()
    bench.run_s(15)
    bench.broker.why_unconfirmed = "has too few replicas"
    bench.run_s(6)
    assert bench.live.state().reason.endswith("has too few replicas")


def test_slow_line_is_no_problem(bench: Bench) -> None:
    """A large picture gets the time that it needs."""
    bench.broker.answers = False
    bench.shoot()
    bench.run_s(60)
    assert bench.live.state().reason == ""
    assert bench.live.ready.phase is Phase.DELIVERING


def test_broker_that_confirms_slowly_but_steadily_is_no_problem(bench: Bench) -> None:
    """Each waits long, and one is confirmed every second."""
    bench.broker.confirm_after_s = 12.0
    bench.run_s(14, each=bench.shoot, step_s=1)
    bench.broker.why_unconfirmed = "has no leader"

    def shoot_and_look() -> None:
        bench.shoot()
        assert bench.live.state().reason == ""

    bench.run_s(60, each=shoot_and_look, step_s=1)


def test_pictures_that_wait_are_said_while_reports_are_confirmed(bench: Bench) -> None:
    """Each has a topic, and so a leader and replicas of its own."""
    bench.broker.why_unconfirmed = "has no leader"
    silent = "shutterbus.gate.frames"
    bench.broker.unanswered_topic = silent
    bench.run_s(20, each=lambda: (bench.shoot(), bench.read_sensor()), step_s=1)
    assert bench.live.state().reason == NO_LEADER


def test_missing_right_stays_the_reason(bench: Bench) -> None:
    bench.broker.verdict = lambda _: NotAuthorizedError("we may not write")
    bench.shoot()
    bench.run_s(1)
    bench.broker.answers, bench.broker.why_unconfirmed = False, "has no leader"
    bench.run_s(4)
    assert bench.live.state().reason == "we may not write"


def test_backlog_waits_while_the_newest_is_not_confirmed(bench: Bench) -> None:
    bench.broker.answers, bench.broker.why_unconfirmed = False, "has no leader"
    bench.shoot()
    bench.run_s(15)
    assert not bench.live.leaves_room
    bench.broker.answers = True
    bench.run_s(1)
    assert bench.live.leaves_room
