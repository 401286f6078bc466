"""Where settings come from: secrets, the environment, ``.env``; the first of them that has a name counts.

One reader for every process. ``NamedSettings`` is the pydantic-settings class that is filled from them, by the names that
its fields carry.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from shutterbus_runtime.settings.env_file import read_env_file
from shutterbus_runtime.settings.resolve import RESOLVED, Given, Resolved, SettingsError

SECRETS = Path("/run/secrets")
SECRET_MAX_BYTES = 65_536


class NamedSource(PydanticBaseSettingsSource):
    """What was given for a class, found by the names that its fields carry."""

    def __init__(self, settings_cls: type[BaseSettings], resolved: Resolved) -> None:
        super().__init__(settings_cls)
        self._resolved = resolved

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 (pydantic-settings' signature)
        return self._resolved.values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return dict(self._resolved.values)


class NamedSettings(BaseSettings):
    """Base of a process's settings. It looks at the environment only through what ``given`` has read."""

    model_config = SettingsConfigDict(frozen=True)
    takes_resolved: ClassVar[bool] = True
    """Tells ``build`` to hand over what was given, for ``NamedSource``."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (pydantic-settings' signature)
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (likewise)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (likewise)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        assert isinstance(init_settings, InitSettingsSource)
        resolved = init_settings.init_kwargs.pop(RESOLVED, None)
        return (init_settings,) if resolved is None else (NamedSource(settings_cls, resolved),)


def given(
    environ: Mapping[str, str], secrets: Path, env_file: Path, prefixes: tuple[str, ...]
) -> dict[str, Given]:
    """Return every value that the process was given, by upper-case name.

    Args:
        environ: The environment.
        secrets: The folder of Docker's secrets, a file each.
        env_file: The ``.env``; it need not exist.
        prefixes: What the names of secrets for this process begin with; other files are not read.

    Raises:
        SettingsError: A file of ours cannot be read.
    """
    return collect(
        (f"{secrets}/{{name}}", _secrets(secrets, prefixes)),
        ("environment", environ),
        (str(env_file), read_env_file(env_file, environ)),
    )


def state_folder(environ: Mapping[str, str], name: str, default: Path) -> Path:
    """Return where a program keeps *name* unless it is told: in systemd's ``$STATE_DIRECTORY``, else in *default*, ``~`` expanded."""
    if folders := environ.get("STATE_DIRECTORY"):
        return Path(folders.partition(":")[0]) / name
    return Path(os.path.expanduser(default))  # noqa: PTH111 (never raises)


def collect(*places: tuple[str, Mapping[str, str]]) -> dict[str, Given]:
    """Return what was given, by upper-case name; the first of *places* that has a name counts.

    A place is its label and its values. Values are stripped, since a secret's file ends in a newline. In a
    label, ``{name}`` stands for the name as it was spelt.
    """
    values_by_name: dict[str, Given] = {}
    for label, values in reversed(places):
        # A name spelt in capitals, sorting first, counts above another spelling of it in the same place.
        for name in sorted(values, reverse=True):
            values_by_name[name.upper()] = Given(name, values[name].strip(), label.replace("{name}", name))
    return values_by_name


def _secrets(folder: Path, prefixes: tuple[str, ...]) -> dict[str, str]:
    try:
        files: Iterable[Path] = sorted(
            file for file in folder.iterdir() if file.name.upper().startswith(prefixes)
        )
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    return {file.name: _secret(file) for file in files if file.is_file()}


def _secret(file: Path) -> str:
    try:
        if file.stat().st_size > SECRET_MAX_BYTES:
            raise SettingsError(f"{file} is larger than any setting.")
        return file.read_text("utf-8")
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} is not text.") from error
