"""Facts as one line of JSON: ``{"shutterbus":1,"camera":"gate","epoch":"9f2c...","seq":42,...}``.

Writers emit exactly the members below; readers ignore members they do not know and refuse a version they do
not know. Specified in ``docs/wire-format.md``.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from shutterbus_wire.errors import MalformedError, WireError
from shutterbus_wire.frame import CapturedAtSource, FrameMetadata, IdentitySource
from shutterbus_wire.identity import FrameId

VERSION = 1
LINE_MAX_BYTES = 16 * 1024

BEGINNING = b'{"shutterbus":'
"""By which a comment of ours is known among those of other programs."""

_T = TypeVar("_T")

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def write(metadata: FrameMetadata) -> bytes:
    """Return the line, at most 16 KiB of ASCII; metadata beyond that is left out, largest first, and counted."""
    members: dict[str, Any] = {
        "shutterbus": VERSION,
        "camera": metadata.camera,
        "epoch": metadata.id.epoch,
        "seq": metadata.id.seq,
        "captured_at_us": metadata.captured_at_us,
        "captured_at_source": metadata.captured_at_source,
        "clock_synced": metadata.clock_synced,
    }
    if metadata.identity_source != "edge":
        members["minted"] = metadata.identity_source
    camera_metadata = {str(name): _plain(value) for name, value in metadata.camera_metadata.items()}
    line = _line({**members, "metadata": camera_metadata})
    if len(line) <= LINE_MAX_BYTES:
        return line
    members["left_out"] = len(camera_metadata)  # at least as long as the number it will be
    surplus = len(_line({**members, "metadata": camera_metadata})) - LINE_MAX_BYTES
    by_size = sorted(camera_metadata, key=lambda name: len(_line({name: camera_metadata[name]})))
    while surplus > 0 and by_size:
        name = by_size.pop()
        surplus -= len(_line({name: camera_metadata.pop(name)})) - 1  # one comma for two braces
    members["left_out"] = len(metadata.camera_metadata) - len(camera_metadata)
    return _line({**members, "metadata": camera_metadata})


def _line(members: Mapping[str, Any]) -> bytes:
    return _encode(members).encode("ascii")


def _plain(value: object) -> object:
    """Return *value* as JSON can hold it: no tuples, no infinity, anything unknown as its text."""
    match value:
        case bool() | int() | None:
            return value
        case str():
            return value.encode("utf-8", "replace").decode()
        case float():
            return float(value) if math.isfinite(value) else None
        case Mapping():
            return {str(name): _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case _:
            return str(value)


def read(line: bytes) -> FrameMetadata:
    """Return the facts that *line* spells.

    Raises:
        MalformedError: Too long, no JSON, of an unknown version, or not facts.
    """
    if len(line) > LINE_MAX_BYTES:
        raise MalformedError(
            "broken-exif", f"EXIF comment has {len(line)} bytes, at most {LINE_MAX_BYTES} are accepted"
        )
    try:
        members = json.loads(line.decode("ascii"), parse_constant=_refuse)
        # What JSON can spell and nobody can pass on: 1e999, half a surrogate pair.
        json.dumps(members, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise MalformedError("broken-exif", f"EXIF comment cannot be read: {error}"[:200]) from error
    if not isinstance(members, dict):
        raise MalformedError("broken-exif", "EXIF comment is no JSON object")
    if _typed(members, "shutterbus", int) != VERSION:
        raise MalformedError(
            "unknown-version",
            f"EXIF comment has version {str(members['shutterbus'])[:20]}, {VERSION} is known",
        )
    try:
        return FrameMetadata(
            camera=_typed(members, "camera", str),
            id=FrameId(_typed(members, "epoch", str), _typed(members, "seq", int)),
            captured_at_us=_typed(members, "captured_at_us", int),
            captured_at_source=_one_of(members, "captured_at_source", CapturedAtSource),
            clock_synced=_typed(members, "clock_synced", bool),
            camera_metadata=_typed(members, "metadata", dict),
            identity_source=_one_of(members, "minted", IdentitySource) if "minted" in members else "edge",
        )
    except MalformedError:
        raise
    except WireError as error:
        raise MalformedError("broken-exif", f"EXIF comment: {error}"[:300]) from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _typed(members: Mapping[str, Any], name: str, kind: type[_T]) -> _T:
    value = members.get(name)
    if type(value) is not kind:
        shown = repr(value)[:40]
        raise MalformedError("broken-exif", f"EXIF comment: {name} is {shown}, {kind.__name__} is expected")
    return value


def _one_of(members: Mapping[str, Any], name: str, words: Any) -> Any:
    value = members.get(name)
    if value not in get_args(words):
        raise MalformedError("broken-exif", f"EXIF comment: {name} is {value!r:.40}")
    return value
