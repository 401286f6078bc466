"""What a schedule may say, and what it then means."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shutterbus_edge.schedule import ScheduleError, parse
from shutterbus_edge.schedule import zone as zones
from shutterbus_edge.schedule.times import Every, Schedule, seconds_between, zone_name

TOKYO = ZoneInfo("Asia/Tokyo")
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)  # a Saturday, 17:00 in Tokyo


def _schedule(text: str, zone: tzinfo = TOKYO) -> Schedule:
    schedule = parse(text, zone)
    assert schedule is not None
    return schedule


def _next(text: str, zone: tzinfo = TOKYO, count: int = 2, now: datetime = NOW) -> list[str]:
    return [due.isoformat() for due in _schedule(text, zone).next_times(count, now)]


@pytest.mark.parametrize(
    ("text", "interval_s"),
    [
        ("10", 10),
        (" 10 ", 10),
        ("１０", 10),  # noqa: RUF001 (full width)
        ("every　５ min", 300),  # noqa: RUF001 (likewise)
        ("1.5", 1.5),
        ("0.5", 0.5),
        ("5m", 300),
        ("90s", 90),
        ("1h30m", 5400),
        ("every second", 1),
        ("every seconds", 1),
        ("every3seconds", 3),
        ("everyminute", 60),
        ("Every Minute", 60),
        ("every 5 min", 300),
        ("every 3 minute", 180),
        ("every 2 hours", 7200),
        ("every day", 86_400),
        ("every 2 weeks", 1_209_600),
        ("every 1.5 seconds", 1.5),
    ],
)
def test_intervals(text: str, interval_s: float) -> None:
    assert _schedule(text) == Every(interval_s)


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("every minute at :23", "2026-11-21T17:00:23+09:00", "2026-11-21T17:01:23+09:00"),
        ("every 7 minutes at :30", "2026-11-21T17:00:30+09:00", "2026-11-21T17:07:30+09:00"),
        ("every hour at :05", "2026-11-21T17:05:00+09:00", "2026-11-21T18:05:00+09:00"),
        ("every 2 hours at 15:30", "2026-11-21T18:15:30+09:00", "2026-11-21T20:15:30+09:00"),
        ("every day at 10:30", "2026-11-22T10:30:00+09:00", "2026-11-23T10:30:00+09:00"),
        ("EVERY DAY AT 9:30", "2026-11-22T09:30:00+09:00", "2026-11-23T09:30:00+09:00"),
        ("everydayat10:30:15", "2026-11-22T10:30:15+09:00", "2026-11-23T10:30:15+09:00"),
        ("every 2 days at 10:30", "2026-11-22T10:30:00+09:00", "2026-11-24T10:30:00+09:00"),
        ("9:30", "2026-11-22T09:30:00+09:00", "2026-11-23T09:30:00+09:00"),
        ("every day at 9:00, 18:00", "2026-11-21T18:00:00+09:00", "2026-11-22T09:00:00+09:00"),
        ("every monday at 10:30", "2026-11-23T10:30:00+09:00", "2026-11-30T10:30:00+09:00"),
        ("every wednesday and fri at 8:00", "2026-11-25T08:00:00+09:00", "2026-11-27T08:00:00+09:00"),
        ("every sunday", "2026-11-22T00:00:00+09:00", "2026-11-29T00:00:00+09:00"),
        ("*/5 6-20 * * *", "2026-11-21T17:05:00+09:00", "2026-11-21T17:10:00+09:00"),
        ("@daily", "2026-11-22T00:00:00+09:00", "2026-11-23T00:00:00+09:00"),
        ("5m from 18:00 to 20:00", "2026-11-21T18:00:00+09:00", "2026-11-21T18:05:00+09:00"),
        ("every 10 minutes from 22:00 to 17:12", "2026-11-21T17:10:00+09:00", "2026-11-21T22:00:00+09:00"),
    ],
)
def test_calendar_forms_follow_the_wall_clock_of_their_zone(text: str, first: str, second: str) -> None:
    assert _next(text) == [first, second]


@pytest.mark.parametrize("field", ["0", "7", "sun", "SUNDAY", "7-7"])
def test_week_of_cron_begins_with_sunday(field: str) -> None:
    """APScheduler's begins with Monday; left to it, `0 0 * * 0` would be a Monday."""
    assert _next(f"0 0 * * {field}", count=1) == ["2026-11-22T00:00:00+09:00"]


def test_ranges_and_steps_of_cron_days() -> None:
    assert _next("0 0 * * 5-7", count=4) == _next("0 0 * * fri,sat,sun", count=4)
    assert _next("0 0 * * 1-5/2", count=4) == _next("0 0 * * mon,wed,fri", count=4)
    assert _next("0 0 * * */1", count=4) == _next("0 0 * * *", count=4)


def test_day_of_month_and_day_of_week_mean_either() -> None:
    """As in every cron; APScheduler alone would wait for a Friday the 13th."""
    assert _next("0 0 13 * 5", count=3, now=datetime(2026, 12, 9, tzinfo=UTC)) == [
        "2026-12-11T00:00:00+09:00",
        "2026-12-13T00:00:00+09:00",
        "2026-12-18T00:00:00+09:00",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "every day at 10:30"),
        ("   ", "every day at 10:30"),
        ("0", "from 0.01 s to a year"),
        ("-5", "from 0.01 s to a year"),
        ("every 0 seconds", "from 0.01 s to a year"),
        ("400d", "from 0.01 s to a year"),
        ("every 5 mintues", "did you mean minutes?"),
        ("every minute at 10:23", "a second such as :23"),
        ("every hour at 10:30:15", "a minute such as :15"),
        ("every week at 10:30", "every monday at 10:30"),
        ("every 10 seconds at :05", "leave it out"),
        ("every 2 monday", "takes no number"),
        ("every day at 25:00", "from 0:00 to 23:59:59"),
        ("every hour at :05 from 6:00 to 20:00", "every day at 10:30"),
        ("5m from 6:00 to 6:00", "begins when it ends"),
        ("3d from 6:00 to 20:00", "at most a day"),
        ("10 30", "every day at 10:30"),
        ("61 * * * *", "five cron fields"),
        ("*/0 * * * *", "five cron fields"),
        ("0 0 * * 8", "five cron fields"),
        ("0 0 30 2 *", "never comes"),
        ("@dayly", "did you mean @daily?"),
        ("sunrise", "not in this version"),
        ("every day at sunset", "not in this version"),
        ("1" * 300, "longer than any schedule"),
    ],
)
def test_what_has_no_plain_meaning_is_answered_with_what_has(text: str, why: str) -> None:
    with pytest.raises(ScheduleError, match=why.replace("?", r"\?")):
        parse(text, TOKYO)


def test_no_schedule_is_none() -> None:
    """The camera then sets the pace."""
    assert parse(None, TOKYO) is None


def test_repeated_hour_has_a_named_time_once() -> None:
    """On 2026-10-25 Berlin has 2:30 twice."""
    now = datetime(2026, 10, 24, 22, tzinfo=UTC)

    assert _next("every day at 2:30", BERLIN, now=now) == [
        "2026-10-25T02:30:00+02:00",
        "2026-10-26T02:30:00+01:00",
    ]
    assert _next("30 2 * * *", BERLIN, now=now) == ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]


def test_schedule_for_every_hour_goes_on_in_the_repeated_one() -> None:
    """Otherwise there would be no picture for an hour."""
    now = datetime(2026, 10, 25, 0, 15, tzinfo=UTC)

    assert _next("30 * * * *", BERLIN, now=now) == ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]


def test_skipped_hour_still_has_its_picture() -> None:
    """On 2026-03-29 Berlin has no 2:30; the shot is taken an hour later by that clock."""
    now = datetime(2026, 3, 28, 12, tzinfo=UTC)

    assert _next("every day at 2:30", BERLIN, now=now) == [
        "2026-03-29T03:30:00+02:00",
        "2026-03-30T02:30:00+02:00",
    ]


@pytest.mark.parametrize("text", ["every day at 0:00", "0 0 * * *", "@daily", "every day at 0:30"])
def test_day_whose_midnight_does_not_exist_has_its_picture(text: str) -> None:
    """In Chile, summer time begins at midnight: on 2026-09-06, 0:00 to 0:59 do not exist."""
    minutes = "30" if "30" in text else "00"

    assert _next(text, ZoneInfo("America/Santiago"), count=3, now=datetime(2026, 9, 5, 2, tzinfo=UTC)) == [
        f"2026-09-05T00:{minutes}:00-04:00",
        f"2026-09-06T01:{minutes}:00-03:00",
        f"2026-09-07T00:{minutes}:00-03:00",
    ]


def test_window_over_a_whole_day_has_no_pause_in_the_repeated_hour() -> None:
    """It ends when the clock shows its end for the last time."""
    schedule = parse("10m from 3:00 to 2:50", BERLIN)
    assert schedule
    due = schedule.next_times(200, datetime(2026, 10, 24, 22, tzinfo=UTC))
    assert {seconds_between(*pair) for pair in pairwise(due)} == {600}


@pytest.mark.parametrize(
    ("text", "name", "offset_h"),
    [
        ("UTC+9", "UTC-09:00 (TZ=UTC+9 counts westward; what is ahead of UTC by as much is UTC-9)", -9),
        ("UTC-9", "UTC+09:00 (TZ=UTC-9)", 9),
        ("<+0330>-3:30", "UTC+03:30 (TZ=<+0330>-3:30)", 3.5),
        ("UTC0", "UTC", 0),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "CET-1CEST,M3.5.0,M10.5.0/3", 1),
        ("Asia/Tokyo", "Asia/Tokyo", 9),
    ],
)
def test_zone_is_named_with_what_it_means(text: str, name: str, offset_h: float) -> None:
    """POSIX counts westward, and a person in Tokyo who writes UTC+9 has to be told."""
    zone = zones.find(text)
    assert zone_name(zone) == name
    assert datetime(2026, 1, 5, tzinfo=zone).utcoffset() == timedelta(hours=offset_h)
    schedule = parse("every day at 10:30", zone)
    assert schedule
    assert schedule.describe() == f"every day at 10:30, by the clock of {name}"
    [due] = schedule.next_times(1, datetime(2026, 1, 5, tzinfo=UTC))
    assert (due.hour, due.minute, due.utcoffset()) == (10, 30, timedelta(hours=offset_h))


def test_rule_of_a_router_knows_summer_time() -> None:
    zone = zones.find("CET-1CEST,M3.5.0,M10.5.0/3")
    assert datetime(2026, 7, 1, tzinfo=zone).utcoffset() == timedelta(hours=2)
    assert _next("every day at 2:30", zone, now=datetime(2026, 3, 28, 12, tzinfo=UTC)) == _next(
        "every day at 2:30", BERLIN, now=datetime(2026, 3, 28, 12, tzinfo=UTC)
    )


def test_zone_may_be_a_fixed_offset() -> None:
    assert _next("9:30", timezone(timedelta(hours=9)), count=1) == ["2026-11-22T09:30:00+09:00"]


@pytest.mark.parametrize(
    ("text", "interval_s"),
    [
        ("every day at 10:30", 86_400),
        ("every minute at :23", 60),
        ("*/5 6-20 * * *", 9 * 3600 + 300),
        ("every 5 minutes from 6:00 to 20:00", 10 * 3600),
        ("*/30 8-17 * * mon-fri", (6 + 48 + 8) * 3600 + 1800),
    ],
)
def test_interval_of_a_calendar_form_is_its_longest_pause(text: str, interval_s: float) -> None:
    """What a viewer may expect at least: a camera that rests at night is not broken."""
    assert _schedule(text).interval_s == interval_s


@given(st.text(max_size=60))
@example("every day at 9:30 ")
@example("every.days")
@example("0 0 * * ,")
@example("9" * 40)
def test_any_text_is_a_schedule_or_an_error(text: str) -> None:
    """The seed looped for ever on one, and died of a type on another."""
    try:
        schedule = parse(text, TOKYO)
    except ScheduleError:
        return
    assert schedule is not None
    assert schedule.next_times(2, NOW)


WORDS = st.sampled_from(
    [
        "every",
        "1",
        "2",
        "0",
        "10",
        "second",
        "minutes",
        "hour",
        "days",
        "monday",
        "at",
        "from",
        "to",
        ":",
        ":30",
        "9:30",
        "25:00",
        ",",
        "and",
        "*",
        "*/5",
        "-",
        ".",
        "@",
    ]
)


@given(st.lists(WORDS, max_size=8), st.sampled_from(["", " "]))
def test_any_words_of_the_grammar_are_a_schedule_or_an_error(words: list[str], between: str) -> None:
    """Random letters seldom come near the grammar; its own words do."""
    try:
        schedule = parse(between.join(words), TOKYO)
    except ScheduleError:
        return
    assert schedule is not None
    times = schedule.next_times(3, NOW)
    assert times == sorted(set(times))
    assert all(due >= NOW for due in times)


@given(st.integers(0, 730 * 86_400), st.sampled_from([TOKYO, BERLIN]))
@pytest.mark.parametrize(
    "text",
    [
        "every day at 2:30",
        "*/7 1-3 * * *",
        "every 5 minutes from 22:00 to 4:00",
        "every 3 hours at :15",
        "every sun at 2:00",
    ],
)
def test_due_times_only_move_forward(text: str, second: int, zone: ZoneInfo) -> None:
    """In every zone, at every turn of the year: strictly later, never the same instant twice."""
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)

    due = _schedule(text, zone).next_times(20, now)

    assert len(due) == 20
    assert all(
        sooner.astimezone(UTC) < later.astimezone(UTC)
        for sooner, later in zip([now, *due], due, strict=False)
    )
