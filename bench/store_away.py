"""How late pictures are live while the archive's store is away, against while it is there: one broker feeds both.

Four cameras of 1080p, five pictures a second each, through Kafka to the viewer's readers; the archive runs beside them as a process of
its own. Its folder is moved away and back, as a disk that is unmounted and mounted, in turns.
"""

import contextlib
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.archive import pictures
from bench.rows import Row

from shutterbus_transport.consuming import Delivery
from shutterbus_wire.message import decode_frame
from stack.archiving import ArchiveProcess
from stack.brokers import kafka
from stack.viewing import make_topics, watching
from stack.waiting import wait_until
from transport.rig import Broker, deliver

CAMERAS = ("gate", "yard", "roof", "pond")
RATE = 5.0
ROUNDS = 5
ROUND_S = 15.0
PATIENT_S = 120


class Delays:
    """How old each picture was when the viewer had it, in seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: list[float] = []

    def note(self, delivery: Delivery) -> None:
        age_s = time.time() - decode_frame(delivery.arrival).metadata.captured_at_us / 1e6
        with self._lock:
            self._seen.append(age_s)

    def take(self) -> list[float]:
        """Return those of what came since it was asked last, the shortest first."""
        with self._lock:
            seen, self._seen = self._seen, []
        return sorted(seen)


def send(broker: Broker, camera: str, end: threading.Event, sent: list[int]) -> None:
    """Send a picture each ``1 / RATE`` s until *end*."""
    due_s = time.monotonic()
    with broker.client(camera) as client:
        for message in pictures(camera, 1_000_000):
            deliver(client, broker.topic(camera), message)
            sent.append(1)
            due_s += 1 / RATE
            if end.wait(max(0.0, due_s - time.monotonic())):
                return


def measure() -> Iterator[Row]:
    """Yield a row for the 99th percentile."""
    end, sent, delays = threading.Event(), list[int](), Delays()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = Broker("kafka", stack.enter_context(kafka()))
        make_topics(broker.container.address, CAMERAS)
        store, away = folder / "store", folder / "away"
        store.mkdir()
        viewer = stack.enter_context(watching(kafka=broker.container.address))
        take = viewer.intake.frame

        def note_and_take(delivery: Delivery) -> bool:
            delays.note(delivery)
            return take(delivery)

        viewer.intake.frame = note_and_take  # type: ignore[method-assign]
        archive = stack.enter_context(ArchiveProcess(broker, folder, ARCHIVE_DIR=str(store)))
        archive.start()
        senders = [threading.Thread(target=send, args=(broker, camera, end, sent)) for camera in CAMERAS]
        for sender in senders:
            sender.start()
            stack.callback(sender.join)
        stack.callback(end.set)
        there, gone = [], []
        for _ in range(ROUNDS):
            wait_until(
                lambda: len(sent) > 100 and kept(archive) > len(sent) - 20, PATIENT_S, archive.said, 0.5
            )
            there.append(one_round(delays))
            store.rename(away)
            wait_until(lambda: "is its disk mounted" in archive.said(), PATIENT_S, archive.said, 0.5)
            gone.append(one_round(delays))
            away.rename(store)
    yield Row(
        name="live p99, the archive's store away, against there",
        ours=1_000 * statistics.median(gone),
        peer=1_000 * statistics.median(there),
        ratio=statistics.median(late / soon for late, soon in zip(gone, there, strict=True)),
        unit="ms",
        goal="<= 1.2",
    )


def kept(archive: ArchiveProcess) -> int:
    """Return how many frames are in the archive; none as long as it has no catalog."""
    with contextlib.suppress(sqlite3.OperationalError):
        return len(archive.rows())
    return 0


def one_round(delays: Delays) -> float:
    """Return the 99th percentile of a while from now on."""
    delays.take()
    time.sleep(ROUND_S)
    seen = delays.take()
    return seen[int(len(seen) * 0.99)]
