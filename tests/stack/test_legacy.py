"""The door for old clients, laid over a real server: listed topics take what anybody sends, everything else is refused."""

import itertools
import json
import queue
import re
import ssl
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator

import kafka
import kafka.errors
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.fakes_edge import JPEG
from shutterbus_broker import dotenv
from shutterbus_wire.frame import Frame, FrameMetadata
from shutterbus_wire.identity import FrameId
from shutterbus_wire.message import encode_frame
from stack.servers import Server, server

pytestmark = [pytest.mark.stack(minutes=0.9), pytest.mark.timeout(600)]

DENIED = 0x87  # MQTT 5, "Not authorized"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that listens to old clients, with one camera of ours."""
    with server(tmp_path_factory.mktemp("server")) as made:
        env = made.folder / ".env"
        settings = {
            "COMPOSE_FILE": "compose.server.yml:compose.legacy.yml",
            "LEGACY_ADDRESS": made.address,
            "LEGACY_TOPICS": "image-sinetstream, old/camera",
        }
        dotenv.merge(env, {name: (value, "for old clients") for name, value in settings.items()})
        made.make("init")
        made.up()
        made.make("enroll", CAMERA="gate")
        yield made


@pytest.fixture
def producer(running: Server) -> Iterator[kafka.KafkaProducer]:
    """A textbook client: an address, and nothing else."""
    client = kafka.KafkaProducer(bootstrap_servers=f"{running.address}:9092", max_block_ms=10_000)
    yield client
    client.close(timeout=1)


def _send(producer: kafka.KafkaProducer, topic: str) -> str:
    try:
        producer.send(topic, b"picture").get(timeout=20)
    except kafka.errors.KafkaError as error:
        return type(error).__name__
    return "ok"


class Device:
    """A textbook client of MQTT, with whatever user name it likes."""

    def __init__(
        self, running: Server, user: str | None = None, protocol: MQTTProtocolVersion = mqtt.MQTTv5
    ) -> None:
        self._codes: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._granted: queue.SimpleQueue[list[int]] = queue.SimpleQueue()
        self.arrived: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        if user:
            self.client.username_pw_set(user, "guessed")
        self.client.on_publish = lambda _c, _d, _mid, code, _p: self._codes.put(code.value)
        self.client.on_subscribe = lambda _c, _d, _mid, codes, _p: self._granted.put([c.value for c in codes])
        self.client.on_message = lambda _c, _d, message: self.arrived.put(bytes(message.payload))
        self.client.connect(running.address, 1883)
        self.client.loop_start()

    def publish(self, topic: str, value: bytes = b"picture") -> int:
        """Return the reason code of the answer."""
        self.client.publish(topic, value, qos=1)
        return self._codes.get(timeout=10)

    def subscribe(self, topic_filter: str) -> None:
        self.client.subscribe(topic_filter, qos=1)
        self._granted.get(timeout=10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def test_producer_writes_to_the_listed_topic_and_to_no_other(producer: kafka.KafkaProducer) -> None:
    """Not to a camera's, not to the doctor's, and none is made by asking for it."""
    assert _send(producer, "image-sinetstream") == "ok"
    for topic in ("shutterbus.gate.frames", "shutterbus-doctor", "another", "image-sinetstream-2"):
        assert _send(producer, topic) in {"TopicAuthorizationFailedError", "KafkaTimeoutError"}


def test_nobody_reads_over_kafka_without_a_certificate(
    running: Server, producer: kafka.KafkaProducer
) -> None:
    """Not even what anybody may write; of a camera's topic it is not even told where it is."""
    assert _send(producer, "image-sinetstream") == "ok"
    with pytest.raises(kafka.errors.TopicAuthorizationFailedError):
        _poll(running, "image-sinetstream", 10)
    assert _poll(running, "shutterbus.gate.frames", 2) == {}


def _poll(running: Server, topic: str, within_s: int) -> object:
    consumer = kafka.KafkaConsumer(
        bootstrap_servers=f"{running.address}:9092", auto_offset_reset="earliest", group_id=None
    )
    try:
        consumer.assign([kafka.TopicPartition(topic, 0)])
        return consumer.poll(timeout_ms=within_s * 1000)
    finally:
        consumer.close()


@pytest.mark.parametrize("user", [None, "sensor", "viewer.service", "admin.service", "gate.1"])
def test_device_publishes_to_the_listed_topics_whatever_it_calls_itself(
    running: Server, user: str | None
) -> None:
    """And nothing else: a user name that nobody has checked is worth nothing."""
    device = Device(running, user)
    device.subscribe("#")
    assert device.publish("old/camera") in {0, 0x10}
    assert device.publish("image-sinetstream") in {0, 0x10}
    for topic in ("shutterbus/gate/frames", "shutterbus-doctor", "old/camera/2", "another"):
        assert device.publish(topic) == DENIED
    with pytest.raises(queue.Empty):
        device.arrived.get(timeout=0.5)
    device.close()


def test_device_of_mqtt_3_is_served_too(running: Server) -> None:
    """What textbooks use."""
    device = Device(running, protocol=mqtt.MQTTv311)
    assert device.publish("old/camera") == 0
    device.close()


def test_pictures_of_old_clients_are_shown_by_the_names_of_their_topics(
    running: Server, producer: kafka.KafkaProducer
) -> None:
    """A bare one over Kafka, and one as SINETStream wraps it over MQTT 3.1.1."""
    metadata = FrameMetadata("anything", FrameId("0123456789abcdef", 1), 1_750_000_000_000_000)
    producer.send("image-sinetstream", JPEG).get(timeout=20)
    device = Device(running, protocol=mqtt.MQTTv311)
    device.publish("old/camera", encode_frame(Frame(metadata, JPEG), "3", "live").value)
    device.close()

    until_s = time.monotonic() + 30
    while (answers := [_latest(running, camera) for camera in ("image-sinetstream", "old-camera")]) != [
        JPEG
    ] * 2:
        assert time.monotonic() < until_s, answers
        time.sleep(0.2)


def _latest(running: Server, camera: str) -> bytes | int:
    """Return what the viewer shows of *camera*, or the status of its answer."""
    context = ssl.create_default_context(cafile=str(running.folder / "state/ca/ca.crt"))
    request = urllib.request.Request(f"https://{running.address}:8080/api/cameras/{camera}/latest.jpg")
    password = re.search(r"user admin  password (\S+)", running.init_said)
    assert password
    request.add_header("Authorization", f"Basic {b64encode(f'admin:{password[1]}'.encode()).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        return error.code


def test_door_of_certificates_stays_as_it_was(running: Server) -> None:
    """And the doctor shows the other one in amber for as long as it is open."""
    told = json.loads(running.make("doctor", JSON="1"))
    checks_by_name = {check["check"]: check for check in told["checks"]}
    assert [check for check in told["checks"] if check["status"] == "failure"] == []
    assert checks_by_name["old clients"]["status"] == "warning"
    assert f"Kafka and Mosquitto at {running.address}" in checks_by_name["old clients"]["sentence"]
    assert "image-sinetstream, old/camera" in checks_by_name["old clients"]["sentence"]
    assert checks_by_name["mosquitto anonymous"]["sentence"] == "who shows no certificate is refused"
    assert checks_by_name["kafka anonymous"]["sentence"] == "who shows no certificate is refused"
    assert checks_by_name["mosquitto rights"]["status"] == "ok"


def test_compose_files_are_clean_in_every_combination(running: Server) -> None:
    """And nothing is opened while no address is named."""
    assert running.compose("--profile", "*", "config", "-q") == ""
    before = dict(running.environment)
    for profiles, name in itertools.product(("kafka", "mqtt"), ("LEGACY_ADDRESS", "LEGACY_TOPICS")):
        running.environment = {**before, "COMPOSE_PROFILES": profiles}
        assert running.compose("config", "-q") == ""
        running.environment[name] = ""
        with pytest.raises(RuntimeError, match=r"is missing a value: set it in \.env"):
            running.compose("config", "-q")
    running.environment = before


def test_door_is_closed_when_the_file_is_taken_away(running: Server) -> None:
    """With it the rights: nobody is left who may write without a certificate."""
    env = running.folder / ".env"
    dotenv.merge(
        env,
        {
            "COMPOSE_FILE": ("compose.server.yml", ""),
            "LEGACY_TOPICS": ("", ""),
            "LEGACY_ADDRESS": ("", ""),
        },
    )
    running.make("init")
    running.up(120)
    until_s = time.monotonic() + 60
    while True:
        try:
            told = json.loads(running.make("doctor", JSON="1"))
        except RuntimeError:  # the set-up may not have taken the rights away yet
            assert time.monotonic() < until_s
        else:
            break
    checks_by_name = {check["check"]: check for check in told["checks"]}
    assert checks_by_name["old clients"]["sentence"] == "nothing listens without encryption"
    assert checks_by_name["kafka rights"]["sentence"] == "each has what it should and nothing else"
