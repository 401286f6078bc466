"""The settings of the viewer: read once, in ``__main__``, and passed down; nothing else looks at the environment."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from shutterbus_runtime.settings import Name, Prefix
from shutterbus_runtime.settings.sources import NamedSettings
from shutterbus_runtime.settings.values import Allowed, Bytes, LogLevel, Whole, Words, choice
from shutterbus_transport.settings import BrokerSettings, fixed_for
from shutterbus_viewer.groups import GroupError, groups_of_setting

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _check_groups(text: str) -> str:
    """Return *text*, which names groups; raise ValueError with what is expected."""
    try:
        groups_of_setting(text)
    except GroupError as error:
        raise ValueError(str(error)) from error
    return text


class LoginSettings(BaseModel, frozen=True):
    """The first user, who has the role admin."""

    user: Annotated[str, Name("VIEWER_USER")] = Field(
        default="admin", min_length=1, max_length=200, description="Name of the first user."
    )
    password: Annotated[SecretStr | None, Name("VIEWER_PASSWORD")] = Field(
        default=None,
        description="Password of the first user. Its hash in VIEWER_PASSWORD_HASH is the better place. What make "
        "password sets later holds until this setting changes.",
    )
    password_hash: Annotated[SecretStr | None, Name("VIEWER_PASSWORD_HASH")] = Field(
        default=None,
        description="What `shutterbus-viewer hash-password` makes of the password, in single quotes for its $; VIEWER_PASSWORD counts before it.",
    )


class ServeSettings(BaseModel, frozen=True):
    """Where browsers find the viewer."""

    port: Annotated[Whole, Name("VIEWER_PORT")] = Field(
        default=8080, ge=0, le=65_535, description="Port of the pages; 0: any that is free."
    )
    bind: Annotated[str, Name("VIEWER_BIND")] = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to listen on; 0.0.0.0: every network of this machine.",
    )
    tls: Annotated[
        Literal["own", "files", "proxy", "off"] | None,
        choice("own", "files", "proxy", "off"),
        Name("VIEWER_TLS"),
    ] = Field(
        default=None,
        description="own: a certificate from our own authority. files: your certificate. proxy: a proxy in front of us "
        "has one. off: none, passwords can be read on the way; the default on loopback, elsewhere it is own.",
    )
    tls_cert: Annotated[Path | None, Name("VIEWER_TLS_CERT")] = Field(
        default=None, description="Certificate (PEM file) for own and files."
    )
    tls_key: Annotated[Path | None, Name("VIEWER_TLS_KEY")] = Field(
        default=None, description="Private key (PEM file) of that certificate."
    )
    streams_per_user: Annotated[Whole, Name("VIEWER_STREAMS_PER_USER")] = Field(
        default=4, ge=1, le=64, description="Most MJPEG streams that are open at once."
    )

    @property
    def loopback_only(self) -> bool:
        """Whether only programs on this machine can reach us."""
        return self.bind in LOOPBACK or self.bind.startswith("127.")

    @property
    def effective_tls(self) -> Literal["own", "files", "proxy", "off"]:
        """What ``tls`` says, or what follows from where we listen."""
        return self.tls or ("off" if self.loopback_only else "own")


class ViewerSettings(NamedSettings):
    """Everything that the viewer is told."""

    serve: ServeSettings = Field(default_factory=ServeSettings)
    login: LoginSettings = Field(default_factory=LoginSettings)
    state_dir: Annotated[Path | None, Name("VIEWER_STATE_DIR")] = Field(
        default=None,
        description="Folder for users, sessions and the access log. Without it there is one user, and everybody has to "
        "log in again after a restart.",
    )
    archive_state_dir: Annotated[Path | None, Name("VIEWER_ARCHIVE_STATE_DIR")] = Field(
        default=None,
        description="The archive's ARCHIVE_STATE_DIR, to show what is kept; read-only is enough. Without it live pictures alone "
        "are shown.",
    )
    archive_dir: Annotated[Path | None, Name("VIEWER_ARCHIVE_DIR")] = Field(
        default=None,
        description="The archive's ARCHIVE_DIR, where its pictures are; read-only is enough. Without it as the archive has it: the "
        "folder store in that one.",
    )
    history_cache_max_bytes: Annotated[Bytes, Name("HISTORY_CACHE_MAX")] = Field(
        default=1 << 30,
        ge=0,
        description="Most bytes of small pictures made from kept ones, in the folder cache of VIEWER_STATE_DIR; the least recently "
        "used go. They can be made again.",
    )
    groups: Annotated[
        str,
        AfterValidator(_check_groups),
        Allowed("groups such as north=gate,yard;south=roof-*"),
        Name("VIEWER_GROUPS"),
    ] = Field(
        default="",
        description="Groups of cameras that the wall can show, each with its names, or patterns in which * stands for anything. "
        "Users with the role operate make others on the wall.",
    )
    archive_min_free_bytes: Annotated[Bytes | None, Name("ARCHIVE_MIN_FREE")] = Field(
        default=None,
        ge=0,
        description="As the archive has it. Small pictures that were made from kept ones give way a little before it stops for lack of "
        "room.",
    )
    topics: Annotated[Words, Name("VIEWER_TOPICS")] = Field(
        default=(),
        description="Topics of other producers to show as cameras, on either broker. In Kafka's, * stands for anything; "
        "in MQTT's, + and # do.",
    )
    kafka: Annotated[BrokerSettings | None, Prefix("VIEWER_KAFKA_", fixed_for("kafka", reads=True))] = Field(
        default=None, description="The Kafka to read from."
    )
    mqtt: Annotated[BrokerSettings | None, Prefix("VIEWER_MQTT_", fixed_for("mqtt", reads=True))] = Field(
        default=None, description="The MQTT broker to read from, also beside Kafka."
    )
    log_level: Annotated[LogLevel, Name("LOG_LEVEL")] = Field(
        default="INFO",
        description="How much is logged. With DEBUG the Kafka client library, which is silent otherwise, is heard too.",
    )

    @property
    def brokers(self) -> tuple[BrokerSettings, ...]:
        """Those to read from."""
        return tuple(broker for broker in (self.kafka, self.mqtt) if broker)
