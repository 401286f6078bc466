"""The kinds of value a setting can have, as people write them: ``2GiB``, ``7d``, ``yes``, ``QVGA``.

Each kind accepts whatever has one plain meaning and answers the rest with what is expected. A kind is a type
for pydantic, so that a settings class says with one word how a value is read, checked and described.
"""

import difflib
import math
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a value may be, worded to stand before "is expected"; marks a field or its type."""

    text: str


_HALF_WIDTH = {0x3000: " ", **{0xFF01 + offset: chr(0x21 + offset) for offset in range(94)}}


def half_width(text: str) -> str:
    """Return *text* without blanks around it, and with the full-width digits and letters of a Japanese keyboard as ASCII."""
    return text.translate(_HALF_WIDTH).strip()


_BYTE_UNITS = {"k": 1, "m": 2, "g": 3, "t": 4}
_BYTES = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:([kmgt])(i?)(b)?|b(?:ytes?)?)?", re.IGNORECASE)
_RATE = re.compile(r"(.*?)\s*(?:/\s*s|ps)", re.IGNORECASE)
_BITS = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmg])?bit", re.IGNORECASE)

_SECONDS_PER_UNIT = {
    "ms": 0.001,
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600.0),
    **dict.fromkeys(("d", "day", "days"), 86_400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604_800.0),
}
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([a-z]*)\s*", re.IGNORECASE)
_DURATION_MAX_S = 3.2e9  # a century; beyond it a date cannot be computed


def read_bytes(value: Any) -> Any:
    """Return the number of bytes that a text such as ``500MB`` or ``2GiB`` names.

    ``MB`` is a million; ``MiB`` and, as in Docker, a lone ``M`` are 1,048,576.
    """
    if not isinstance(value, str):
        return value
    match = _BYTES.fullmatch(half_width(value))
    if not match:
        raise ValueError("a size such as 500MB or 2GiB is expected")
    number, unit, binary, byte = match.groups()
    base = 1000 if unit and byte and not binary else 1024
    return int(float(number) * base ** _BYTE_UNITS[unit.lower()]) if unit else int(float(number))


def read_rate(value: Any) -> Any:
    """Return bytes per second for a text such as ``500kB/s``, ``2MB`` or ``16Mbit/s``."""
    if not isinstance(value, str):
        return value
    text = half_width(value)
    if match := _RATE.fullmatch(text):
        text = match[1]
    if match := _BITS.fullmatch(text):
        exponent = _BYTE_UNITS[match[2].lower()] if match[2] else 0
        return int(float(match[1]) * 1000**exponent / 8)
    try:
        return read_bytes(text)
    except ValueError:
        raise ValueError("a rate such as 500kB/s or 16Mbit/s is expected") from None


def read_seconds(value: Any) -> Any:
    """Return the seconds in a text such as ``90``, ``1.5``, ``5m``, ``1h30m`` or ``7 days``."""
    if not isinstance(value, str):
        return value
    text = half_width(value)
    total_s, position = 0.0, 0
    for match in _DURATION_PART.finditer(text):
        unit = match[2].lower()
        alone = match.end() == len(text) and position == 0
        if match.start() != position or not (unit in _SECONDS_PER_UNIT or (alone and not unit)):
            break
        total_s += float(match[1]) * _SECONDS_PER_UNIT.get(unit, 1.0)
        position = match.end()
    if not text or position != len(text) or total_s > _DURATION_MAX_S:
        raise ValueError("a duration such as 90, 5m or 7d is expected")
    return total_s


def read_whole(value: Any) -> Any:
    """Return the whole number that *value* spells, with or without a sign; plain digits only."""
    if isinstance(value, str):
        text = half_width(value)
        if not re.fullmatch(r"[+-]?[0-9]+(\.0*)?", text) or len(text) > 20:
            raise ValueError("a whole number is expected")
        return int(text.partition(".")[0])
    return value


def read_number(value: Any) -> Any:
    """Return the number that *value* spells: ``10``, ``1.5``, ``1/2``."""
    if isinstance(value, str):
        match = re.fullmatch(
            r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:\s*/\s*([0-9]+(?:\.[0-9]+)?))?", half_width(value)
        )
        if not match or (match[2] and float(match[2]) == 0):
            raise ValueError("a number is expected")
        number = float(match[1]) / float(match[2] or 1)
        if not math.isfinite(number):
            raise ValueError("a number is expected")
        return number
    return value


def read_numbers(value: Any, count: int | None = None) -> Any:
    """Return the numbers in ``(1, 2.5)``, ``1,2.5`` or ``1x2.5``; *count* of them if given."""
    if not isinstance(value, str):
        return value
    text = half_width(value)
    if text[:1] in "([" and text[-1:] in ")]":
        text = text[1:-1]
    numbers = tuple(read_number(part) for part in re.split(r"\s*[,xX]\s*|\s+", text.strip().rstrip(",")))
    if count is not None and len(numbers) != count:
        raise ValueError(f"{count} numbers such as ({', '.join(['1.0'] * count)}) are expected")
    return numbers


def read_words(value: Any) -> Any:
    """Return the words of ``cpu, simulated`` as a tuple; an empty text is none."""
    if isinstance(value, str):
        return tuple(word for word in re.split(r"[\s,]+", value.strip()) if word)
    return value


def choice(*words: str, **also: str) -> BeforeValidator:
    """Return a validator that reads one of *words* in any case, with ``-`` and ``_`` alike.

    *also* maps further spellings to one of the words.
    """
    return BeforeValidator(_Choice(words, also))


class _Choice:
    def __init__(self, words: tuple[str, ...], also: Mapping[str, str]) -> None:
        self._words = words
        self._by_plain = {_plain(word): word for word in words}
        self._by_plain |= {_plain(word): meant for word, meant in also.items()}
        self.allowed = one_of(words)

    def __call__(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if (word := self._by_plain.get(_plain(value))) is not None:
            return word
        raise ValueError(f"{self.allowed} is expected{did_you_mean(value, self._words)}")


def _plain(word: str) -> str:
    return half_width(word).lower().replace("_", "-")


def read_switch(value: Any) -> Any:
    """Return the truth of ``true``, ``1``, ``yes``, ``on`` and their opposites, in any case."""
    if isinstance(value, str):
        word = half_width(value).lower()
        if word in {"true", "1", "yes", "on", "t", "y", "1.0"}:
            return True
        if word in {"false", "0", "no", "off", "f", "n", "0.0"}:
            return False
        raise ValueError("true or false is expected")
    return value


def one_of(words: Iterable[str]) -> str:
    """Return *words* as people list a choice: ``a, b or c``."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def nearest(word: str, words: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the one of *words* that *word* was most likely meant to be, if any is near."""
    by_plain = {_plain(candidate): candidate for candidate in words}
    matches = difflib.get_close_matches(_plain(word), by_plain, n=1, cutoff=cutoff)
    return by_plain[matches[0]] if matches else None


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return ``; did you mean <nearest>?``, or nothing where none of *words* is near."""
    near = nearest(word, words)
    return f"; did you mean {near}?" if near else ""


def numbers(count: int) -> Callable[[Any], Any]:
    """Return ``read_numbers`` for exactly *count* numbers."""
    return lambda value: read_numbers(value, count)


Bytes = Annotated[int, BeforeValidator(read_bytes), Allowed("a size such as 500MB or 2GiB")]
"""Bytes, as a number or with a unit."""

Rate = Annotated[int, BeforeValidator(read_rate), Allowed("a rate such as 500kB/s or 16Mbit/s")]
"""Bytes per second."""

Seconds = Annotated[float, BeforeValidator(read_seconds), Allowed("a duration such as 90, 5m or 7d")]
"""Seconds, as a number or with units."""

Whole = Annotated[int, BeforeValidator(read_whole)]
"""A whole number; give its bounds with ``Field(ge=, le=)``."""

Number = Annotated[float, BeforeValidator(read_number)]
"""A number, also as a fraction; give its bounds with ``Field(ge=, le=)``."""

Switch = Annotated[bool, BeforeValidator(read_switch), Allowed("true or false")]
"""True or false, in any of the usual spellings."""

Words = Annotated[tuple[str, ...], BeforeValidator(read_words), Allowed("a list such as one,two")]
"""Words, separated by commas or blanks."""

LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"],
    choice("DEBUG", "INFO", "WARNING", "ERROR", warn="WARNING", critical="ERROR"),
]
"""How much is logged."""


def allowed(info: FieldInfo) -> str:
    """Return what a field's value may be, worded to stand before "is expected"."""
    return _allowed(info.annotation, info.metadata)


def _allowed(annotation: Any, marks: list[Any] | tuple[Any, ...]) -> str:
    marks = [
        inner_mark
        for mark in marks
        for inner_mark in (mark.metadata if isinstance(mark, FieldInfo) else (mark,))
    ]
    for mark in reversed(marks):
        if isinstance(mark, Allowed):
            return mark.text
        if isinstance(mark, BeforeValidator) and isinstance(mark.func, _Choice):
            return mark.func.allowed
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _allowed(arguments[0], (*marks, *arguments[1:]))
    if origin is typing.Literal:
        return one_of(str(word) for word in arguments)
    if origin is not None and type(None) in arguments:
        return _allowed(next(argument for argument in arguments if argument is not type(None)), marks)
    if annotation is int or annotation is float:
        return ("a whole number" if annotation is int else "a number") + _bounds(marks)
    if annotation is bool:
        return "true or false"
    return {"Path": "a path", "SecretStr": "a secret"}.get(getattr(annotation, "__name__", ""), "a text")


def _bounds(marks: list[Any] | tuple[Any, ...]) -> str:
    low, above, high = (
        next((getattr(mark, bound) for mark in marks if hasattr(mark, bound)), None)
        for bound in ("ge", "gt", "le")
    )
    if low is not None and high is not None:
        return f" from {low} to {high}"
    limits = [
        f"of at least {low}" if low is not None else "",
        f"above {above}" if above is not None else "",
        f"of at most {high}" if high is not None else "",
    ]
    text = " and ".join(limit for limit in limits if limit)
    return f" {text}" if text else ""
