"""What came off a broker, on its way into ``Cameras``: read, or counted and said why not."""

import logging
import threading
from collections import Counter
from collections.abc import Collection, Mapping

from shutterbus_runtime.clock import Clock
from shutterbus_runtime.slow import Slowness
from shutterbus_transport import transport
from shutterbus_transport.consuming import UNUSABLE, Delivery, Handler, why_unusable
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.errors import TooManyError
from shutterbus_viewer.latest import LatestFrame
from shutterbus_wire import names
from shutterbus_wire.errors import IdentityError
from shutterbus_wire.message import Arrival, decode_frame, topic_of_ours
from shutterbus_wire.telemetry import Reading, decode_telemetry

log = logging.getLogger(__name__)

LOG_INTERVAL_S = 60.0
"""Between two lines about messages refused for the same reason."""


class Intake(Handler):
    """Takes messages in from every reader's thread. Nothing that a message contains makes it raise.

    Attributes:
        decode: How often it took over a second to find the picture in a message.
    """

    def __init__(self, cameras: Cameras, clock: Clock) -> None:
        self._cameras = cameras
        self._clock = clock
        self.decode = Slowness(
            "decode", clock, log, look_at="look at what else keeps this machine's processors busy"
        )
        self._lock = threading.Lock()
        self._said_s: dict[str, float] = {}
        self.taken: Counter[tuple[str, str]] = Counter()
        """Messages by transport and kind (``picture``, ``record``)."""
        self._refused: Counter[tuple[str, str]] = Counter()

    def frame(self, delivery: Delivery) -> bool:
        """Show the picture in *delivery* if it is the newest."""
        arrival = delivery.arrival
        age_s: float | None = delivery.age_s
        if not arrival.value and transport(arrival.transport).retains:
            return False  # a retained frame that was cleared
        try:
            foreign = None if topic_of_ours(arrival) else arrival.topic
            others = self._cameras.taken_by_others(foreign) if foreign else ()
            with self.decode.timed():
                frame = decode_frame(
                    arrival,
                    received_at_us=delivery.received_at_us,
                    own_cameras=self._cameras.own,
                    others=others,
                )
            picture = LatestFrame(frame, arrival.arrived_at_us)
            if arrival.retained:  # no sign of life but when it was taken, if anybody knows
                old_s = (arrival.arrived_at_us - frame.metadata.captured_at_us) / 1e6
                age_s = max(0.0, old_s) if picture.has_known_age else None
            self._cameras.show(picture, arrival.transport, age_s, foreign_topic=foreign)
        except (TooManyError, *UNUSABLE) as error:
            self._refuse(arrival, *_reason(error))
            return False
        self._count(arrival.transport, "picture")
        return True

    def telemetry(self, delivery: Delivery) -> None:
        """Note the status, report or reading in *delivery*."""
        arrival = delivery.arrival
        if not arrival.value:
            return  # a retained status or reading that was cleared
        try:
            telemetry, age_s = decode_telemetry(arrival), delivery.age_s
            if arrival.retained and isinstance(telemetry, Reading):  # no sign of life but when it was made
                age_s = max(0.0, (arrival.arrived_at_us - telemetry.at_us) / 1e6)
            self._cameras.note(telemetry, arrival.transport, age_s)
        except (TooManyError, *UNUSABLE) as error:
            self._refuse(arrival, *_reason(error))
        else:
            self._count(arrival.transport, "record")

    def refused(self, delivery: Delivery, reason: str, sentence: str) -> None:
        self._refuse(delivery.arrival, reason, sentence)

    def outage(self, source: str, transport: str, sentence: str) -> None:
        self._cameras.outage(source, sentence, of=transport)

    def lacking(self, source: str, transport: str, sentence: str, cameras: Collection[str]) -> None:
        self._cameras.lacking(source, sentence, of=transport, cameras=frozenset(cameras))

    def cameras(self, camera_names: set[str]) -> None:
        self._cameras.claim(camera_names)

    def counts(self) -> tuple[Mapping[tuple[str, str], int], Mapping[tuple[str, str], int]]:
        """Return what was taken by transport and kind, and what was refused by transport and reason, so far."""
        with self._lock:
            return dict(self.taken), dict(self._refused)

    def _refuse(self, arrival: Arrival, reason: str, sentence: str) -> None:
        """Count a message that cannot be used, and say so where its camera is shown."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            self._refused[arrival.transport, reason] += 1
            say = now_s - self._said_s.get(reason, -LOG_INTERVAL_S) >= LOG_INTERVAL_S
            if say:
                self._said_s[reason] = now_s
        if say:
            log.warning(
                "a message on %r cannot be used (%s): %s", arrival.topic[:120], reason, sentence[:300]
            )
        try:
            self._cameras.trouble(self._camera_of(arrival), reason, sentence[:300])
        except (TooManyError, IdentityError):
            return  # counted all the same

    def _count(self, transport: str, kind: str) -> None:
        with self._lock:
            self.taken[transport, kind] += 1

    def _camera_of(self, arrival: Arrival) -> str:
        named = topic_of_ours(arrival)
        if named:
            return named[0]
        others = self._cameras.taken_by_others(arrival.topic)
        return names.foreign_camera(arrival.topic, self._cameras.own, others=others)


def _reason(error: Exception) -> tuple[str, str]:
    """Return the word and the sentence for why a message cannot be used."""
    return ("too-many-cameras", str(error)) if isinstance(error, TooManyError) else why_unusable(error)
