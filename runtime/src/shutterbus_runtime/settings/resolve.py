"""Settings by their names in the environment: found, checked, and explained where they cannot be used.

A settings class is a pydantic model whose fields carry their names; see ``fields``. From that come the
reading of ``SPOOL_MAX_AGE=7d``, the sentence about ``SPOOL_MAX_AGE=soon``, the suggestion for ``SPOOL_MAXAGE``, the
line in ``shutterbus-edge settings``, in ``.env.example`` and in ``docs/settings.md``. Nothing here looks at the
environment or at a file: a process collects what it was given and passes it in.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from shutterbus_runtime.settings.fields import (
    FieldPath,
    MayBeEmpty,
    Prefix,
    Setting,
    members,
    nested_class,
    settings_of,
)
from shutterbus_runtime.settings.values import allowed, nearest

Model = TypeVar("Model", bound=BaseModel)

RESOLVED = "resolved"
"""The argument by which a settings class of pydantic-settings is handed what was given for it."""


class SettingsError(ValueError):
    """Settings that cannot be used. Say every sentence, and stop.

    Attributes:
        sentences: One for each thing to put right.
    """

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True, slots=True)
class Given:
    """One value that the process was given.

    Attributes:
        name: As it was spelt.
        place: ``environment``, ``.env``, or the path of the secret.
    """

    name: str
    value: str
    place: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the given values mean for a class, before they are checked.

    Attributes:
        values: Nested as the class is.
        origin: By path, what each value came from.
        unused: Given names that no setting of the class has, upper case.
        overruled: Given values that a stronger name of the same setting displaced, with that one.
        sentences: What is wrong already.
    """

    values: dict[str, Any]
    origin: dict[FieldPath, Given]
    unused: dict[str, Given]
    overruled: list[tuple[Given, Given]]
    sentences: list[str]


def resolve(cls: type[BaseModel], given: Mapping[str, Given]) -> Resolved:
    """Return where each given value belongs in *cls*."""
    resolved = Resolved({}, {}, dict(given), [], [])
    settings = list(settings_of(cls))
    for setting in sorted(settings, key=lambda each_setting: each_setting.kind == "family"):
        if setting.kind == "family":
            _take_family(setting, resolved)
            continue
        present = [
            _unquoted(setting, resolved.unused.pop(name)) for name in setting.names if name in resolved.unused
        ]
        if not present:
            continue
        strongest = present[0]
        resolved.origin[setting.path] = strongest
        resolved.overruled.extend(
            (weaker, strongest) for weaker in present[1:] if weaker.value != strongest.value
        )
        may_be_empty = any(isinstance(mark, MayBeEmpty) for mark in setting.info.metadata)
        if not strongest.value and not may_be_empty:
            needed = setting.info.is_required()
            resolved.sentences.append(
                unusable(strongest, f"{allowed(setting.info)} is expected", needed=needed)
            )
        elif setting.kind == "value":
            _put(resolved.values, setting.path, _value(setting, strongest))
    for setting in settings:
        if setting.kind == "switch" and setting.path in resolved.origin:
            resolved.sentences.extend(_switch(setting, resolved))
    _complete(cls, resolved.values)
    return resolved


def _unquoted(setting: Setting, given: Given) -> Given:
    """Take off quotes around a whole value: ``docker run --env-file`` and lists in a compose file pass them on.

    A password may begin and end with one.
    """
    value = given.value
    if setting.is_secret or len(value) < 2 or value[0] not in "\"'" or value[-1] != value[0]:
        return given
    return replace(given, value=value[1:-1].strip())


def _value(setting: Setting, given: Given) -> str:
    # A secret may hold the PEM itself where its path is wanted: the path is then that of the secret.
    if all(getattr(member, "__name__", "") != "Path" for member in members(setting.info.annotation)):
        return given.value
    return given.place if given.value.startswith("-----BEGIN") else os.path.expanduser(given.value)  # noqa: PTH111 (a name it does not know stays as it is)


def _take_family(setting: Setting, resolved: Resolved) -> None:
    prefix = setting.own
    members = {
        name: given for name, given in resolved.unused.items() if name.startswith(prefix) and name != prefix
    }
    if not members:
        return
    values = {}
    for name, given in members.items():
        del resolved.unused[name]
        key = given.name[len(prefix) :]
        resolved.origin[(*setting.path, key)] = unquoted = _unquoted(setting, given)
        values[key] = unquoted.value
    _put(resolved.values, setting.path, values)


def _switch(setting: Setting, resolved: Resolved) -> Iterator[str]:
    given = resolved.origin[setting.path]
    word = given.value.lower()
    if not word:
        return
    inside = [
        member
        for path, member in resolved.origin.items()
        if path[: len(setting.path)] == setting.path and path != setting.path
    ]
    if word in {"true", "1", "yes", "on"}:
        if not inside:
            _put(resolved.values, setting.path, {})
    elif word in {"false", "0", "no", "off"}:
        if inside:
            yield f"{shown(given)} and {inside[0].name} contradict each other: remove one of them."
    else:
        yield f"{shown(given)} cannot be used: true or false is expected."


def _put(values: dict[str, Any], path: FieldPath, value: Any) -> None:
    for name in path[:-1]:
        values = values.setdefault(name, {})
    values[path[-1]] = value


def _complete(cls: type[BaseModel], values: dict[str, Any]) -> None:
    """Add the values that the place of a nested class decides, and nested classes that are required."""
    for name, info in cls.model_fields.items():
        nested = nested_class(info)
        if nested is None:
            continue
        if info.is_required():
            values.setdefault(name, {})
        if name in values:
            for mark in info.metadata:
                if isinstance(mark, Prefix):
                    values[name].update(mark.fixed)
            _complete(nested, values[name])


def shown(given: Given, *, secret: bool = False) -> str:
    """Return ``NAME=value`` for a sentence: short, and hidden if *secret*."""
    if secret:
        return f"{given.name} (hidden)"
    value = given.value if len(given.value) <= 60 else given.value[:57] + "..."
    return f"{given.name}={value}" if value.isprintable() else f"{given.name}={value!r}"


def build(cls: type[Model], resolved: Resolved, sentences: Iterable[str] = ()) -> Model:
    """Return *cls* made of *resolved*.

    Raises:
        SettingsError: With *sentences* and one for each value that cannot be used.
    """
    problems = [*resolved.sentences, *sentences]
    try:
        model = cls(**({RESOLVED: resolved} if getattr(cls, "takes_resolved", False) else resolved.values))
    except ValidationError as error:
        problems.extend(explain(cls, resolved, error))
    if problems:
        raise SettingsError(*dict.fromkeys(problems))
    return model


def explain(cls: type[BaseModel], resolved: Resolved, error: ValidationError) -> Iterator[str]:
    """Yield a sentence for each thing that pydantic found wrong."""
    by_path = {setting.path: setting for setting in settings_of(cls)}
    prefixes = dict(_prefixes(cls))
    for problem in error.errors(include_url=False):
        place = tuple(str(part) for part in problem["loc"])
        reason = str(problem["ctx"]["error"]) if problem["type"] == "value_error" else ""
        if problem["type"] == "string_unicode":
            reason = "it is not UTF-8 text; save the file as UTF-8"
        setting = next(
            (by_path[place[:end]] for end in range(len(place), 0, -1) if place[:end] in by_path), None
        )
        given = next(
            (
                resolved.origin[place[:end]]
                for end in range(len(place), 0, -1)
                if place[:end] in resolved.origin
            ),
            None,
        )
        if setting is None or setting.kind == "switch" or (given is None and reason):
            # A sentence of a whole class; in it <BROKERS> stands for the name as it is spelt in this place.
            prefix = prefixes.get(place, "")
            yield re.sub(r"<(\w+)>", rf"{prefix}\1", reason) or f"{'.'.join(place)}: {problem['msg']}."
        elif given is None:
            yield f"{setting.own} is not set: {allowed(setting.info)} is expected."
        else:
            yield unusable(
                given,
                reason or f"{allowed(setting.info)} is expected",
                secret=setting.is_secret,
                needed=setting.info.is_required(),
            )


def _prefixes(
    cls: type[BaseModel], prefix: str = "", path: FieldPath = ()
) -> Iterator[tuple[FieldPath, str]]:
    for name, info in cls.model_fields.items():
        if (nested := nested_class(info)) is not None:
            place = next((mark for mark in info.metadata if isinstance(mark, Prefix)), Prefix(""))
            yield (*path, name), prefix + place.text
            yield from _prefixes(nested, prefix + place.text, (*path, name))


def unusable(given: Given, reason: str, *, secret: bool = False, needed: bool = False) -> str:
    """Return the sentence about a value that cannot be used; one that is *needed* cannot be left out either."""
    reason = reason.rstrip(".")
    if not given.value:
        return f"{given.name} is empty: {reason}." + ("" if needed else " Leave it out if nothing is meant.")
    return f"{shown(given, secret=secret)} cannot be used: {reason}{'' if reason.endswith('?') else '.'}"


def unknown(
    resolved: Resolved, cls: type[BaseModel], stops: tuple[str, ...], warns: tuple[str, ...] = ()
) -> tuple[list[str], list[str]]:
    """Return sentences about given names that no setting has: those that stop the start, and mere warnings.

    Names that begin with one of *stops* or *warns* are this process's; of the others, which are the business
    of other programs, only a name that almost is one of ours is warned of.
    """
    names = [name for setting in settings_of(cls) if setting.kind != "family" for name in setting.names]
    stop, warn = [], []
    for name, given in sorted(resolved.unused.items()):
        prefix = next(
            (known_prefix for known_prefix in (*warns, *stops) if name.startswith(known_prefix)), None
        )
        near = nearest(name, names, cutoff=0.6 if prefix else 0.87)
        hint = f"; did you mean {near}?" if near else "."
        sentence = f"{given.name} is not a setting{hint}"
        if prefix in stops:
            stop.append(sentence)
        elif prefix or near:
            warn.append(f"{sentence} It is ignored.")
    return stop, warn


OptionCheck = Callable[[Mapping[str, Given]], tuple[dict[str, Any], list[str]]]
"""Turns the members of a family into typed values, and says what is wrong with the others."""


def check_family(resolved: Resolved, path: FieldPath, check: OptionCheck) -> list[str]:
    """Put a family's members through *check* in place; return its sentences."""
    members = {place[-1]: given for place, given in resolved.origin.items() if place[:-1] == path}
    if not members:
        return []
    typed, sentences = check(members)
    _put(resolved.values, path, typed)
    return sentences
