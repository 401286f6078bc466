"""Everything the viewer knows of every camera: filled by the consumers, read by the pages."""

import threading
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import TypeVar

from shutterbus_runtime.clock import Clock
from shutterbus_viewer.camera import TROUBLE_KEPT_S, Camera, Trouble
from shutterbus_viewer.changes import Changes
from shutterbus_viewer.errors import TooManyError
from shutterbus_viewer.latest import LatestFrame
from shutterbus_viewer.outages import Outage, Outages
from shutterbus_wire.telemetry import Reading, Report, Status

FOREIGN_MAX = 1_000
"""A pattern in VIEWER_TOPICS may match anything; beyond this many, new names are refused and counted. Cameras with topics of
ours are enrolled, and always have a place."""

FOREIGN_KEPT_S = 86_400.0
"""A foreign name with nothing good to show for so long is forgotten."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Lack:
    """What the topics of some cameras lack on the transport *of*, in a sentence."""

    of: str
    sentence: str
    cameras: frozenset[str]

    def affects(self, camera: Camera) -> bool:
        """Whether *camera* is one of them, and was heard there."""
        return self.of in camera.transports and camera.id in self.cameras


class Cameras:
    """All cameras. Safe for any number of threads; nothing in here waits."""

    def __init__(self, clock: Clock) -> None:
        self.changes = Changes()
        self._clock = clock
        self._lock = threading.Lock()
        self._cameras: dict[str, Camera] = {}
        self._own: frozenset[str] = frozenset()
        self._topics: dict[str, str] = {}
        self._outages = Outages()
        self._lacks: dict[str, Lack] = {}

    def __contains__(self, camera: object) -> bool:
        return camera in self._cameras

    def ids(self) -> list[str]:
        """Return the names of all cameras, sorted."""
        with self._lock:
            return sorted(self._cameras)

    @property
    def own(self) -> frozenset[str]:
        """Cameras that have a topic of ours, whose names no foreign topic may use."""
        return self._own

    def claim(self, cameras: set[str]) -> None:
        """Note that *cameras* have topics of ours; what a foreign topic showed under their names goes."""
        with self._lock:
            new = cameras - self._own
            self._own |= new
            gone = [name for name in new if self._cameras.pop(name, None)]
        for name in gone:
            self.changes.state(name)

    def zone(self, camera: str) -> str | None:
        """Return the time zone that *camera* says it is in; None where it is unknown or has not said so."""
        return self.read(camera, lambda known, _now_s: known.status.zone or None if known.status else None)

    def picture(self, camera: str) -> LatestFrame | None:
        """Return the newest picture of *camera*, if there is one."""
        known = self._cameras.get(camera)
        return known.newest.picture if known else None

    def read(self, camera: str, look: Callable[[Camera, float], _T]) -> _T | None:
        """Return what *look* makes of a camera and the monotonic time while nothing changes it; None if unknown."""
        with self._lock:
            known = self._cameras.get(camera)
            return None if known is None else look(known, self._clock.monotonic_s())

    def taken_by_others(self, topic: str) -> Container[str]:
        """Return the names that foreign topics other than *topic* have: two topics never share a camera.

        Asked for with every foreign frame, so it is no copy: each question is one look-up, answered by what holds then.
        """
        return _NamesOfOthers(self._topics, topic)

    def show(
        self,
        picture: LatestFrame,
        transport: str,
        age_s: float | None = 0.0,
        *,
        foreign_topic: str | None = None,
    ) -> bool:
        """Offer *picture*, which its broker received *age_s* ago; say whether it is the newest now.

        Where nobody knows how long ago that was, it is no sign of life.
        *foreign_topic* is the one that named its camera, where none of ours did.

        Raises:
            TooManyError: It is of a new camera, and there are too many already.
        """
        with self._lock:
            camera = self._camera(picture.camera)
            camera.transports.add(transport)
            if foreign_topic is not None:
                self._topics.setdefault(picture.camera, foreign_topic)
            now_s = camera.shown_s = self._clock.monotonic_s()
            if age_s is not None:
                camera.heard(now_s, self._clock.utc_us(), age_s)
            shown = camera.newest.offer(picture)
            if shown and age_s is not None and not picture.standing_in:
                camera.rate.note(picture.taken_at_us, now_s - age_s)
        if shown:
            self.changes.picture(picture.camera)
        return shown

    def note(self, telemetry: Status | Report | Reading, transport: str, age_s: float = 0.0) -> None:
        """Take telemetry in, which its broker received *age_s* ago.

        Raises:
            TooManyError: See ``show``.
        """
        with self._lock:
            camera = self._camera(telemetry.camera)
            camera.transports.add(transport)
            now_s = self._clock.monotonic_s()
            telemetry = _not_from_the_future(telemetry, self._clock.utc_us())
            camera.take(telemetry, now_s)
            if not (isinstance(telemetry, Status) and telemetry.state == "offline"):
                camera.heard(now_s, self._clock.utc_us(), age_s)
            camera.told_online = camera.online_at(now_s)
        if isinstance(telemetry, Reading):
            self.changes.reading(telemetry)
        else:
            self.changes.state(telemetry.camera)

    def trouble(self, camera: str, reason: str, sentence: str) -> None:
        """Note a message of *camera* that could not be used. What is no picture makes no camera of a foreign topic.

        Raises:
            TooManyError: See ``show``.
        """
        with self._lock:
            if camera not in self._cameras and camera not in self._own:
                return
            known = self._camera(camera)
            count = known.troubles[reason].count if reason in known.troubles else 0
            known.troubles[reason] = Trouble(count + 1, sentence, self._clock.monotonic_s())
        self.changes.state(camera)

    def outage(self, source: str, sentence: str, *, of: str) -> None:
        """Note in a sentence that *source*, a connection of the transport *of*, is down; an empty one ends it."""
        with self._lock:
            if not self._outages.note(source, of, sentence, self._clock.monotonic_s(), self._clock.utc_us()):
                return
            affected = [camera for camera in self._cameras.values() if of in camera.transports]
            for camera in affected:
                camera.outage = self._outages.of(camera.transports)
        self.changes.outage()
        for camera in affected:
            self.changes.state(camera.id)

    def outages(self) -> list[Outage]:
        """Return the outages that last, one for each transport that cannot be reached."""
        with self._lock:
            return self._outages.current()

    def lacking(self, source: str, sentence: str, *, of: str, cameras: frozenset[str]) -> None:
        """Note what the topics of *cameras* lack on the transport *of*, such as a leader; an empty sentence ends it."""
        lack = Lack(of, sentence, cameras)
        with self._lock:
            before = self._lacks.get(source, Lack(of, "", frozenset()))
            if before == lack:
                return
            self._lacks[source] = lack
            affected = [
                camera.id
                for camera in self._cameras.values()
                if before.affects(camera) or lack.affects(camera)
            ]
        for name in affected:
            self.changes.state(name)

    def lacks(self) -> list[str]:
        """Return a sentence for all that topics lack."""
        with self._lock:
            return [lack.sentence for lack in self._lacks.values() if lack.sentence]

    def problems(self, camera: Camera) -> list[str]:
        """Return what is wrong with *camera*, in sentences. Only inside ``read``."""
        lacks = [lack.sentence for lack in self._lacks.values() if lack.affects(camera) and lack.sentence]
        away = [camera.outage.sentence] if camera.outage and camera.outage.until_us is None else []
        troubles = [
            (
                f"{trouble.count} message{'' if trouble.count == 1 else 's'} could not be used ({reason}): "
                f"{trouble.sentence}"
            )
            for reason, trouble in camera.troubles.items()
        ]
        return [*away, *lacks, *troubles]

    def tick(self) -> None:
        """Notice cameras that went silent, and troubles that are over. Call it about once a second."""
        now_s = self._clock.monotonic_s()
        changed = []
        with self._lock:
            changed += self._forget_foreign(now_s)
            for camera in self._cameras.values():
                over = [
                    name for name, trouble in camera.troubles.items() if now_s - trouble.at_s > TROUBLE_KEPT_S
                ]
                for reason in over:
                    del camera.troubles[reason]
                online = camera.online_at(now_s)
                if over or online != camera.told_online:
                    camera.told_online = online
                    changed.append(camera.id)
        for name in changed:
            self.changes.state(name)

    def _forget_foreign(self, now_s: float) -> list[str]:
        """Forget foreign names that have had nothing good to show for a day; return them."""
        gone = [
            name
            for name, camera in self._cameras.items()
            if name not in self._own and now_s - camera.shown_s > FOREIGN_KEPT_S
        ]
        for name in gone:
            del self._cameras[name]
            self._topics.pop(name, None)
        return gone

    def _camera(self, name: str) -> Camera:
        if name not in self._cameras:
            if name not in self._own and len(self._cameras.keys() - self._own) >= FOREIGN_MAX:
                raise TooManyError(f"{FOREIGN_MAX} cameras of foreign topics are shown already")
            self._cameras[name] = Camera(name)
            self.changes.state(name)
        return self._cameras[name]


@dataclass(frozen=True, slots=True)
class _NamesOfOthers(Container[str]):
    topics: Mapping[str, str]
    topic: str

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.topics.get(name, self.topic) != self.topic


def _not_from_the_future(telemetry: Status | Report | Reading, now_us: int) -> Status | Report | Reading:
    """Return *telemetry* with no time later than *now_us*: a clock that ran ahead once must not hold the last place for years."""
    if isinstance(telemetry, Status):
        return (
            telemetry if telemetry.since_us <= now_us else telemetry.model_copy(update={"since_us": now_us})
        )
    update: dict[str, object] = {} if telemetry.at_us <= now_us else {"at_us": now_us}
    if isinstance(telemetry, Report) and telemetry.status.since_us > now_us:
        update["status"] = telemetry.status.model_copy(update={"since_us": now_us})
    return telemetry.model_copy(update=update) if update else telemetry
