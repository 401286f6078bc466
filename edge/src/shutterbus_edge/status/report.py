"""Accounts for every frame: a numbered report once a minute and at every event, spooled and confirmed like frames."""

import logging
import threading
from collections.abc import Mapping

from shutterbus_edge.capture.process import CaptureProcess
from shutterbus_edge.publish import Publisher
from shutterbus_edge.schedule import zone
from shutterbus_edge.sensors import Sensor
from shutterbus_edge.sensors.cpu import Cpu
from shutterbus_edge.settings.edge import EdgeSettings
from shutterbus_edge.shoot import Shooter
from shutterbus_edge.spool import FrameCounts, Spool
from shutterbus_edge.status.timekeeping import clock_synced
from shutterbus_runtime.clock import Clock
from shutterbus_runtime.outage import Outage
from shutterbus_wire import __version__
from shutterbus_wire.message import Message
from shutterbus_wire.telemetry import Dropped, Reading, Report, Status, encode_telemetry

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
"""How soon after an event its report goes out."""


class Reporter:
    """Tells the server what this camera is (status) and what became of its frames (reports)."""

    def __init__(
        self,
        name: str,
        settings: EdgeSettings,
        camera: CaptureProcess,
        shooter: Shooter,
        spool: Spool,
        publisher: Publisher,
        clock: Clock,
    ) -> None:
        self._name = name
        self._settings = settings
        self._camera = camera
        self._shooter = shooter
        self._spool = spool
        self._publisher = publisher
        self._clock = clock
        self._cpu = Cpu(clock)
        self._since_us = clock.utc_us()
        self._seen: dict[str, object] = {}
        self._status: Status | None = None

    def run(self, stop: threading.Event) -> None:
        """Report until *stop* is set."""
        self._changes()
        self.report("start")
        last_s = self._clock.monotonic_s()
        while not self._clock.wait(LOOK_EVERY_S, stop):
            changes = self._changes()
            due = self._clock.monotonic_s() - last_s >= self._settings.report_interval_s
            if changes or due:
                self.report(", ".join(changes) or "minute")
                last_s = self._clock.monotonic_s()

    def status(self) -> Status:
        """Return what this camera is now."""
        opened = self._camera.opened
        return Status(
            camera=self._name,
            state="online",
            since_us=self._since_us,
            expected_interval_s=self._shooter.expected_interval_s,
            version=__version__,
            source=opened.description if opened else "",
            schedule=self._settings.schedule or "",
            size_px=opened.size_px if opened else None,
            title=self._settings.camera_title or "",
            zone=zone.name_of(self._settings.timezone),
        )

    def report(self, event: str) -> None:
        """Put one report into the spool and offer it to the broker."""
        counts = self._spool.counts()
        report = Report(
            camera=self._name,
            epoch=counts.epoch,
            seq=self._spool.next_telemetry_seq("reports"),
            at_us=self._clock.utc_us(),
            event=event,
            captured=counts.this_epoch.captured,
            published=counts.this_epoch.acked,
            missed=self._shooter.missed,
            dropped=_dropped(counts.this_epoch),
            set_aside=counts.this_epoch.quarantined,
            held_frames=counts.held_frames,
            held_bytes=counts.held_bytes,
            oldest_held_age_s=counts.oldest_held_age_s,
            earlier_held_frames=counts.previous_epochs.held,
            earlier_dropped=_dropped(counts.previous_epochs),
            records_dropped=counts.records_dropped,
            uncertain=list(counts.uncertain),
            camera_restarts=self._camera.restarts,
            clock_synced=clock_synced(),
            temperature_c=self._cpu.temperature_c(),
            status=self.status(),
        )
        self._keep(report.stream, report.seq, encode_telemetry(report, "live"))

    def read(self, name: str, sensor: Sensor, stop: threading.Event) -> None:
        """Read *sensor* until *stop* is set, one reading a period."""
        outage = Outage(f"sensor {name}", self._clock, log)
        while not stop.is_set():
            try:
                values = dict(sensor.read())
            except OSError as error:
                outage.failed(error)
            else:
                outage.succeeded()
                self._keep_reading(name, values, sensor.units)
            self._clock.wait(self._settings.reading_interval_s, stop)

    def _keep_reading(self, name: str, values: Mapping[str, float], units: Mapping[str, str]) -> None:
        stream = f"readings-{name}"
        reading = Reading(
            camera=self._name,
            epoch=self._spool.epoch,
            seq=self._spool.next_telemetry_seq(stream),
            at_us=self._clock.utc_us(),
            sensor=name,
            values=dict(values),
            units={value: units[value] for value in values},
        )
        self._keep(stream, reading.seq, encode_telemetry(reading, "live"))

    def _keep(self, stream: str, seq: int, message: Message) -> None:
        self._publisher.offer_telemetry(self._spool.put_telemetry(stream, seq, message.value))

    def _changes(self) -> list[str]:
        """Publish a changed status, and name what happened since the last look; empty if nothing did."""
        status = self.status()
        if status != self._status:
            self._status = status
            self._publisher.publish_status(status)
        counts = self._spool.counts()
        now: dict[str, object] = {
            "camera restarted": self._camera.restarts,
            "camera failing" if self._shooter.problem else "camera works": bool(self._shooter.problem),
            "dropping" if counts.this_epoch.dropped else "nothing dropped": bool(counts.this_epoch.dropped),
            "spool trouble" if counts.trouble else "spool works": bool(counts.trouble),
            "clock set" if clock_synced() else "clock unsure": clock_synced(),
        }
        changes = [
            name for name, value in now.items() if self._seen and self._seen.get(name, "unseen") != value
        ]
        self._seen = now
        return changes


def _dropped(tally: FrameCounts) -> dict[str, Dropped]:
    return {
        reason: Dropped(count=dropped.count, ranges=list(dropped.ranges))
        for reason, dropped in tally.dropped.items()
    }
