"""Edge publish to Kafka, beside a bare kafka-python loop with the same settings and as much in pending.

Ours begins with pictures that the spool holds in memory, the next offered as soon as the live lane has taken one, and ends
when the spool has forgotten them all: read, message, confirmation, acknowledgement. The bare loop only sends and
waits for the confirmation. Both run in this process, in turn; a ratio is the median of the ratios of neighbouring rounds,
so that what else the machine does counts for both.
"""

import logging
import queue
import statistics
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.rows import Row

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from edge.fakes_publish import picture
from shutterbus_edge.publish import Publisher
from shutterbus_edge.settings.edge import EdgeSettings
from shutterbus_edge.spool import Held, Spool
from shutterbus_runtime.clock import SystemClock
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire.frame import Frame, FrameMetadata
from shutterbus_wire.identity import FrameId, new_epoch
from shutterbus_wire.message import encode_frame, kafka_headers
from stack.brokers import Container, kafka

ROUNDS = 9
SIZES = {"100 kB": (100_000, 300, 10), "1 MB": (1_000_000, 60, 2)}
"""Bytes of a picture, pictures in a round, and how many are in pending."""
COLUMNS = (("pictures a second", "/s", 1, ">= 0.9"), ("CPU a picture", "ms", 1000, "<= 1.25"))
TOPIC = "shutterbus.bench.frames"
FACTS = FrameMetadata("bench", FrameId(new_epoch(), 0), 1_750_000_000_000_000)

Round = Callable[[], tuple[float, float]]
"""Sends the pictures of one round; returns pictures a second, and seconds of CPU a picture."""


class Queue(Spool):
    """Offers the next picture when one is taken, and tells when all have left."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, camera="bench", clock=SystemClock(), mode="memory")
        self.offer: Callable[[Held, FrameMetadata], None]
        self.waiting: deque[tuple[Held, FrameMetadata]] = deque()
        self.unconfirmed = 0
        self.empty = threading.Event()

    def read(self, held: Held) -> bytes:
        data = super().read(held)
        if self.waiting:
            self.offer(*self.waiting.popleft())
        return data

    def ack(self, held: Held) -> None:
        super().ack(held)
        self.unconfirmed -= 1
        if not self.unconfirmed:
            self.empty.set()


def ours(broker: Container, size_bytes: int, count: int, folder: Path) -> tuple[Round, Callable[[], None]]:
    """Return a round of ours, and what ends it."""
    clock = SystemClock()
    spool = Queue(folder)
    settings = EdgeSettings(
        broker=BrokerSettings(type="kafka", brokers=(("127.0.0.1", broker.port),)), camera_id="bench"
    )
    publisher = Publisher(settings, "bench", spool, clock)
    spool.offer = publisher.offer
    publisher.start()
    while not publisher.state().lanes["live"].connected:
        time.sleep(0.05)

    def one_round() -> tuple[float, float]:
        metadata = [FrameMetadata("bench", spool.next_id(), clock.utc_us()) for _ in range(count)]
        held = [spool.put(each, picture(each, size_bytes)) for each in metadata]
        spool.waiting.extend(zip(held, metadata, strict=True))
        spool.unconfirmed = count
        spool.empty.clear()

        def send() -> None:
            spool.offer(*spool.waiting.popleft())
            spool.empty.wait()

        return timed(send, count)

    def end() -> None:
        publisher.stop(1)
        spool.close()

    return one_round, end


def bare(broker: Container, size_bytes: int, count: int, in_flight: int) -> tuple[Round, Callable[[], None]]:
    """Return a round of the bare loop, and what ends it."""
    settings = BrokerSettings(type="kafka", brokers=(("127.0.0.1", broker.port),))
    producer = KafkaProducer(**settings.kafka_producer(8_388_620))
    pictures = [picture(FACTS, size_bytes) for _ in range(count)]  # as many as ours has: memory costs, too
    headers = kafka_headers(encode_frame(Frame(FACTS, pictures[0]), "jpeg", "live"))
    confirmed: queue.SimpleQueue[None] = queue.SimpleQueue()

    def send() -> None:
        for number, data in enumerate(pictures):
            if number >= in_flight:
                confirmed.get()
            producer.send(TOPIC, data, key=b"bench", headers=headers).add_both(lambda _: confirmed.put(None))
        for _ in range(in_flight):
            confirmed.get()

    return lambda: timed(send, count), lambda: producer.close(timeout=5)


def timed(send: Callable[[], None], count: int) -> tuple[float, float]:
    """Return pictures a second and seconds of CPU a picture of *send*, which sends *count*."""
    cpu_s, started_s = time.process_time(), time.perf_counter()
    send()
    took_s = time.perf_counter() - started_s
    return count / took_s, (time.process_time() - cpu_s) / count


def measure() -> Iterator[Row]:
    """Yield two rows a size."""
    logging.getLogger("kafka").setLevel(
        logging.CRITICAL
    )  # the bare producer says much when it begins and ends
    with kafka() as broker, tempfile.TemporaryDirectory() as folder:
        admin = KafkaAdminClient(bootstrap_servers=broker.address)
        topics = (TOPIC, "shutterbus.bench.telemetry")
        admin.create_topics(
            [NewTopic(name=topic, num_partitions=1, replication_factor=1) for topic in topics]
        )
        admin.close()
        for name, (size_bytes, count, in_flight) in SIZES.items():
            our_round, end_ours = ours(broker, size_bytes, count, Path(folder) / name.replace(" ", ""))
            bare_round, end_bare = bare(broker, size_bytes, count, in_flight)
            for warm_up in (our_round, bare_round):
                warm_up()
            runs = [(our_round(), bare_round()) for _ in range(ROUNDS)]
            end_ours()
            end_bare()
            for i, (what, unit, scale, goal) in enumerate(COLUMNS):
                yield Row(
                    name=f"publish to Kafka, {name}: {what}",
                    ours=scale * statistics.median(run[0][i] for run in runs),
                    peer=scale * statistics.median(run[1][i] for run in runs),
                    ratio=statistics.median(run[0][i] / run[1][i] for run in runs),
                    unit=unit,
                    goal=goal,
                )
