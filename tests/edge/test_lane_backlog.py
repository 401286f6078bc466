"""What could not go live follows, oldest first, and never in the way of the live lane."""

import itertools
from pathlib import Path

import pytest

from edge.fakes_publish import Bench
from shutterbus_transport.errors import BrokerUnavailableError, NoSubscribersError


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def keep_backlog(bench: Bench, count: int, size_bytes: int = 0) -> list[str]:
    """Let *count* pictures wait, and return their ids, oldest first."""
    held = [bench.keep(size_bytes) for _ in range(count)]
    for picture in held:
        bench.spool.release(picture)
    return [str(picture.id) for picture in held]


def test_backlog_is_sent_oldest_first(bench: Bench) -> None:
    ids = keep_backlog(bench, 50)
    bench.run_s(20)

    assert bench.broker.received == [("backlog", identity) for identity in ids]
    assert bench.held == 0


def test_order_is_kept_over_lost_connections(bench: Bench) -> None:
    """What a lost connection had in pending goes again before what was behind it."""
    ids = keep_backlog(bench, 30)
    bench.broker.confirm_after_s = 1
    for _ in range(4):
        bench.run_s(3)
        bench.broker.lose_connections()
    bench.run_s(60)

    first_arrivals = list(dict.fromkeys(bench.broker.ids))
    assert first_arrivals == ids
    assert bench.held == 0


def test_backlog_waits_until_the_live_lane_has_delivered(bench: Bench) -> None:
    ids = keep_backlog(bench, 5)
    bench.broker.confirm_after_s = 2
    newest = bench.shoot()
    bench.run_s(1.5)
    assert {client.lane for client in bench.broker.clients} == {"live"}

    bench.run_s(20)
    assert bench.broker.ids == [str(newest.id), *ids]


def test_backlog_keeps_within_its_rate(bench: Bench) -> None:
    slow = Bench(bench.folder / "slow", bytes_per_s=100_000)
    keep_backlog(slow, 30, size_bytes=50_000)
    slow.run_s(10)

    assert len(slow.broker.received) == pytest.approx(20, abs=2)


def test_large_backlog_pictures_go_one_by_one(bench: Bench) -> None:
    """On a thin link a second one in pending would only stand in the way."""
    bench.run_s(1)
    bench.broker.answers = False
    keep_backlog(bench, 5, size_bytes=1_000_000)
    bench.run_s(2)

    assert [client.in_flight for client in bench.broker.clients if client.lane == "backlog"] == [1]


def test_backlog_probes_with_one_picture_while_nobody_listens(bench: Bench) -> None:
    keep_backlog(bench, 20)
    asked: list[int] = []

    def nobody(_: object) -> NoSubscribersError:
        asked.append(len(asked))
        return NoSubscribersError("nobody listens")

    bench.broker.verdict = nobody
    bench.run_s(30)

    # The first time eight go together, for nobody knew; then one at a time.
    assert 8 <= len(asked) <= 8 + 3
    bench.broker.verdict = lambda _: None
    bench.run_s(70)
    assert bench.broker.ids == [f"{bench.spool.epoch}-{n}" for n in range(20)]


def test_telemetry_that_waits_goes_before_pictures_that_wait(bench: Bench) -> None:
    bench.broker.up = False
    bench.run_s(3, each=bench.shoot, step_s=1)
    bench.run_s(40, each=bench.read_sensor, step_s=1)
    bench.broker.up = True
    bench.run_s(30)

    kinds = ["readings" in identity for lane, identity in bench.broker.received if lane == "backlog"]
    assert kinds == sorted(kinds, reverse=True)
    assert bench.held == 0
    assert bench.spool.counts().held_telemetry == 0


def test_transient_refusals_lose_nothing(bench: Bench) -> None:
    ids = keep_backlog(bench, 10)
    verdicts = iter([BrokerUnavailableError("quota exceeded"), None] * 60)
    bench.broker.verdict = lambda _: next(verdicts, None)
    bench.run_s(120)

    assert sorted(bench.broker.ids) == sorted(ids)
    assert bench.held == 0


def test_no_connection_is_made_while_there_is_no_backlog(bench: Bench) -> None:
    bench.run_s(5, each=bench.shoot, step_s=1)

    assert {client.lane for client in bench.broker.clients} == {"live"}
    assert bench.backlog.state().reason == ""


# In order: this lane has every picture.


def take_in_order(bench: Bench) -> None:
    bench.spool.release(bench.keep())


@pytest.fixture
def in_order(tmp_path: Path) -> Bench:
    return Bench(tmp_path, order="in-order")


def test_in_order_each_picture_goes_as_the_newest_once_the_ones_before_it_have(in_order: Bench) -> None:
    marked: list[str] = []
    in_order.broker.verdict = lambda sent: marked.append(sent.message.attributes["lane"])
    in_order.run_s(5, each=lambda: take_in_order(in_order), step_s=1)

    assert in_order.broker.ids == [f"{in_order.spool.epoch}-{n}" for n in range(5)]
    assert set(marked) == {"live"}


def test_in_order_holds_over_refusals_and_outages(in_order: Bench) -> None:
    """A picture that has to go again never comes behind its successor: readers would show the older one last."""
    answers = itertools.cycle([None, BrokerUnavailableError("quota exceeded"), None, None])
    in_order.broker.verdict = lambda _: next(answers)
    in_order.broker.confirm_after_s = 0.3
    for _ in range(4):
        in_order.run_s(10, each=lambda: take_in_order(in_order), step_s=0.5)
        in_order.broker.lose_connections()
    in_order.run_s(300)

    count = in_order.spool.next_seq
    assert in_order.broker.ids == [f"{in_order.spool.epoch}-{n}" for n in range(count)]
    assert in_order.held == 0


def test_in_order_whoever_subscribes_sees_a_picture_within_three_seconds(in_order: Bench) -> None:
    in_order.broker.verdict = lambda _: NoSubscribersError("nobody listens")
    in_order.run_s(120, each=lambda: take_in_order(in_order), step_s=1)
    assert in_order.backlog.is_idle, "a stop would wait for nothing"

    in_order.broker.verdict = lambda _: None
    in_order.run_s(3)
    assert in_order.broker.ids[0] == f"{in_order.spool.epoch}-0"
