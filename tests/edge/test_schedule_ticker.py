"""The waiting for what is due, on clocks that are set while it waits."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shutterbus_edge.schedule import Ticker, every, parse

TOKYO = ZoneInfo("Asia/Tokyo")
NINE = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)  # 9:00 in Tokyo
HOUR_S, DAY_S = 3_600.0, 86_400.0


@dataclass
class TwoClocks:
    """A monotonic and a wall clock; the wall clock can be set, also while somebody waits."""

    wall_s: float = NINE.timestamp()
    monotonic: float = 1000.0
    steps: list[tuple[float, float]] = field(default_factory=list)
    """Monotonic time, and seconds by which the wall clock is then set."""
    waits: int = 0

    def utc_us(self) -> int:
        return round(self.wall_s * 1e6)

    def monotonic_s(self) -> float:
        return self.monotonic

    def wait(self, duration_s: float, stop: threading.Event) -> bool:
        self.waits += 1
        self.pass_s(duration_s)
        return stop.is_set()

    def pass_s(self, duration_s: float) -> None:
        self.monotonic += duration_s
        self.wall_s += duration_s
        while self.steps and self.steps[0][0] <= self.monotonic:
            self.wall_s += self.steps.pop(0)[1]

    def local(self) -> str:
        return datetime.fromtimestamp(self.wall_s, TOKYO).strftime("%d %H:%M:%S")


def _calendar(text: str, clock: TwoClocks) -> Ticker:
    schedule = parse(text, TOKYO)
    assert schedule is not None
    return Ticker(schedule, clock)


def _shots(ticker: Ticker, clock: TwoClocks, until_s: float) -> list[str]:
    """Return when, by the wall clock, shots were asked for within *until_s* from now."""
    end_s, stop = clock.monotonic + until_s, threading.Event()
    taken: list[str] = []
    while True:
        tick = ticker.wait_next(_StopAt(clock, end_s, stop))
        if tick is None:
            return taken
        taken.append(clock.local())


class _StopAt(threading.Event):
    """Set by itself once a time is reached."""

    def __init__(self, clock: TwoClocks, end_s: float, stop: threading.Event) -> None:
        super().__init__()
        self._clock, self._end_s = clock, end_s

    def is_set(self) -> bool:
        return self._clock.monotonic > self._end_s


@given(
    st.floats(0.02, 600), st.lists(st.sampled_from([-HOUR_S, HOUR_S, 90 * DAY_S, -90 * DAY_S]), max_size=4)
)
def test_intervals_do_not_drift_and_do_not_see_the_wall_clock(interval_s: float, steps: list[float]) -> None:
    """A Pi without a clock of its own jumps days forward at every boot."""
    clock = TwoClocks(steps=[(1000 + 3.3 * interval_s * (n + 1), step) for n, step in enumerate(steps)])
    ticker, stop = Ticker(every(interval_s), clock), threading.Event()

    due = []
    for _ in range(20):
        assert ticker.wait_next(stop) is not None
        due.append(clock.monotonic)
        clock.pass_s(interval_s * 0.4)

    assert due == pytest.approx([1000 + n * interval_s for n in range(20)], abs=1e-4)
    assert ticker.missed == 0


def test_interval_begins_at_once() -> None:
    clock = TwoClocks()

    assert Ticker(every(600), clock).wait_next(threading.Event()) is not None
    assert clock.waits == 0


def test_overrun_shot_misses_those_due_meanwhile_and_keeps_the_beat() -> None:
    """No burst afterwards: of the shots at 1, 2 and 3 s the latest is taken, late; then 4 s on time."""
    clock = TwoClocks()
    ticker, stop = Ticker(every(1), clock), threading.Event()
    ticker.wait_next(stop)

    clock.pass_s(3.4)
    late = ticker.wait_next(stop)
    clock.pass_s(0.1)
    on_time = ticker.wait_next(stop)

    assert ticker.missed == 2
    assert late is not None
    assert late.late_s == pytest.approx(0.4)
    assert on_time is not None
    assert clock.monotonic == pytest.approx(1004)


@given(st.floats(0.05, 60), st.lists(st.floats(0, 5), min_size=1, max_size=30))
def test_every_beat_is_taken_or_missed(interval_s: float, shots: list[float]) -> None:
    """The sum that the ledger is made of."""
    clock = TwoClocks()
    ticker, stop = Ticker(every(interval_s), clock), threading.Event()

    for intervals in shots:
        assert ticker.wait_next(stop) is not None
        clock.pass_s(intervals * interval_s)
    last = ticker.wait_next(stop)

    assert last is not None
    beats = (clock.monotonic - last.late_s - 1000) / interval_s
    assert last.number + ticker.missed == pytest.approx(beats, abs=1e-3)


def test_calendar_form_does_not_shoot_at_the_start() -> None:
    clock = TwoClocks()

    assert _shots(_calendar("every day at 10:30", clock), clock, 3 * DAY_S) == [
        "21 10:30:00",
        "22 10:30:00",
        "23 10:30:00",
    ]


def test_clock_set_back_an_hour_repeats_no_shot() -> None:
    """From 10:40 to 9:40: the shot of 10:30 is done for today."""
    clock = TwoClocks(steps=[(1000 + 100 * 60, -HOUR_S)])
    ticker = _calendar("every day at 10:30", clock)

    assert _shots(ticker, clock, 2 * DAY_S) == ["21 10:30:00", "22 10:30:00"]
    assert ticker.missed == 0


def test_clock_set_forward_an_hour_takes_the_passed_shot_at_once() -> None:
    """From 10:00 to 11:00: a day without its picture would be the worse choice."""
    clock = TwoClocks(steps=[(1000 + HOUR_S, HOUR_S)])
    ticker = _calendar("every day at 10:30", clock)

    assert _shots(ticker, clock, DAY_S + 2 * HOUR_S)[0].startswith("21 11:00:0")
    assert ticker.missed == 0


def test_clock_set_forward_an_hour_makes_no_burst() -> None:
    """Sixty minutes passed over are one shot and fifty-nine missed ones."""
    clock = TwoClocks(steps=[(1000 + 90, HOUR_S)])
    ticker = _calendar("every minute at :00", clock)

    taken = _shots(ticker, clock, 200)

    assert taken == ["21 09:01:00", "21 10:01:30", "21 10:02:00", "21 10:03:00"]
    assert ticker.missed == 59


def test_clock_that_learns_the_time_starts_the_calendar_anew() -> None:
    """Ninety days forward: nothing was missed in them, since they did not pass; and no second is spent counting."""
    clock = TwoClocks(steps=[(1000 + 90, 90 * DAY_S)])
    ticker = _calendar("every minute at :00", clock)

    taken = _shots(ticker, clock, 200)

    assert taken == ["21 09:01:00", "19 09:02:00", "19 09:03:00"]
    assert ticker.missed == 0


def test_clock_set_back_by_days_does_not_stop_the_calendar() -> None:
    """It had been wrong before; waiting for that wrong time to come again would take ninety days."""
    clock = TwoClocks(steps=[(1000 + 100 * 60, -90 * DAY_S)])
    ticker = _calendar("every day at 10:30", clock)

    assert len(_shots(ticker, clock, 2 * DAY_S)) == 2


@given(
    st.lists(st.tuples(st.floats(30, 1500), st.sampled_from([-HOUR_S, HOUR_S, -60.0, 60.0, 5.0])), max_size=4)
)
def test_calendar_form_is_never_due_twice(steps: list[tuple[float, float]]) -> None:
    """However the clock is corrected: each due time is asked for once or is missed once."""
    at_s, plan = 1000.0, []
    for after_s, step in steps:
        at_s += after_s
        plan.append((at_s, step))
    clock = TwoClocks(steps=plan)
    ticker = _calendar("*/10 * * * *", clock)

    due = set()
    stop = _StopAt(clock, at_s + HOUR_S, threading.Event())
    count = 0
    while (tick := ticker.wait_next(stop)) is not None:
        count += 1
        due.add(round((clock.wall_s - tick.late_s) / 600))

    assert len(due) == count


def test_wall_clock_is_looked_at_each_second() -> None:
    """Otherwise a step while waiting for tomorrow would be seen tomorrow."""
    clock = TwoClocks()
    _shots(_calendar("every day at 9:01", clock), clock, 60)

    assert clock.waits >= 60


def test_stop_ends_the_wait() -> None:
    stop = threading.Event()
    stop.set()

    assert Ticker(every(10), TwoClocks()).wait_next(stop) is None
    assert _calendar("every day at 10:30", TwoClocks()).wait_next(stop) is None


def test_expected_interval_follows_the_day() -> None:
    """A viewer calls a picture of 20:00 stale neither at night nor, at noon, an hour late."""
    clock = TwoClocks()
    ticker = _calendar("every 5 minutes from 6:00 to 20:00", clock)
    assert ticker.expected_interval_s == 10 * HOUR_S

    _shots(ticker, clock, HOUR_S)
    assert ticker.expected_interval_s == 300

    _shots(ticker, clock, 10 * HOUR_S)
    assert ticker.expected_interval_s == 10 * HOUR_S
