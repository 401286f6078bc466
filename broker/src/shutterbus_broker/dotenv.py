"""The ``.env`` beside the compose files: read, and changed value by value, so that what a person wrote there stays."""

import re
from collections.abc import Mapping
from pathlib import Path

from shutterbus_broker.errors import SetupError
from shutterbus_broker.files import write_private
from shutterbus_runtime.settings import SettingsError
from shutterbus_runtime.settings.env_file import read_env_file, read_text, statements


def read(path: Path) -> dict[str, str]:
    """Return the settings in the file, none when there is no file. A later line wins, as in Compose.

    Raises:
        SetupError: It cannot be read.
    """
    try:
        return read_env_file(path)
    except SettingsError as error:
        raise SetupError(str(error).removesuffix(".")) from error


def merge(path: Path, settings: Mapping[str, tuple[str, str]]) -> list[str]:
    """Set each name to its value (first of the pair), in its own line where it has one; return the names changed.

    A new name goes to the end, below a comment (second of the pair) that says what it is.
    """
    present = read(path)
    changed = [name for name, (value, _) in settings.items() if present.get(name) != value]
    if not changed:
        return []
    text = read_text(path)
    added = []
    for name in changed:
        value, comment = settings[name]
        # Every place of that name, so that no later one wins over the new value; from the last, so that places stay right.
        places = [entry for entry in statements(text, {}) if entry.name == name]
        for place in reversed(places):
            text = f"{text[: place.start]}{name}={_quoted(value)}{text[place.end :]}"
        if not places:
            added += ["", f"# {comment}", f"{name}={_quoted(value)}"]
    if added:
        lines = [*([text.rstrip("\r\n")] if text else []), *(added if text else added[1:]), ""]
        text = "\n".join(lines)
    write_private(path, text.encode("utf-8", "surrogateescape"))
    return changed


def _quoted(value: str) -> str:
    """Single quotes keep Compose from seeing variables in a value."""
    if re.fullmatch(r"[\w.,:/@+-]*", value, re.ASCII):
        return value
    escaped = value.replace("'", r"\'")
    return f"'{escaped}'"
