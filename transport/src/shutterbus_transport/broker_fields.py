"""What is told about a broker: the fields, their names, and whether they go together.

What differs between transports, such as the port or what a topic may be called, is asked of the transport itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shutterbus_runtime.settings import Family, Name, SwitchedBy
from shutterbus_runtime.settings.values import (
    Allowed,
    Bytes,
    Seconds,
    Switch,
    Whole,
    choice,
    did_you_mean,
    half_width,
    one_of,
)
from shutterbus_transport.registry import DEFAULT, TRANSPORTS, TransportName
from shutterbus_transport.tls import Tls

if TYPE_CHECKING:
    from shutterbus_transport import Transport

KAFKA_OVERHEAD_BYTES = 4096
"""What a Kafka or MQTT message may need beside its picture: the largest picture is the broker's limit less this."""

_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:/,\[\]]+)(?::([0-9]{1,5}))?")
_LATER_TYPES = ("s3",)
_PROTOCOLS = {"5": 5, "50": 5, "311": 4, "4": 4, "31": 3, "3": 3}


@dataclass(frozen=True, slots=True)
class Only:
    """Marks a field that has a meaning for some uses alone.

    Attributes:
        transport: On that one; None: on all.
        to_write: For who sends.
    """

    transport: TransportName | None = None
    to_write: bool = False


def _read_type(value: Any) -> Any:
    if not isinstance(value, str) or value.strip().lower() in TRANSPORTS:
        return value.strip().lower() if isinstance(value, str) else value
    expected = f"{one_of(TRANSPORTS)} is expected"
    if value.strip().lower() in _LATER_TYPES:
        raise ValueError(f"sending straight to a bucket is not in this version; {expected}")
    raise ValueError(f"{expected}{did_you_mean(value, TRANSPORTS)}")


def _read_protocol(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    version = re.sub(r"^(mqtt)?_?v?|\.", "", value.strip().lower())
    if version not in _PROTOCOLS:
        raise ValueError("5, 3.1.1 or 3.1 is expected")
    return _PROTOCOLS[version]


def _transport(info: ValidationInfo) -> "Transport":
    """Return the transport that the fields before say, or the default where they cannot be used."""
    from shutterbus_transport import transport

    return transport(info.data.get("type", DEFAULT))


class BrokerFields(BaseModel, frozen=True):
    """See ``BrokerSettings``."""

    type: Annotated[TransportName, BeforeValidator(_read_type), Name("TYPE")] = Field(
        default=DEFAULT, description="What kind of broker it is."
    )
    tls: Annotated[Tls | None, SwitchedBy("TLS")] = Field(
        default=None,
        description="Whether the connection is encrypted; any of its settings below says so too.",
    )
    security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] | None,
        choice("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
        Name("SECURITY_PROTOCOL"),
        Only("kafka"),
    ] = Field(default=None, description="Kafka's word for the combination; follows from the other settings.")
    brokers: Annotated[
        tuple[tuple[str, int], ...],
        Name("BROKERS"),
        Allowed("a broker such as kafka.example.org:9092"),
    ] = Field(
        min_length=1,
        description="Address of the broker, several separated by commas (Kafka). "
        "Without a port: 9092 or 1883, with TLS 9093 or 8883.",
    )
    username: Annotated[str | None, Name("USERNAME", "USERNAME_PW_SET__USERNAME", "SASL_PLAIN_USERNAME")] = (
        Field(default=None, description="User name, where the broker asks for one instead of a certificate.")
    )
    password: Annotated[
        SecretStr | None, Name("PASSWORD", "USERNAME_PW_SET__PASSWORD", "SASL_PLAIN_PASSWORD")
    ] = Field(default=None, description="The password of that user.")
    sasl_mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None,
        choice("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
        Name("SASL_MECHANISM"),
        Only("kafka"),
    ] = Field(default=None, description="How Kafka takes the password. PLAIN if only a user name is given.")
    topic: Annotated[str | None, Name("TOPIC"), Only(to_write=True)] = Field(
        default=None,
        min_length=1,
        max_length=249,
        description="Topic for the pictures in place of the camera's own; {camera} in it is replaced.",
    )
    max_request_size: Annotated[Bytes | None, Name("MAX_REQUEST_SIZE"), Only(to_write=True)] = Field(
        default=None,
        ge=KAFKA_OVERHEAD_BYTES * 2,
        description="Largest message to send. The broker is asked for its limit; this can only lower it.",
    )
    consistency: Annotated[
        Literal["AT_MOST_ONCE", "AT_LEAST_ONCE", "EXACTLY_ONCE"],
        choice("AT_MOST_ONCE", "AT_LEAST_ONCE", "EXACTLY_ONCE"),
        Name("CONSISTENCY"),
        Only(to_write=True),
    ] = Field(
        default="AT_LEAST_ONCE",
        description="MQTT quality of service 0, 1 or 2. Kafka is always asked to confirm.",
    )
    qos: Annotated[Whole | None, Name("QOS"), Only(to_write=True)] = Field(
        default=None,
        ge=0,
        le=2,
        description="MQTT quality of service, in place of the one that follows from the above.",
    )
    protocol: Annotated[
        Literal[5, 4, 3],
        BeforeValidator(_read_protocol),
        Allowed("5, 3.1.1 or 3.1"),
        Name("PROTOCOL"),
        Only("mqtt"),
    ] = Field(default=5, description="MQTT version.")
    transport: Annotated[
        Literal["tcp", "websockets"], choice("tcp", "websockets"), Name("TRANSPORT"), Only("mqtt")
    ] = Field(default="tcp", description="What MQTT is carried by.")
    websocket_path: Annotated[str, Name("WS_SET_OPTIONS__PATH"), Only("mqtt")] = Field(
        default="/mqtt", description="Path of the broker's WebSocket."
    )
    keepalive_s: Annotated[Whole, Name("KEEPALIVE"), Only("mqtt")] = Field(
        default=20,
        ge=5,
        le=65_535,
        description="Seconds of silence after which MQTT asks whether the other is there.",
    )
    connection_timeout_s: Annotated[Seconds, Name("CONNECTION_TIMEOUT"), Only("mqtt")] = Field(
        default=10, gt=0, description="Seconds to wait for an MQTT connection."
    )
    retain: Annotated[Switch | None, Name("RETAIN"), Only(to_write=True)] = Field(
        default=None,
        description="Whether the MQTT broker keeps the last picture for those who come later. "
        "By default it does on the camera's own topics.",
    )
    client_id: Annotated[str | None, Name("CLIENT_ID")] = Field(
        default=None,
        min_length=1,
        max_length=128,
        description="Begins the names of our connections in the broker's log.",
    )
    client_options: Annotated[Mapping[str, Any], Family("")] = Field(
        default_factory=dict,
        description="Any further option of the client library by its own name, such as REQUEST_TIMEOUT_MS.",
    )

    @field_validator("brokers", mode="before")
    @classmethod
    def _read_brokers(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, str):
            return value
        text = half_width(value)
        text = re.sub(r"[\[\]\"']", "", text) if text.startswith('["') else text
        kind = _transport(info)
        default_port = kind.default_port(tls=info.data.get("tls") is not None)
        addresses = []
        for word in re.split(r"[\s,]+", text.strip().strip(",")):
            match = _HOST_PORT.fullmatch(word)
            port = int(match[2] or default_port) if match else 0
            if not match or not 0 < port < 65_536:
                raise ValueError(f"host:port is expected, such as {kind.name}.example.org:{default_port}")
            addresses.append((match[1].strip("[]"), port))
        return tuple(addresses)

    @field_validator("topic", mode="after")
    @classmethod
    def _check_topic(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            _transport(info).check_topic(value.replace("{camera}", "camera"))
        return value

    @model_validator(mode="after")
    def _settings_agree(self) -> "BrokerFields":
        from shutterbus_transport import transport

        kind = transport(self.type)
        if len(self.brokers) > 1 and not kind.several_brokers:
            raise ValueError(
                f"<BROKERS> names several brokers, but {kind.title} connects to one: leave one of them."
            )
        if self.password and self.username is None:
            raise ValueError("<PASSWORD> is set: <USERNAME> is needed with it.")
        if self.sasl_mechanism and not (self.username and self.password):
            raise ValueError("<SASL_MECHANISM> is set: <USERNAME> and <PASSWORD> are needed with it.")
        if self.security_protocol and self.security_protocol != self.kafka_security_protocol:
            raise ValueError(
                f"<SECURITY_PROTOCOL>={self.security_protocol} contradicts the other settings, which mean "
                f"{self.kafka_security_protocol}: remove it, or set what it needs of <TLS>, <USERNAME> and <PASSWORD>."
            )
        return self

    @property
    def kafka_security_protocol(self) -> str:
        """Kafka's name for whether we use TLS and a password."""
        return ("SASL_" if self.username else "") + ("SSL" if self.tls else "PLAINTEXT")


def fixed_for(name: TransportName, *, reads: bool) -> dict[str, Any]:
    """Return the fields that have no name of their own where the transport is known, with their values.

    They are what another transport alone looks at and, for who *reads*, what is for sending.
    """
    fixed: dict[str, Any] = {}
    for field, info in BrokerFields.model_fields.items():
        marks = [mark for mark in info.metadata if isinstance(mark, Only)]
        if any(mark.transport not in {None, name} or (mark.to_write and reads) for mark in marks):
            fixed[field] = info.get_default()
    return {**fixed, "type": name}
