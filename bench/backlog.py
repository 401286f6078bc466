"""How long a live picture takes beside a backlog on a thin line, and without one.

Everything from the edge to Kafka goes through one line of 16 Mbit/s with a short queue that all connections share, first
come, first served, as in a plain router. Latency is from the offer of a live picture to the broker's confirmation.
"""

import contextlib
import logging
import queue
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench.rows import Row

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from edge.fakes_publish import picture
from shutterbus_edge.publish import Publisher
from shutterbus_edge.settings.edge import EdgeSettings
from shutterbus_edge.spool import Held, Spool
from shutterbus_runtime.clock import SystemClock
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire.frame import FrameMetadata
from stack.brokers import free_port, kafka

LINE_BYTES_PER_S = 16_000_000 / 8
PACKET_BYTES = 1_448
QUEUED_PACKETS = 45
"""About 64 kB, 32 ms of the line."""
BACKLOG, BACKLOG_BYTES = 200, 1_000_000
LIVE_BYTES, LIVE_EVERY_S = 100_000, 0.5
ROUNDS, SHOTS = 5, 16


class ThinLine:
    """Accepts connections on *listen* and carries them to *port*; what goes up shares one queue and one rate."""

    def __init__(self, listen: int, port: int) -> None:
        self._port = port
        self._queue: queue.Queue[tuple[socket.socket, bytes]] = queue.Queue(QUEUED_PACKETS)
        self._server = socket.create_server(("127.0.0.1", listen))
        # Inherited by what it accepts: a sender should feel the line and not the memory of this machine.
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024)
        for part in (self._accept, self._carry):
            threading.Thread(target=part, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                for part in (self._up, self._down):
                    threading.Thread(target=part, args=(near, far), daemon=True).start()

    def _up(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(PACKET_BYTES):
                self._queue.put((far, data))
        self._queue.put((far, b""))

    def _carry(self) -> None:
        free_at_s = time.monotonic()
        while True:
            far, data = self._queue.get()
            now_s = time.monotonic()
            # Up to 5 ms in advance: a sleep is not more exact than that.
            free_at_s = max(free_at_s, now_s - 0.005) + len(data) / LINE_BYTES_PER_S
            if free_at_s - now_s > 0.005:
                time.sleep(free_at_s - now_s)
            with contextlib.suppress(OSError):
                if data:
                    far.sendall(data)
                else:
                    far.shutdown(socket.SHUT_WR)

    def _down(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := far.recv(65_536):
                near.sendall(data)
        for connection in (near, far):
            connection.close()


class TimedSpool(Spool):
    """Notes when a picture has been confirmed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, camera="bench", clock=SystemClock(), mode="durable")
        self.confirmed_at_s: dict[str, float] = {}

    def ack(self, held: Held) -> None:
        self.confirmed_at_s[held.name] = time.perf_counter()
        super().ack(held)

    def keep(self, size_bytes: int) -> tuple[Held, FrameMetadata]:
        """Put a picture."""
        metadata = FrameMetadata("bench", self.next_id(), time.time_ns() // 1000)
        return self.put(metadata, picture(metadata, size_bytes)), metadata


def latencies_s(spool: TimedSpool, publisher: Publisher) -> list[float]:
    """Return how long each of SHOTS live pictures took."""
    offered_at_s: dict[str, float] = {}
    for _ in range(SHOTS):
        held, metadata = spool.keep(LIVE_BYTES)
        offered_at_s[held.name] = time.perf_counter()
        publisher.offer(held, metadata)
        time.sleep(LIVE_EVERY_S)
    while not offered_at_s.keys() <= spool.confirmed_at_s.keys():
        time.sleep(0.01)
    return [spool.confirmed_at_s[name] - at_s for name, at_s in offered_at_s.items()]


def measure() -> Iterator[Row]:
    """Yield one row."""
    logging.disable(logging.CRITICAL)  # clients say much when their broker goes
    listen = free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        kafka(KAFKA_ADVERTISED_LISTENERS=f"LAN://127.0.0.1:{listen}") as broker,
    ):
        ThinLine(listen, broker.port)
        admin = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{listen}")
        topics = ("shutterbus.bench.frames", "shutterbus.bench.telemetry")
        admin.create_topics(
            [NewTopic(name=topic, num_partitions=1, replication_factor=1) for topic in topics]
        )
        admin.close()
        spool = TimedSpool(Path(folder))
        settings = EdgeSettings(
            broker=BrokerSettings(type="kafka", brokers=(("127.0.0.1", listen),)), camera_id="bench"
        )
        publisher = Publisher(settings, "bench", spool, SystemClock())
        publisher.start()
        latencies_s(spool, publisher)  # to warm up
        alone = [statistics.median(latencies_s(spool, publisher)) for _ in range(ROUNDS)]
        for _ in range(BACKLOG):
            held, _facts = spool.keep(BACKLOG_BYTES)
            spool.release(held)
        beside = [statistics.median(latencies_s(spool, publisher)) for _ in range(ROUNDS)]
        sent = publisher.state().lanes["backlog"].published
        assert 0 < sent < BACKLOG, (
            f"{sent} of {BACKLOG} of the backlog went meanwhile: not all rounds were beside it"
        )
        publisher.stop(1)
        spool.close()
    ours_s, peer_s = statistics.median(beside), statistics.median(alone)
    yield Row(
        name="live picture of 100 kB beside a backlog of 200 x 1 MB at 16 Mbit/s: latency, p50",
        ours=ours_s * 1000,
        peer=peer_s * 1000,
        ratio=ours_s / peer_s,
        unit="ms",
        goal="<= 3",
    )
