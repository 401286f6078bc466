"""An edge that plays a folder of 1080p pictures of 100 kB to MQTT, against a bare paho loop that reads and publishes them.

Ours runs as a user runs it, with its default spool (in memory, on disk after 2 s), and what both its processes take is counted. A
raw subscriber tells how long the hop takes, from when the picture has been read to when it is here. The two take turns.
"""

import itertools
import queue
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt
from bench.rows import Row
from bench.screen import full_hd_bytes
from paho.mqtt.enums import CallbackAPIVersion

from shutterbus_wire.exif import read_metadata
from stack.brokers import Container, mosquitto
from stack.programs import BIN, program

RATE = 20.0
ROUNDS = 7
WARM_UP, COUNTED = 40, 200
"""Pictures of a round that do not count, and that do."""
SILENCE_MAX_S = 30.0


@dataclass(frozen=True, slots=True)
class Round:
    """What a picture took: seconds of processor, and of the hop at p50."""

    cpu_s: float
    hop_s: float


def cpu_s(pid: int) -> float:
    """Return how many seconds of processor the threads of process *pid* and its children have had, to the us."""
    total_s = 0.0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total_s += int((task / "schedstat").read_text().split()[0]) / 1e9
        total_s += sum(cpu_s(int(child)) for child in (task / "children").read_text().split())
    return total_s


class Arrivals:
    """A raw subscriber. It speaks MQTT 3.1.1, for which the broker leaves out the properties that only ours would have."""

    def __init__(self, broker: Container, topic: str) -> None:
        self._arrived: queue.SimpleQueue[tuple[int, bytes]] = queue.SimpleQueue()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._note
        self._client.connect("127.0.0.1", broker.port)
        self._client.subscribe(topic, qos=1)
        self._client.loop_start()

    def _note(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        self._arrived.put((time.time_ns() // 1_000, bytes(message.payload)))

    def take(self, count: int) -> list[tuple[int, bytes]]:
        """Return the next *count*: when they arrived in us since 1970, and what they are."""
        return [self._arrived.get(timeout=SILENCE_MAX_S) for _ in range(count)]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def measured(
    broker: Container,
    topic: str,
    command: Sequence[str],
    environment: dict[str, str],
    sent_at_us: Callable[[bytes], int],
) -> Round:
    """Return what *command* takes while it publishes to *topic*."""
    arrivals = Arrivals(broker, topic)
    with tempfile.TemporaryDirectory() as folder:
        spool = {"SPOOL_DIR": f"{folder}/spool"}
        with program(command, environment | spool, Path(folder) / "log") as running:
            arrivals.take(WARM_UP)
            before_s = cpu_s(running.process.pid)
            arrived = arrivals.take(COUNTED)
            took_s = cpu_s(running.process.pid) - before_s
    arrivals.close()
    hops_us = [at_us - sent_at_us(payload) for at_us, payload in arrived]
    return Round(took_s / COUNTED, statistics.median(hops_us) / 1e6)


def ours(broker: Container, folder: Path) -> Round:
    """The edge, capture process included."""
    environment = {
        "CAMERA_ID": "bench",
        "CAMERA_SOURCE": f"file:{folder}",
        "PICAMERA_FRAMERATE": str(RATE),
        "SS_TYPE": "mqtt",
        "SS_BROKERS": broker.address,
        "HEALTH_PORT": "0",
    }

    def captured_at_us(payload: bytes) -> int:
        metadata = read_metadata(payload)
        assert metadata
        return metadata.captured_at_us

    command = [str(BIN / "shutterbus-edge"), "run"]
    return measured(broker, "shutterbus/bench/frames", command, environment, captured_at_us)


def bare(broker: Container, folder: Path) -> Round:
    """The loop below in a process of its own."""
    environment = {"PYTHONPATH": f"{Path.cwd()}:{Path.cwd() / 'tests'}"}
    command = [sys.executable, "-m", "bench.mqtt_edge", str(broker.port), str(folder)]
    return measured(
        broker, "bench/bare", command, environment, lambda payload: int.from_bytes(payload[-8:], "big")
    )


def bare_loop(port: int, folder: Path) -> None:
    """Publish each picture with the time behind it; runs until ended."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    due_s = time.monotonic()
    for path in itertools.cycle(sorted(folder.iterdir())):
        due_s += 1 / RATE
        time.sleep(max(0.0, due_s - time.monotonic()))
        jpeg = path.read_bytes()
        client.publish("bench/bare", jpeg + struct.pack(">q", time.time_ns() // 1_000), qos=1)


def measure() -> Iterator[Row]:
    """Yield a row for the processor and one for the hop."""
    with tempfile.TemporaryDirectory() as name, mosquitto() as broker:
        folder = Path(name)
        for number, jpeg in enumerate(full_hd_bytes()):
            (folder / f"{number}.jpg").write_bytes(jpeg)
        runs = [(ours(broker, folder), bare(broker, folder)) for _ in range(ROUNDS)]
    yield Row(
        name="edge, a folder of 1080p pictures to MQTT: CPU a picture, both processes, against a bare paho loop",
        ours=1_000 * statistics.median(ours.cpu_s for ours, _ in runs),
        peer=1_000 * statistics.median(bare.cpu_s for _, bare in runs),
        ratio=statistics.median(ours.cpu_s / bare.cpu_s for ours, bare in runs),
        unit="ms",
        goal="<= 2.5",
    )
    yield Row(
        name="the same: from the picture to a subscriber, p50",
        ours=1_000 * statistics.median(ours.hop_s for ours, _ in runs),
        peer=1_000 * statistics.median(bare.hop_s for _, bare in runs),
        unit="ms",
        goal="+ 1 ms",
    )


if __name__ == "__main__":
    bare_loop(int(sys.argv[1]), Path(sys.argv[2]))
