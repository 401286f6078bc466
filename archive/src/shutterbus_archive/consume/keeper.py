"""What a reader brings is gathered into groups, kept, and only then acknowledged.

While groups are written and synced, one after the other in a thread of its own, the next is gathered: disk and network wait at the
same time.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from shutterbus_archive.errors import StoreUnavailableError
from shutterbus_archive.keeping import Archive, Group, Outcome
from shutterbus_archive.quarantine import Refusal
from shutterbus_runtime.clock import Clock
from shutterbus_runtime.outage import Outage
from shutterbus_transport.consuming import UNUSABLE, Delivery, Gap, Handler, Reader, why_unusable
from shutterbus_wire import jpeg, names
from shutterbus_wire.frame import Frame
from shutterbus_wire.message import decode_frame, topic_of_ours
from shutterbus_wire.telemetry import Status, decode_telemetry

log = logging.getLogger(__name__)

GROUP_MAX_COUNT = 64
GROUP_MAX_BYTES = 16 * 1024 * 1024
GROUP_MAX_S = 0.2
UNDER_WAY_MAX_COUNT, UNDER_WAY_MAX_BYTES = 4, GROUP_MAX_BYTES
"""Groups that are being kept, and their bytes, while a further one is gathered."""
RETRY_S = 2.0
"""Between two looks at a store that could not take anything."""
NO_CAMERA = "unknown"


def check_ends(frame: Frame) -> None:
    """Return if *frame* is whole from its first mark to its last; raise MalformedError if not.

    Decoding has looked for an end mark anywhere. This walks to it, and so sees one picture that broke off in another: 0.1 ms for
    200 kB. Pixels are not decoded, which takes fifteen times as long and a library that the archive has no other use for.
    """
    if frame.content_type == "image/jpeg":
        jpeg.end_of_picture(frame.data, frame.header.scan_at)


class Keeper(Handler):
    """Serves one reader, in its thread. While the store is away the reader is paused and what it brought is held.

    Attributes:
        problem: Why nothing is kept now, a sentence; empty while it is.
        kept: What became of what came, by word: ``stored``, ``repeated``, ``quarantined``, ``discarded`` (from
            quarantine), ``erased``, ``gap``.
    """

    def __init__(self, archive: Archive, clock: Clock) -> None:
        self.problem = ""
        self.outages: dict[str, str] = {}
        self.kept: Counter[str] = Counter()
        self._archive = archive
        self._clock = clock
        self._store = Outage("store", clock, log)
        self._reader: Reader | None = None
        self._group = Group()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="keeper")
        self._under_way: deque[tuple[Group, Future[Outcome]]] = deque()
        self._own: set[str] = set()
        self._foreign: dict[str, str] = {}
        self._retry_at_s = 0.0

    def serve(self, reader: Reader) -> None:
        """Acknowledge to *reader*, and pause it where nothing can be kept. Called once, before it starts."""
        self._reader = reader

    def frame(self, delivery: Delivery) -> bool:
        """Take a frame in; what cannot be used is kept as well, with the reason."""
        arrival = delivery.arrival
        if not arrival.value and arrival.retained:
            self._add(delivery, lambda group: group.others.append(delivery))
            return False
        try:
            is_foreign = topic_of_ours(arrival) is None
            taken = self._foreign.items() if is_foreign else ()
            others = {name for name, topic in taken if topic != arrival.topic}
            frame = decode_frame(
                arrival, received_at_us=delivery.received_at_us, own_cameras=self._own, others=others
            )
            check_ends(frame)
        except UNUSABLE as error:
            self._refuse(delivery, *why_unusable(error))
            return False
        if is_foreign:
            self._foreign.setdefault(frame.metadata.camera, arrival.topic)
        self._add(delivery, lambda group: group.frames.append((delivery, frame)))
        return True

    def telemetry(self, delivery: Delivery) -> None:
        """Take a report or reading in; of a status there is nothing to keep."""
        if not delivery.arrival.value:
            self._add(delivery, lambda group: group.others.append(delivery))
            return
        try:
            telemetry = decode_telemetry(delivery.arrival)
        except UNUSABLE as error:
            self._refuse(delivery, *why_unusable(error))
            return
        if isinstance(telemetry, Status):
            self._add(delivery, lambda group: group.others.append(delivery))
        else:
            self._add(delivery, lambda group: group.telemetry.append((delivery, telemetry)))

    def refused(self, delivery: Delivery, reason: str, sentence: str) -> None:
        self._refuse(delivery, reason, sentence)

    def outage(self, source: str, transport: str, sentence: str) -> None:
        self.outages[f"{source} {transport}"] = sentence

    def cameras(self, camera_names: set[str]) -> None:
        self._own |= camera_names

    def gap(self, gap: Gap) -> None:
        self.kept["gap"] += gap.count
        log.warning(
            "%d messages of %s were deleted by %s before they were read: offsets %d to %d",
            gap.count,
            gap.camera or gap.topic,
            gap.transport,
            gap.first,
            gap.last,
        )

    def turn(self, *, more: bool) -> None:
        """Keep the group where it is due: when nothing more can come, it has waited enough, or the store may be back.

        When nothing more can come, all of it has been kept, or could not be, on return.
        """
        self._settle(UNDER_WAY_MAX_BYTES if more else None)
        group, now_s = self._group, self._clock.monotonic_s()
        if not group.count:
            return
        due = not more or now_s - group.begun_s >= GROUP_MAX_S
        if due and now_s >= self._retry_at_s:
            self._keep()
            if not more:
                self._settle(None)

    def _add(self, delivery: Delivery, put: Callable[[Group], None]) -> None:
        group = self._group
        if not group.count:
            group.begun_s = self._clock.monotonic_s()
        put(group)
        group.size_bytes += len(delivery.arrival.value)
        full = group.count >= GROUP_MAX_COUNT or group.size_bytes >= GROUP_MAX_BYTES
        if full and self._clock.monotonic_s() >= self._retry_at_s:
            self._keep()

    def _refuse(self, delivery: Delivery, reason: str, sentence: str) -> None:
        refusal = Refusal(delivery, self._camera_of(delivery), reason, sentence)
        self._add(delivery, lambda group: group.refusals.append(refusal))

    def _camera_of(self, delivery: Delivery) -> str:
        if named := topic_of_ours(delivery.arrival):
            return named[0]
        try:
            return names.foreign_camera(delivery.arrival.topic, self._own)
        except ValueError:
            return NO_CAMERA

    def _keep(self) -> None:
        """Have the group kept, after those before it."""
        self._settle(max(0, UNDER_WAY_MAX_BYTES - self._group.size_bytes))
        if self._clock.monotonic_s() < self._retry_at_s:
            return
        group, self._group = self._group, Group()
        self._under_way.append((group, self._pool.submit(self._archive.keep, group)))

    def _settle(self, left_bytes: int | None) -> None:
        """Acknowledge what has been kept, and wait until at most so many bytes are left under way; None for nothing.

        What a store that is away did not take is held, in front of what came later.
        """
        assert self._reader is not None
        held = Group()
        while self._under_way:
            group, kept = self._under_way[0]
            size_bytes = sum(each.size_bytes for each, _ in self._under_way)
            has_room = left_bytes is not None and size_bytes <= left_bytes
            if has_room and len(self._under_way) < UNDER_WAY_MAX_COUNT and not (held.count or kept.done()):
                break
            self._under_way.popleft()
            try:
                outcome = kept.result()
            except StoreUnavailableError as error:
                self._store.failed(error)
                self.problem = str(error)
                held.extend(group)
                continue
            self.kept.update(stored=outcome.stored, repeated=outcome.repeats, quarantined=outcome.quarantined)
            rare = {"erased": outcome.erased, "discarded": outcome.discarded}
            self.kept.update({word: count for word, count in rare.items() if count})
            self._reader.acknowledge(group.deliveries)
            if self.problem and not held.count:
                self.problem, self._retry_at_s = "", 0.0
                self._store.succeeded()
                self._reader.resume()
        if held.count:
            self._retry_at_s = self._clock.monotonic_s() + RETRY_S
            self._reader.pause()
            held.begun_s = self._clock.monotonic_s()
            held.extend(self._group)
            self._group = held
