"""The kinds of value: whatever has one plain meaning, and a sentence for the rest."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from shutterbus_runtime.settings.values import (
    Number,
    choice,
    did_you_mean,
    one_of,
    read_bytes,
    read_number,
    read_numbers,
    read_rate,
    read_seconds,
    read_switch,
    read_whole,
    read_words,
)

READERS: list[Callable[[Any], Any]] = [
    read_bytes,
    read_number,
    read_numbers,
    read_rate,
    read_seconds,
    read_switch,
    read_whole,
    read_words,
]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8388620", 8_388_620),
        ("500MB", 500_000_000),
        ("2GiB", 2 << 30),
        ("2g", 2 << 30),
        ("1.5 GiB", 3 << 29),
        ("64k", 65_536),
        ("10 B", 10),
        ("1tb", 10**12),
        ("２ＧｉＢ", 2 << 30),  # noqa: RUF001 (as a Japanese keyboard has it)
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert read_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("1.5", 1.5),
        ("5m", 300),
        ("1h30m", 5400),
        ("7d", 604_800),
        ("2 weeks", 1_209_600),
        ("500ms", 0.5),
        ("10 S", 10),
        ("１０ｓ", 10),  # noqa: RUF001 (as a Japanese keyboard has it)
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert read_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "rate"),
    [("500kB/s", 500_000), ("16Mbit/s", 2_000_000), ("8 kbit", 1000), ("2MiB", 2 << 20)],
)
def test_rates(text: str, rate: int) -> None:
    assert read_rate(text) == rate


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("(0.25, 0.25,0.5,0.5)", (0.25, 0.25, 0.5, 0.5)),
        ("1.5,1.2", (1.5, 1.2)),
        ("640x480", (640, 480)),
        ("[1 2]", (1, 2)),
        ("5", (5,)),
    ],
)
def test_several_numbers(text: str, numbers: tuple[float, ...]) -> None:
    assert read_numbers(text) == numbers


@pytest.mark.parametrize(
    ("text", "truth"),
    [("True", True), ("1", True), ("on", True), ("no", False), ("0", False), ("FALSE", False)],
)
def test_switches(text: str, truth: bool) -> None:
    """The seed took `1` for an error and `false` for true."""
    assert read_switch(text) is truth


@pytest.mark.parametrize(("text", "number"), [("1/2", 0.5), ("30", 30), (".5", 0.5), ("-3", -3)])
def test_numbers(text: str, number: float) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize("text", ["0123", "+5", "5.0", "-5", "１２"])  # noqa: RUF001 (full width)
def test_whole_numbers(text: str) -> None:
    assert read_whole(text) == int(float(text))


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (read_bytes, "lots"),
        (read_bytes, "-1"),
        (read_bytes, "5 parsecs"),
        (read_seconds, "soon"),
        (read_seconds, "-5"),
        (read_seconds, "5m 3"),
        (read_seconds, "1 000"),
        (read_seconds, "9" * 30),
        (read_rate, "fast"),
        (read_number, "1/0"),
        (read_number, "nan"),
        (read_number, "1_000"),
        (read_whole, "1_000"),
        (read_whole, "1.5"),
        (read_switch, "maybe"),
        (read_numbers, "(1, two)"),
    ],
)
def test_what_has_no_plain_meaning_is_answered_with_what_is_expected(
    reader: Callable[[Any], Any], text: str
) -> None:
    with pytest.raises(ValueError, match="expected"):
        reader(text)


@given(st.sampled_from(READERS), st.text(max_size=40))
def test_any_text_is_a_value_or_an_error(reader: Callable[[Any], Any], text: str) -> None:
    """Nothing that somebody types may end the start with a traceback."""
    try:
        reader(text)
    except ValueError as error:
        assert "expected" in str(error)  # noqa: PT017 (either outcome is right)


@given(st.integers(0, 10**15))
def test_a_plain_number_is_itself(number: int) -> None:
    assert read_bytes(str(number)) == number
    assert read_whole(str(number)) == number


Mode = Annotated[
    Literal["overwrite-oldest", "thin"], choice("overwrite-oldest", "thin", oldest="overwrite-oldest")
]


@pytest.mark.parametrize("text", ["overwrite-oldest", "OVERWRITE_OLDEST", " Overwrite-Oldest ", "oldest"])
def test_choice_is_read_in_any_spelling(text: str) -> None:
    assert TypeAdapter(Mode).validate_python(text) == "overwrite-oldest"


def test_choice_suggests_the_nearest() -> None:
    with pytest.raises(ValidationError, match=r"overwrite-oldest or thin is expected; did you mean thin\?"):
        TypeAdapter(Mode).validate_python("thinn")


def test_suggestion_only_where_something_is_near() -> None:
    assert did_you_mean("xyzzy", ["kafka", "mqtt"]) == ""
    assert one_of(["a"]) == "a"


def test_bounds_still_hold() -> None:
    """A reader makes a number of a text; the field says which numbers are allowed."""
    with pytest.raises(ValidationError):
        TypeAdapter(Annotated[Number, Field(ge=0, le=1)]).validate_python("1.5")
