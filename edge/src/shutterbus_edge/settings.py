"""The settings of one edge: read once, in ``__main__``, and passed down; nothing else looks at the environment."""

from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shutterbus_edge.picture import PictureSettings
from shutterbus_wire.broker import BrokerSettings
from shutterbus_wire.settings import Name, Prefix
from shutterbus_wire.settings_values import Bytes, LogLevel, Rate, Seconds, Whole, Words, choice

MessageFormat = Literal["jpeg", "3", "2", "json"]


class SpoolSettings(BaseModel, frozen=True):
    """Where frames wait until they are confirmed, and what happens when there are too many."""

    dir: Annotated[Path, Name("SPOOL_DIR")] = Field(
        default=Path("/var/lib/shutterbus/spool"),
        description="Folder that keeps frames until they are confirmed.",
    )
    mode: Annotated[
        Literal["spill", "durable", "memory"], choice("spill", "durable", "memory"), Name("SPOOL_MODE")
    ] = Field(
        default="spill",
        description="spill: in memory, on disk if not confirmed within 2 s. durable: on disk first; the default "
        "where SCHEDULE leaves 10 s or more between shots. memory: never on disk.",
    )
    max_bytes: Annotated[Bytes | None, Name("SPOOL_MAX_BYTES")] = Field(
        default=None,
        ge=1_048_576,
        description="Most that waits on disk. Without it a quarter of what is free at the first start.",
    )
    max_age_s: Annotated[Seconds, Name("SPOOL_MAX_AGE")] = Field(
        default=604_800.0, gt=0, description="A frame that waited longer is dropped, and counted."
    )
    max_files: Annotated[Whole, Name("SPOOL_MAX_FILES")] = Field(
        default=200_000, ge=10, description="Most frames that wait on disk."
    )
    min_free_bytes: Annotated[Bytes | None, Name("SPOOL_MIN_FREE")] = Field(
        default=None,
        ge=0,
        description="What is left free on the disk. Without it 1 GiB or a tenth of the disk, whichever is less.",
    )
    on_full: Annotated[
        Literal["overwrite-oldest", "thin", "reject-new"],
        choice("overwrite-oldest", "thin", "reject-new"),
        Name("SPOOL_ON_FULL"),
    ] = Field(
        default="overwrite-oldest",
        description="What makes room: the oldest frame, every second frame of the oldest half, or the new frame itself.",
    )
    memory_max_bytes: Annotated[Bytes, Name("SPOOL_MEMORY_MAX_BYTES")] = Field(
        default=33_554_432, ge=1_048_576, description="Most that waits in memory, for spill and memory."
    )


class PublishSettings(BaseModel, frozen=True):
    """When a frame counts as delivered, and how fast old ones follow."""

    confirm: Annotated[Literal["broker"], Name("PUBLISH_CONFIRM")] = Field(
        default="broker", description="Whose word lets a frame leave the spool."
    )
    backlog_max_rate: Annotated[Rate | None, Name("PUBLISH_BACKLOG_MAX_RATE")] = Field(
        default=None,
        gt=0,
        description="Most bytes a second for frames that come late, so that live ones have room.",
    )


class EdgeSettings(BaseSettings):
    """Everything that one edge is told."""

    model_config = SettingsConfigDict(frozen=True, arbitrary_types_allowed=True)

    camera_source: Annotated[str, Name("CAMERA_SOURCE")] = Field(
        default="picamera2", description="Where pictures come from."
    )
    camera_id: Annotated[str | None, Name("CAMERA_ID")] = Field(
        default=None, description="Name of this camera."
    )
    schedule: Annotated[str | None, Name("SCHEDULE")] = Field(
        default=None, description="When to take a picture."
    )
    timezone: tzinfo = UTC
    broker: Annotated[BrokerSettings, Prefix("SS_")]
    message_format: MessageFormat = "jpeg"
    spool: SpoolSettings = Field(default_factory=SpoolSettings)
    publish: PublishSettings = Field(default_factory=PublishSettings)
    picture: PictureSettings = Field(default_factory=PictureSettings)
    sensors: Annotated[Words, Name("SENSORS")] = Field(
        default=(), description="Sensors to read beside the camera."
    )
    reading_interval_s: Annotated[Seconds, Name("READING_INTERVAL")] = Field(default=60.0, ge=1)
    report_interval_s: Annotated[Seconds, Name("REPORT_INTERVAL")] = Field(default=60.0, ge=1)
    health_port: Annotated[Whole, Name("HEALTH_PORT")] = Field(default=8081, ge=0, le=65_535)
    log_level: Annotated[LogLevel, Name("LOG_LEVEL")] = "INFO"

    @property
    def topic(self) -> str | None:
        """The topic that the user named in place of the camera's own."""
        return self.broker.topic

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take nothing from the environment by itself; ``load`` does, by our names."""
        return (init_settings,)
