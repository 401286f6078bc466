"""The settings of the archive: read once, in ``__main__``, and passed down; nothing else looks at the environment."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from shutterbus_runtime.settings import Name, Prefix
from shutterbus_runtime.settings.sources import NamedSettings
from shutterbus_runtime.settings.values import Bytes, LogLevel, Seconds, Whole, Words
from shutterbus_transport.settings import BrokerSettings, fixed_for


class ArchiveSettings(NamedSettings):
    """Everything that the archive is told."""

    state_dir: Annotated[Path, Name("ARCHIVE_STATE_DIR")] = Field(
        default=Path("~/.local/state/shutterbus/archive"),
        description="Folder for the catalog, on a disk of this machine. Without it archive in systemd's $STATE_DIRECTORY where "
        "that is set.",
    )
    store_dir: Annotated[Path | None, Name("ARCHIVE_DIR")] = Field(
        default=None,
        description="Folder for the pictures, which has to be there; it may be another disk or a share. Without it store in "
        "ARCHIVE_STATE_DIR.",
        examples=["/mnt/pictures"],
    )
    min_free_bytes: Annotated[Bytes | None, Name("ARCHIVE_MIN_FREE")] = Field(
        default=None,
        ge=0,
        description="What is left free on the disk of the pictures. Without it the smaller of a twentieth and 5 GiB.",
        examples=["10GiB"],
    )
    neighbour_dir: Annotated[Path | None, Name("ARCHIVE_NEIGHBOUR_DIR")] = Field(
        default=None,
        description="Another folder that grows. Where it is on the disk of the pictures, what it may still take stays free as well. "
        "In Compose it is Kafka's.",
        examples=["/var/lib/kafka"],
    )
    neighbour_max_bytes: Annotated[Bytes, Name("ARCHIVE_NEIGHBOUR_MAX")] = Field(
        default=0, ge=0, description="Up to how many bytes that folder grows. In Compose KAFKA_DISK_MAX."
    )
    max_bytes: Annotated[Bytes | None, Name("ARCHIVE_MAX_BYTES")] = Field(
        default=None,
        ge=1_048_576,
        description="Most bytes of pictures; the oldest go. Without it they are kept until the disk is full.",
        examples=["500GB"],
    )
    max_age_s: Annotated[Seconds | None, Name("ARCHIVE_MAX_AGE")] = Field(
        default=None, gt=0, description="Pictures taken longer ago go.", examples=["90d"]
    )
    downloads_dir: Annotated[Path | None, Name("ARCHIVE_DOWNLOADS_DIR")] = Field(
        default=None,
        description="Folder in which a viewer notes what is being downloaded, its VIEWER_STATE_DIR/downloads: that stays for the "
        "hour that a download may take, whatever the limits say.",
    )
    quarantine_max_bytes: Annotated[Bytes, Name("ARCHIVE_QUARANTINE_MAX_BYTES")] = Field(
        default=64 << 20,
        ge=0,
        description="Most bytes of messages that could not be used, for each camera; its oldest go.",
    )
    quarantine_max_count: Annotated[Whole, Name("ARCHIVE_QUARANTINE_MAX_COUNT")] = Field(
        default=1_000, ge=0, description="Most of such messages, for each camera; its oldest go."
    )
    topics: Annotated[Words, Name("ARCHIVE_TOPICS")] = Field(
        default=(),
        description="Topics of other producers to keep pictures of, on either broker. In Kafka's, * stands for anything; in "
        "MQTT's, + and # do.",
    )
    kafka: Annotated[BrokerSettings | None, Prefix("ARCHIVE_KAFKA_", fixed_for("kafka", reads=True))] = Field(
        default=None, description="The Kafka to read from."
    )
    mqtt: Annotated[BrokerSettings | None, Prefix("ARCHIVE_MQTT_", fixed_for("mqtt", reads=True))] = Field(
        default=None, description="The MQTT broker to read from, also beside Kafka."
    )
    health_port: Annotated[Whole, Name("ARCHIVE_HEALTH_PORT")] = Field(
        default=8082,
        ge=0,
        le=65_535,
        description="Port that tells how the archive is; 0 is any free one.",
    )
    health_bind: Annotated[str, Name("ARCHIVE_HEALTH_BIND")] = Field(
        default="127.0.0.1",
        description="Address that this port is on. It is open to all who reach it and names the cameras.",
    )
    log_level: Annotated[LogLevel, Name("LOG_LEVEL")] = Field(
        default="INFO", description="How much is logged."
    )

    @property
    def brokers(self) -> tuple[BrokerSettings, ...]:
        """Those to read from."""
        return tuple(broker for broker in (self.kafka, self.mqtt) if broker)
