"""Settings by their names in the environment: how a class is written, read, checked and explained."""

from shutterbus_runtime.settings.fields import (
    Family,
    MayBeEmpty,
    Name,
    Path,
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
    collect,
    explain,
    resolve,
    shown,
    unknown,
    unusable,
)

__all__ = [
    "Family",
    "Given",
    "MayBeEmpty",
    "Name",
    "OptionCheck",
    "Path",
    "Prefix",
    "Resolved",
    "Setting",
    "SettingsError",
    "SwitchedBy",
    "build",
    "check_family",
    "collect",
    "explain",
    "resolve",
    "settings_of",
    "shown",
    "unknown",
    "unusable",
]
