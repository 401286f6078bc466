"""What a schedule may say.

=========================================  ==========================================================
``10``  ``1.5``  ``5m``  ``90s``           an interval
``every 3 seconds``  ``every minute``      likewise; also hours, days, weeks; blanks are optional
``every minute at :23``                    at second 23 of each minute
``every 2 hours at 15:30``                 at minute 15, second 30 of each second hour; ``:15`` alone too
``every day at 9:30, 15:00``               at these times of each day; ``every 2 days``, ``9:30`` alone too
``every monday and friday at 10:30:15``    on these days; without a time at midnight
``5m from 6:00 to 20:00``                  an interval within the day, beginning with the window
``*/5 6-20 * * mon-fri``                   five cron fields, or ``@hourly``, ``@daily``, ...
=========================================  ==========================================================

Any case. Intervals count from the start; the others follow the wall clock.
"""

import re
from collections.abc import Iterable
from datetime import UTC, time, tzinfo

from apscheduler.triggers.cron import CronTrigger

from shutterbus_edge.schedule.times import _NTH_MAX, Calendar, Every, Schedule, Window, nth
from shutterbus_runtime.settings.values import did_you_mean, half_width, read_seconds

INTERVAL_MIN_S = 0.01
INTERVAL_MAX_S = 366 * 86_400.0
EXPECTED = "10, 5m, every day at 10:30, or five cron fields such as */5 6-20 * * * is expected"

_UNITS = {
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), "second"),
    **dict.fromkeys(("minute", "minutes", "min", "mins", "m"), "minute"),
    **dict.fromkeys(("hour", "hours", "hr", "hrs", "h"), "hour"),
    **dict.fromkeys(("day", "days", "d"), "day"),
    **dict.fromkeys(("week", "weeks", "w"), "week"),
}
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:days?)?"
_EVERY = re.compile(
    rf"every(?P<count>[0-9.]*)(?P<unit>{'|'.join(sorted(_UNITS, key=len, reverse=True))})(?:at(?P<at>.*))?"
)
_ON_DAYS = re.compile(rf"every(?P<count>[0-9.]*)(?P<days>{_DAY}(?:(?:,|and|&)+{_DAY})*)(?:at(?P<at>.*))?")
_WINDOW = re.compile(r"(?P<what>.*?)from(?P<begin>[0-9:]+)(?:to|until|-)(?P<end>[0-9:]+)")
_CLOCK_TIMES = re.compile(r"(?:daily)?(?:at)?([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:(?:,|and)[0-9:]+)*)")
_FIVE_FIELDS = re.compile(r"[0-9*][0-9*/,-]*( (?!from |at )[^ ]+){4}")
_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_WORDS = ("every", "at", "from", "to", *_UNITS, *_DAYS)


class ScheduleError(ValueError):
    """A text that is no schedule; says what would be."""


def parse(text: str, zone: tzinfo) -> Schedule:
    """Return the schedule that *text* describes, calendar forms by the wall clock of *zone*.

    Raises:
        ScheduleError: It has no plain meaning.
    """
    plain = " ".join(half_width(text).lower().split())
    if not plain:
        raise ScheduleError(EXPECTED)
    if len(plain) > 200:
        raise ScheduleError(f"it is longer than any schedule; {EXPECTED}")
    if re.search(r"sun\s?-?(rise|set)|\b(dawn|dusk)\b", plain):
        raise ScheduleError(
            "sunrise and sunset are not in this version; times such as from 6:00 to 20:00 are expected"
        )
    if plain.startswith("@") or _FIVE_FIELDS.fullmatch(plain):
        return _cron(plain, zone)
    # Blanks mean nothing but between two numbers, where leaving them out would make a third.
    squeezed = re.sub(r"(?<![0-9]) | (?![0-9])", "", plain)
    if match := _WINDOW.fullmatch(squeezed):
        step = _interval(match["what"], plain)
        if step.interval_s > _SECONDS["day"]:
            raise ScheduleError("within a day, an interval of at most a day is expected")
        begin, end = _clock_time(match["begin"]), _clock_time(match["end"])
        if begin == end:
            raise ScheduleError(
                "the window begins when it ends; two times such as from 6:00 to 20:00 are expected"
            )
        return Window(plain, zone, step.interval_s, begin, end)
    if match := _CLOCK_TIMES.fullmatch(squeezed):
        return _daily(plain, zone, match[1], 1)
    if match := _ON_DAYS.fullmatch(squeezed):
        return _on_days(plain, zone, match)
    if (match := _EVERY.fullmatch(squeezed)) and match["at"] is not None:
        return _at(plain, zone, _count(match["count"]), _UNITS[match["unit"]], match["at"])
    return _interval(squeezed, plain)


def _interval(squeezed: str, plain: str) -> Every:
    if (match := _EVERY.fullmatch(squeezed)) and match["at"] is None:
        return _every(_number(match["count"] or "1") * _SECONDS[_UNITS[match["unit"]]])
    text = squeezed.removeprefix("every")
    try:
        interval_s = -1.0 if re.fullmatch(r"-[0-9.]+[a-z]*", text) else read_seconds(text)
    except ValueError:
        wrong = next((word for word in re.findall(r"[a-z]+", plain) if word not in _WORDS), "")
        raise ScheduleError(f"{EXPECTED}{did_you_mean(wrong, _WORDS)}") from None
    return _every(interval_s)


def _every(interval_s: float) -> Every:
    if not INTERVAL_MIN_S <= interval_s <= INTERVAL_MAX_S:
        raise ScheduleError(f"an interval from {INTERVAL_MIN_S} s to a year is expected")
    return Every(float(interval_s))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ScheduleError(EXPECTED) from None


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{0,5}", text) or not 0 < (count := int(text or 1)) < _NTH_MAX:
        raise ScheduleError(f"beside 'at', a whole number of units from 1 to {_NTH_MAX} is expected")
    return count


def _at(text: str, zone: tzinfo, count: int, unit: str, at: str) -> Schedule:
    if unit == "day":
        return _daily(text, zone, at, count)
    if unit == "week":
        raise ScheduleError("a week has no 'at'; name the day, as in every monday at 10:30")
    if unit == "second":
        raise ScheduleError("seconds have no 'at'; leave it out, as in every 10 seconds")
    triggers = []
    for time_text in _several(at):
        match = re.fullmatch(r"(?:([0-9]{1,2}))?:([0-9]{2})", time_text)
        if not match or int(match[1] or 0) > 59 or int(match[2]) > 59 or (unit == "minute" and match[1]):
            shape = (
                "a second such as :23"
                if unit == "minute"
                else "a minute such as :15, or minute and second as 15:30,"
            )
            raise ScheduleError(f"after 'every {unit} at', {shape} is expected")
        if unit == "minute":
            triggers.append(CronTrigger(second=int(match[2]), timezone=UTC))
        else:
            minute, second = (int(match[1]), int(match[2])) if match[1] else (int(match[2]), 0)
            triggers.append(CronTrigger(minute=minute, second=second, timezone=UTC))
    return Calendar(text, zone, tuple(triggers), fixed_hour=False, is_nth=nth(unit, count))


def _daily(text: str, zone: tzinfo, at: str, count: int) -> Schedule:
    triggers = tuple(_trigger(_clock_time(time_text), "*") for time_text in _several(at))
    return Calendar(text, zone, triggers, is_nth=nth("day", count))


def _on_days(text: str, zone: tzinfo, match: re.Match[str]) -> Schedule:
    if match["count"] not in {"", "1"}:
        raise ScheduleError("a day of the week takes no number; every monday at 10:30 is expected")
    days = ",".join(sorted({day[:3] for day in re.findall(_DAY, match["days"])}))
    times = _several(match["at"]) if match["at"] is not None else ["0:00"]
    return Calendar(text, zone, tuple(_trigger(_clock_time(time_text), days) for time_text in times))


def _trigger(at: time, days: str) -> CronTrigger:
    return CronTrigger(day_of_week=days, hour=at.hour, minute=at.minute, second=at.second, timezone=UTC)


def _several(text: str) -> list[str]:
    return re.split(r",and|,|and", text)


def _clock_time(text: str) -> time:
    match = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?", text)
    try:
        if match:
            return time(int(match[1]), int(match[2]), int(match[3] or 0))
    except ValueError:
        pass
    raise ScheduleError("a time of day from 0:00 to 23:59:59, such as 9:30, is expected")


def _cron(text: str, zone: tzinfo) -> Schedule:
    fields = _ALIASES.get(text, text).split()
    if len(fields) != 5:
        raise ScheduleError(
            f"{', '.join(_ALIASES)}, or five cron fields are expected{did_you_mean(text, _ALIASES)}"
        )
    minute, hour, day, month, weekday = fields
    try:
        weekdays = ",".join(_cron_days(weekday))
        common = {"minute": minute, "hour": hour, "month": month, "second": 0, "timezone": UTC}
        triggers: tuple[CronTrigger, ...] = (CronTrigger(day=day, day_of_week=weekdays, **common),)
        if not (day.startswith("*") or weekday.startswith("*")):
            # Where both are given, cron means either of them.
            triggers = (CronTrigger(day=day, **common), CronTrigger(day_of_week=weekdays, **common))
    except (ValueError, TypeError) as error:
        raise ScheduleError(f"these are not five cron fields ({error}); {EXPECTED}") from error
    schedule = Calendar(text, zone, triggers, fixed_hour=not hour.startswith("*"))
    if schedule.interval_s is None:
        raise ScheduleError("that day never comes; a day that exists is expected")
    return schedule


def _cron_days(field: str) -> Iterable[str]:
    """Return the days of a cron field by name: cron's week begins with Sunday as 0 or 7, APScheduler's with Monday."""
    if field in {"*", "?"}:
        return ["*"]
    days: dict[str, None] = {}
    for part in field.split(","):
        match = re.fullmatch(r"(\*|[0-7a-z]+)(?:-([0-7a-z]+))?(?:/([1-7]))?", part)
        if not match:
            raise ValueError(f"{part!r} is no day of the week")
        first, last = (0, 6) if match[1] == "*" else (_cron_day(match[1]), _cron_day(match[2] or match[1]))
        if match[3] and not match[2]:
            last = 6
        if last < first:
            last += 7
        days |= dict.fromkeys(
            _DAYS[(number - 1) % 7][:3] for number in range(first, last + 1, int(match[3] or 1))
        )
    return days


def _cron_day(word: str) -> int:
    if word in "01234567" and len(word) == 1:
        return int(word)
    day_index = next((number for number, day in enumerate(_DAYS) if word in {day, day[:3]}), None)
    if day_index is None:
        raise ValueError(f"{word!r} is no day of the week")
    return (day_index + 1) % 7
