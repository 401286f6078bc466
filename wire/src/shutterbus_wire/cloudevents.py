"""CloudEvents 1.0, binary mode: a message's attributes as Kafka headers and as MQTT 5 user properties.

What arrives is limited before it is looked at: a header is a word or two, and a message with more is refused.
"""

from collections.abc import Iterable, Mapping, Sequence

from shutterbus_wire.errors import MalformedError

SPEC_VERSION = "1.0"
TYPE_PREFIX = "shutterbus."
FRAME_TYPE = "shutterbus.frame.v1"

HEADERS_MAX = 32
HEADER_MAX_BYTES = 1024

_PREFIX = "ce_"
_CONTENT_TYPE = "content-type"


def source_of(camera: str) -> str:
    """Return the CloudEvents source of everything that *camera* sends."""
    return f"/cameras/{camera}"


def to_kafka(attributes: Mapping[str, str], content_type: str) -> list[tuple[str, bytes]]:
    """Return the Kafka headers: ``ce_`` before each name, and ``content-type``."""
    headers = [(_PREFIX + name, value.encode()) for name, value in attributes.items()]
    return [*headers, (_CONTENT_TYPE, content_type.encode())]


def from_kafka(headers: Sequence[tuple[str, bytes | None]]) -> tuple[dict[str, str], str | None]:
    """Return attributes and content type. Headers that are not ours to read are not read.

    Raises:
        MalformedError: Too many, too long, repeated, or not UTF-8.
    """
    _check_count(len(headers))
    ours = ((name.lower(), value) for name, value in headers)
    decoded = _collect(
        (name, value or b"") for name, value in ours if name.startswith(_PREFIX) or name == _CONTENT_TYPE
    )
    content_type = decoded.pop(_CONTENT_TYPE, None)
    return _events({name.removeprefix(_PREFIX): value for name, value in decoded.items()}), content_type


def to_mqtt(attributes: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the MQTT 5 user properties; the content type has a property of its own."""
    return list(attributes.items())


def from_mqtt(user_properties: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the attributes; none if the properties are no CloudEvents.

    Raises:
        MalformedError: Too many, too long or repeated.
    """
    _check_count(len(user_properties))
    if all(name != "specversion" for name, _ in user_properties):
        return {}
    return _events(
        _collect((name, value.encode("utf-8", "surrogatepass")) for name, value in user_properties)
    )


def _check_count(count: int) -> None:
    if count > HEADERS_MAX:
        raise MalformedError("bad-headers", f"{count} headers, at most {HEADERS_MAX} are accepted")


def _collect(headers: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    decoded: dict[str, str] = {}
    for name, value in headers:
        if name in decoded:
            raise MalformedError("bad-headers", f"header {name[:40]!r} appears twice")
        if len(value) > HEADER_MAX_BYTES:
            raise MalformedError(
                "bad-headers",
                f"header {name[:40]!r} has {len(value)} bytes, at most {HEADER_MAX_BYTES} are accepted",
            )
        try:
            decoded[name] = value.decode()
        except UnicodeDecodeError as error:
            raise MalformedError("bad-headers", f"header {name[:40]!r} is not UTF-8") from error
    return decoded


def _events(attributes: dict[str, str]) -> dict[str, str]:
    """Return *attributes* if they are CloudEvents of the version we know, none if they are something else."""
    return attributes if attributes.get("specversion") == SPEC_VERSION else {}
