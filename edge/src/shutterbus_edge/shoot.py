"""Takes the pictures that are due, gives each its identity, and hands it on."""

import logging
import threading

from shutterbus_edge.capture import CapturedImage, Shot
from shutterbus_edge.capture.process import CaptureProcess
from shutterbus_edge.errors import CameraFinishedError, CameraUnavailableError
from shutterbus_edge.publish import Publisher
from shutterbus_edge.schedule import Schedule, Ticker, every
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_edge.spool import Spool
from shutterbus_edge.status.timekeeping import clock_synced
from shutterbus_runtime.clock import Clock
from shutterbus_runtime.outage import Outage
from shutterbus_runtime.slow import Slowness
from shutterbus_wire import __version__
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.exif import stamp
from shutterbus_wire.frame import FrameMetadata
from shutterbus_wire.jpeg import Header, check_whole

log = logging.getLogger(__name__)

SHOT_DEADLINE_S = 10.0
"""How long a camera may take for one shot, beyond its exposure, before it counts as hung."""
RETRY_S = 1.0
"""Pause before a camera without a schedule is asked again after a failure."""


class Shooter:
    """Asks the camera for a picture whenever one is due, and never waits for a broker.

    Attributes:
        missed: Shots that were due and did not happen, since this process started.
        problem: Why the camera gives no pictures now, or an empty string.
        last_shot_s: Monotonic time of the last picture, None before the first.

    """

    def __init__(
        self,
        name: str,
        camera: CaptureProcess,
        schedule: Schedule | None,
        settings: CaptureSettings,
        spool: Spool,
        publisher: Publisher,
        clock: Clock,
    ) -> None:
        self._name = name
        self._camera = camera
        self._schedule = schedule
        self._ticker = Ticker(schedule, clock) if schedule else None
        self._deadline_s = SHOT_DEADLINE_S + settings.exposure_s
        self._texts = settings.exif_tags
        self._spool = spool
        self._publisher = publisher
        self._clock = clock
        self._outage = Outage("camera", clock, log)
        self._stamp = Slowness(
            "stamp", clock, log, look_at="look at what else keeps the processor busy, and at its temperature"
        )
        self._failed_shots = 0
        self.last_shot_s: float | None = None

    @property
    def missed(self) -> int:
        return self._failed_shots + (self._ticker.missed if self._ticker else 0)

    @property
    def problem(self) -> str:
        return self._outage.reason

    @property
    def slow(self) -> dict[str, int]:
        """How often an operation took over a second, by its name: ``stamp``, writing the facts into a picture's EXIF."""
        return {self._stamp.name: self._stamp.count}

    @property
    def expected_interval_s(self) -> float | None:
        """Seconds between shots by schedule or by the source's own rate; None where neither says."""
        return self._ticker.expected_interval_s if self._ticker else None

    def run(self, stop: threading.Event) -> None:
        """Shoot until *stop* is set."""
        while self._wait_until_due(stop):
            shot = Shot(self._spool.next_seq, self._publisher.frame_max_bytes)
            try:
                picture = self._camera.shoot(shot, self._deadline_s)
            except CameraFinishedError as error:
                log.info("%s; what is held is still being sent", error)
                stop.wait()
                return
            except CameraUnavailableError as error:
                if stop.is_set():
                    return  # it was closed under us
                self._failed_shots += 1
                self._outage.failed(error)
                if self._ticker is None:
                    self._clock.wait(RETRY_S, stop)
                continue
            try:
                header = check_whole(picture.jpeg)
            except MalformedError as error:
                # Before it gets a number: a torn picture is a shot that failed, not a frame that was lost.
                self._failed_shots += 1
                self._outage.failed(error)
                continue
            self._outage.succeeded()
            self.last_shot_s = self._clock.monotonic_s()
            self._keep(picture, header)

    def _wait_until_due(self, stop: threading.Event) -> bool:
        """Return True when a shot is due, False when it is time to stop."""
        if self._ticker is None and self._camera.opened and self._camera.opened.natural_rate:
            # Played sources have no shutter to pace them; their own rate becomes the schedule.
            self._ticker = Ticker(every(1 / self._camera.opened.natural_rate), self._clock)
            if self.last_shot_s is not None:
                self._ticker.wait_next(stop)  # the shot that told us the rate was the first
        if self._ticker is None:
            return not stop.is_set()  # the hardware paces itself: ask for the next at once
        return self._ticker.wait_next(stop) is not None

    def _keep(self, picture: CapturedImage, header: Header) -> None:
        metadata = FrameMetadata(
            camera=self._name,
            id=self._spool.next_id(),
            captured_at_us=picture.captured_at_us,
            captured_at_source=picture.captured_at_source,
            clock_synced=clock_synced(),
            camera_metadata=picture.camera_metadata,
        )
        with self._stamp.timed():
            jpeg = stamp(
                picture.jpeg,
                metadata,
                software=f"Shutterbus {__version__}",
                header=header,
                orientation=picture.orientation,
                make=picture.make,
                model=picture.model,
                texts=self._texts,
            )
        self._publisher.offer(self._spool.put(metadata, jpeg), metadata)
