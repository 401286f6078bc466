"""What takes over a second is counted each time and logged when that begins and ends."""

import logging
import threading

import pytest

from fakes import FakeClock
from shutterbus_runtime.slow import QUIET_S, Slowness

log = logging.getLogger("slow")
DYING = "look at the SD card"


class Rig:
    """One operation, each call of which takes as long as the test says."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.fsync = Slowness("fsync", self.clock, log, look_at=DYING)

    def takes(self, *durations_s: float) -> None:
        for duration_s in durations_s:
            with self.fsync.timed():
                self.clock.pass_s(duration_s)


@pytest.fixture
def rig(caplog: pytest.LogCaptureFixture) -> Rig:
    caplog.set_level(logging.INFO, "slow")
    return Rig()


def test_what_takes_up_to_a_second_is_nothing_to_speak_of(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.takes(0.01, 0.5, 1.0)
    assert (rig.fsync.count, caplog.messages) == (0, [])


def test_what_takes_longer_is_logged_with_its_name_its_time_and_what_to_look_at(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.takes(0.01, 3.25)
    assert (rig.fsync.count, caplog.messages) == (1, ["fsync took 3.2 s: look at the SD card"])
    assert caplog.records[0].levelno == logging.WARNING


def test_a_dying_card_takes_two_lines_a_night_and_is_counted_all_the_same(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(1_000):
        rig.takes(2.0, 0.01, 7.5, 0.01, 1.5)
    assert (rig.fsync.count, len(caplog.messages)) == (3_000, 1)

    rig.clock.pass_s(QUIET_S)
    rig.takes(0.01, 0.01)

    assert caplog.messages[1:] == ["fsync is quick again: 3000 took over 1 s, the longest 7.5 s"]


def test_a_minute_without_a_slow_call_ends_it_and_the_next_is_news(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.takes(5.0)
    rig.clock.pass_s(QUIET_S - 1)
    rig.takes(0.01)
    assert len(caplog.messages) == 1
    rig.clock.pass_s(1)
    rig.takes(0.01, 2.0)
    assert caplog.messages[1:] == [
        "fsync is quick again: 1 took over 1 s, the longest 5.0 s",
        "fsync took 2.0 s: look at the SD card",
    ]


def test_a_call_that_fails_slowly_is_slow(rig: Rig) -> None:
    """A card that is gone answers with an error after half a minute."""

    @rig.fsync.timed()
    def sync() -> None:
        rig.clock.pass_s(30)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        sync()
    assert rig.fsync.count == 1


def test_a_clock_that_is_set_makes_nothing_slow(rig: Rig) -> None:
    with rig.fsync.timed():
        rig.clock.jump_s(3_600)
    assert rig.fsync.count == 0


def test_calls_of_several_threads_at_once_are_all_counted(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    inside, over = threading.Barrier(5), threading.Barrier(5)

    def call() -> None:
        with rig.fsync.timed():
            inside.wait(30)
            over.wait(30)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    inside.wait(30)
    rig.clock.pass_s(2)
    over.wait(30)
    for thread in threads:
        thread.join()
    assert (rig.fsync.count, len(caplog.messages)) == (4, 1)
