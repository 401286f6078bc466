"""Settings by their names in the environment: how a class is written, checked and explained.

Where values come from is in ``sources``, which needs pydantic-settings; a capture process does without it.
"""

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
from shutterbus_runtime.settings.loaded import Loaded
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

__all__ = [
    "Family",
    "FieldPath",
    "Given",
    "Loaded",
    "MayBeEmpty",
    "Name",
    "OptionCheck",
    "Prefix",
    "Resolved",
    "Setting",
    "SettingsError",
    "SwitchedBy",
    "build",
    "check_family",
    "explain",
    "resolve",
    "settings_of",
    "shown",
    "unknown",
    "unusable",
]
