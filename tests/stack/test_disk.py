"""A server whose ``.env`` came from before there was ``make init``, and whose disk somebody tries to fill."""

import collections
import contextlib
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kafka.errors
import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from shutterbus_broker import disk
from shutterbus_broker.identities import Identities
from stack.servers import Identity, Server, server
from stack.test_identities import Producer

pytestmark = [pytest.mark.stack(minutes=1.5), pytest.mark.timeout(600)]

MESSAGE_MAX_BYTES = 8_388_620
SEED_ENV = f"""\
BROKER_HOSTNAME=ADDRESS
KAFKA_MESSAGE_MAX_BYTES={MESSAGE_MAX_BYTES}
SS_MAX_REQUEST_SIZE={MESSAGE_MAX_BYTES}
KAFKA_DISK_MAX=1140MiB
"""
SMALL = {"KAFKA_MESSAGE_MAX_BYTES": "2097164", "KAFKA_DISK_MAX": "1100MiB"}
FLOOD_S = 30
FLOOD_BYTES = 200_000_000
OUTSTANDING = 16


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Kafka alone."""
    with server(tmp_path_factory.mktemp("server"), "kafka", "setup", env=SEED_ENV) as made:
        made.up()
        yield made


@pytest.fixture(scope="module")
def gate(running: Server) -> Identity:
    """The only camera."""
    return running.enroll("gate")


def test_numbers_of_the_seed_mean_what_they_did(running: Server, gate: Identity) -> None:
    """Frames of 4K pass, to a server that is known by BROKER_HOSTNAME, and the lines are still there."""
    text = (running.folder / ".env").read_text()
    for line in SEED_ENV.replace("ADDRESS", running.address).splitlines():
        assert f"{line}\n" in text
    assert f"SERVER_NAME={running.address}\n" in text
    producer = Producer(gate)
    assert producer.send("shutterbus.gate.frames", bytes(MESSAGE_MAX_BYTES - 4096)) == "ok"
    producer.close()


def test_disk_holds_while_a_camera_floods_it(running: Server, gate: Identity) -> None:
    """From the moment the broker is back, when nothing has been trimmed yet; measured at its peak."""
    division = disk.of(Identities({}, {}).enrolled("cameras", "gate"), SMALL)
    frames = division.rooms.frames
    room = frames.retention_bytes + 2 * frames.segment_bytes + division.quota * disk.LATE_S
    data = running.folder / "state/kafka/data"
    _edit(running, **SMALL)
    running.up()
    ended = threading.Event()
    peaks = [0, 0]

    def watch() -> None:
        while not ended.wait(0.1):
            peaks[0] = max(peaks[0], _allocated(data / "shutterbus.gate.frames-0"))
            peaks[1] = max(peaks[1], _allocated(data))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        sent_bytes = _flood(gate)
    finally:
        ended.set()
        watcher.join()
    assert sent_bytes > 1.3 * room, "nothing had to be trimmed"
    assert peaks[0] <= room
    assert peaks[1] <= 1100 << 20


def _edit(running: Server, **settings: str) -> None:
    env = running.folder / ".env"
    text = env.read_text()
    for name, value in settings.items():
        text = re.sub(rf"(?m)^{name}=.*", f"{name}={value}", text)
    env.write_text(text)


def _allocated(folder: Path) -> int:
    """What the files in *folder* take of the disk; Kafka's indexes are longer than that."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return total


def _flood(gate: Identity) -> int:
    """Send as fast as the broker takes it, and return how many bytes it took."""
    producer = KafkaProducer(**gate.kafka.kafka_producer())
    value = bytes(1_000_000)
    taken_bytes = 0
    waiting: collections.deque[Any] = collections.deque()
    deadline_s = time.monotonic() + FLOOD_S
    try:
        while (left_s := deadline_s - time.monotonic()) > 0 and taken_bytes < FLOOD_BYTES:
            while len(waiting) < OUTSTANDING:
                waiting.append(producer.send("shutterbus.gate.frames", value))
            with contextlib.suppress(kafka.errors.KafkaTimeoutError):
                waiting[0].get(timeout=left_s)
                waiting.popleft()
                taken_bytes += len(value)
    finally:
        producer.close(timeout=60)
    return taken_bytes


def test_camera_for_which_there_is_no_room_is_refused_with_the_number_needed(running: Server) -> None:
    """And that number does."""
    with pytest.raises(RuntimeError, match=r"is 1\.07GiB, too little for 2 cameras.*at least 1\.2GiB"):
        running.make("enroll", CAMERA="yard")
    assert not (running.folder / "yard.tar").exists()
    _edit(running, KAFKA_DISK_MAX="1.2GiB")
    assert "yard.1 is enrolled" in running.make("enroll", CAMERA="yard")


def test_bare_ipv6_address_can_be_the_servers_own(running: Server, gate: Identity) -> None:
    """Kafka gives it out as it is looked up, without the brackets that its settings need."""
    running.make("init", HOST=f"fd00::10 {running.address}")
    running.up()
    with KafkaAdminClient(**gate.kafka.kafka_client()) as admin:
        (broker,) = admin._manager.cluster.brokers()
    assert (broker.host, broker.port) == ("fd00::10", 9093)
    running.make("enroll", CAMERA="gate")
    assert "SS_BROKERS=[fd00::10]:9093\n" in (running.unpacked("gate").secrets.parent / ".env").read_text()
