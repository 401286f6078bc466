"""Settings by their names in the environment: how a class is written, read, checked and explained."""

from shutterbus_runtime.settings.fields import (
    Family,
    FieldPath,
    MayBeEmpty,
    Name,
    Prefix,
    Setting,
    SwitchedBy,
    settings_of,
)
from shutterbus_runtime.settings.resolve import (
    Given,
    OptionCheck,
    Resolved,
    SettingsError,
    build,
    check_family,
    explain,
    resolve,
    shown,
    unknown,
    unusable,
)
from shutterbus_runtime.settings.sources import NamedSettings, collect, given, read_env_file

__all__ = [
    "Family",
    "FieldPath",
    "Given",
    "MayBeEmpty",
    "Name",
    "NamedSettings",
    "OptionCheck",
    "Prefix",
    "Resolved",
    "Setting",
    "SettingsError",
    "SwitchedBy",
    "build",
    "check_family",
    "collect",
    "explain",
    "given",
    "read_env_file",
    "resolve",
    "settings_of",
    "shown",
    "unknown",
    "unusable",
]
