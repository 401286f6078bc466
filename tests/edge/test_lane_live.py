"""The newest picture goes first, and none is lost, whatever the broker does."""

from itertools import pairwise
from pathlib import Path

import pytest

from edge.fakes_publish import Bench
from shutterbus_transport.errors import (
    BrokerUnavailableError,
    MessageRefusedError,
    NoSubscribersError,
    NotAuthorizedError,
    TransportError,
    TransportMisconfiguredError,
)
from shutterbus_transport.sending import Outgoing
from shutterbus_wire.telemetry import Status


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def lanes(bench: Bench, lane: str) -> list[int]:
    """The numbers of the pictures that came by *lane*, in the order of their arrival."""
    return [int(identity.rpartition("-")[2]) for name, identity in bench.broker.received if name == lane]


def test_picture_goes_at_once_and_leaves_the_spool_when_confirmed(bench: Bench) -> None:
    bench.broker.confirm_after_s = 0.3
    bench.shoot()
    bench.turn()
    assert bench.held == 1
    assert bench.live.state().in_flight == 1

    bench.run_s(0.5)

    assert lanes(bench, "live") == [0]
    assert bench.held == 0
    assert bench.live.state().published == 1
    assert bench.live.state().confirm_s == pytest.approx(0.3, abs=0.11)


def test_newest_goes_first_after_an_outage_and_nothing_is_missing(bench: Bench) -> None:
    """Ten minutes at one a second, then the broker is back: the present first, the past behind it, oldest first."""
    bench.run_s(2, each=bench.shoot, step_s=1)
    bench.broker.up = False
    bench.broker.lose_connections()
    bench.run_s(600, each=bench.shoot, step_s=1)
    before = len(bench.broker.received)
    newest = bench.shoot()
    bench.broker.up = True

    bench.run_s(30)

    after = bench.broker.received[before:]
    assert after[0] == ("live", str(newest.id))
    backlog = [int(identity.rpartition("-")[2]) for lane, identity in after if lane == "backlog"]
    assert backlog == sorted(backlog)
    assert sorted({int(identity.rpartition("-")[2]) for identity in bench.broker.ids}) == list(
        range(newest.id.seq + 1)
    )
    assert bench.held == 0


def test_broker_that_stops_answering_but_refuses_connections_is_given_up_within_ten_seconds(
    bench: Bench,
) -> None:
    """Its client is closed, or it would send the old pictures before the new one when the broker is back."""
    bench.run_s(1)
    bench.broker.answers = False
    bench.broker.up = False  # the library does not notice: the connection was not closed

    bench.run_s(20, each=bench.shoot, step_s=0.5)
    assert bench.broker.open_clients == 0

    bench.broker.answers = bench.broker.up = True
    newest = bench.shoot()
    bench.run_s(10)
    assert bench.broker.received[0] == ("live", str(newest.id))
    assert bench.held == 0


def test_blackholed_link_is_given_up_and_found_again_within_ten_seconds(bench: Bench) -> None:
    bench.run_s(1)
    bench.broker.silent = True
    bench.run_s(60, each=bench.shoot, step_s=0.5)
    assert bench.broker.open_clients == 0

    bench.broker.silent = False
    newest = bench.shoot()
    bench.run_s(10)
    assert bench.broker.received[0] == ("live", str(newest.id))
    assert bench.held == 0


def test_slow_link_is_not_mistaken_for_an_outage(bench: Bench) -> None:
    """4 MB at 1.2 Mbit/s takes 27 s; giving it up half-way would mean that it never arrives."""
    bench.broker.bytes_per_s = 150_000
    first = bench.shoot(4_000_000)

    bench.run_s(30)

    assert bench.broker.received == [("live", str(first.id))]
    assert len([client for client in bench.broker.clients if client.lane == "live"]) == 1
    assert bench.broker.probes > 3


def test_single_lost_probe_on_a_full_link_closes_nothing(bench: Bench) -> None:
    bench.broker.answers = False
    bench.shoot()
    bench.run_s(4.8)
    bench.broker.silent = True
    bench.live.step()
    bench.clock.pass_s(1)
    bench.live.step()
    bench.broker.silent = False

    bench.run_s(10)

    assert [client.closed for client in bench.broker.clients] == [False]


def test_only_the_newest_waits_and_those_it_replaces_become_backlog(bench: Bench) -> None:
    bench.broker.up = False
    bench.run_s(5, each=bench.shoot, step_s=1)

    counts = [bench.spool.claim_oldest("frame") for _ in range(6)]

    assert [held.id.seq for held in counts if held] == [0, 1, 2, 3]


def test_picture_stays_live_until_it_is_confirmed_or_a_newer_one_exists(bench: Bench) -> None:
    bench.broker.verdict = lambda _: BrokerUnavailableError("quota exceeded")
    only = bench.shoot()
    bench.run_s(30)
    bench.broker.verdict = lambda _: None
    bench.run_s(6)

    assert bench.broker.received == [("live", str(only.id))]


def test_small_pictures_are_pipelined_and_large_ones_on_a_slow_link_are_not(bench: Bench) -> None:
    bench.broker.answers = False
    for _ in range(6):
        bench.shoot(50_000)
        bench.turn()
    assert bench.live.state().in_flight == 4

    slow = Bench(bench.folder / "slow")
    slow.broker.answers = False
    for _ in range(3):
        slow.shoot(1_000_000)
        slow.turn()
    assert slow.live.state().in_flight == 1


def test_broker_that_pauses_takes_no_picture_its_place_if_it_was_fast_before(bench: Bench) -> None:
    """As when it starts again: what came in that second is sent live, not behind the next."""
    bench.shoot(20_000)
    bench.run_s(1)
    bench.broker.answers = False
    bench.run_s(1.5, each=lambda: bench.shoot(20_000))
    bench.broker.answers = True
    bench.run_s(1)

    assert lanes(bench, "backlog") == []
    assert len(lanes(bench, "live")) == 16


def test_large_pictures_go_by_two_on_a_fast_link(bench: Bench) -> None:
    bench.shoot(1_000_000)
    bench.run_s(1)
    bench.broker.answers = False
    for _ in range(4):
        bench.shoot(1_000_000)
        bench.turn()

    assert bench.live.state().in_flight == 2


def test_window_of_the_broker_is_obeyed(bench: Bench) -> None:
    bench.broker.window = 2
    bench.broker.answers = False
    for _ in range(5):
        bench.shoot()
        bench.turn()

    assert bench.live.state().in_flight == 2


def test_picture_over_the_limit_is_set_aside_with_both_numbers_and_the_next_one_flows(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.broker.limit_bytes = 104_096
    large = bench.shoot(150_000)
    bench.run_s(1)
    small = bench.shoot(50_000)
    bench.run_s(1)

    assert bench.broker.received == [("live", str(small.id))]
    assert bench.spool.counts().this_epoch.quarantined == 1
    assert f"{large.size_bytes:,}" in caplog.text
    assert "100,000" in caplog.text


def test_refused_picture_is_set_aside_and_the_next_one_flows(bench: Bench) -> None:
    bench.broker.verdict = lambda _: MessageRefusedError("invalid", "the broker refuses it")
    bench.shoot()
    bench.run_s(1)
    bench.broker.verdict = lambda _: None
    good = bench.shoot()
    bench.run_s(1)

    assert bench.broker.received == [("live", str(good.id))]
    assert bench.held == 0


def test_nobody_listens_keeps_the_picture_and_whoever_comes_sees_one_within_three_seconds(
    bench: Bench,
) -> None:
    """Health says so meanwhile; the newest picture is sent at most every 2 s."""
    asked: list[float] = []

    def nobody(_: object) -> NoSubscribersError:
        asked.append(bench.clock.monotonic_s())
        return NoSubscribersError("nobody listens")

    bench.broker.verdict = nobody
    bench.run_s(300, each=bench.shoot, step_s=1)

    gaps_s = [later_s - sooner_s for sooner_s, later_s in pairwise(asked)]
    assert min(gaps_s) >= 2 - 1e-6
    assert max(gaps_s) < 2.5
    assert bench.live.state().reason == "nobody listens"
    assert bench.held == 300

    bench.broker.verdict = lambda _: None
    bench.run_s(3)
    assert bench.broker.received[0] == ("live", f"{bench.spool.epoch}-299")
    bench.run_s(60)
    assert bench.held == 0
    assert bench.live.state().reason == ""


def test_misconfiguration_waits_a_minute_between_attempts_and_keeps_everything(bench: Bench) -> None:
    """A wrong password sent every few seconds locks the account."""
    bench.broker.refusal = TransportMisconfiguredError("wrong password")
    bench.run_s(300, each=bench.shoot, step_s=1)

    assert bench.broker.probes == 6
    assert bench.live.state().reason == "wrong password"
    assert bench.held == 300

    bench.broker.refusal = None
    bench.run_s(80)
    assert bench.held == 0


def test_denied_topic_is_asked_for_soon_then_rarely_each_time_as_who_we_are_by_then(bench: Bench) -> None:
    """A server that is just starting gives its rights within seconds; a new certificate counts from the next connection on."""
    asked: list[float] = []

    def denied(_: object) -> NotAuthorizedError:
        asked.append(bench.clock.monotonic_s())
        return NotAuthorizedError("the broker does not let us write")

    bench.broker.verdict = denied
    bench.run_s(200, each=bench.shoot, step_s=1)

    assert [later - earlier for earlier, later in pairwise(asked)] == [5, 10, 20, 40, 60, 60]
    assert len([client for client in bench.broker.clients if client.lane == "live"]) == len(asked)
    assert bench.broker.open_clients == 1
    assert bench.held == 200

    bench.broker.verdict = lambda _: None
    bench.run_s(80)
    assert bench.held == 0


def test_broker_that_hangs_up_on_whoever_it_denies_is_not_asked_more_often(bench: Bench) -> None:
    asked: list[float] = []

    def denied(_: object) -> NotAuthorizedError:
        asked.append(bench.clock.monotonic_s())
        bench.broker.lose_connections()
        return NotAuthorizedError("the broker does not let us write")

    bench.broker.verdict = denied
    bench.run_s(200, each=bench.shoot, step_s=1)

    assert len(asked) == 7
    assert bench.live.state().reason == "the broker does not let us write"
    assert bench.held == 200


def test_readings_that_are_denied_close_no_connection(bench: Bench) -> None:
    bench.broker.verdict = lambda outgoing: (
        NotAuthorizedError("the broker does not let us write") if "/readings" in outgoing.topic else None
    )

    def both() -> None:
        bench.read_sensor()
        bench.shoot()

    bench.run_s(30, each=both, step_s=1)

    assert lanes(bench, "live") == list(range(30))
    assert {client.lane: client.closed for client in bench.broker.clients} == {
        "live": False,
        "backlog": False,
    }
    assert len(bench.broker.clients) == 2


def test_readings_without_a_subscriber_hold_up_no_picture(bench: Bench) -> None:
    bench.broker.verdict = lambda outgoing: (
        NoSubscribersError("nobody listens") if "/readings" in outgoing.topic else None
    )

    def both() -> None:
        bench.read_sensor()
        bench.shoot()

    bench.run_s(30, each=both, step_s=1)

    assert lanes(bench, "live") == list(range(30))
    assert bench.spool.counts().held_telemetry == 30


def test_telemetry_goes_live_and_leaves_the_spool(bench: Bench) -> None:
    bench.read_sensor()
    bench.run_s(0.3)

    assert bench.broker.received == [("live", f"{bench.spool.epoch}-readings-cpu-0")]
    assert bench.spool.counts().held_telemetry == 0
    assert bench.live.state().telemetry_published == 1


def test_newest_reading_of_each_sensor_is_retained_and_a_late_one_never(bench: Bench) -> None:
    """On a topic of the sensor's own."""
    topics: list[str] = []
    bench.broker.verdict = lambda outgoing: topics.append(outgoing.topic)
    late = bench.keep_reading()
    bench.spool.release(late)
    bench.read_sensor()
    bench.run_s(1)

    assert topics == ["shutterbus/gate/readings/cpu"] * 2
    assert bench.broker.retained == [f"{bench.spool.epoch}-readings-cpu-1"]


def test_server_that_grants_one_topic_for_all_readings_gets_them_there(bench: Bench) -> None:
    """Version 0.1.0 refuses the sensor's own. Readings arrive all the same, at once; a newer one is noticed on connecting."""
    refused: list[str] = []

    def old_server(outgoing: Outgoing) -> NotAuthorizedError | None:
        if outgoing.topic != "shutterbus/gate/readings/cpu":
            return None
        refused.append(outgoing.topic)
        return NotAuthorizedError("the broker does not let us write")

    bench.broker.verdict = old_server
    bench.run_s(10, each=bench.read_sensor, step_s=1)

    assert len(bench.broker.received) == 10
    assert bench.spool.counts().held_telemetry == 0
    assert len(refused) == 2, "once on each connection"
    assert bench.live.state().reason == bench.backlog.state().reason == ""
    assert bench.broker.retained == []

    bench.broker.verdict = lambda _: None
    bench.broker.lose_connections()
    bench.run_s(10)
    bench.read_sensor()
    bench.run_s(1)
    assert bench.broker.retained == [f"{bench.spool.epoch}-readings-cpu-10"]


def test_only_live_pictures_on_our_own_topics_are_retained(bench: Bench) -> None:
    """A newcomer sees the last picture, never one that came late."""
    bench.spool.release(bench.keep())
    live = bench.shoot()
    bench.run_s(3)

    assert len(bench.broker.received) == 2
    assert bench.broker.retained == [str(live.id)]

    foreign = Bench(bench.folder / "foreign", topic="street/pictures")
    foreign.shoot()
    foreign.run_s(1)
    assert foreign.broker.received
    assert foreign.broker.retained == []


def test_status_is_told_again_after_every_connecting(bench: Bench) -> None:
    """The broker's will has said meanwhile that the camera is offline."""
    status = Status(camera="gate", state="online", since_us=1)
    bench.live.tell_status(bench.encoder.status(status))
    bench.run_s(1)
    bench.broker.lose_connections()
    bench.run_s(7)

    assert bench.broker.ids == ["status-online-1"] * 2
    assert bench.live.is_idle


@pytest.mark.parametrize(
    "error", [NoSubscribersError("nobody listens"), TransportMisconfiguredError("not allowed")]
)
def test_what_only_others_can_change_is_not_waited_for(bench: Bench, error: TransportError) -> None:
    """A stop would spend all its grace on it; the picture is safe in the spool."""
    bench.broker.verdict = lambda _: error
    bench.shoot()
    bench.read_sensor()
    assert not bench.live.is_idle
    bench.turn()

    assert bench.live.is_idle
    assert (bench.held, bench.spool.counts().held_telemetry) == (1, 1)

    bench.broker.verdict = lambda _: BrokerUnavailableError("busy")
    bench.run_s(70)
    assert not bench.live.is_idle, "this passes"


def test_flapping_connections_leave_no_client_open(bench: Bench) -> None:
    for _ in range(20):
        bench.shoot()
        bench.run_s(6)
        bench.broker.lose_connections()
    bench.run_s(6)

    assert bench.broker.open_clients <= 2
    assert bench.held == 0


def test_unreadable_telemetry_is_set_aside(bench: Bench) -> None:
    seq = bench.spool.next_telemetry_seq("reports")
    bench.live.offer_telemetry(bench.spool.put_telemetry("reports", seq, b"{}"))
    bench.run_s(1)

    assert bench.broker.received == []
    assert bench.spool.counts().held_telemetry == 0


def test_finish_gives_everything_back(bench: Bench) -> None:
    bench.broker.answers = False
    for _ in range(7):
        bench.shoot()
        bench.turn()
    bench.backlog.close()
    bench.live.close()

    assert sorted(held.id.seq for _ in range(7) if (held := bench.spool.claim_oldest("frame"))) == list(
        range(7)
    )
