"""A group of what came becomes durable: files first, then the catalog, and only then may anybody be told that it is kept.

Whatever happens in between, doing it again is safe: a file's name follows from what it is, and the catalog knows each number.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shutterbus_archive.catalog import Catalog, Erasing, Erasure, FrameName, FrameRow, schema
from shutterbus_archive.errors import StoreUnavailableError
from shutterbus_archive.floor import Floor
from shutterbus_archive.quarantine import Bounds, Quarantine, Refusal
from shutterbus_archive.store import Store
from shutterbus_runtime.clock import Clock
from shutterbus_transport.checksum import crc32c
from shutterbus_transport.consuming import Delivery
from shutterbus_wire import store_layout
from shutterbus_wire.frame import Frame, FrameMetadata
from shutterbus_wire.identity import FrameId
from shutterbus_wire.store_layout import DAY_US, FrameKey, day_of, filed_at_us
from shutterbus_wire.telemetry import Reading, Report

CONFLICT = "identity-conflict"
AGAIN_WITHIN_US = DAY_US
"""Of a picture without an identity: given again by the broker within this time, it is the same one."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Group:
    """What is to be kept together, in the order in which it came."""

    frames: list[tuple[Delivery, Frame]] = field(default_factory=list)
    telemetry: list[tuple[Delivery, Report | Reading]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    others: list[Delivery] = field(default_factory=list)
    """Acknowledged with the rest, and not kept: a status, which each report repeats."""

    size_bytes: int = 0
    begun_s: float = 0.0

    @property
    def count(self) -> int:
        return len(self.frames) + len(self.telemetry) + len(self.refusals) + len(self.others)

    @property
    def deliveries(self) -> list[Delivery]:
        """All that is acknowledged when the group is kept."""
        return [
            *(delivery for delivery, _ in self.frames),
            *(delivery for delivery, _ in self.telemetry),
            *(refusal.delivery for refusal in self.refusals),
            *self.others,
        ]

    def extend(self, later: "Group") -> None:
        """Put what is in *later* behind what is here."""
        self.frames += later.frames
        self.telemetry += later.telemetry
        self.refusals += later.refusals
        self.others += later.others
        self.size_bytes += later.size_bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a group.

    Attributes:
        stored, repeats: Frames that are new in the archive, and those that were there.
        erased: Frames that are not kept because they were erased.
        quarantined, discarded: Messages that were put into quarantine, and older ones that left it for them.
    """

    stored: int
    repeats: int
    quarantined: int
    erased: int
    discarded: int


class Archive:
    """A store and its catalog. Any thread may keep a group; the catalog takes one at a time."""

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        clock: Clock,
        *,
        floor: Floor,
        quarantine: Bounds = Bounds(),  # noqa: B008 (it cannot change)
    ) -> None:
        """What *floor* says is left free on the store."""
        self.store = store
        self.catalog = catalog
        self.quarantine = Quarantine(store, catalog, quarantine)
        self._clock = clock
        self.floor = floor

    def keep(self, group: Group) -> Outcome:
        """Return when everything in *group* is durable.

        Raises:
            StoreUnavailableError: Nothing is known of it. Keep it, and try again.
        """
        self.store.check()
        self._check_room(group.size_bytes)
        refusals = list(group.refusals)
        wanted = self.wanted(group.frames)
        fresh, repeats = self._sort_out(wanted, refusals)
        rows = self._store_frames(fresh, refusals)
        quarantined = self.quarantine.store(refusals)
        telemetry = [message for _, message in group.telemetry]
        self._append(telemetry)
        self.catalog.add(rows, telemetry, quarantined)
        discarded = self.quarantine.keep_within_bounds({row.camera for row in quarantined})
        return Outcome(len(rows), repeats, len(quarantined), len(group.frames) - len(wanted), discarded)

    def wanted(self, frames: Sequence[tuple[Delivery, Frame]]) -> Sequence[tuple[Delivery, Frame]]:
        """Return those of *frames* that nobody has ordered to erase."""
        orders = Erasing(self.catalog).orders({frame.metadata.camera for _, frame in frames})
        if not orders:
            return frames
        return [(delivery, frame) for delivery, frame in frames if not _is_erased(frame.metadata, orders)]

    def _check_room(self, incoming_bytes: int) -> None:
        room = self.store.room()
        if self.floor.short_bytes(room, incoming_bytes) > 0:
            raise StoreUnavailableError(
                f"{room.free_bytes / 1e9:.2f} GB are free in the store, and {self.floor.said(room)}: make room, or set "
                "ARCHIVE_MAX_BYTES or ARCHIVE_MAX_AGE, and the oldest make room"
            )
        if room.free_files is not None and room.free_files < 1_000:
            raise StoreUnavailableError(
                "the store has hardly any inodes left: it takes no more files (df -i)"
            )

    def _sort_out(
        self, frames: Sequence[tuple[Delivery, Frame]], refusals: list[Refusal]
    ) -> tuple[dict[FrameName, tuple[Delivery, Frame]], int]:
        """Return the frames that are new, and how many are there already; what contradicts one that is goes to *refusals*."""
        fresh: dict[FrameName, tuple[Delivery, Frame]] = {}
        again: list[tuple[FrameName, Delivery, Frame]] = []
        names = self._names(frames)
        known = self.catalog.archived(names)
        repeats = 0
        for name, (delivery, frame) in zip(names, frames, strict=True):
            if name in known:
                again.append((name, delivery, frame))
            elif name not in fresh:
                fresh[name] = delivery, frame
            elif fresh[name][1].data == frame.data:
                repeats += 1
            else:
                refusals.append(_conflict(delivery, frame))
        rows = self.catalog.frames([name for name, _, _ in again])
        for name, delivery, frame in again:
            # One that aged out is known all the same, and there is nothing to compare it with.
            stored = self.store.read(str(rows[name].key)) if name in rows else None
            if stored is None or stored == frame.data:
                repeats += 1
            else:
                refusals.append(_conflict(delivery, frame))
        return fresh, repeats

    def _names(self, frames: Sequence[tuple[Delivery, Frame]]) -> list[FrameName]:
        """Return the name of each of *frames*; of a picture that MQTT gives again, that of the first time.

        Such a picture has its arrival for a number. Its epoch is made of topic and bytes, so the numbers of that epoch are
        the times when it came before. Only where the broker says that it gives it again: a camera may well send the same
        picture each minute.
        """
        names: list[FrameName] = []
        last: dict[tuple[str, str], FrameId] = {}
        for delivery, frame in frames:
            camera, identity = _name(frame)
            arrival = delivery.arrival
            by_arrival = frame.metadata.identity_source == "transport" and arrival.position is None
            if by_arrival and (arrival.redelivered or arrival.retained):
                low, high = max(0, identity.seq - AGAIN_WITHIN_US), identity.seq + AGAIN_WITHIN_US
                before = last.get((camera, identity.epoch))
                before = before or self.catalog.last_archived(camera, identity.epoch, low, high)
                identity = before or identity
            last[camera, identity.epoch] = identity
            names.append((camera, identity))
        return names

    def _store_frames(
        self, fresh: dict[FrameName, tuple[Delivery, Frame]], refusals: list[Refusal]
    ) -> list[FrameRow]:
        filed_us = self._filed_us(fresh)
        rows = {name: _row(frame, filed_us[name], self._clock.utc_us()) for name, (_, frame) in fresh.items()}
        keys = {name: str(row.key) for name, row in rows.items()}
        outcomes = self.store.put({keys[name]: frame.data for name, (_, frame) in fresh.items()})
        for name, key in keys.items():
            if outcomes[key] == "other":
                delivery, frame = fresh[name]
                refusals.append(_conflict(delivery, frame))
                del rows[name]
        return list(rows.values())

    def _filed_us(self, fresh: Mapping[FrameName, tuple[Delivery, Frame]]) -> dict[FrameName, int]:
        """Return the instants to file frames under.

        One that is filed by its arrival arrives at another time when the broker gives it again, because we were killed between
        its file and its row. Kafka says when it stored it, which stays the same; over MQTT we look for its file.
        """
        filed_us: dict[FrameName, int] = {}
        there: dict[tuple[str, str], dict[FrameId, int]] = {}
        for name, (delivery, frame) in fresh.items():
            arrival, captured_us = delivery.arrival, frame.metadata.captured_at_us
            arrived_us = delivery.broker_time_us or arrival.arrived_at_us
            filed_us[name] = filed_at_us(captured_us, arrived_us)
            if filed_us[name] == captured_us or not arrival.redelivered:
                continue
            for day in (day_of(arrived_us), day_of(arrived_us - DAY_US)):
                place = frame.metadata.camera, day
                if place not in there:
                    there[place] = self._ids(*place)
                filed_us[name] = there[place].get(frame.metadata.id, filed_us[name])
        return filed_us

    def _ids(self, camera: str, day: str) -> dict[FrameId, int]:
        """Return which frames of a day are in the store, and the instants that they are filed under."""
        keys = map(store_layout.parse, self.store.keys(store_layout.folder_of_day(camera, day)))
        return {key.id: key.filed_at_us for key in keys if key}

    def _append(self, telemetry: Sequence[Report | Reading]) -> None:
        lines: dict[str, bytes] = {}
        for message, known in zip(telemetry, self.catalog.telemetry_known(telemetry), strict=True):
            if not known:
                day = _EPOCH + timedelta(microseconds=message.at_us)
                key = f"telemetry/camera={message.camera}/date={day:%Y-%m-%d}.jsonl"
                lines[key] = lines.get(key, b"") + message.model_dump_json().encode() + b"\n"
        if lines:
            self.store.append(lines)


def _is_erased(metadata: FrameMetadata, orders: Iterable[Erasure]) -> bool:
    facts = metadata.camera, metadata.id, metadata.captured_at_us
    return any(order.covers(*facts, clock_synced=metadata.clock_synced) for order in orders)


def _name(frame: Frame) -> FrameName:
    return frame.metadata.camera, frame.metadata.id


def _row(frame: Frame, filed_us: int, now_us: int) -> FrameRow:
    metadata = frame.metadata
    flags = schema.PNG * (frame.content_type == "image/png")
    flags |= schema.CLOCK_UNTRUSTED * (not metadata.clock_synced)
    flags |= schema.NAMED_BY_TRANSPORT * (metadata.identity_source == "transport")
    key = FrameKey(metadata.camera, metadata.id, filed_us, frame.content_type)
    return FrameRow(key, metadata.captured_at_us, now_us, len(frame.data), int(crc32c(frame.data)), flags)


def _conflict(delivery: Delivery, frame: Frame) -> Refusal:
    return Refusal(
        delivery,
        frame.metadata.camera,
        CONFLICT,
        f"frame {frame.metadata.id} of {frame.metadata.camera} is in the archive with other bytes",
    )
