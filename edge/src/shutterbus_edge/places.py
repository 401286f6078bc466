"""Where settings come from: secrets, the environment, ``.env`` in the working directory; the first that has one counts."""

from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from shutterbus_edge.errors import SettingsError
from shutterbus_runtime.settings import Given, collect

SECRETS = Path("/run/secrets")
SECRET_MAX_BYTES = 65_536


def look(
    environ: Mapping[str, str], secrets: Path, env_file: Path, prefixes: tuple[str, ...]
) -> dict[str, Given]:
    """Return every value that was given, by upper-case name.

    Raises:
        SettingsError: A file that is ours, by *prefixes*, cannot be read.
    """
    return collect(
        (f"{secrets}/{{name}}", _secrets(secrets, prefixes)),
        ("environment", environ),
        (str(env_file), _env_file(env_file)),
    )


def _secrets(folder: Path, prefixes: tuple[str, ...]) -> dict[str, str]:
    try:
        files = sorted(one for one in folder.iterdir() if one.name.upper().startswith(prefixes))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    found = {}
    for file in files:
        try:
            if not file.is_file():
                continue
            if file.stat().st_size > SECRET_MAX_BYTES:
                raise SettingsError(f"{file} is larger than any setting.")
            found[file.name] = file.read_text("utf-8")
        except OSError as error:
            raise SettingsError(f"{file} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise SettingsError(f"{file} is not text.") from error
    return found


def _env_file(path: Path) -> dict[str, str]:
    try:
        values = dotenv_values(path) if path.is_file() else {}
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not text.") from error
    return {name: value for name, value in values.items() if value is not None}
