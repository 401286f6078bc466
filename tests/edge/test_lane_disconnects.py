"""A broker that hangs up on a message and does not say why: that message is set aside, and never another."""

from pathlib import Path

import pytest

from edge.fakes_publish import HUNG_UP, SILENT, Bench
from shutterbus_edge.publish.disconnects import DISCONNECTS_MAX, DisconnectTracker, LargestAcked
from shutterbus_edge.publish.pending_send import PendingSend
from shutterbus_edge.spool import Held
from shutterbus_transport.errors import TransportError
from shutterbus_wire.identity import FrameId
from shutterbus_wire.telemetry import Status

LIMIT_BYTES = 100_000
OVER_BYTES = 150_000


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A camera of which the broker has confirmed a small picture."""
    made = Bench(tmp_path)
    made.shoot(10_000)
    made.run_s(1)
    made.broker.received.clear()
    return made


def tell_status(bench: Bench) -> None:
    """Have a status sent, first on every connection from now on."""
    bench.live.tell_status(bench.encoder.status(Status(camera="gate", state="online", since_us=1)))


def pictures(bench: Bench) -> list[str]:
    """The ids of the pictures that the broker has confirmed, in their order."""
    return [identity for identity in bench.broker.ids if not identity.startswith("status")]


def keep_waiting(bench: Bench, *sizes_bytes: int) -> list[str]:
    """Let pictures of *sizes_bytes* wait, and return their ids."""
    held = [bench.keep(size_bytes) for size_bytes in sizes_bytes]
    for picture in held:
        bench.spool.release(picture)
    return [str(picture.id) for picture in held]


def set_aside(bench: Bench) -> int:
    return bench.spool.counts().this_epoch.quarantined


def connections(bench: Bench, lane: str) -> int:
    return sum(client.lane == lane for client in bench.broker.clients)


def test_picture_at_the_head_of_the_backlog_is_set_aside_and_the_next_one_flows(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.broker.hidden_limit_bytes = LIMIT_BYTES
    _, *others = keep_waiting(bench, OVER_BYTES, 20_000, 20_000)
    bench.run_s(20)

    assert pictures(bench) == others
    assert (bench.held, set_aside(bench)) == (0, 1)
    explained = next(path.read_text() for path in bench.folder.rglob("quarantine/*.txt"))
    assert explained.startswith("hung-up: ")
    assert "it has 149,9" in explained
    assert "the broker hung up 3 times in a row" in explained
    assert "the largest that it has confirmed had" in explained
    assert "max_packet_size" in caplog.text


def test_live_picture_is_set_aside_and_the_next_one_flows(bench: Bench) -> None:
    """A status before it on every connection, which the broker takes, neither clears it nor hurries the attempts."""
    tell_status(bench)
    bench.shoot(50_000)
    bench.run_s(1)
    bench.broker.hidden_limit_bytes = LIMIT_BYTES
    bench.shoot(OVER_BYTES)
    bench.run_s(10)
    assert (bench.held, set_aside(bench)) == (0, 1)

    small = bench.shoot(50_000)
    bench.run_s(10)
    assert bench.broker.received[-1] == ("live", str(small.id))
    # On the first connection another picture had been delivered.
    assert connections(bench, "live") == 1 + DISCONNECTS_MAX + 1


def test_the_one_among_many_in_flight_is_found(bench: Bench) -> None:
    bench.broker.hidden_limit_bytes = LIMIT_BYTES
    ids = keep_waiting(bench, *[20_000, 30_000] * 3, OVER_BYTES, *[30_000, 20_000] * 3, OVER_BYTES, 20_000)
    bench.run_s(60)

    assert pictures(bench) == [*ids[:6], *ids[7:13], ids[14]]
    assert (bench.held, set_aside(bench)) == (0, 2)


def test_camera_whose_pictures_are_all_too_large_stops_no_smaller_ones_that_wait(bench: Bench) -> None:
    """It takes them faster than any can be tried three times; they are sought out in the backlog, one by one."""
    tell_status(bench)
    bench.broker.hidden_limit_bytes = LIMIT_BYTES
    small = keep_waiting(bench, 20_000, 20_000)
    bench.run_s(60, each=lambda: bench.shoot(OVER_BYTES), step_s=0.2)

    assert [identity for lane, identity in bench.broker.received if lane == "backlog"] == small
    assert set_aside(bench) >= 5
    assert connections(bench, "live") < 60, "the status, which it takes, hurries nothing"

    bench.broker.hidden_limit_bytes = None
    bench.run_s(60)
    assert bench.held == 0


def test_readings_are_not_held_up_either(bench: Bench) -> None:
    bench.broker.hidden_limit_bytes = LIMIT_BYTES
    bench.shoot(OVER_BYTES)
    bench.read_sensor()
    bench.run_s(10)

    assert bench.spool.counts().held_telemetry == 0
    assert set_aside(bench) == 1


def test_broker_that_stops_again_and_again_is_away(bench: Bench) -> None:
    """It hangs up on the same picture every time, and is gone for a moment each time."""
    bench.broker.answers = False
    picture = bench.shoot(OVER_BYTES)
    for _ in range(20):
        bench.run_s(6)
        bench.broker.lose_connections()
        bench.broker.up = False
        bench.run_s(3)
        bench.broker.up = True
    bench.broker.answers = True
    bench.run_s(10)

    assert pictures(bench) == [str(picture.id)]
    assert set_aside(bench) == 0


def test_line_that_falls_silent_again_and_again_is_a_bad_line(bench: Bench) -> None:
    bench.broker.answers = False
    picture = bench.shoot(OVER_BYTES)
    for _ in range(20):
        bench.run_s(6)
        assert bench.live.state().in_flight == 1
        bench.broker.lose_connections(SILENT)
    bench.broker.answers = True
    bench.run_s(10)

    assert pictures(bench) == [str(picture.id)]
    assert set_aside(bench) == 0


@pytest.mark.parametrize("error", [HUNG_UP, SILENT])
def test_connections_that_end_while_nothing_is_sent_say_nothing(bench: Bench, error: TransportError) -> None:
    for _ in range(20):
        bench.run_s(6)
        bench.broker.lose_connections(error)
        bench.shoot(OVER_BYTES)  # meets a connection that has ended, before that was noticed
        bench.turn()
    bench.run_s(20)

    assert len(pictures(bench)) == 20
    assert set_aside(bench) == 0


def test_size_that_the_broker_has_confirmed_on_either_lane_never_counts(bench: Bench) -> None:
    bench.shoot(OVER_BYTES + 10_000)
    bench.run_s(1)
    bench.broker.answers = False
    (identity,) = keep_waiting(bench, OVER_BYTES)
    for _ in range(20):
        bench.run_s(6)
        bench.broker.lose_connections()
    assert connections(bench, "backlog") == 20
    bench.broker.answers = True
    bench.run_s(10)

    assert pictures(bench)[-1] == identity
    assert set_aside(bench) == 0


def test_hanging_up_late_is_not_about_the_size(bench: Bench) -> None:
    """As a broker does whose patience is over before a slow line has carried all of it."""
    bench.broker.answers = False
    picture = bench.shoot(OVER_BYTES)
    for _ in range(10):
        bench.run_s(25)
        bench.broker.lose_connections()
    bench.broker.answers = True
    bench.run_s(10)

    assert pictures(bench) == [str(picture.id)]
    assert set_aside(bench) == 0


def test_hanging_up_after_something_else_was_delivered_is_not_counted(bench: Bench) -> None:
    """As on a line that never lasts long enough: each connection brings something through."""
    bench.broker.bytes_per_s = OVER_BYTES / 3
    (identity,) = keep_waiting(bench, OVER_BYTES)
    for _ in range(10):
        bench.spool.release(bench.keep_reading())
        while bench.spool.counts().held_telemetry:
            bench.run_s(0.1)
        bench.run_s(0.5)
        assert bench.backlog.state().in_flight == 1
        bench.broker.lose_connections()
    bench.run_s(20)

    assert pictures(bench)[-1] == identity
    assert set_aside(bench) == 0


def test_after_two_hang_ups_a_confirmation_clears_the_picture(bench: Bench) -> None:
    bench.broker.answers = False
    bench.shoot(OVER_BYTES)
    for _ in range(5):
        for _ in range(2):
            bench.run_s(3)
            bench.broker.lose_connections()
        bench.broker.answers = True
        bench.run_s(3)
        bench.broker.answers = False
        bench.shoot(OVER_BYTES)
    bench.broker.answers = True
    bench.run_s(10)

    assert len(set(pictures(bench))) == 6
    assert set_aside(bench) == 0


def test_a_status_that_is_confirmed_is_enough_to_believe_the_broker(tmp_path: Path) -> None:
    """As after a start with nothing but pictures that are too large."""
    bench = Bench(tmp_path)
    tell_status(bench)
    bench.broker.hidden_limit_bytes = LIMIT_BYTES
    keep_waiting(bench, OVER_BYTES)
    bench.shoot(OVER_BYTES)
    bench.run_s(30)

    assert (bench.held, set_aside(bench)) == (0, 2)


def largest_acked() -> LargestAcked:
    """By a small message."""
    made = LargestAcked()
    made.confirmed(200)
    return made


def pending(seq: int, size_bytes: int = OVER_BYTES) -> PendingSend:
    held = Held(f"e-{seq}", "frame", FrameId("0123456789abcdef", seq), size_bytes, 0)
    return PendingSend("frame", held, size_bytes, sent_at_s=0.0)


def condemned(disconnects: DisconnectTracker, *rows: tuple[PendingSend, ...]) -> list[bool]:
    """Hang up on *rows*, each with what was in pending; return after which of them something was set aside."""
    return [disconnects.ended(HUNG_UP, row, now_s=1.0) is not None for row in rows]


def test_the_same_one_three_times_in_a_row_it_has_to_be() -> None:
    disconnects, first, second = DisconnectTracker(largest_acked()), pending(1), pending(2)

    assert condemned(disconnects, (first,), (first,), (second,), (first,), (first,)) == [False] * 5
    assert condemned(disconnects, (first,), (first,)) == [True, False]


def test_what_was_in_flight_with_others_is_not_accused() -> None:
    disconnects, first, second = DisconnectTracker(largest_acked()), pending(1), pending(2)

    assert condemned(disconnects, *[(first, second)] * 10) == [False] * 10
    assert condemned(disconnects, (first,), (first,), (first, second), (first,), (first,)) == [False] * 5


def test_broker_that_was_away_in_between_clears_what_it_hung_up_on() -> None:
    disconnects, first = DisconnectTracker(largest_acked()), pending(1)
    assert condemned(disconnects, (first,), (first,)) == [False] * 2
    assert disconnects.suspects_size

    disconnects.not_connected()
    assert not disconnects.suspects_size
    assert condemned(disconnects, (first,), (first,)) == [False] * 2


def test_messages_go_together_again_when_one_was_confirmed() -> None:
    disconnects = DisconnectTracker(largest_acked())
    condemned(disconnects, (pending(1), pending(2)))
    assert disconnects.suspects_size

    disconnects.confirmed(pending(3, 1000))
    assert not disconnects.suspects_size


@pytest.mark.parametrize("has_status", [True, False])
def test_broker_that_has_confirmed_nothing_at_all_is_not_believed(tmp_path: Path, has_status: bool) -> None:
    """Some hang up on whoever may not write. Nothing is wrong with the pictures, and they are kept until the right is given."""
    bench = Bench(tmp_path)
    if has_status:
        tell_status(bench)
    bench.broker.hidden_limit_bytes = 1
    for _ in range(4):
        bench.shoot(20_000)
        bench.run_s(50)
    assert (bench.held, set_aside(bench)) == (4, 0)
    assert connections(bench, "backlog") == 0

    bench.broker.hidden_limit_bytes = None
    bench.run_s(30)
    assert (bench.held, set_aside(bench)) == (0, 0)
