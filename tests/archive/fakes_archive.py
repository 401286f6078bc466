"""What an archive is given in tests: frames as they come off a broker, and a store that can fail at any step."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from fakes import FakeClock
from shutterbus_archive.catalog import Catalog
from shutterbus_archive.consume.keeper import Keeper
from shutterbus_archive.errors import StoreUnavailableError
from shutterbus_archive.floor import Floor
from shutterbus_archive.keeping import Archive
from shutterbus_archive.store import Room, Store, Stored, StoredObject
from shutterbus_archive.store.folder import FolderStore
from shutterbus_archive.store.founding import initialise
from shutterbus_transport.consuming import Delivery
from shutterbus_wire import exif, names
from shutterbus_wire.frame import Frame, FrameMetadata
from shutterbus_wire.identity import FrameId
from shutterbus_wire.message import Arrival, encode_frame
from shutterbus_wire.telemetry import Reading, Report, Status, encode_telemetry
from wire.pictures import BARE_JPEG

EPOCH = "9f2c4e1a77b0d3c5"
NOW_US = 1_795_817_040_123_456  # 2026-11-27T22:04:00.123456Z


def frame(
    seq: int,
    *,
    camera: str = "gate",
    epoch: str = EPOCH,
    at_us: int | None = None,
    note: str = "",
    clock_synced: bool = True,
) -> Frame:
    metadata = FrameMetadata(
        camera,
        FrameId(epoch, seq),
        NOW_US + seq * 1_000_000 if at_us is None else at_us,
        "sensor",
        clock_synced=clock_synced,
        camera_metadata={"Note": note} if note else {},
    )
    return Frame(metadata, exif.stamp(BARE_JPEG, metadata, software="test"))


def delivery(seq: int, *, receipt: object = None, arrived_us: int = NOW_US, **which: object) -> Delivery:
    """Return a frame as Kafka delivers it; *which* is for ``frame``."""
    sent = frame(seq, **which)  # type: ignore[arg-type] # the same names
    message = encode_frame(sent, "jpeg", "live")
    topic = names.kafka_topic(sent.metadata.camera, "frames")
    arrival = Arrival(
        "kafka", topic, message.value, message.attributes, message.content_type, (0, seq), arrived_us
    )
    return Delivery(arrival, receipt=(receipt or topic, seq, 1))


def telemetry_delivery(message: Report | Reading | Status, seq: int = 0) -> Delivery:
    sent = encode_telemetry(message, "live")
    topic = names.kafka_topic(message.camera, "telemetry")
    arrival = Arrival("kafka", topic, sent.value, sent.attributes, sent.content_type, (0, seq), NOW_US)
    return Delivery(arrival, receipt=(topic, seq, 1))


def bare_delivery(value: bytes, *, topic: str = "shutterbus.gate.frames", seq: int = 0) -> Delivery:
    """Return a message without attributes, as a foreign producer sends it."""
    return Delivery(Arrival("kafka", topic, value, {}, None, (0, seq), NOW_US), receipt=(topic, seq, 1))


def reading(seq: int, *, camera: str = "gate", **values: float) -> Reading:
    return Reading(
        camera=camera,
        epoch=EPOCH,
        seq=seq,
        at_us=NOW_US + seq * 60_000_000,
        sensor="cpu",
        values=values or {"load": 0.5},
    )


class FailingStore:
    """A store that fails before or after it has done what it was asked, as often as it is told."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.away = ""
        self.fails_after_put = 0
        self.room_is: Room | None = None

    def check(self) -> None:
        if self.away:
            raise StoreUnavailableError(self.away)
        self._store.check()

    def put(self, objects: Mapping[str, bytes]) -> Mapping[str, Stored]:
        outcomes = self._store.put(objects)
        if self.fails_after_put:
            self.fails_after_put -= 1
            raise StoreUnavailableError("the line broke")
        return outcomes

    def put_file(self, key: str, source: Path) -> None:
        self._store.put_file(key, source)

    def append(self, lines: Mapping[str, bytes]) -> None:
        self._store.append(lines)

    def read(self, key: str) -> bytes | None:
        return self._store.read(key)

    def remove(self, keys: Iterable[str]) -> None:
        self._store.remove(keys)

    def head(self, key: str) -> StoredObject | None:
        return self._store.head(key)

    def keys(self, prefix: str) -> Iterator[str]:
        return self._store.keys(prefix)

    def folders(self, prefix: str) -> Iterator[str]:
        return self._store.folders(prefix)

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        return self._store.objects(prefix)

    def room(self) -> Room:
        return self.room_is or self._store.room()

    def close(self) -> None:
        self._store.close()


class FakeReader:
    """A reader that notes what it is asked."""

    name = "kafka frames"
    connected = True

    def __init__(self) -> None:
        self.acknowledged: list[Delivery] = []
        self.lag: Mapping[str, int] = {}
        self.paused = False

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def join(self, timeout: float | None = None) -> None: ...

    def is_alive(self) -> bool:
        return True

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        self.acknowledged += deliveries

    @property
    def seqs(self) -> list[int]:
        return [seq for _, seq, _ in (done.receipt for done in self.acknowledged if done.receipt)]


class Rig:
    """An archive on a real folder and catalog, with one keeper that serves a reader of ours."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.clock.utc_offset_us = NOW_US - int(self.clock.monotonic_now_s * 1e6)
        self.root = folder / "store"
        self.state = folder / "state"
        self.root.mkdir(exist_ok=True)
        self.state.mkdir(exist_ok=True)
        self.marker = initialise(self.root)
        self.open()

    def open(self) -> None:
        """Begin as a process does; what was open is left as a killed one leaves it, but for locks."""
        self.store = FailingStore(FolderStore(self.root, self.marker))
        self.catalog = Catalog(self.state)
        self.archive = Archive(self.store, self.catalog, self.clock, floor=Floor(0, self.clock.monotonic_s))
        self.reader = FakeReader()
        self.keeper = Keeper(self.archive, self.clock)
        self.keeper.serve(self.reader)

    def close(self) -> None:
        self.catalog.close()
        self.store.close()

    def take(self, *deliveries: Delivery) -> None:
        """Let *deliveries* come, and nothing after them."""
        for each in deliveries:
            self.keeper.frame(each)
        self.keeper.turn(more=False)

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in (self.root / "frames").rglob("*") if path.is_file())

    @property
    def archived(self) -> int:
        return sum(frames for frames, _ in self.catalog.totals().values())
