"""Keeping frames from Kafka, durably: the archive's reader, keeper, store and catalog, against a short loop with the same grouping.

Both read the same topic in processes of their own, in turn, each round into a new folder. The loop consumes, writes, syncs in as
many threads, renames, syncs the folder and commits; it decodes nothing, has no catalog and knows no repeat.
"""

import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.rows import Row

from shutterbus_archive.catalog import Catalog
from shutterbus_archive.consume.keeper import GROUP_MAX_BYTES, GROUP_MAX_COUNT, Keeper
from shutterbus_archive.floor import Floor
from shutterbus_archive.keeping import Archive
from shutterbus_archive.store.folder import SYNC_THREADS, FolderStore
from shutterbus_archive.store.founding import initialise
from shutterbus_runtime.clock import SystemClock
from shutterbus_transport.consuming import Delivery, Group, Reader, Subscription
from shutterbus_transport.kafka import TRANSPORT
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire import exif
from shutterbus_wire.frame import Frame, FrameMetadata
from shutterbus_wire.identity import FrameId, new_epoch
from shutterbus_wire.message import Message, encode_frame
from transport.rig import Broker, deliver

ROUNDS = 7
WARM_UP, COUNTED = 64, 640
"""Frames of a round that do not count, and that do."""
LARGE, LARGE_BYTES = 60, 8_380_000
STILLS = 60
ROUND_MAX_S = 300.0


class Meter:
    """Notes what is durable, and takes the time from the end of the warm-up to the last that counts."""

    def __init__(self, warm_up: int, counted: int) -> None:
        self.took_s = self.cpu_s = 0.0
        self._left = [warm_up, counted]

    def note(self, frames: int) -> bool:
        """Note so many more; say whether that is all."""
        before, counted = self._left
        self._left = [max(0, before - frames), counted - max(0, frames - before)]
        now_s, cpu_s = time.monotonic(), time.process_time()
        if before and not self._left[0]:
            self.took_s, self.cpu_s = now_s, cpu_s
        if self._left[1] > 0:
            return False
        self.took_s, self.cpu_s = now_s - self.took_s, cpu_s - self.cpu_s
        return True


def ours(settings: BrokerSettings, topic: str, folder: Path, meter: Meter) -> list[float]:
    """Keep as the archive does until the meter has all; return how long each frame took from its arrival, in seconds."""
    took_s: list[float] = []
    done: list[bool] = []
    clock = SystemClock()
    for place in ("store", "state"):
        (folder / place).mkdir()
    store = FolderStore(folder / "store", initialise(folder / "store"))
    catalog = Catalog(folder / "state")
    keeper = Keeper(Archive(store, catalog, clock, floor=Floor(0, clock.monotonic_s)), clock)
    subscription = Subscription(kinds=("frames",), group=Group(secrets.token_hex(4), "bench"))
    reader: Reader
    [reader] = TRANSPORT.readers(settings, subscription, keeper, clock)
    acknowledge = reader.acknowledge

    def note(deliveries: Iterable[Delivery]) -> None:
        of_topic = [each for each in deliveries if each.arrival.topic == topic]
        acknowledge(deliveries)
        took_s.extend((clock.utc_us() - each.arrival.arrived_at_us) / 1e6 for each in of_topic)
        if meter.note(len(of_topic)):
            done.append(True)

    reader.acknowledge = note  # type: ignore[method-assign]
    keeper.serve(reader)
    reader.start()
    while not done:
        time.sleep(0.05)
    reader.stop()
    reader.join()
    catalog.close()
    store.close()
    return took_s


def bare(settings: BrokerSettings, topic: str, folder: Path, meter: Meter) -> None:
    """Write what comes in groups as large, each durable before it is committed."""
    from kafka import KafkaConsumer

    options = {"group_id": secrets.token_hex(4), "auto_offset_reset": "earliest"}
    consumer = KafkaConsumer(topic, **{**settings.kafka_consumer(), **options})
    pool = ThreadPoolExecutor(SYNC_THREADS)
    group: list[tuple[int, bytes]] = []
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    while True:
        batch = consumer.poll(timeout_ms=250)
        for records in batch.values():
            for record in records:
                group.append((record.offset, record.value))
                size_bytes = sum(len(value) for _, value in group)
                if len(group) >= GROUP_MAX_COUNT or size_bytes >= GROUP_MAX_BYTES:
                    if _store(group, at, pool, meter):
                        return
                    consumer.commit()
                    group.clear()
        if group and not batch:
            if _store(group, at, pool, meter):
                return
            consumer.commit()
            group.clear()


def _store(group: list[tuple[int, bytes]], at: int, pool: ThreadPoolExecutor, meter: Meter) -> bool:
    files = {}
    for offset, value in group:
        files[offset] = os.open(f".{offset}.tmp", os.O_CREAT | os.O_WRONLY, 0o640, dir_fd=at)
        os.write(files[offset], value)
    list(pool.map(os.fsync, files.values()))
    for offset, descriptor in files.items():
        os.close(descriptor)
        os.rename(f".{offset}.tmp", f"{offset}.jpg", src_dir_fd=at, dst_dir_fd=at)
    os.fsync(at)
    return meter.note(len(group))


def pictures(camera: str, count: int, size_bytes: int | None = None) -> Iterator[Message]:
    """Yield messages of so many frames of 1080p, made larger with comments where a size is asked for."""
    from bench.screen import full_hd_bytes  # here: what is measured shall not have its libraries in memory

    epoch, seen = new_epoch(), full_hd_bytes()
    for seq in range(count):
        metadata = FrameMetadata(camera, FrameId(epoch, seq), time.time_ns() // 1_000, "sensor", True)
        jpeg = seen[seq % len(seen)]
        if size_bytes:
            comment = b"\xff\xfe" + (60_000).to_bytes(2) + bytes(59_998)
            jpeg = jpeg[:2] + comment * ((size_bytes - len(jpeg)) // len(comment)) + jpeg[2:]
        stamped = exif.stamp(jpeg, metadata, software="bench")
        yield encode_frame(Frame(metadata, stamped), "jpeg", "live")


def most_resident_bytes() -> int:
    """Return what this process had in memory at most; ``ru_maxrss`` begins with what its parent had."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def one_round(kind: str, broker: Broker, camera: str, warm_up: int, counted: int) -> list[float]:
    """Return what a new process of *kind* prints: seconds it took, of them of processor, bytes resident, and p95."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [kind, broker.container.address, broker.topic(camera), folder, str(warm_up), str(counted)]
        command = [sys.executable, "-m", "bench.archive", *arguments]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=ROUND_MAX_S)
    return [float(word) for word in done.stdout.split()]


def measure() -> Iterator[Row]:
    """Yield rows for the rate, the processor, the memory and the delay of a single still."""
    from stack.brokers import kafka
    from stack.viewing import make_topics

    with kafka() as container:
        broker = Broker("kafka", container)
        make_topics(container.address, ["bench", "large", "still"], ["frames"])
        with broker.client("bench") as client:
            deliver(client, broker.topic("bench"), *pictures("bench", WARM_UP + COUNTED))
        runs = [
            [one_round(kind, broker, "bench", WARM_UP, COUNTED) for kind in ("ours", "bare")]
            for _ in range(ROUNDS)
        ]
        yield Row(
            name="keeping 100 kB from Kafka, durable: frames a second",
            ours=statistics.median(COUNTED / run[0][0] for run in runs),
            peer=statistics.median(COUNTED / run[1][0] for run in runs),
            ratio=statistics.median(run[1][0] / run[0][0] for run in runs),
            unit="/s",
            goal=">= 0.8",
        )
        yield Row(
            name="the same: CPU a frame",
            ours=1_000 * statistics.median(run[0][1] / COUNTED for run in runs),
            peer=1_000 * statistics.median(run[1][1] / COUNTED for run in runs),
            ratio=statistics.median(run[0][1] / run[1][1] for run in runs),
            unit="ms",
            goal="",
        )
        with broker.client("large") as client:
            deliver(client, broker.topic("large"), *pictures("large", LARGE, LARGE_BYTES))
        resident = one_round("ours", broker, "large", 0, LARGE)[2]
        yield Row(
            name=f"resident at most, {LARGE} frames of 8 MiB", ours=resident / 1e6, unit="MB", goal="<= 300"
        )
        yield from stills(broker)


def stills(broker: Broker) -> Iterator[Row]:
    """One still after the other, each alone."""
    arguments = ["ours", broker.container.address, broker.topic("still")]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.archive", *arguments, folder, "0", str(STILLS)]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
            broker.client("still") as client,
        ):
            for message in pictures("still", STILLS):
                deliver(client, broker.topic("still"), message)
                time.sleep(0.5)
            said, _ = process.communicate(timeout=ROUND_MAX_S)
    yield Row(
        name="a single still, arrival to durable, p95",
        ours=float(said.split()[3]) * 1_000,
        unit="ms",
        goal="<= 500 ms",
    )


if __name__ == "__main__":
    kind_, address_, topic_, folder_, warm_up_, counted_ = sys.argv[1:]
    settings_ = BrokerSettings.model_validate({"type": "kafka", "brokers": address_})
    meter_ = Meter(int(warm_up_), int(counted_))
    if not int(warm_up_):
        meter_.took_s, meter_.cpu_s = time.monotonic(), time.process_time()
    run_ = {"ours": ours, "bare": bare}[kind_]
    late_s = sorted(run_(settings_, topic_, Path(folder_), meter_) or [0.0])
    print(meter_.took_s, meter_.cpu_s, most_resident_bytes(), late_s[int(len(late_s) * 0.95)])
    os._exit(0)  # a consumer of the library has threads that end late
