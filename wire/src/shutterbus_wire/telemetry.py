"""What a camera says of itself beside its pictures: status, reports and readings, as one line of JSON each.

Every message names its own type, so that a spooled file explains itself. Readers ignore members they do not
know and refuse a type they do not know.
"""

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    computed_field,
    model_validator,
)

from shutterbus_wire import cloudevents, instant, names
from shutterbus_wire.errors import MalformedError, WireError
from shutterbus_wire.frame import Lane
from shutterbus_wire.identity import SEQ_MAX, check_camera, check_epoch
from shutterbus_wire.message import Arrival, Message, topic_of_ours

TELEMETRY_MAX_BYTES = 256 * 1024
CONTENT_TYPE = "application/json"

DeviceId = Annotated[str, AfterValidator(check_camera)]
Epoch = Annotated[str, AfterValidator(check_epoch)]
InstantUs = Annotated[int, AfterValidator(instant.check_instant)]
Count = Annotated[int, Field(ge=0, le=SEQ_MAX)]
Line = Annotated[str, Field(max_length=1024)]


class _Telemetry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Status(_Telemetry):
    """What a camera is, retained by the broker.

    Attributes:
        since_us: When it became so.
        expected_interval_s: Between pictures; None where the schedule has no fixed one.
        title: What people call it, in any script; empty where its name does.
        zone: The time zone that its schedule follows, by its name (``Europe/Berlin``); empty where that has none.
    """

    type: Literal["shutterbus.status.v1"] = "shutterbus.status.v1"
    camera: DeviceId
    state: Literal["online", "offline"]
    since_us: InstantUs
    expected_interval_s: Annotated[float, Field(gt=0)] | None = None
    version: Line = ""
    source: Line = ""
    schedule: Line = ""
    size_px: tuple[Count, Count] | None = None
    title: Line = ""
    zone: Line = ""


class Dropped(_Telemetry):
    """How many pictures went for one reason, and which: epoch, first and last number."""

    count: Count = 0
    ranges: list[tuple[Epoch, Count, Count]] = Field(default_factory=list)


class Report(_Telemetry):
    """What became of every picture of an epoch so far; the ledger is built from these.

    Attributes:
        event: What gave the occasion: ``minute``, ``start``, ``stop``, ...
        captured: Pictures that got a number. The counters are cumulative in the epoch.
        published: Confirmed by the broker.
        missed: Times at which the schedule asked and no picture came.
        set_aside: Kept apart because nobody would take them: damaged, or over the broker's limit.
        held_frames: Waiting now, of any epoch; ``captured = published + dropped + set_aside + held_frames -
            earlier_held_frames``.
        earlier_held_frames: Those of them that an earlier epoch left here.
        earlier_dropped: Frames of earlier epochs that were given up since this one began.
        records_dropped: Reports and readings given up at their own bound.
        uncertain: Of earlier epochs that ended uncleanly: epoch, first number whose fate is not known, last one
            if that is.
    """

    type: Literal["shutterbus.report.v1"] = "shutterbus.report.v1"
    camera: DeviceId
    epoch: Epoch
    stream: Literal["reports"] = "reports"
    seq: Count
    at_us: InstantUs
    event: Line
    captured: Count
    published: Count
    missed: Count
    dropped: dict[Line, Dropped] = Field(default_factory=dict)
    set_aside: Count = 0
    held_frames: Count
    held_bytes: Count
    oldest_held_age_s: Annotated[float, Field(ge=0)] | None = None
    earlier_held_frames: Count = 0
    earlier_dropped: dict[Line, Dropped] = Field(default_factory=dict)
    records_dropped: Count = 0
    uncertain: list[tuple[Epoch, Count, Count | None]] = Field(default_factory=list)
    camera_restarts: Count = 0
    clock_synced: bool
    temperature_c: float | None = None
    status: Status

    @model_validator(mode="after")
    def _one_camera(self) -> "Report":
        if self.status.camera != self.camera:
            raise ValueError(f"a report of {self.camera} repeats the status of {self.status.camera}")
        return self


class Reading(_Telemetry):
    """What one sensor measured at one instant; *units* has the unit of each value that has one."""

    type: Literal["shutterbus.reading.v1"] = "shutterbus.reading.v1"
    camera: DeviceId
    epoch: Epoch
    seq: Count
    at_us: InstantUs
    sensor: DeviceId
    values: dict[Line, float]
    units: dict[Line, Line] = Field(default_factory=dict)

    @computed_field  # type: ignore[prop-decorator]  # mypy has no decorated properties
    @property
    def stream(self) -> str:
        """``readings-<sensor>``: every sensor counts for itself."""
        return f"readings-{self.sensor}"


Telemetry = Status | Report | Reading

_TELEMETRY: TypeAdapter[Telemetry] = TypeAdapter(Annotated[Telemetry, Field(discriminator="type")])
_TYPES_BY_MQTT_KIND = {
    "status": "shutterbus.status.v1",
    "reports": "shutterbus.report.v1",
    "readings": "shutterbus.reading.v1",
}


def encode_telemetry(telemetry: Telemetry, lane: Lane) -> Message:
    """Return the message that carries *telemetry*; raise WireError if it is too long to be accepted anywhere."""
    value = telemetry.model_dump_json().encode()
    if len(value) > TELEMETRY_MAX_BYTES:
        raise WireError(
            f"{telemetry.type} has {len(value)} bytes, at most {TELEMETRY_MAX_BYTES} are accepted"
        )
    return Message(value, CONTENT_TYPE, {**_identity(telemetry), "lane": lane})


def telemetry_message(data: bytes, lane: Lane) -> Message:
    """Return the message that carries telemetry kept as *data*, the value that ``encode_telemetry`` gave it.

    Raises:
        MalformedError: See ``parse_telemetry``.
    """
    return Message(data, CONTENT_TYPE, {**_identity(parse_telemetry(data)), "lane": lane})


def parse_telemetry(data: bytes) -> Telemetry:
    """Return the status, report or reading that *data* spells.

    Raises:
        MalformedError: Not telemetry, or of an unknown type.
    """
    if len(data) > TELEMETRY_MAX_BYTES:
        raise MalformedError(
            "bad-record", f"telemetry of {len(data)} bytes, at most {TELEMETRY_MAX_BYTES} are accepted"
        )
    try:
        return _TELEMETRY.validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        reason = "unknown-version" if first["type"].startswith("union_tag") else "bad-record"
        where = ".".join(str(part) for part in first["loc"]) or "telemetry"
        raise MalformedError(reason, f"{where[:80]}: {first['msg'][:200]}") from error


def decode_telemetry(arrival: Arrival) -> Telemetry:
    """Return the status, report or reading that *arrival* carries.

    Raises:
        MalformedError: Not telemetry, of an unknown type, or contradicting its topic or headers.
    """
    named = topic_of_ours(arrival)
    if named is None:
        raise MalformedError("topic-mismatch", "telemetry on a foreign topic")
    telemetry = parse_telemetry(arrival.value)
    _check(arrival, named, telemetry)
    return telemetry


def _check(arrival: Arrival, named: tuple[str, str], telemetry: Telemetry) -> None:
    camera, topic_kind = named
    if telemetry.camera != camera:
        raise MalformedError("topic-mismatch", f"telemetry of {telemetry.camera} on the topic of {camera}")
    on_kafka = arrival.transport == "kafka"
    if not (topic_kind == "telemetry" if on_kafka else _TYPES_BY_MQTT_KIND.get(topic_kind) == telemetry.type):
        raise MalformedError("topic-mismatch", f"{telemetry.type} on a topic for {topic_kind}")
    sensor = None if on_kafka else names.sensor_of_mqtt_topic(arrival.topic)
    # A sensor that the topic names is checked by this as well: no reading has a sensor of an unusable name.
    if sensor is not None and isinstance(telemetry, Reading) and telemetry.sensor != sensor:
        raise MalformedError(
            "topic-mismatch", f"a reading of {telemetry.sensor} on the topic of {sensor[:80]!r}"
        )
    for name, inside in _identity(telemetry).items():
        outside = arrival.attributes.get(name, inside)
        if outside != inside:
            raise MalformedError(
                "identity-conflict", f"header {name} is {outside[:80]!r}, the message says {inside!r}"
            )


def _identity(telemetry: Telemetry) -> dict[str, str]:
    if isinstance(telemetry, Status):
        identity, at_us, counted = f"status-{telemetry.state}-{telemetry.since_us}", telemetry.since_us, {}
    else:
        identity, at_us = f"{telemetry.epoch}-{telemetry.stream}-{telemetry.seq}", telemetry.at_us
        counted = {"epoch": telemetry.epoch, "stream": telemetry.stream, "sequence": str(telemetry.seq)}
    return {
        "specversion": cloudevents.SPEC_VERSION,
        "id": identity,
        "source": cloudevents.source_of(telemetry.camera),
        "type": telemetry.type,
        "time": instant.rfc3339(at_us),
        "camera": telemetry.camera,
        **counted,
    }
