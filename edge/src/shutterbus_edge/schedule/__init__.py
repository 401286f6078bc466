"""When to take a picture, and the waiting for it.

Intervals run on the monotonic clock, in fixed steps from the first shot, which is taken at the start: no setting
of the wall clock moves them, and an interval that a shot overran does not delay those after it. Calendar forms
follow the wall clock. What was missed is counted and never made up for in a burst.
"""

import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from shutterbus_edge.schedule import grammar as schedule_grammar
from shutterbus_edge.schedule.grammar import ScheduleError
from shutterbus_edge.schedule.times import Every, Schedule, seconds_between
from shutterbus_runtime.clock import Clock

__all__ = ["Schedule", "ScheduleError", "Tick", "Ticker", "every", "parse"]

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often the wall clock is looked at while waiting for it, since it may be set at any moment."""
STEP_S = 2.0
"""Wall and monotonic clock may differ by this much between two looks before it counts as having been set."""
NEW_TIME_S = 3 * 3_600.0
"""A clock set by less was wrong by a little, and by summer-time mistakes; one set by more did not know the time.
cron draws the line at the same place."""
_NOTHING_S = 1e-6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse(text: str | None, zone: tzinfo = UTC) -> Schedule | None:
    """Return the schedule that *text* describes; None for none, which leaves the pace to the camera.

    Raises:
        ScheduleError: See ``schedule_grammar``.
    """
    return None if text is None else schedule_grammar.parse(text, zone)


def every(interval_s: float) -> Schedule:
    """Return the schedule of one shot each *interval_s* seconds."""
    return Every(interval_s)


@dataclass(frozen=True, slots=True)
class Tick:
    """A shot is due.

    Attributes:
        number: Counts the shots asked for, from 0.
        late_s: How long after its time it is asked for.
    """

    number: int
    late_s: float


class Ticker:
    """Waits for one shot after another. Used by one thread; ``missed`` may be read by any.

    Attributes:
        missed: Shots that were due while the one before still ran.
    """

    def __init__(self, schedule: Schedule, clock: Clock) -> None:
        self.schedule = schedule
        self.missed = 0
        self._clock = clock
        self._number = 0
        self._waiting = _Beat(schedule.interval_s) if isinstance(schedule, Every) else _WallClock(schedule)

    @property
    def expected_interval_s(self) -> float | None:
        """Seconds from the latest due shot to the next: by day five minutes, perhaps, and over night ten hours."""
        return self._waiting.gap_s

    def wait_next(self, stop: threading.Event) -> Tick | None:
        """Return when the next shot is due, None as soon as *stop* is set.

        A shot that came due while the caller was busy is asked for at once if no later one is due as well; of
        several, the latest is, and the others are missed.
        """
        due = None if stop.is_set() else self._waiting.wait(self._clock, stop)
        if due is None:
            return None
        late_s, passed = due
        self.missed += passed
        tick = Tick(self._number, late_s)
        self._number += 1
        return tick


class _Beat:
    """Due at the start and each whole number of intervals after it, by the monotonic clock."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = self.gap_s = interval_s
        self._start_s: float | None = None
        self._beat = 0

    def wait(self, clock: Clock, stop: threading.Event) -> tuple[float, int] | None:
        """Return how late the shot is and how many were passed over, None as soon as *stop* is set."""
        if self._start_s is None:
            self._start_s = clock.monotonic_s()
        # Counted from the start each time: a sum of intervals would drift.
        due_s = self._start_s + self._beat * self._interval_s
        while (left_s := due_s - clock.monotonic_s()) > _NOTHING_S:
            if clock.wait(left_s, stop):
                return None
        latest = int((-left_s + _NOTHING_S) / self._interval_s)
        self._beat += latest + 1
        return max(0.0, -left_s - latest * self._interval_s), latest


class _WallClock:
    """Due when the wall clock says so; the same time of it is never due twice.

    Set forward by less than three hours, the clock passes over due times: the latest of them is taken at once.
    Set back by less, it repeats times that were due already, and they are not due again. Set by more, what it
    showed before meant nothing, and it counts anew.
    """

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._done: datetime | None = None  # up to here, every due time is dealt with
        self._due: datetime | None = None  # the next one after it
        self._offset_s = 0.0
        self.gap_s = schedule.interval_s

    def wait(self, clock: Clock, stop: threading.Event) -> tuple[float, int] | None:
        """Return how late the shot is and how many were passed over, None as soon as *stop* is set."""
        while True:
            now = self._look(clock)
            if self._due is not None and self._due <= now:
                due, passed = self._due, 0
                while (later := self._schedule.next_after(due)) is not None and later <= now:
                    due, passed = later, passed + 1
                self._done, self._due = due, later
                self.gap_s = seconds_between(due, later) if later else None
                return (now - due).total_seconds(), passed
            left_s = (self._due - now).total_seconds() if self._due else LOOK_S
            if clock.wait(min(left_s, LOOK_S), stop):
                return None

    def _look(self, clock: Clock) -> datetime:
        utc_us, monotonic_s = clock.utc_us(), clock.monotonic_s()
        now = _EPOCH + timedelta(microseconds=utc_us)
        offset_s = utc_us / 1e6 - monotonic_s
        step_s, self._offset_s = offset_s - self._offset_s, offset_s
        if abs(step_s) >= NEW_TIME_S and self._done is not None:
            log.warning(
                "the clock was set by %+.0f s; the schedule goes on from %s",
                step_s,
                now.isoformat(" ", "seconds"),
            )
            self._done = None
        elif abs(step_s) > STEP_S and self._done is not None:
            log.info("the clock was set by %+.0f s", step_s)
        if self._done is None:
            self._done, self._due = now, self._schedule.next_after(now)
        return now
