"""What the publisher promises, asked of a real Kafka, a real Mosquitto, and a broker that speaks MQTT 3.1.1 only."""

import contextlib
import gc
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import paho.mqtt.client as mqtt
import pytest
from kafka import KafkaAdminClient, KafkaConsumer
from kafka.admin import NewTopic
from paho.mqtt.enums import CallbackAPIVersion

from edge.fakes_publish import picture
from shutterbus_edge.publish import Publisher
from shutterbus_edge.settings.edge import EdgeSettings, PublishSettings
from shutterbus_edge.spool import Held, Spool
from shutterbus_runtime.clock import SystemClock
from shutterbus_transport.sending import Outgoing, SendingClient
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire import exif
from shutterbus_wire.frame import FrameMetadata, Lane
from shutterbus_wire.message import Message
from shutterbus_wire.telemetry import Reading, Status, encode_telemetry
from stack.brokers import Container, docker, kafka, mosquitto

pytestmark = [
    pytest.mark.stack(minutes=0.8),
    # kafka-python leaves it to the garbage collector to close a socket whose connecting failed.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

Transport = Literal["kafka", "mqtt"]
LIMIT_BYTES = 500_000
CAMERAS = iter(f"camera-{n}" for n in range(1000))


@dataclass
class Received:
    """One message as a raw client saw it."""

    kind: str
    lane: str
    seq: int
    value: bytes


@dataclass
class Place:
    """A broker, a camera with its topics, and a raw client that sees everything sent to them."""

    transport: Transport
    address: tuple[str, int]
    camera: str
    broker: Container | None = None
    received: list[Received] = field(default_factory=list)
    seen: "queue.SimpleQueue[Received]" = field(default_factory=queue.SimpleQueue)
    topic: str | None = None
    credentials: dict[str, Any] = field(default_factory=dict)

    @property
    def frames(self) -> list[Received]:
        """Pictures in the order of arrival."""
        while True:
            try:
                self.received.append(self.seen.get_nowait())
            except queue.Empty:
                return [message for message in self.received if message.kind == "frame"]

    @property
    def seqs(self) -> list[int]:
        return [frame.seq for frame in self.frames]

    def settings(self, **more: Any) -> EdgeSettings:
        broker = BrokerSettings(
            type=self.transport, brokers=(self.address,), topic=self.topic, **self.credentials, **more
        )
        return EdgeSettings(broker=broker, camera_id=self.camera, publish=PublishSettings())


class Edge:
    """A publisher with its spool, and a camera that shoots when told."""

    def __init__(self, place: Place, folder: Path, **more: Any) -> None:
        self.place = place
        self.clock = SystemClock()
        self.spool = Spool(folder / "spool", camera=place.camera, clock=self.clock)
        self.publisher = Publisher(place.settings(**more), place.camera, self.spool, self.clock)
        self.shot: list[Held] = []

    def shoot(self, size_bytes: int = 20_000) -> Held:
        metadata = FrameMetadata(self.place.camera, self.spool.next_id(), self.clock.utc_us())
        held = self.spool.put(metadata, picture(metadata, size_bytes))
        self.shot.append(held)
        self.publisher.offer(held)
        return held

    def keep(self, count: int, size_bytes: int = 20_000) -> None:
        for _ in range(count):
            metadata = FrameMetadata(self.place.camera, self.spool.next_id(), self.clock.utc_us())
            held = self.spool.put(metadata, picture(metadata, size_bytes))
            self.shot.append(held)
            self.spool.release(held)

    def shoot_until(self, condition: Callable[[], bool], within_s: float = 30, every_s: float = 0.1) -> None:
        """Shoot ten times a second until *condition* holds."""
        deadline_s = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline_s, self.publisher.state()
            self.shoot()
            time.sleep(every_s)

    def wait(self, condition: Callable[[], bool], within_s: float = 30) -> None:
        deadline_s = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline_s, (self.publisher.state(), self.spool.counts())
            time.sleep(0.05)

    def wait_all_sent(self, within_s: float = 60) -> None:
        self.wait(lambda: self.spool.counts().held_frames == 0, within_s)

    def close(self, grace_s: float = 5) -> None:
        self.publisher.stop(grace_s)
        self.spool.close()


@pytest.fixture(scope="module")
def kafka_broker() -> Iterator[Container]:
    with kafka() as broker:
        yield broker


@pytest.fixture(scope="module")
def mosquitto_broker() -> Iterator[Container]:
    with mosquitto(f"max_packet_size {LIMIT_BYTES}") as broker:
        yield broker


@pytest.fixture(scope="module")
def old_broker() -> Iterator[int]:
    """The port of a broker that speaks MQTT 3.1.1 only."""
    with subprocess.Popen(
        [sys.executable, "-m", "shutterbus_broker.embedded"], stdout=subprocess.PIPE, text=True
    ) as broker:
        assert broker.stdout is not None
        yield int(broker.stdout.readline())
        broker.terminate()


def fresh_place(transport: Transport, broker: Container) -> Place:
    """Return a camera that *broker* does not know yet, with its topics."""
    here = Place(transport, ("127.0.0.1", broker.port), next(CAMERAS), broker)
    if transport == "kafka":
        create_topics(here, f"shutterbus.{here.camera}.frames", f"shutterbus.{here.camera}.telemetry")
    return here


@pytest.fixture(params=["kafka", "mqtt"])
def unwatched_place(request: pytest.FixtureRequest) -> Place:
    """A fresh camera on a real broker of either kind."""
    transport: Transport = request.param
    return fresh_place(
        transport, request.getfixturevalue("kafka_broker" if transport == "kafka" else "mosquitto_broker")
    )


@pytest.fixture
def place(unwatched_place: Place) -> Iterator[Place]:
    """The same, and a raw client that sees what arrives; it has threads and files of its own."""
    with watching(unwatched_place):
        yield unwatched_place


@pytest.fixture
def edge(place: Place, tmp_path: Path) -> Iterator[Edge]:
    made = Edge(place, tmp_path)
    yield made
    made.close(0)


@pytest.fixture
def edges(kafka_broker: Container, mosquitto_broker: Container, tmp_path: Path) -> Iterator[list[Edge]]:
    """An edge on each broker, for what takes long and is mostly waiting."""
    brokers: dict[Transport, Container] = {"kafka": kafka_broker, "mqtt": mosquitto_broker}
    with contextlib.ExitStack() as stack:
        made = []
        for transport, broker in brokers.items():
            here = fresh_place(transport, broker)
            stack.enter_context(watching(here))
            made.append(Edge(here, tmp_path / transport))
            stack.callback(made[-1].close, 0)
        yield made


def at_once(edges: Sequence[Edge], what: Callable[[Edge], None]) -> None:
    """Do it with each edge at the same time."""
    with ThreadPoolExecutor(len(edges)) as pool:
        for done in [pool.submit(what, edge) for edge in edges]:
            done.result()


def create_topics(place: Place, *topics: str) -> None:
    admin = KafkaAdminClient(
        bootstrap_servers=f"127.0.0.1:{place.address[1]}", **place.credentials.get("admin", {})
    )
    # As CONTRIBUTING says of Kafka: where a topic has a limit of its own, that is the one which counts.
    configs = {"max.message.bytes": str(LIMIT_BYTES)}
    admin.create_topics(
        [
            NewTopic(name=topic, num_partitions=1, replication_factor=1, topic_configs=configs)
            for topic in topics
        ]
    )
    admin.close()


@contextlib.contextmanager
def watching(place: Place) -> Iterator[None]:
    """See, with a raw client, everything that is sent to the camera's topics."""
    stop = threading.Event()
    ready = threading.Event()
    watch = _watch_kafka if place.transport == "kafka" else _watch_mqtt
    thread = threading.Thread(target=watch, args=(place, ready, stop), name="watching", daemon=True)
    thread.start()
    assert ready.wait(20)
    yield
    stop.set()
    thread.join(20)


def _watch_kafka(place: Place, ready: threading.Event, stop: threading.Event) -> None:
    consumer = KafkaConsumer(
        bootstrap_servers=f"127.0.0.1:{place.address[1]}",
        auto_offset_reset="earliest",
        group_id=None,
        reconnect_backoff_max_ms=1000,
        metadata_max_age_ms=1000,
    )
    consumer.subscribe(pattern=f"^shutterbus\\.{place.camera}\\.(frames|telemetry)$")
    ready.set()
    while not stop.is_set():
        for records in consumer.poll(timeout_ms=200).values():
            for record in records:
                _note(
                    place,
                    {name.removeprefix("ce_"): value.decode() for name, value in record.headers},
                    record.value,
                )
    consumer.close()


def _watch_mqtt(place: Place, ready: threading.Event, stop: threading.Event) -> None:
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=f"watching-{place.camera}", protocol=mqtt.MQTTv5
    )
    client.reconnect_delay_set(1, 1)
    client.on_connect = lambda subscriber, *_: subscriber.subscribe(
        place.topic or f"shutterbus/{place.camera}/#", qos=1
    )
    client.on_subscribe = lambda *_: ready.set()

    def on_message(_client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if not message.retain:
            attributes = dict(getattr(message.properties, "UserProperty", []))
            _note(place, attributes, bytes(message.payload))

    client.on_message = on_message
    client.connect_async(*place.address)
    client.loop_start()
    stop.wait()
    client.disconnect()
    client.loop_stop()


def _note(place: Place, attributes: dict[str, str], value: bytes) -> None:
    kind = attributes.get("type", "shutterbus.frame.v1").removeprefix("shutterbus.").removesuffix(".v1")
    place.seen.put(Received(kind, attributes.get("lane", ""), int(attributes.get("sequence", -1)), value))


def test_every_picture_arrives_whole_and_leaves_the_spool(edge: Edge) -> None:
    edge.publisher.start()
    edge.shoot_until(lambda: len(edge.shot) == 20, every_s=0.05)
    edge.wait_all_sent()
    edge.wait(lambda: len(set(edge.place.seqs)) == 20)

    assert {frame.lane for frame in edge.place.frames} <= {"live", "backlog"}
    assert all(
        frame.value.startswith(b"\xff\xd8") and frame.value.endswith(b"\xff\xd9")
        for frame in edge.place.frames
    )
    assert edge.publisher.state().published == 20


def test_backlog_arrives_oldest_first_and_behind_the_live_picture(edge: Edge) -> None:
    edge.keep(60)
    newest = edge.shoot()
    edge.publisher.start()
    edge.wait_all_sent()
    edge.wait(lambda: len(edge.place.frames) >= 61)

    assert edge.place.frames[0].seq == newest.id.seq
    assert [frame.seq for frame in edge.place.frames if frame.lane == "backlog"] == list(range(60))


def start_patiently(broker: Container) -> None:
    """Start a stopped broker; a busy machine takes its time, which is not what is tested."""
    docker("start", broker.name)
    broker.wait_ready(170)


@pytest.mark.alone
@pytest.mark.parametrize("end", [pytest.param("stop", marks=pytest.mark.soak), "kill"])
def test_after_an_outage_the_newest_is_first_and_nothing_is_missing(edges: list[Edge], end: str) -> None:
    at_once(edges, lambda edge: _after_an_outage_the_newest_is_first(edge, end))


def _after_an_outage_the_newest_is_first(edge: Edge, end: str) -> None:
    broker = edge.place.broker
    assert broker is not None
    edge.publisher.start()
    edge.shoot_until(lambda: len(edge.place.frames) > 10)
    away = threading.Thread(target=broker.stop if end == "stop" else broker.kill)
    away.start()
    edge.shoot_until(lambda: not away.is_alive(), 60)
    taken_before = len(edge.shot)
    started_s = time.monotonic()
    edge.shoot_until(lambda: time.monotonic() - started_s > 8)
    before = len(edge.place.frames)
    back = threading.Thread(target=start_patiently, args=(broker,))
    back.start()
    edge.shoot_until(lambda: not back.is_alive(), 180)
    returned_s = time.monotonic()
    edge.shoot_until(lambda: len(edge.place.frames) > before, 10)
    assert time.monotonic() - returned_s < 10
    edge.wait_all_sent()
    edge.wait(lambda: set(edge.place.seqs) == set(range(len(edge.shot))))

    # What the broker itself had kept of the time before may come first: that is not the edge's order.
    after = [frame for frame in edge.place.frames[before:] if frame.seq >= taken_before]
    assert after[0].lane == "live"
    assert after[0].seq > max(frame.seq for frame in after if frame.lane == "backlog")


@pytest.mark.alone
def test_frozen_broker_loses_nothing_and_is_live_again_within_ten_seconds(edges: list[Edge]) -> None:
    at_once(edges, _live_again_within_ten_seconds)


def _live_again_within_ten_seconds(edge: Edge) -> None:
    broker = edge.place.broker
    assert broker is not None
    edge.publisher.start()
    edge.shoot_until(lambda: len(edge.place.frames) > 5)
    broker.pause()
    paused_s = time.monotonic()
    edge.shoot_until(lambda: time.monotonic() - paused_s > 20)
    broker.unpause()
    newest = edge.shoot()
    edge.shoot_until(lambda: any(frame.seq >= newest.id.seq for frame in edge.place.frames), 10)
    edge.wait_all_sent()
    edge.wait(lambda: set(edge.place.seqs) == set(range(len(edge.shot))))


def test_limit_is_learnt_and_a_picture_over_it_does_not_stop_the_next(edge: Edge) -> None:
    edge.publisher.start()
    edge.wait(lambda: edge.publisher.frame_max_bytes is not None)
    assert edge.publisher.frame_max_bytes == LIMIT_BYTES - 4096

    edge.shoot(LIMIT_BYTES - 5000)
    edge.wait_all_sent()
    edge.shoot(LIMIT_BYTES + 5000)
    edge.shoot()
    edge.wait_all_sent()
    edge.wait(lambda: set(edge.place.seqs) == {0, 2})

    assert edge.spool.counts().this_epoch.quarantined == 1
    assert edge.publisher.state().lanes["live"].reason == ""


def test_picture_that_the_broker_itself_refuses_does_not_stop_the_next(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when its limit was lowered after we asked."""
    monkeypatch.setattr("shutterbus_edge.publish.lane.Lane._check_size", lambda *_: None)
    monkeypatch.setattr("shutterbus_transport.kafka.sending.KafkaClient._ask_limit", lambda *_: None)
    edge.publisher.start()
    edge.shoot(LIMIT_BYTES + 50_000)
    edge.wait_all_sent()
    edge.shoot()
    edge.wait_all_sent()
    edge.wait(lambda: set(edge.place.seqs) == {1})

    assert edge.spool.counts().this_epoch.quarantined == 1


def test_telemetry_and_status_arrive_beside_the_pictures(edge: Edge) -> None:
    edge.publisher.publish_status(Status(camera=edge.place.camera, state="online", since_us=1))
    edge.publisher.start()
    seq = edge.spool.next_telemetry_seq("readings-cpu")
    reading = Reading(
        camera=edge.place.camera, epoch=edge.spool.epoch, seq=seq, at_us=1, sensor="cpu", values={"t": 1.0}
    )
    edge.publisher.offer_telemetry(
        edge.spool.put_telemetry(reading.stream, seq, encode_telemetry(reading, "live").value)
    )
    edge.wait(lambda: edge.spool.counts().held_telemetry == 0)
    edge.close()
    edge.wait(lambda: bool(edge.place.frames) or len(edge.place.received) >= 3)

    kinds = [message.kind for message in edge.place.received]
    assert kinds.count("reading") == 1
    first, *_, last = [message.value for message in edge.place.received if message.kind == "status"]
    assert b'"online"' in first
    assert b'"offline"' in last


def test_stop_sends_what_is_live_and_keeps_the_rest(place: Place, tmp_path: Path) -> None:
    edge = Edge(place, tmp_path)
    edge.publisher.start()
    edge.wait(lambda: edge.publisher.state().lanes["live"].connected)
    newest = edge.shoot()
    edge.close(grace_s=5)
    edge.wait(lambda: place.seqs == [newest.id.seq])

    again = Edge(place, tmp_path)
    again.keep(3)
    again.publisher.start()
    again.wait_all_sent()
    again.close()
    assert {thread.name for thread in threading.enumerate() if thread.name.startswith("publish")} == set()


def test_twenty_connections_leave_no_thread_and_no_file_open(unwatched_place: Place, tmp_path: Path) -> None:
    edge = Edge(unwatched_place, tmp_path)
    opened = edge.publisher._live.connection._open_client
    message = Outgoing(
        edge.publisher._encoder.frames_topic,
        b"x",
        Message(bytes(200_000), "image/jpeg", {"type": "x", "sequence": "0"}),
    )

    def connect_send_close() -> None:
        client: SendingClient = opened()
        client.send(message, lambda _: None)
        client.close()

    connect_send_close()
    gc.collect()
    before = threads_and_files()
    for _ in range(20):
        connect_send_close()
    gc.collect()
    assert threads_and_files() <= before
    edge.close(0)


def threads_and_files() -> tuple[int, int]:
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


def test_connection_closed_with_a_large_message_unsent_leaves_nothing_open(
    unwatched_place: Place, tmp_path: Path
) -> None:
    """As on a frozen broker: the message does not fit into the kernel's buffers."""
    assert unwatched_place.broker is not None
    edge = Edge(unwatched_place, tmp_path)
    before = threads_and_files()
    client = edge.publisher._live.connection._open_client()
    message = Outgoing(
        edge.publisher._encoder.frames_topic,
        b"x",
        Message(bytes(LIMIT_BYTES - 9000), "image/jpeg", {"type": "x", "sequence": "0"}),
    )
    unwatched_place.broker.pause()
    for _ in range(8):
        client.send(message, lambda _: None)
    time.sleep(0.5)
    client.close()
    unwatched_place.broker.unpause()
    del client
    gc.collect()

    assert threads_and_files() <= before
    edge.close(0)


# Kafka alone.


def test_missing_topic_waits_and_is_found_when_it_has_been_created(
    kafka_broker: Container, tmp_path: Path
) -> None:
    place = Place("kafka", ("127.0.0.1", kafka_broker.port), next(CAMERAS))
    edge = Edge(place, tmp_path)
    edge.publisher.start()
    edge.shoot()
    edge.wait(lambda: "no topic" in edge.publisher.state().lanes["live"].reason)
    assert f"shutterbus.{place.camera}.frames" in edge.publisher.state().lanes["live"].reason
    edge.shoot()

    create_topics(place, f"shutterbus.{place.camera}.frames")
    edge.wait_all_sent()
    edge.close()


def test_missing_telemetry_topic_holds_up_no_picture(kafka_broker: Container, tmp_path: Path) -> None:
    place = Place("kafka", ("127.0.0.1", kafka_broker.port), next(CAMERAS))
    create_topics(place, f"shutterbus.{place.camera}.frames")
    edge = Edge(place, tmp_path)
    edge.publisher.publish_status(Status(camera=place.camera, state="online", since_us=1))
    edge.publisher.start()
    seq = edge.spool.next_telemetry_seq("readings-cpu")
    reading = Reading(
        camera=place.camera, epoch=edge.spool.epoch, seq=seq, at_us=1, sensor="cpu", values={"t": 1.0}
    )
    edge.publisher.offer_telemetry(
        edge.spool.put_telemetry(reading.stream, seq, encode_telemetry(reading, "live").value)
    )
    edge.wait(lambda: "telemetry" in edge.publisher.state().lanes["live"].reason)
    edge.shoot_until(lambda: len(edge.shot) == 20)
    edge.wait_all_sent()

    assert edge.publisher.state().lanes["live"].published >= 15
    assert "telemetry" in edge.publisher.state().lanes["live"].reason
    assert edge.spool.counts().held_telemetry == 1
    edge.close()


# MQTT alone.


def test_nobody_listens_is_said_and_the_picture_kept_until_somebody_does(
    mosquitto_broker: Container, tmp_path: Path
) -> None:
    place = Place("mqtt", ("127.0.0.1", mosquitto_broker.port), next(CAMERAS))
    edge = Edge(place, tmp_path)
    edge.publisher.start()
    edge.shoot()
    edge.wait(lambda: "nobody listens" in edge.publisher.state().lanes["live"].reason)
    assert edge.spool.counts().held_frames == 1

    with watching(place):
        edge.wait_all_sent(10)
        edge.wait(lambda: place.seqs == [0])
    edge.close()


def test_broker_of_an_older_version_is_spoken_to_in_its_own(
    old_broker: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Said once, whatever number of connections follows."""
    place = Place("mqtt", ("127.0.0.1", old_broker), next(CAMERAS))
    edge = Edge(place, tmp_path)
    edge.publisher.start()
    edge.keep(5)
    edge.shoot()
    edge.wait_all_sent()
    edge.publisher._live.connection.close()
    edge.shoot()
    edge.wait_all_sent()
    edge.close()

    assert sum("3.1.1" in message for message in caplog.messages) == 1


@pytest.mark.parametrize("lane", ["live", "backlog"])
def test_picture_on_which_a_broker_hangs_up_is_set_aside_and_the_next_one_flows(
    mosquitto_broker: Container, tmp_path: Path, caplog: pytest.LogCaptureFixture, lane: Lane
) -> None:
    """MQTT 3.1.1 has no word for a limit: Mosquitto reads the length, and closes."""
    place = Place("mqtt", ("127.0.0.1", mosquitto_broker.port), next(CAMERAS))
    edge = Edge(place, tmp_path, protocol=4)
    edge.publisher.publish_status(Status(camera=place.camera, state="online", since_us=1))
    with watching(place):
        if lane == "backlog":
            edge.keep(3)
            edge.keep(1, LIMIT_BYTES + 5000)
            edge.keep(20)
            edge.publisher.start()
        else:
            edge.publisher.start()
            edge.shoot()
            edge.wait_all_sent()
            edge.shoot(LIMIT_BYTES + 5000)
            edge.wait_all_sent()
            edge.shoot(LIMIT_BYTES - 5000)
        edge.wait_all_sent()
        edge.wait(
            lambda: len(place.frames) >= len(edge.shot)
        )  # the status among them: nothing here tells it apart
        edge.close()

    assert edge.spool.counts().this_epoch.quarantined == 1
    sentence = next(message for message in caplog.messages if "is set aside" in message)
    assert f"it has {edge.shot[3 if lane == 'backlog' else 1].size_bytes:,} bytes" in sentence
    assert f"127.0.0.1:{mosquitto_broker.port} hung up without saying why 3 times in a row" in sentence
    arrived = {metadata.id.seq for frame in place.frames if (metadata := facts_of(frame.value))}
    assert arrived == {held.id.seq for held in edge.shot} - {3 if lane == "backlog" else 1}


def facts_of(value: bytes) -> FrameMetadata | None:
    return exif.read_metadata(value) if value.startswith(b"\xff\xd8") else None


def test_will_says_that_a_lost_camera_is_offline(mosquitto_broker: Container, tmp_path: Path) -> None:
    place = Place("mqtt", ("127.0.0.1", mosquitto_broker.port), next(CAMERAS))
    with watching(place):
        edge = Edge(place, tmp_path)
        edge.publisher.publish_status(
            Status(camera=place.camera, state="online", since_us=1, source="testcard")
        )
        edge.publisher.start()
        edge.wait(lambda: edge.publisher.state().lanes["live"].last_confirmed_us is not None)
        client: Any = edge.publisher._live.connection.client
        client._paho.socket().shutdown(2)  # no DISCONNECT: the cable
        edge.wait(lambda: bool(place.frames) or len(place.received) >= 3)
        edge.close()

    said = [message.value for message in place.received if message.kind == "status"]
    assert [b'"offline"' in value for value in said[:3]] == [False, True, False]
    assert all(b"testcard" in value for value in said[:3])


def test_foreign_topic_gets_pictures_that_its_readers_understand(
    mosquitto_broker: Container, tmp_path: Path
) -> None:
    place = Place("mqtt", ("127.0.0.1", mosquitto_broker.port), next(CAMERAS), topic="street/{camera}")
    place.topic = f"street/{place.camera}"
    with watching(place):
        settings = place.settings().model_copy(update={"message_format": "3"})
        edge = Edge(place, tmp_path)
        edge.publisher = Publisher(settings, place.camera, edge.spool, edge.clock)
        edge.publisher.start()
        edge.shoot()
        edge.wait_all_sent()
        edge.wait(lambda: len(place.frames) == 1)
        edge.close()
    assert place.frames[0].value.startswith(b"\xdf\x03")
