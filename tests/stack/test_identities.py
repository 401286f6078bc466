"""Who may do what on a server that ``make`` has set up: shown on both real brokers, by certificate."""

import contextlib
import os
import queue
import re
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
from pathlib import Path

import kafka
import kafka.errors
import paho.mqtt.client as mqtt
import pytest
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties

from machine import needs_tool
from shutterbus_broker import authority
from shutterbus_transport.probe import obstacle
from shutterbus_transport.settings import BrokerSettings, Tls
from shutterbus_wire.names import TO_THE_EDGE
from stack import sinetstream
from stack.servers import Identity, Server

pytestmark = [pytest.mark.stack(minutes=1.8), pytest.mark.timeout(600)]

DENIED = 0x87  # MQTT 5, "Not authorized"
NO_SUBSCRIBERS = 0x10  # of MQTT 5 as well: taken, and nobody listens
TOPIC_AUTHORIZATION_FAILED = 29


@pytest.fixture(scope="module")
def running(shared_server: Server) -> Server:
    """A server with both brokers and none of these cameras yet."""
    return shared_server


@pytest.fixture(scope="module")
def gate(running: Server) -> Identity:
    """A camera."""
    return running.enroll("gate")


@pytest.fixture(scope="module")
def yard(running: Server) -> Identity:
    """Another camera."""
    return running.enroll("yard")


class Producer:
    """A connection to Kafka that stays open."""

    def __init__(self, identity: Identity) -> None:
        self._producer = kafka.KafkaProducer(**identity.kafka.kafka_producer())

    def send(self, topic: str, value: bytes = b"picture") -> str:
        """Return ``ok``, or the name of the error that the broker answered."""
        try:
            self._producer.send(topic, value).get(timeout=20)
        except kafka.errors.KafkaError as error:
            return type(error).__name__
        return "ok"

    def close(self) -> None:
        self._producer.close(timeout=1)


class Publisher:
    """A connection to Mosquitto that stays open."""

    def __init__(self, settings: BrokerSettings, client_id: str = "") -> None:
        self._answers: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.arrived: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._subscribed: queue.SimpleQueue[None] = queue.SimpleQueue()
        connected: queue.SimpleQueue[Properties | None] = queue.SimpleQueue()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5)
        assert settings.tls is not None
        self._client.tls_set_context(settings.tls.context())
        self._client.on_connect = lambda _c, _d, _f, _code, properties: connected.put(properties)
        self._client.on_publish = lambda _c, _d, _mid, code, _p: self._answers.put(code.value)
        self._client.on_message = lambda _c, _d, message: self.arrived.put(
            (message.topic, bytes(message.payload))
        )
        self._client.on_subscribe = lambda *_: self._subscribed.put(None)
        self._client.connect(**settings.mqtt_connect())
        self._client.loop_start()
        self.properties = connected.get(timeout=10)

    def publish(self, topic: str, payload: bytes = b"picture", *, retain: bool = False) -> int:
        """Return the reason code of the answer."""
        self._client.publish(topic, payload, qos=1, retain=retain)
        return self._answers.get(timeout=10)

    def subscribe(self, topic_filter: str) -> None:
        self._client.subscribe(topic_filter, qos=1)
        self._subscribed.get(timeout=10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def test_camera_writes_its_own_pictures_on_both_brokers(gate: Identity) -> None:
    """And learns from either how large they may be: one number, from .env to every broker."""
    producer = Producer(gate)
    assert producer.send("shutterbus.gate.frames", bytes(2_097_164 - 4096)) == "ok"
    producer.close()
    resource = ConfigResource(ConfigResourceType.TOPIC, "shutterbus.gate.frames")
    with KafkaAdminClient(**gate.kafka.kafka_client()) as admin:
        config = admin.describe_configs([resource], config_filter="all")["topic"]["shutterbus.gate.frames"]
    assert config["max.message.bytes"]["value"] == "2097164"

    publisher = Publisher(gate.mqtt)
    assert publisher.publish("shutterbus/gate/frames", bytes(2_097_164 - 4096)) in {0, 0x10}
    assert publisher.properties is not None
    assert vars(publisher.properties)["MaximumPacketSize"] == 2_097_164
    publisher.close()


def test_camera_cannot_write_as_another(gate: Identity, yard: Identity) -> None:
    """The topic is a camera's fence."""
    producer = Producer(gate)
    assert producer.send("shutterbus.yard.frames") == "TopicAuthorizationFailedError"
    assert producer.send("shutterbus.gate-2.frames") == "TopicAuthorizationFailedError"
    producer.close()
    publisher = Publisher(gate.mqtt)
    assert publisher.publish("shutterbus/yard/frames") == DENIED
    assert publisher.publish("shutterbus-doctor") == DENIED
    publisher.close()


def test_camera_writes_its_named_topics_and_no_other(gate: Identity) -> None:
    """Nor what is sent to it: else a stolen one could confirm frames that nobody has, and order itself about."""
    producer = Producer(gate)
    assert producer.send("shutterbus.gate.telemetry") == "ok"
    for kind in ("confirmations", "commands"):
        assert producer.send(f"shutterbus.gate.{kind}") == "TopicAuthorizationFailedError"
    producer.close()
    publisher = Publisher(gate.mqtt)
    for granted in ("status", "reports", "readings", "readings/cpu", "readings/bme280-2"):
        assert publisher.publish(f"shutterbus/gate/{granted}") in {0, NO_SUBSCRIBERS}, granted
    for refused in ("confirmations", "commands", "preview", "readings/a/b", "frames/a", ""):
        assert publisher.publish(f"shutterbus/gate/{refused}") == DENIED, refused
    publisher.close()


def test_camera_reads_what_is_sent_to_it_and_to_no_other(gate: Identity, yard: Identity) -> None:
    """On topics of its own, which nobody writes yet."""
    with KafkaAdminClient(**gate.kafka.kafka_client()) as admin:
        asked = [f"shutterbus.{camera}.{kind}" for camera in ("gate", "yard") for kind in TO_THE_EDGE]
        topics = {topic["name"]: topic for topic in admin.describe_topics(asked)}
    for kind in TO_THE_EDGE:
        assert "READ" in topics[f"shutterbus.gate.{kind}"]["authorized_operations"]
        assert topics[f"shutterbus.yard.{kind}"]["error_code"] == TOPIC_AUTHORIZATION_FAILED
    consumer = kafka.KafkaConsumer(**gate.kafka.kafka_client(), group_id=None, auto_offset_reset="earliest")
    consumer.assign([kafka.TopicPartition(f"shutterbus.gate.{kind}", 0) for kind in TO_THE_EDGE])
    assert consumer.poll(timeout_ms=2_000) == {}
    consumer.close()
    reader = Publisher(gate.mqtt)
    for kind in TO_THE_EDGE:
        reader.subscribe(f"shutterbus/+/{kind}")
    reader.close()


def test_rights_of_version_0_1_0_become_those_of_now(running: Server, gate: Identity) -> None:
    """``make up`` is all it takes: the prefix and the wildcard go, and nothing the camera sends meanwhile is refused."""
    admin_of = Tls(
        ca_certs=running.folder / "state/server/setup/ca.crt",
        certfile=running.folder / "state/server/setup/client.crt",
        keyfile=running.folder / "state/server/setup/client.key",
    )
    old = [
        ACL(
            "User:gate.1",
            "*",
            operation,
            ACLPermissionType.ALLOW,
            ResourcePattern(ResourceType.TOPIC, "shutterbus.gate.", ACLResourcePatternType.PREFIXED),
        )
        for operation in (ACLOperation.WRITE, ACLOperation.DESCRIBE_CONFIGS)
    ]
    settings = BrokerSettings(tls=admin_of, brokers=((running.address, 9093),))
    with KafkaAdminClient(**settings.kafka_client()) as admin:
        assert not admin.create_acls(old)["failed"]
    acl = running.folder / "state/mosquitto/acl"
    acl.write_text(re.sub(r"(?m)^topic write shutterbus/gate/.*\n", "", acl.read_text()))
    with acl.open("a") as file:
        file.write("user gate.1\ntopic write shutterbus/gate/+\n")
    running.compose("exec", "-T", "mosquitto", "sh", "/mosquitto/configuration/memory.sh", "reload")
    producer, publisher = Producer(gate), Publisher(gate.mqtt)
    until_s = time.monotonic() + 20
    while publisher.publish("shutterbus/gate/commands") == DENIED:
        assert time.monotonic() < until_s, "the old rights do not hold"
    assert producer.send("shutterbus.gate.commands") == "ok"

    answers: list[str] = []
    ended = threading.Event()

    def sending() -> None:
        while not ended.is_set():
            answers.append(producer.send("shutterbus.gate.frames"))

    sender = threading.Thread(target=sending)
    sender.start()
    try:
        running.make("up")
        until_s = time.monotonic() + 20
        while producer.send("shutterbus.gate.commands") == "ok":
            assert time.monotonic() < until_s, "the prefix is still there"
    finally:
        ended.set()
        sender.join()
    assert set(answers) == {"ok"}
    until_s = time.monotonic() + 5
    while publisher.publish("shutterbus/gate/commands") != DENIED:
        assert time.monotonic() < until_s, "the wildcard is still there"
    assert publisher.publish("shutterbus/gate/readings/cpu") != DENIED
    producer.close()
    publisher.close()


def test_camera_cannot_look_at_any_picture(gate: Identity, yard: Identity) -> None:
    """A stolen camera shows nothing, not even its own past."""
    reader = Publisher(gate.mqtt)
    reader.subscribe("#")
    writer = Publisher(yard.mqtt)
    writer.publish("shutterbus/yard/frames")
    own = Publisher(gate.mqtt)
    own.publish("shutterbus/gate/frames")
    with pytest.raises(queue.Empty):
        reader.arrived.get(timeout=1)
    for client in (reader, writer, own):
        client.close()
    consumer = kafka.KafkaConsumer(**gate.kafka.kafka_client(), group_id=None, auto_offset_reset="earliest")
    consumer.assign([kafka.TopicPartition("shutterbus.gate.frames", 0)])
    with pytest.raises(kafka.errors.TopicAuthorizationFailedError):
        consumer.poll(timeout_ms=10_000)
    consumer.close()


def test_nobody_comes_in_without_a_certificate_of_ours(
    running: Server, gate: Identity, tmp_path: Path
) -> None:
    """Nor with one that says admin and is signed by somebody else."""
    forger = authority.new_authority("Shutterbus", authority.BEGIN)
    forged = authority.issue(forger, "admin.service", authority.BEGIN, as_client=True)
    (tmp_path / "forged.pem").write_bytes(forged.certificate_pem + forged.key_pem)
    for port in (9093, 8883):
        for certfile in (None, tmp_path / "forged.pem"):
            tls = Tls(ca_certs=gate.secrets / "ca.crt", certfile=certfile)
            settings = BrokerSettings(tls=tls, brokers=((running.address, port),))
            said = obstacle(settings, (running.address, port))
            assert said is not None
            assert certfile or "wants a certificate of ours and got none" in said


def test_camera_named_like_a_service_gains_nothing(running: Server) -> None:
    """Rights belong to the whole name in the certificate, and a camera's always ends in a number."""
    for name, coveted in (("admin", "shutterbus.yard.frames"), ("doctor", "shutterbus-doctor")):
        identity = running.enroll(name)
        producer = Producer(identity)
        assert producer.send(coveted) == "TopicAuthorizationFailedError"
        assert producer.send(f"shutterbus.{name}.frames") == "ok"
        producer.close()
        publisher = Publisher(identity.mqtt)
        assert publisher.publish("shutterbus/yard/frames") == DENIED
        publisher.close()
    with pytest.raises(RuntimeError, match="cannot name a camera"):
        running.enroll("admin.service")


def test_reader_sees_every_picture_and_writes_none(running: Server, yard: Identity) -> None:
    """For a person's own tools, such as kcat."""
    nas = running.enroll_reader("nas")
    reader = Publisher(nas.mqtt)
    reader.subscribe("shutterbus/#")
    writer = Publisher(yard.mqtt)
    writer.publish("shutterbus/yard/frames", b"over mqtt")
    assert reader.arrived.get(timeout=10) == ("shutterbus/yard/frames", b"over mqtt")
    assert reader.publish("shutterbus/yard/frames") == DENIED
    reader.close()
    writer.close()
    producer = Producer(yard)
    assert producer.send("shutterbus.yard.frames", b"over kafka") == "ok"
    producer.close()
    consumer = kafka.KafkaConsumer(
        "shutterbus.yard.frames",
        **nas.kafka.kafka_client(),
        group_id="nas.test",
        auto_offset_reset="earliest",
    )
    records = next(iter(consumer.poll(timeout_ms=20_000).values()))
    assert records[-1].value == b"over kafka"
    consumer.close()


def test_printed_lines_give_a_reader_the_picture_as_it_was_sent(running: Server, gate: Identity) -> None:
    """Each is run as it stands, the real SINETStream's for both brokers; not a byte more, and the camera is one there is."""
    for tool, package in (("kcat", "kcat"), ("mosquitto_sub", "mosquitto-clients")):
        needs_tool(tool, package)
    folder = running.enroll_reader("tools").secrets.parent
    lines = _commands((folder / "README.txt").read_text())
    assert [line.split()[0] for line in lines] == ["kcat", "mosquitto_sub", "python3"]
    lines.append(lines[-1].replace("gate-kafka", "gate-mqtt"))
    picture = (Path(__file__).parents[1] / "data/frame.jpg").read_bytes()
    path = f"{sinetstream.environment() / 'bin'}:{os.environ['PATH']}"
    producer, publisher = Producer(gate), Publisher(gate.mqtt)
    assert publisher.publish("shutterbus/gate/frames", picture, retain=True) in {0, 0x10}
    assert producer.send("shutterbus.gate.frames", picture) == "ok"
    for line in lines:
        (folder / "picture.jpg").unlink(missing_ok=True)
        reading = subprocess.Popen(["sh", "-c", line], cwd=folder, env={**os.environ, "PATH": path})
        until_s = time.monotonic() + 60
        # Who reads what comes next has to be there when it comes.
        while reading.poll() is None and time.monotonic() < until_s:
            assert producer.send("shutterbus.gate.frames", picture) == "ok"
            with contextlib.suppress(subprocess.TimeoutExpired):
                reading.wait(0.5)
        reading.kill()
        assert reading.wait() == 0, line
        assert (folder / "picture.jpg").read_bytes() == picture, line
    publisher.publish("shutterbus/gate/frames", b"", retain=True)
    producer.close()
    publisher.close()


def _commands(text: str) -> list[str]:
    return [block for block in text.split("\n\n") if block.startswith(("kcat", "mosquitto_sub", "python3"))]


@pytest.mark.alone
def test_revoked_camera_is_cut_off_while_connected(running: Server) -> None:
    """Within five seconds on both brokers, and for good: enrolling the camera again does not revive the stolen key."""
    stolen = running.enroll("shed")
    producer, publisher = Producer(stolen), Publisher(stolen.mqtt)
    assert producer.send("shutterbus.shed.frames") == "ok"
    assert publisher.publish("shutterbus/shed/frames") != DENIED

    running.make("revoke", CAMERA="shed")
    revoked_s = time.monotonic()
    while producer.send("shutterbus.shed.frames") == "ok":
        assert time.monotonic() - revoked_s < 5
    while publisher.publish("shutterbus/shed/frames") != DENIED:
        assert time.monotonic() - revoked_s < 5

    fresh = running.enroll("shed")
    assert producer.send("shutterbus.shed.frames") == "TopicAuthorizationFailedError"
    assert publisher.publish("shutterbus/shed/frames") == DENIED
    again = Producer(fresh)
    assert again.send("shutterbus.shed.frames") == "ok"
    for connection in (producer, publisher, again):
        connection.close()


def test_servers_certificate_is_for_the_names_it_was_given(running: Server, gate: Identity) -> None:
    """A new HOST re-issues it on the same key, and overwrites nothing else."""
    hash_file = running.folder / "state/server/viewer/VIEWER_PASSWORD_HASH"
    key_file, password = running.folder / "state/server/kafka/server.key", hash_file.read_bytes()
    key = key_file.read_bytes()

    said = running.make("init", HOST=f"{running.address} cameras.example.org")

    assert "docker compose restart kafka mosquitto viewer" in said
    assert "password" not in said
    assert (key_file.read_bytes(), hash_file.read_bytes()) == (key, password)
    names = authority.hosts_of((running.folder / "state/server/kafka/server.crt").read_bytes())
    assert names[:2] == [running.address, "cameras.example.org"]
    running.compose("restart", "kafka", "mosquitto")
    running.up()
    context: ssl.SSLContext = gate.tls.context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert obstacle(gate.kafka, (running.address, 9093)) is None


def test_renewed_certificates_serve_on_the_same_keys(running: Server, gate: Identity) -> None:
    """For whoever runs a server for ten years: new dates, nothing to do at any camera."""
    folder = running.folder / "state/server"
    files = [path for path in folder.rglob("*") if path.suffix in {".crt", ".key"} and path.name != "ca.crt"]
    before = {path: (path.read_bytes(), path.stat().st_uid, path.stat().st_mode) for path in files}

    said = running.make("renew")

    assert "docker compose restart archive kafka mosquitto setup viewer" in said
    for path, (data, owner, mode) in before.items():
        assert (path.read_bytes() == data) == (path.suffix == ".key"), path
        assert (path.stat().st_uid, path.stat().st_mode) == (owner, mode), path
    running.compose("restart", "kafka", "mosquitto")
    running.up()
    for port, service in ((9093, "kafka"), (8883, "mosquitto")):
        context = gate.tls.context()
        with (
            socket.create_connection((running.address, port), timeout=5) as connection,
            context.wrap_socket(connection, server_hostname=running.address) as encrypted,
        ):
            shown = ssl.DER_cert_to_PEM_cert(encrypted.getpeercert(binary_form=True) or b"")
        assert shown.encode() == (folder / service / "server.crt").read_bytes()
    producer = Producer(gate)
    assert producer.send("shutterbus.gate.frames") == "ok"
    producer.close()


def test_backup_restores_who_is_who(running: Server, gate: Identity, tmp_path: Path) -> None:
    """In a fresh copy of the project, with nothing but the file."""
    said = running.make("backup")
    file = next(running.folder.glob("shutterbus-backup-*.tar"))
    assert file.name in said
    assert file.stat().st_mode & 0o777 == 0o600
    catalog = next(running.folder.glob("shutterbus-backup-*-catalog.sqlite"))
    assert catalog.name in said
    assert catalog.stat().st_mode & 0o777 == 0o600
    with contextlib.closing(sqlite3.connect(catalog)) as copy:  # the archive runs meanwhile
        assert copy.execute("pragma integrity_check").fetchone() == ("ok",)
        assert copy.execute("select value from meta where name = 'store'").fetchone()
    running.run("tar", "-xpf", str(file), "-C", str(tmp_path))
    for name in ("state/ca/ca.key", "state/devices/identities.json", "state/server/kafka/server.pem", ".env"):
        assert (tmp_path / name).read_bytes() == (running.folder / name).read_bytes()
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
