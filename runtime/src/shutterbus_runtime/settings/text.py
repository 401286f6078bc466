"""Settings as text for people and programs: the effective ones, what a check says of them, ``.env.example``, ``docs/settings.md``."""

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from shutterbus_runtime.settings.fields import FieldPath, Setting, settings_of
from shutterbus_runtime.settings.resolve import Given
from shutterbus_runtime.settings.values import allowed

HIDDEN = "********"
_SECRET_WORDS = ("password", "secret", "token")
_DURATIONS = ((604_800, "w"), (86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_SIZES = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting as it is in force.

    Attributes:
        value: As text, hidden if it is a secret; empty if there is none.
        source: Where it came from: ``default``, ``environment``, ``.env``, or the path of a secret.
    """

    name: str
    value: str
    source: str


def effective(model: BaseModel, origin: Mapping[FieldPath, Given]) -> Iterator[Effective]:
    """Yield every setting of *model* with its source."""
    for setting in settings_of(type(model)):
        value = _at(model, setting.path)
        given = origin.get(setting.path)
        if setting.kind == "family":
            yield from _members(setting, origin)
        elif setting.kind == "switch":
            yield Effective(
                setting.own, "true" if value is not None else "false", given.place if given else "default"
            )
        else:
            own = given.name.upper() if given else setting.own
            yield Effective(own, shown_value(setting, value), given.place if given else "default")


def listing(model: BaseModel, origin: Mapping[FieldPath, Given], *, every: bool, as_json: bool) -> str:
    """Return the settings in force with their sources: those that have a value, or *every* one."""
    rows = [row for row in effective(model, origin) if row.value or every]
    if as_json:
        return json.dumps([asdict(row) for row in rows], indent=1)
    name_width = max(len(row.name) for row in rows)
    value_width = min(48, max(len(row.value) for row in rows))
    return "\n".join(f"{row.name:{name_width}}  {row.value:{value_width}}  {row.source}" for row in rows)


def verdict_json(problems: Sequence[str], warnings: Sequence[str] = ()) -> str:
    """Return what a check has found, for programs: it is well without *problems*."""
    return json.dumps({"ok": not problems, "problems": list(problems), "warnings": list(warnings)}, indent=1)


def _members(setting: Setting, origin: Mapping[FieldPath, Given]) -> Iterator[Effective]:
    for path, given in origin.items():
        if path[:-1] == setting.path:
            secret = any(word in given.name.lower() for word in _SECRET_WORDS)
            yield Effective(given.name.upper(), HIDDEN if secret else given.value, given.place)


def _at(model: Any, path: FieldPath) -> Any:
    for name in path:
        model = getattr(model, name, None)
    return model


def shown_value(setting: Setting, value: Any) -> str:
    """Return a value as a person would write it; a secret hidden, nothing for None."""
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, bool):
        return str(value).lower()
    kind = allowed(setting.info)
    if isinstance(value, (int, float)):
        units = _DURATIONS if kind.startswith("a duration") else _SIZES if kind.startswith("a size") else ()
        unit = next((known_unit for known_unit in units if value and value % known_unit[0] == 0), None)
        return (
            f"{int(value // unit[0])}{unit[1]}"
            if unit
            else f"{value:g}"
            if isinstance(value, float)
            else str(value)
        )
    if isinstance(value, tuple):
        if value and isinstance(value[0], tuple):
            return ",".join(f"{host}:{port}" for host, port in value)
        if kind.startswith("a size"):
            return "x".join(str(side) for side in value)
        words = [f"{part:g}" if isinstance(part, float) else str(part) for part in value]
        return f"({', '.join(words)})" if value and not isinstance(value[0], str) else ",".join(words)
    return str(value)


def default_text(setting: Setting) -> str:
    """Return what counts where a setting is not given, as a person would write it; nothing if it follows."""
    if setting.kind == "switch":
        return "false"
    return shown_value(setting, setting.info.get_default()) if setting.kind == "value" else ""


def sections(cls: type[BaseModel]) -> Iterator[tuple[str, list[Setting]]]:
    """Yield the settings of *cls* by the class that holds them, with what that is for, in the order of mention."""
    by_place: dict[FieldPath, list[Setting]] = {}
    for setting in settings_of(cls):
        by_place.setdefault(setting.path[:-1], []).append(setting)
    for settings in by_place.values():
        yield settings[0].group, settings


def example_env(cls: type[BaseModel]) -> str:
    """Return *cls* as an example of a ``.env``: a setting that must be given bare, the others commented out."""
    lines = []
    for group, settings in sections(cls):
        lines += [f"# --- {group}", ""]
        for setting in settings:
            lines += [f"# {line}" for line in textwrap.wrap(_sentence(setting), 108)]
            value = default_text(setting) or str(next(iter(setting.info.examples or ()), ""))
            name = setting.own + "..." if setting.kind == "family" else setting.own
            lines += [f"{name}={value}" if setting.required else f"# {name}={value}", ""]
    return "\n".join(lines)


def reference(cls: type[BaseModel]) -> str:
    """Return *cls* as tables in Markdown: name, meaning, what it may be, default."""
    lines = []
    for group, settings in sections(cls):
        lines += [
            f"### {group.rstrip('.')}",
            "",
            "| Name | Meaning | May be | Default |",
            "|---|---|---|---|",
        ]
        for setting in settings:
            others = [name for name in setting.names if name != setting.own]
            name = f"`{setting.own}…`" if setting.kind == "family" else f"`{setting.own}`"
            also = f" Also {', '.join(f'`{other}`' for other in others)}." if others else ""
            default = default_text(setting)
            lines.append(
                f"| {name} | {_cell(setting.info.description or '')}{also} | {_cell(_kind(setting))} | "
                f"{f'`{default}`' if default else 'required' if setting.required else ''} |"
            )
        lines.append("")
    return "\n".join(lines)


def _kind(setting: Setting) -> str:
    return {"switch": "true or false", "family": "see there"}.get(setting.kind) or allowed(setting.info)


def _sentence(setting: Setting) -> str:
    kind = _kind(setting)
    plain = kind in {"a text", "a path", "a secret", "see there"}
    return f"{setting.info.description or ''}{'' if plain else f' May be: {kind}.'}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
