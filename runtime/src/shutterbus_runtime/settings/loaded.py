"""Settings as a process has loaded them, with what there is to say about how they came to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from shutterbus_runtime.settings.fields import FieldPath
from shutterbus_runtime.settings.resolve import Given

Settings = TypeVar("Settings", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Settings]):
    """What the ``load`` of a program returns.

    Attributes:
        warnings: Sentences about what was given in vain.
        origin: What each value came from, by its place in the settings.
        notes: Sentences about what was decided for the user.
    """

    settings: Settings
    warnings: tuple[str, ...]
    origin: Mapping[FieldPath, Given]
    notes: tuple[str, ...] = ()
