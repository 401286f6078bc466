"""The ``.env`` beside the compose files: read, and changed line by line, so that what a person wrote there stays."""

import re
from collections.abc import Mapping
from pathlib import Path

from shutterbus_broker.errors import SetupError
from shutterbus_broker.files import write_private
from shutterbus_runtime.settings import SettingsError
from shutterbus_runtime.settings.sources import read_env_file

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)")


def read(path: Path) -> dict[str, str]:
    """Return the settings in the file, none when there is no file. A later line wins, as in Compose.

    Raises:
        SetupError: It cannot be read.
    """
    try:
        return read_env_file(path)
    except SettingsError as error:
        raise SetupError(str(error)) from error


def merge(path: Path, settings: Mapping[str, tuple[str, str]]) -> list[str]:
    """Set each name to its value (first of the pair), in its own line where it has one; return the names changed.

    A new name goes to the end, below a comment (second of the pair) that says what it is.
    """
    present = read(path)
    changed = [name for name, (value, _) in settings.items() if present.get(name) != value]
    if not changed:
        return []
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    for name in changed:
        value, comment = settings[name]
        # Every line of that name, so that no later one wins over the new value.
        places = [
            at for at, line in enumerate(lines) if (match := _LINE.fullmatch(line)) and match[1] == name
        ]
        for at in places:
            lines[at] = f"{name}={_quoted(value)}"
        if not places:
            lines += [*([""] if lines else []), f"# {comment}", f"{name}={_quoted(value)}"]
    write_private(path, "\n".join([*lines, ""]).encode())
    return changed


def _quoted(value: str) -> str:
    """Single quotes keep Compose from seeing variables in a value."""
    return value if re.fullmatch(r"[\w.,:/@+-]*", value, re.ASCII) else f"'{value}'"
