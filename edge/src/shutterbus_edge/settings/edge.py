"""The settings of one edge: read once, in ``__main__``, and passed down; nothing else looks at the environment."""

import unicodedata
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import SettingsConfigDict

from shutterbus_edge.schedule.grammar import EXPECTED as SCHEDULE_EXPECTED
from shutterbus_edge.sensors import known as known_sensors
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.settings import Name, Prefix
from shutterbus_runtime.settings.sources import NamedSettings
from shutterbus_runtime.settings.values import Allowed, Bytes, LogLevel, Rate, Seconds, Whole, Words, choice
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire.codecs import CODECS
from shutterbus_wire.identity import check_camera

TITLE_MAX = 100
_NO_TEXT = {"Cc", "Cs", "Zl", "Zp"}
_BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They would turn round what stands beside the title."""


def _read_confirm(value: Any) -> Any:
    if isinstance(value, str) and value.strip().lower() == "archive":
        raise ValueError("confirmation by the archive is not in this version; broker is expected")
    return value.strip().lower() if isinstance(value, str) else value


def _read_title(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    title = unicodedata.normalize("NFC", value.strip())
    if len(title) > TITLE_MAX or any(unicodedata.category(c) in _NO_TEXT or c in _BIDI for c in title):
        raise ValueError(f"a line of at most {TITLE_MAX} characters is expected")
    return title


def _read_camera(value: Any) -> Any:
    return check_camera(value) if isinstance(value, str) else value


class SpoolSettings(BaseModel, frozen=True):
    """Where frames wait until they are confirmed, and what happens when there are too many."""

    dir: Annotated[Path, Name("SPOOL_DIR")] = Field(
        default=Path("~/.local/state/shutterbus/spool"),
        description="Folder that keeps frames until they are confirmed. Without it spool in systemd's $STATE_DIRECTORY where "
        "that is set; in the container a volume of its own.",
    )
    mode: Annotated[
        Literal["spill", "durable", "memory"], choice("spill", "durable", "memory"), Name("SPOOL_MODE")
    ] = Field(
        default="spill",
        description="spill: in memory, and on disk if not confirmed within 2 s. durable: on disk first; the default "
        "where shots are 10 s or more apart. memory: never on disk.",
    )
    max_bytes: Annotated[Bytes | None, Name("SPOOL_MAX_BYTES")] = Field(
        default=None,
        ge=1_048_576,
        description="Most that waits on disk. Without it a quarter of what is free at the first start.",
        examples=["2GiB"],
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
        examples=["1GiB"],
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


Order = Literal["live-first", "in-order"]


class PublishSettings(BaseModel, frozen=True):
    """When a frame counts as delivered, and how fast late ones follow."""

    confirm: Annotated[Literal["broker"], BeforeValidator(_read_confirm), Name("PUBLISH_CONFIRM")] = Field(
        default="broker", description="Which acknowledgement removes a frame from the spool."
    )
    order: Annotated[Order, choice("live-first", "in-order"), Name("PUBLISH_ORDER")] = Field(
        default="live-first",
        description="live-first: the newest picture goes at once, and late ones follow behind it. in-order: one after the "
        "other as they were taken, for readers that show what comes last; the default on a topic named with SS_TOPIC.",
    )
    backlog_max_rate: Annotated[Rate | None, Name("PUBLISH_BACKLOG_MAX_RATE")] = Field(
        default=None,
        gt=0,
        description="Most bytes a second for frames that come late, so that others have room on the line.",
        examples=["500kB/s"],
    )


class EdgeSettings(NamedSettings):
    """The camera beside this process.

    Attributes:
        timezone: The zone whose wall clock the schedule follows, from ``TZ``.
    """

    model_config = SettingsConfigDict(arbitrary_types_allowed=True)

    camera_source: Annotated[
        str, Name("CAMERA_SOURCE"), Allowed("an address such as picamera2, v4l2:/dev/video0 or testcard")
    ] = Field(
        default="picamera2",
        description="Where pictures come from: picamera2 or picamera2:1, v4l2:/dev/video0, file:/a/folder/or/film, "
        "file-once:..., testcard. In the container, file:/media/film.mp4 is media/film.mp4 beside the compose file. The default "
        "is for a Raspberry Pi; elsewhere it must be given.",
    )
    camera_id: Annotated[
        str | None,
        BeforeValidator(_read_camera),
        Name("CAMERA_ID"),
        Allowed("a name of 1 to 48 of a-z, 0-9 and -"),
    ] = Field(
        default=None,
        description="Name of this camera. Without it the one in the certificate, else one that is made once and kept.",
        examples=["gate"],
    )
    camera_title: Annotated[
        str | None,
        BeforeValidator(_read_title),
        Name("CAMERA_TITLE"),
        Allowed("a line of at most 100 characters"),
    ] = Field(
        default=None,
        description="What people call this camera, in any script; shown wherever its name would be.",
        examples=["North roof"],
    )
    schedule: Annotated[
        str | None, Name("SCHEDULE"), Allowed(SCHEDULE_EXPECTED.removesuffix(" is expected"))
    ] = Field(
        default=None,
        description="When to take a picture. Without it as often as PICAMERA_FRAMERATE says, or the camera can.",
        examples=["every 5 minutes"],
    )
    timezone_name: Annotated[str | None, Name("TZ"), Allowed("a zone such as Asia/Tokyo")] = Field(
        default=None,
        description="Zone of the clock times in SCHEDULE. Without it the machine's own; in a container that is UTC.",
        examples=["Asia/Tokyo"],
    )
    timezone: tzinfo = UTC
    broker: Annotated[BrokerSettings, Prefix("SS_")]
    message_format: Annotated[str, choice(*CODECS), Name("SS_MESSAGE_FORMAT")] = Field(
        default="jpeg",
        description="What a picture travels as: the JPEG itself, SINETStream's message format 3 or 2, or JSON with a "
        "base64 photo. The default on a topic named with SS_TOPIC is 3.",
    )
    spool: SpoolSettings = Field(default_factory=SpoolSettings)
    publish: PublishSettings = Field(default_factory=PublishSettings)
    sensors: Annotated[Words, Name("SENSORS"), Allowed(f"a list of {known_sensors()}")] = Field(
        default=(), description="Sensors to read beside the camera.", examples=["cpu"]
    )
    reading_interval_s: Annotated[Seconds, Name("READING_INTERVAL")] = Field(
        default=60.0, ge=1, le=86_400, description="Time between two readings of a sensor."
    )
    report_interval_s: Annotated[Seconds, Name("REPORT_INTERVAL")] = Field(
        default=60.0,
        ge=1,
        le=86_400,
        description="Time between two reports. A camera counts as offline after two and a half of them are missed.",
    )
    health_port: Annotated[Whole, Name("HEALTH_PORT")] = Field(
        default=8081,
        ge=0,
        le=65_535,
        description="Port on 127.0.0.1 that tells how the edge is; 0 is any free one.",
    )
    log_level: Annotated[LogLevel, Name("LOG_LEVEL")] = Field(
        default="INFO",
        description="How much is logged. With DEBUG the Kafka client library, which is silent otherwise, is heard too.",
    )
    log_format: Annotated[str | None, Name("LOG_FORMAT")] = Field(
        default=None,
        description="A log line, in Python's {} style.",
        examples=["{asctime} {levelname} {message}"],
    )
    capture: CaptureSettings = Field(default_factory=CaptureSettings)

    @property
    def topic(self) -> str | None:
        """The topic that the user named in place of the camera's own."""
        return self.broker.topic
