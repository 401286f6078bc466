"""What came off a broker, on its way into ``Cameras``: read, or counted and said why not."""

import logging
import threading
from collections import Counter
from collections.abc import Mapping

from shutterbus_runtime.clock import Clock
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.errors import TooManyError
from shutterbus_viewer.latest import Picture
from shutterbus_viewer.upright import upright_size_px
from shutterbus_wire import names
from shutterbus_wire.errors import IdentityError, MalformedError
from shutterbus_wire.frame import Frame
from shutterbus_wire.message import Arrival, decode_frame, topic_of_ours
from shutterbus_wire.records import decode_record

log = logging.getLogger(__name__)

LOG_INTERVAL_S = 60.0
"""Between two lines about messages refused for the same reason."""

UNUSABLE = (
    MalformedError,
    TooManyError,
    # What a decoder may raise if it has a mistake. It costs that message, never the stream.
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    RecursionError,
)


class Intake:
    """Takes messages in from any thread. Nothing that a message contains makes it raise."""

    def __init__(self, cameras: Cameras, clock: Clock) -> None:
        self._cameras = cameras
        self._clock = clock
        self._lock = threading.Lock()
        self._said_s: dict[str, float] = {}
        self.taken: Counter[tuple[str, str]] = Counter()
        """Messages by transport and kind (``picture``, ``record``)."""
        self.refused: Counter[tuple[str, str]] = Counter()
        """Messages by transport and reason."""

    def picture(self, arrival: Arrival, age_s: float = 0.0) -> Frame | None:
        """Show the picture in *arrival* if it is the newest; return it, None if it is refused."""
        try:
            frame = decode_frame(arrival, own_cameras=self._cameras.own)
            width_px, height_px = upright_size_px(frame.picture)
            if arrival.retained:  # kept by the broker: no sign of life but when it was taken
                age_s = max(0.0, (arrival.arrived_at_us - frame.facts.captured_at_us) / 1e6)
            self._cameras.show(
                Picture(frame, arrival.arrived_at_us, width_px, height_px), arrival.transport, age_s
            )
        except UNUSABLE as error:
            self.refuse(arrival.transport, arrival.topic, *_reason(error))
        else:
            self._count(arrival.transport, "picture")
            return frame
        return None

    def record(self, arrival: Arrival, age_s: float = 0.0) -> None:
        """Note the status, report or reading in *arrival*."""
        if not arrival.value:
            return  # a retained status that was cleared
        try:
            self._cameras.note(decode_record(arrival), arrival.transport, age_s)
        except UNUSABLE as error:
            self.refuse(arrival.transport, arrival.topic, *_reason(error))
        else:
            self._count(arrival.transport, "record")

    def refuse(self, transport: str, topic: str, reason: str, sentence: str) -> None:
        """Count a message that cannot be used, and say so where its camera is shown."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            self.refused[transport, reason] += 1
            say = now_s - self._said_s.get(reason, -LOG_INTERVAL_S) >= LOG_INTERVAL_S
            if say:
                self._said_s[reason] = now_s
        if say:
            log.warning("a message on %r cannot be used (%s): %s", topic[:120], reason, sentence[:300])
        try:
            self._cameras.trouble(self._camera_of(transport, topic), reason, sentence[:300])
        except (TooManyError, IdentityError):
            return  # counted all the same

    def counts(self) -> tuple[Mapping[tuple[str, str], int], Mapping[tuple[str, str], int]]:
        """Return what was taken and what was refused so far."""
        with self._lock:
            return dict(self.taken), dict(self.refused)

    def _count(self, transport: str, kind: str) -> None:
        with self._lock:
            self.taken[transport, kind] += 1

    def _camera_of(self, transport: str, topic: str) -> str:
        arrival = Arrival("kafka" if transport == "kafka" else "mqtt", topic, b"", {}, None, None, 0)
        named = topic_of_ours(arrival)
        return named[0] if named else names.foreign_camera(topic, self._cameras.own)


def _reason(error: Exception) -> tuple[str, str]:
    """Return the word and the sentence for why a message cannot be used."""
    match error:
        case MalformedError():
            return error.reason, str(error)
        case TooManyError():
            return "too-many-cameras", str(error)
        case _:
            return "unreadable", f"{type(error).__name__}: {error}"
