"""When a picture says it was taken."""

import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shutterbus_wire.taken_at import CHANGED, DIGITIZED, ORIGINAL, NoInstantError, taken_at_us

TEN_IN_TOKYO_S = 1_777_597_200


@pytest.fixture(autouse=True)
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = os.environ.get("TZ")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    assert os.environ.get("TZ") == before
    time.tzset()


def original(date: str, offset: str = "", fraction: str = "") -> dict[int, str]:
    return dict(zip(ORIGINAL, (date, offset, fraction), strict=True))


@pytest.mark.parametrize(
    "date",
    [
        "2026:05:01 10:00:00",
        "2026:05:01 10:00:00\0",
        " 2026:05:01 10:00:00  ",
        "2026-05-01 10:00:00",
        "2026-05-01T10:00:00",
        "2026/05/01 10:00:00",
        "2026:05:01 10:00:00+09:00",
        "2026:05:01 01:00:00Z",
    ],
)
def test_every_spelling_of_a_date_is_read(date: str) -> None:
    assert taken_at_us(original(date)) == TEN_IN_TOKYO_S * 1_000_000


@pytest.mark.parametrize(
    ("offset", "ahead_h"),
    [
        ("", 9), ("   :  ", 9), ("      ", 9), ("local", 9), ("+99:99", 9),
        ("+09:00", 9), ("+0900", 9), ("+9", 9), ("Z", 0), ("+00:00", 0), ("-03:30", -3.5),
    ],
)  # fmt: skip
def test_an_offset_that_says_nothing_is_local_time(offset: str, ahead_h: float) -> None:
    at_us = taken_at_us(original("2026:05:01 10:00:00", offset))
    assert at_us == round((TEN_IN_TOKYO_S + (9 - ahead_h) * 3_600) * 1e6)


@pytest.mark.parametrize(
    ("fraction", "us"), [("25", 250_000), ("250 ", 250_000), ("1234567", 123_456), ("x", 0), ("", 0)]
)
def test_the_fraction_of_a_second_counts(fraction: str, us: int) -> None:
    at_us = taken_at_us(original("2026:05:01 10:00:00", "", fraction))
    assert at_us == TEN_IN_TOKYO_S * 1_000_000 + us


@pytest.mark.parametrize("tags", [DIGITIZED, CHANGED])
def test_other_dates_stand_in_where_there_is_no_original(tags: tuple[int, int, int]) -> None:
    own = {tags[0]: "2026:05:01 10:00:00", tags[1]: "+09:00"}
    assert taken_at_us(own) == TEN_IN_TOKYO_S * 1_000_000
    assert taken_at_us(own | original("    :  :     :  :  ")) == TEN_IN_TOKYO_S * 1_000_000
    assert taken_at_us(own | original("2026:05:01 10:00:01")) == (TEN_IN_TOKYO_S + 1) * 1_000_000


@pytest.mark.parametrize(
    "date", ["", "    :  :     :  :  ", "0000:00:00 00:00:00", "2026:13:01 10:00:00", "yesterday"]
)
def test_what_is_no_date_says_nothing(date: str) -> None:
    assert taken_at_us(original(date)) is None
    assert taken_at_us({}) is None


def test_a_time_before_1970_is_told() -> None:
    with pytest.raises(NoInstantError, match="1970:01:01 00:00:12, which is before 1970"):
        taken_at_us(original("1970:01:01 00:00:12"))


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(9998, 1, 1)),  # noqa: DTZ001 (what EXIF has)
    st.integers(-14 * 60, 14 * 60),
)
def test_an_instant_that_was_written_is_read_again(local: datetime, minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    at_us = taken_at_us(original(f"{local:%Y:%m:%d %H:%M:%S}", offset, f"{local:%f}"))
    assert at_us is not None
    assert datetime.fromtimestamp(0, zone) + timedelta(microseconds=at_us) == local.replace(tzinfo=zone)


@given(st.text(max_size=30), st.text(max_size=10), st.text(max_size=10))
def test_nothing_that_stands_there_is_an_error(date: str, offset: str, fraction: str) -> None:
    try:
        at_us = taken_at_us(original(date, offset, fraction))
    except NoInstantError:
        return
    assert at_us is None or at_us >= 0
