"""How a settings class is written: fields that carry their names, and the walk over them.

class SpoolSettings(BaseModel, frozen=True):
max_age_s: Annotated[Seconds, Name("SPOOL_MAX_AGE")] = Field(604_800, description="Older ones are dropped.")

class EdgeSettings(BaseSettings):
spool: SpoolSettings
broker: Annotated[BrokerSettings, Prefix("SS_")]
"""

import inspect
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

FieldPath = tuple[str, ...]
"""Where a value belongs in a settings class: ``("spool", "max_age_s")``."""


@dataclass(frozen=True, slots=True, init=False)
class Name:
    """The names of a field, the strongest first: where several are given, the first of them counts.

    Attributes:
        own: The name to show people.
        names: All of them, strongest first.
    """

    own: str
    names: tuple[str, ...]

    def __init__(self, own: str, *weaker: str, stronger: tuple[str, ...] = ()) -> None:
        object.__setattr__(self, "own", own)
        object.__setattr__(self, "names", (*stronger, own, *weaker))


@dataclass(frozen=True, slots=True)
class Prefix:
    """Stands before every name inside a nested class.

    Attributes:
        text: For example ``SS_``.
        fixed: Fields whose value the place decides, so that they have no name there.
    """

    text: str
    fixed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SwitchedBy:
    """A name whose ``true`` asks for an optional nested class with its defaults, and ``false`` forbids it."""

    name: str


@dataclass(frozen=True, slots=True)
class Family:
    """Any further name with this prefix goes into this mapping, under the rest of its name as it was spelt."""

    prefix: str


class MayBeEmpty:
    """Marks a field for which an empty text is a value; elsewhere it is most likely a forgotten one."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a class: its place in it, and its names.

    Attributes:
        group: What the class it is in is for, in a sentence.
        required: Whether a process cannot start without it.
    """

    path: FieldPath
    own: str
    names: tuple[str, ...]
    info: FieldInfo
    group: str
    required: bool = False
    kind: typing.Literal["value", "switch", "family"] = "value"

    @property
    def is_secret(self) -> bool:
        """Whether its value must never be shown."""
        return SecretStr in (self.info.annotation, *typing.get_args(self.info.annotation))


def settings_of(cls: type[BaseModel]) -> Iterator[Setting]:
    """Yield every setting of *cls*, those of nested classes included, in the order they are written."""
    yield from _settings_of(cls, "", (), _summary(cls), required=True)


def _settings_of(
    cls: type[BaseModel], prefix: str, path: FieldPath, group: str, *, required: bool
) -> Iterator[Setting]:
    for name, info in cls.model_fields.items():
        here = (*path, name)
        must = required and info.is_required()
        for mark in info.metadata:
            if isinstance(mark, Name):
                names = tuple(prefix + alias for alias in mark.names)
                yield Setting(here, prefix + mark.own, names, info, group, must)
            elif isinstance(mark, SwitchedBy):
                yield Setting(here, prefix + mark.name, (prefix + mark.name,), info, group, kind="switch")
            elif isinstance(mark, Family):
                yield Setting(here, prefix + mark.prefix, (prefix + mark.prefix,), info, group, kind="family")
        if (nested := nested_class(info)) is not None:
            place = next((mark for mark in info.metadata if isinstance(mark, Prefix)), None)
            about = (info.description if place else None) or _summary(nested)
            fixed = place.fixed if place else {}
            inside = prefix + (place.text if place else "")
            for setting in _settings_of(nested, inside, here, about, required=must):
                if setting.path[-1] not in fixed or len(setting.path) != len(here) + 1:
                    yield setting


def _summary(cls: type[BaseModel]) -> str:
    return f"{(inspect.getdoc(cls) or '').partition('.')[0]}.".replace("\n", " ")


def nested_class(info: FieldInfo) -> type[BaseModel] | None:
    """Return the settings class that a field holds, also where it may be None."""
    for candidate in members(info.annotation):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def members(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        return typing.get_args(annotation)
    return (annotation,)
