"""What is examined, and what one check has learnt that a later one builds on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shutterbus_edge import schedule
from shutterbus_edge.publish.encode import Encoder
from shutterbus_edge.settings.edge import EdgeSettings
from shutterbus_runtime.clock import Clock
from shutterbus_transport.probe import Address

OUTLOOK = 500
"""Shots that are looked at to know how many there are in a day: by calendar, nights may have none."""


@dataclass(slots=True)
class CheckContext:
    """One edge.

    Attributes:
        warnings: What reading the settings had to say.
        root: Where ``/proc``, ``/sys`` and ``/run`` are.
        living: The brokers of the list that have passed every check so far; those that follow look at these.
        round_trip_s: How far away the broker is.
        picture_bytes: How large a picture of this camera is, undisturbed by any limit.
        picture_px: Its width and height.
        natural_rate: Pictures a second that the source gives where nothing says otherwise.
        keepalive_s: What keepalive the MQTT broker allows, where it does not allow ours.
        uplink_bytes_per_s: How fast the line to the broker was.
    """

    settings: EdgeSettings
    camera: str
    clock: Clock
    warnings: Sequence[str] = ()
    root: Path = Path("/")
    living: tuple[Address, ...] = ()
    round_trip_s: float | None = None
    picture_bytes: int | None = None
    picture_px: tuple[int, int] | None = None
    natural_rate: float | None = None
    keepalive_s: int | None = None
    uplink_bytes_per_s: float | None = None

    def __post_init__(self) -> None:
        self.living = self.living or self.settings.broker.brokers

    @property
    def encoder(self) -> Encoder:
        """What knows this camera's topics and formats."""
        settings = self.settings
        return Encoder(
            settings.broker.type,
            self.camera,
            topic=settings.topic,
            message_format=settings.message_format,
            retain=settings.broker.retain,
        )

    @property
    def pictures_per_s(self) -> float | None:
        """How many pictures are to come; None where only the camera's hardware knows."""
        settings = self.settings
        if settings.schedule and (when := schedule.parse(settings.schedule, settings.timezone)):
            now = datetime.fromtimestamp(self.clock.utc_us() / 1e6, UTC)
            due = list(when.next_times(OUTLOOK, now))
            return (len(due) - 1) / (due[-1] - due[0]).total_seconds() if len(due) > 1 else None
        return settings.capture.framerate or self.natural_rate

    @property
    def look_at_broker(self) -> str:
        """What to do where the broker alone can say what is wrong."""
        return self.advice("on the server: make doctor", theirs="what its log says")

    @property
    def enroll(self) -> str:
        """The command that makes a new identity for this camera."""
        return f"on the server: make enroll CAMERA={self.camera}"

    def advice(self, ours: str, *, theirs: str) -> str:
        """Return what to do: *ours* on a server of this project, *theirs* with whoever runs a cluster or wants a password."""
        broker = self.settings.broker
        foreign = len(broker.brokers) > 1 or broker.username is not None
        return f"ask whoever runs the brokers: {theirs}" if foreign else ours
