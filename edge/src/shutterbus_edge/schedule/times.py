"""The kinds of schedule: when each is due, as pure arithmetic on times. Nothing here waits.

APScheduler's cron trigger is asked *when*; nothing of it runs. Its scheduler stops when the clock is set back,
and lists every missed shot when it is set forward.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import cached_property
from typing import Protocol

from apscheduler.triggers.cron import CronTrigger

# A Friday, so that a pause over night and over the weekend come early.
_SAMPLE_START = datetime(2024, 1, 5, tzinfo=UTC)
_SAMPLE_SHOTS_MIN, _SAMPLE_SHOTS_MAX = 60, 3_000
_SAMPLE_SPAN = timedelta(days=4)
_NTH_MAX = 10_000
CHANGE = timedelta(hours=3)
"""More than any clock is changed by for summer time."""


class Schedule(Protocol):
    """When pictures are due."""

    @property
    def interval_s(self) -> float | None:
        """The longest time between two shots, in seconds; None if there is never a second one."""

    @property
    def zone(self) -> tzinfo | None:
        """The zone whose wall clock it follows; None for an interval, which follows no wall clock."""

    def describe(self) -> str:
        """Return it as a person would say it."""

    def next_after(self, now: datetime) -> datetime | None:
        """Return the first time after *now* that is due, None if there is none. For an interval: one from now."""

    def next_times(self, count: int, now: datetime) -> list[datetime]:
        """Return the next *count* due times after *now*; an interval is taken to start now."""


@dataclass(frozen=True, slots=True)
class Every:
    """A shot at the start, then one each *interval_s* seconds, whatever the wall clock does."""

    interval_s: float
    zone: None = None

    def describe(self) -> str:
        return f"every {self.interval_s:g} s from the start"

    def next_after(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.interval_s)

    def next_times(self, count: int, now: datetime) -> list[datetime]:
        return [now + timedelta(seconds=self.interval_s * number) for number in range(count)]


def seconds_between(sooner: datetime, later: datetime) -> float:
    """Return the time that passes; Python takes the difference of two times of one zone by its wall clock."""
    return (later.astimezone(UTC) - sooner.astimezone(UTC)).total_seconds()


def instants(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the first and the last instant, in UTC, at which the clock of *zone* shows the time *wall*.

    They differ in the hour that the end of summer time repeats. A time that its beginning skips is taken by the clock
    from before: 2:30 becomes 3:30.
    """
    first, last = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, max(first, last)


class _ByClock:
    """What the kinds that follow a wall clock share. They do not shoot at the start."""

    zone: tzinfo
    text: str

    def next_after(self, now: datetime) -> datetime | None:
        raise NotImplementedError

    def describe(self) -> str:
        return f"{self.text}, by the clock of {zone_name(self.zone)}"

    def next_times(self, count: int, now: datetime) -> list[datetime]:
        times: list[datetime] = []
        while len(times) < count and (due := self.next_after(now)) is not None:
            times.append(due)
            now = due
        return times

    @cached_property
    def interval_s(self) -> float | None:
        longest_s, shots, sooner = 0.0, 0, self.next_after(_SAMPLE_START)
        while sooner is not None and shots < _SAMPLE_SHOTS_MAX:
            if (later := self.next_after(sooner)) is None:
                break
            longest_s, shots = max(longest_s, seconds_between(sooner, later)), shots + 1
            sooner = later
            if shots >= _SAMPLE_SHOTS_MIN and later - _SAMPLE_START > _SAMPLE_SPAN:
                break
        return longest_s or None


@dataclass(frozen=True)
class Calendar(_ByClock):
    """Shots at fixed times of the wall clock.

    Attributes:
        triggers: Any of them makes a shot due.
        fixed_hour: Whether hours are named. In the hour that the end of summer time repeats, such a time counts
            once; a schedule for every hour goes on.
        is_nth: Keeps the wanted ones, as in "every 2 days"; counted from a fixed day, so that a restart changes
            nothing.
    """

    text: str
    zone: tzinfo
    triggers: tuple[CronTrigger, ...]
    fixed_hour: bool = True
    is_nth: Callable[[datetime], bool] = field(default=lambda _: True)

    def next_after(self, now: datetime) -> datetime | None:
        for due in self._candidates(now):
            if self.is_nth(due):
                return due
        return None

    def _candidates(self, now: datetime) -> Iterator[datetime]:
        for _ in range(_NTH_MAX * 2):
            if (due := self._next(now)) is None:
                return
            yield due.astimezone(self.zone)
            now = due

    def _next(self, now: datetime) -> datetime | None:
        """Return the first instant after *now* at which the wall clock shows a time of the triggers."""
        local = now.astimezone(self.zone)
        wall = self._wall_after(local.replace(tzinfo=None))
        if wall is None:
            return None
        due = instants(wall, self.zone)[0]
        offset = local.utcoffset()
        if all((at.astimezone(self.zone)).utcoffset() == offset for at in (now - CHANGE, now + CHANGE, due)):
            return due
        # The clock is changed about now: what it shows later may come sooner.
        first: datetime | None = None
        wall = local.replace(tzinfo=None) - CHANGE
        while (wall := self._wall_after(wall)) is not None:
            if first and wall > first.astimezone(self.zone).replace(tzinfo=None) + CHANGE:
                break
            both = instants(wall, self.zone)
            later = [at for at in (both[:1] if self.fixed_hour else both) if at > now]
            first = min([first, *later] if first else later, default=None)
        return first

    def _wall_after(self, wall: datetime) -> datetime | None:
        """Return the first time of the triggers after *wall*; neither knows of zones, and the triggers take both for UTC."""
        # A trigger's own answer may be the present moment; a us later it cannot.
        start = (wall + timedelta(microseconds=1)).replace(tzinfo=UTC)
        due_times = [due for trigger in self.triggers if (due := trigger.get_next_fire_time(None, start))]
        return min(due_times).replace(tzinfo=None) if due_times else None


@dataclass(frozen=True)
class Window(_ByClock):
    """Shots each *step_s* seconds from one time of day to another, the first at the beginning of the window."""

    text: str
    zone: tzinfo
    step_s: float
    begin: time
    end: time

    def next_after(self, now: datetime) -> datetime | None:
        today = now.astimezone(self.zone).date()
        for days in (-1, 0, 1, 2):
            day = today + timedelta(days=days)
            begin, _ = instants(datetime.combine(day, self.begin), self.zone)
            past_midnight = timedelta(days=1 if self.end <= self.begin else 0)
            _, end = instants(datetime.combine(day + past_midnight, self.end), self.zone)
            steps = max(0, int((now - begin).total_seconds() / self.step_s) + 1) if now >= begin else 0
            due = begin + timedelta(seconds=self.step_s * steps)
            if now < due <= end:
                return due.astimezone(self.zone)
        return None


def nth(unit: str, count: int) -> Callable[[datetime], bool]:
    """Return what tells each *count*-th minute, hour or day from the others."""
    if count == 1:
        return lambda _: True

    def number(due: datetime) -> int:
        minutes = due.toordinal() * 1_440 + due.hour * 60 + due.minute
        return {"minute": minutes, "hour": minutes // 60, "day": due.toordinal()}[unit]

    return lambda due: number(due) % count == 0


def zone_name(zone: tzinfo | None) -> str:
    """Return the name of a zone, such as ``Asia/Tokyo``."""
    return str(getattr(zone, "key", None) or zone or "UTC")
