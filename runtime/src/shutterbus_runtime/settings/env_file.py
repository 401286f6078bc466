"""Reads ``.env`` as Docker Compose reads it, so that a line means the same to every process and to Compose.

A statement is ``NAME=value`` or ``NAME: value``, with ``export`` before it or not; a name alone takes its value from the
environment. A value ends at the end of its line or at `` #``. In double quotes it may go over several lines and has the
shell's escapes; in single quotes it is what it says. Elsewhere than in single quotes ``$NAME``, ``${NAME}`` and
``${NAME:-default}`` are replaced, and ``$$`` is a dollar. A byte-order mark is passed over, and bytes that are not UTF-8
are kept as Python keeps them in its environment (``surrogateescape``).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shutterbus_runtime.settings.resolve import SettingsError

BOM = "\ufeff"
_SPACE = " \t\v\f\r\x85\xa0"
_EXPORT = re.compile(rf"export[{_SPACE}]+")
_NAME = re.compile(r"[_a-z][_a-z0-9]*", re.IGNORECASE)
_ESCAPE = re.compile(r'\\(?:[abfnrtv$"\\]|0\d{0,3})')
_ESCAPED = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True)) | {"$": "$$", '"': '"', "\\": "\\"}

Lookup = Callable[[str], str | None]


class EnvFileError(ValueError):
    """A line that has no meaning; says which, and what was expected."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One setting in the text of a file.

    Attributes:
        value: None for a name alone that the environment does not have.
        start: Where its name begins in the text.
        end: Where its value ends; a comment behind it does not belong to it.
    """

    name: str
    value: str | None
    start: int
    end: int


def read_env_file(path: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the settings in the file, none where there is none; a later line wins.

    Raises:
        SettingsError: It cannot be read, or a line in it has no meaning.
    """
    try:
        entries = statements(read_text(path), environ or {})
        return {entry.name: entry.value for entry in entries if entry.value is not None}
    except EnvFileError as error:
        raise SettingsError(f"{path}, {error}.") from error


def read_text(path: Path) -> str:
    """Return the text of the file, empty where there is none; raise SettingsError if it cannot be read."""
    try:
        data = path.read_bytes() if path.is_file() else b""
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    if b"\0" in data:
        raise SettingsError(f"{path} is not UTF-8 text (UTF-16, perhaps): save it as UTF-8.")
    return data.decode("utf-8", "surrogateescape")


def statements(text: str, environ: Mapping[str, str]) -> Iterator[Statement]:
    """Yield each statement in *text*, whose variables may be those of *environ* or of the lines above.

    Raises:
        EnvFileError: A line has no meaning.
    """
    above: dict[str, str] = {}

    def lookup(name: str) -> str | None:
        return environ.get(name, above.get(name))

    at = len(BOM) if text.startswith(BOM) else 0
    while (at := _next_statement(text, at)) < len(text):
        line = text.count("\n", 0, at) + 1
        try:
            statement, at = _statement(text, at, lookup)
        except EnvFileError as error:
            raise EnvFileError(f"line {line}: {error}") from error
        if statement.value is not None:
            above[statement.name] = statement.value
        yield statement


def _next_statement(text: str, at: int) -> int:
    while at < len(text):
        if text[at] == "#":
            at = _line_end(text, at)
        elif text[at] == "\n" or text[at] in _SPACE:
            at += 1
        else:
            break
    return at


def _statement(text: str, at: int, lookup: Lookup) -> tuple[Statement, int]:
    """Return the statement at *at*, and where what comes after it begins."""
    if export := _EXPORT.match(text, at):
        at = export.end()
    end = next(
        (
            place
            for place in range(at, len(text))
            if not (text[place].isalnum() or text[place] in "_.-[]" + _SPACE)
        ),
        len(text),
    )
    name = text[at:end].rstrip(_SPACE)
    alone = end == len(text) or text[end] == "\n"
    if not name or re.search(rf"[{_SPACE}]", name) or not (alone or text[end] in "=:"):
        wrong = text[at : _line_end(text, at)].partition("=")[0].strip()
        raise EnvFileError(f"NAME=value is expected, and {wrong[:40]!r} is no name")
    if alone:
        return Statement(name, lookup(name), at, at + len(name)), end
    begin = end + 1
    while begin < len(text) and text[begin] in _SPACE:
        begin += 1
    if begin < len(text) and text[begin] in "'\"":
        value, end = _quoted(text, begin, lookup)
    else:
        raw = text[begin : _line_end(text, begin)].partition(" #")[0].rstrip()
        value, end = expand(raw, lookup), begin + len(raw)
        return Statement(name, value, at, end), _line_end(text, begin)
    return Statement(name, value, at, end), end


def _quoted(text: str, begin: int, lookup: Lookup) -> tuple[str, int]:
    """Return the value in the quotes at *begin*, and where it ends."""
    quote = text[begin]
    closed = re.compile(rf"((?:[^\\{quote}]|\\.)*){quote}", re.DOTALL).match(text, begin + 1)
    if closed is None:
        raise EnvFileError(f"the value begins with {quote} and does not end with one")
    value = closed[1].replace("\\" + quote, quote) if quote == "'" else _unescaped(closed[1], lookup)
    return value, closed.end()


def _unescaped(raw: str, lookup: Lookup) -> str:
    def plain(escape: re.Match[str]) -> str:
        if escape[0][1] in _ESCAPED:
            return _ESCAPED[escape[0][1]]
        octal = escape[0][2:]
        return chr(int(octal, 8)) if re.fullmatch("[0-3][0-7]{2}", octal) else f"\\{octal}"

    return expand(_ESCAPE.sub(plain, raw), lookup)


def expand(value: str, lookup: Lookup) -> str:
    """Return *value* with its variables replaced; one that is not set is empty."""
    parts: list[str] = []
    at = 0
    while (dollar := value.find("$", at)) >= 0:
        parts.append(value[at:dollar])
        at = dollar + 1
        if value.startswith("$", at):
            parts.append("$")
            at += 1
        elif value.startswith("{", at):
            end = _closing_brace(value, at)
            parts.append(_braced(value[at + 1 : end], lookup))
            at = end + 1
        elif name := _NAME.match(value, at):
            parts.append(lookup(name[0]) or "")
            at = name.end()
        else:
            parts.append("$")
    return "".join([*parts, value[at:]])


def _closing_brace(value: str, begin: int) -> int:
    depth = 0
    for at in range(begin, len(value)):
        depth += {"{": 1, "}": -1}.get(value[at], 0)
        if depth == 0:
            return at
    raise EnvFileError(f"{value[begin - 1 :]} has no closing brace; in single quotes a $ stands for itself")


def _braced(inside: str, lookup: Lookup) -> str:
    parsed = re.fullmatch(rf"({_NAME.pattern})(?:(:?)([-+?])(.*))?", inside, re.IGNORECASE | re.DOTALL)
    if parsed is None:
        raise EnvFileError(f"${{{inside}}} is no variable; in single quotes a $ stands for itself")
    name, colon, operator, argument = parsed.groups()
    value = lookup(name)
    present = bool(value) if colon else value is not None
    if operator == "+":
        return expand(argument, lookup) if present else ""
    if present or operator is None:
        return value or ""
    if operator == "?":
        raise EnvFileError(f"{name} is not set: {argument}")
    return expand(argument, lookup)


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
