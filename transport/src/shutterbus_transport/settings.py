"""How a broker is reached: one description that yields the keyword arguments of either client library.

It connects to nothing and imports neither library, so that edge, viewer, archive and doctor cannot disagree
about an address, a certificate or a size.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

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
from shutterbus_runtime.settings.values import Allowed, Bytes, Seconds, Switch, Whole, choice, did_you_mean
from shutterbus_transport.tls import Tls

__all__ = ["KAFKA_OVERHEAD_BYTES", "REQUEST_MAX_BYTES", "BrokerSettings", "Tls"]

KAFKA_OVERHEAD_BYTES = 4096
"""What a Kafka or MQTT message may need beside its picture: the largest picture is the broker's limit less this."""

REQUEST_MAX_BYTES = 104_857_600
"""What a Kafka broker accepts of one request by default; the topic's own limit is far below it."""

_PORTS = {("kafka", False): 9092, ("kafka", True): 9093, ("mqtt", False): 1883, ("mqtt", True): 8883}
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:/,\[\]]+)(?::([0-9]{1,5}))?")
_LATER_TYPES = ("s3",)
_PROTOCOLS = {"5": 5, "50": 5, "311": 4, "4": 4, "31": 3, "3": 3}


def _read_type(value: Any) -> Any:
    if not isinstance(value, str) or value.strip().lower() in {"kafka", "mqtt"}:
        return value.strip().lower() if isinstance(value, str) else value
    if value.strip().lower() in _LATER_TYPES:
        raise ValueError("sending straight to a bucket is not in this version; kafka or mqtt is expected")
    raise ValueError(f"kafka or mqtt is expected{did_you_mean(value, ('kafka', 'mqtt'))}")


def _read_protocol(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    version = re.sub(r"^(mqtt)?_?v?|\.", "", value.strip().lower())
    if version not in _PROTOCOLS:
        raise ValueError("5, 3.1.1 or 3.1 is expected")
    return _PROTOCOLS[version]


class BrokerSettings(BaseModel, frozen=True):
    """Where a broker is, how to prove who we are, and what it may be sent."""

    type: Annotated[Literal["kafka", "mqtt"], BeforeValidator(_read_type), Name("TYPE")] = Field(
        default="kafka", description="What kind of broker it is."
    )
    tls: Annotated[Tls | None, SwitchedBy("TLS")] = Field(
        default=None,
        description="Whether the connection is encrypted; any of its settings below says so too.",
    )
    security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] | None,
        choice("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
        Name("SECURITY_PROTOCOL"),
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
    ] = Field(default=None, description="How Kafka takes the password. PLAIN if only a user name is given.")
    topic: Annotated[str | None, Name("TOPIC")] = Field(
        default=None,
        min_length=1,
        max_length=249,
        description="Topic for the pictures in place of the camera's own; {camera} in it is replaced.",
    )
    max_request_size: Annotated[Bytes | None, Name("MAX_REQUEST_SIZE")] = Field(
        default=None,
        ge=KAFKA_OVERHEAD_BYTES * 2,
        description="Largest message to send. The broker is asked for its limit; this can only lower it.",
    )
    consistency: Annotated[
        Literal["AT_MOST_ONCE", "AT_LEAST_ONCE", "EXACTLY_ONCE"],
        choice("AT_MOST_ONCE", "AT_LEAST_ONCE", "EXACTLY_ONCE"),
        Name("CONSISTENCY"),
    ] = Field(
        default="AT_LEAST_ONCE",
        description="MQTT quality of service 0, 1 or 2. Kafka is always asked to confirm.",
    )
    qos: Annotated[Whole | None, Name("QOS")] = Field(
        default=None,
        ge=0,
        le=2,
        description="MQTT quality of service, in place of the one that follows from the above.",
    )
    protocol: Annotated[
        Literal[5, 4, 3], BeforeValidator(_read_protocol), Allowed("5, 3.1.1 or 3.1"), Name("PROTOCOL")
    ] = Field(default=5, description="MQTT version.")
    transport: Annotated[Literal["tcp", "websockets"], choice("tcp", "websockets"), Name("TRANSPORT")] = (
        Field(default="tcp", description="What MQTT is carried by.")
    )
    websocket_path: Annotated[str, Name("WS_SET_OPTIONS__PATH")] = Field(
        default="/mqtt", description="Path of the broker's WebSocket."
    )
    keepalive_s: Annotated[Whole, Name("KEEPALIVE")] = Field(
        default=20,
        ge=5,
        le=65_535,
        description="Seconds of silence after which MQTT asks whether the other is there.",
    )
    connection_timeout_s: Annotated[Seconds, Name("CONNECTION_TIMEOUT")] = Field(
        default=10, gt=0, description="Seconds to wait for an MQTT connection."
    )
    retain: Annotated[Switch | None, Name("RETAIN")] = Field(
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
        text = re.sub(r"[\[\]\"']", "", value) if value.strip().startswith('["') else value
        default_port = _PORTS[info.data.get("type", "kafka"), info.data.get("tls") is not None]
        found = []
        for word in re.split(r"[\s,]+", text.strip().strip(",")):
            match = _HOST_PORT.fullmatch(word)
            port = int(match[2] or default_port) if match else 0
            if not match or not 0 < port < 65_536:
                raise ValueError(
                    f"host:port is expected, such as {info.data.get('type', 'kafka')}.example.org:{default_port}"
                )
            found.append((match[1].strip("[]"), port))
        return tuple(found)

    @field_validator("topic", mode="after")
    @classmethod
    def _check_topic(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        kind = info.data.get("type", "kafka")
        plain = value.replace("{camera}", "camera")
        if kind == "kafka" and not (re.fullmatch(r"[A-Za-z0-9._-]+", plain) and plain.strip(".")):
            raise ValueError(
                "a Kafka topic of letters, digits and . _ - is expected, and {camera} in it if wanted"
            )
        if kind == "mqtt" and (
            re.search(r"[+#{}]", plain) or not plain.isprintable() or plain.startswith("$")
        ):
            raise ValueError("an MQTT topic without + # and $ is expected, and {camera} in it if wanted")
        return value

    @model_validator(mode="after")
    def _settings_agree(self) -> "BrokerSettings":
        if self.type == "mqtt" and len(self.brokers) > 1:
            raise ValueError("<BROKERS> names several brokers, but MQTT connects to one: leave one of them.")
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

    @property
    def mqtt_qos(self) -> int:
        """The quality of service that ``qos``, else ``consistency``, asks for."""
        levels = {"AT_MOST_ONCE": 0, "AT_LEAST_ONCE": 1, "EXACTLY_ONCE": 2}
        return levels[self.consistency] if self.qos is None else self.qos

    @property
    def addresses(self) -> tuple[str, ...]:
        """The brokers as ``host:port``, as people and kafka-python write them."""
        return tuple(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.brokers)

    def kafka_client(self) -> dict[str, Any]:
        """Return what every kafka-python client needs to connect; also all that its admin client needs.

        Raises:
            OSError, ssl.SSLError: See ``Tls.context``.
        """
        options: dict[str, Any] = {
            "bootstrap_servers": list(self.addresses),
            "security_protocol": self.kafka_security_protocol,
            "reconnect_backoff_max_ms": 5_000,
        }
        if self.tls:
            options |= {"ssl_context": self.tls.context(), "ssl_check_hostname": self.tls.check_hostname}
        if self.username is not None:
            options |= {
                "sasl_mechanism": self.sasl_mechanism or "PLAIN",
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password.get_secret_value() if self.password else "",
            }
        if self.client_id:
            options["client_id"] = self.client_id
        return options

    def kafka_producer(self, broker_limit_bytes: int | None = None) -> dict[str, Any]:
        """Return the arguments of a producer that recovers by itself and never repeats out of order.

        *broker_limit_bytes* is the topic's ``max.message.bytes``, once it is known.
        """
        limits = [limit for limit in (self.max_request_size, broker_limit_bytes) if limit is not None]
        return {
            **self.kafka_client(),
            # With idempotence a producer of kafka-python 3.0 never sends again after an outage longer than its
            # delivery time-out. Repeats are recognised by frame id instead.
            "enable_idempotence": False,
            "acks": "all",
            # One at a time: otherwise a repeat overtakes its successor.
            "max_in_flight_requests_per_connection": 1,
            # Long enough for 4 MB over a line of 1 Mbit/s; at 30 s such a frame would be given up for ever.
            "request_timeout_ms": 120_000,
            "delivery_timeout_ms": 300_000,
            "max_block_ms": 5_000,
            "linger_ms": 0,
            "compression_type": None,
            **self.client_options,
            "max_request_size": min(limits, default=REQUEST_MAX_BYTES),
        }

    def kafka_consumer(self) -> dict[str, Any]:
        """Return the arguments of a consumer without a group that finds new cameras within 2 s."""
        return {
            **self.kafka_client(),
            "group_id": None,
            "enable_auto_commit": False,
            "allow_auto_create_topics": False,
            "metadata_max_age_ms": 2_000,
            "fetch_max_bytes": 16_777_216,
            "max_partition_fetch_bytes": 9_437_184,
            "max_poll_records": 10,
            **self.client_options,
        }

    def mqtt_client(self, protocol: Literal[5, 4, 3] | None = None) -> dict[str, Any]:
        """Return the arguments of ``paho.mqtt.client.Client`` but its name; *protocol* is tried instead of ours."""
        return {"protocol": protocol or self.protocol, "transport": self.transport}

    def mqtt_connect(self) -> dict[str, Any]:
        """Return the arguments of paho's ``connect``."""
        host, port = self.brokers[0]
        bound = {
            name: self.client_options[name]
            for name in ("bind_address", "bind_port")
            if name in self.client_options
        }
        return {"host": host, "port": port, "keepalive": self.keepalive_s, **bound}

    def mqtt_reconnect(self) -> dict[str, Any]:
        """Return the arguments of paho's ``reconnect_delay_set``."""
        return {
            name: self.client_options.get(name, default)
            for name, default in (("min_delay", 1), ("max_delay", 30))
        }

    def mqtt_credentials(self) -> dict[str, Any] | None:
        """Return the arguments of paho's ``username_pw_set``, or None where no password is used."""
        if self.username is None:
            return None
        return {
            "username": self.username,
            "password": self.password.get_secret_value() if self.password else None,
        }
