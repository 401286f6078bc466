"""The server's doctor on a real server: each thing is broken in turn, and its first failing line names exactly that."""

import contextlib
import datetime as dt
import json
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from kafka.admin import (
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    AlterConfigOp,
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    ResourcePatternFilter,
    ResourceType,
)

from shutterbus_broker import authority, rights
from shutterbus_broker.doctor import CheckContext, run_doctor
from shutterbus_broker.installation import Installation
from shutterbus_runtime.checks import Line
from shutterbus_wire import exif
from shutterbus_wire.frame import FrameMetadata
from shutterbus_wire.identity import FrameId
from stack.servers import Server
from stack.test_identities import Producer, Publisher
from stack.waiting import wait_until

pytestmark = [pytest.mark.stack(minutes=2.7), pytest.mark.timeout(600)]

FRAMES = "shutterbus.roof.frames"
DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def running(shared_server: Server) -> Server:
    """A whole server with one camera."""
    shared_server.make("enroll", CAMERA="roof")
    return shared_server


@pytest.fixture
def admin(running: Server) -> Iterator[KafkaAdminClient]:
    """Somebody who may change everything."""
    with KafkaAdminClient(**_patient(running).kafka_admin.kafka_client()) as client:
        yield client


def _patient(running: Server) -> CheckContext:
    return CheckContext(Installation(running.folder), dt.datetime.now(dt.UTC))


def _first_failing(running: Server) -> Line:
    return next(line for line in run_doctor(_patient(running)) if line.finding.status == "failure")


@contextlib.contextmanager
def _set(admin: KafkaAdminClient, kind: str, name: str, settings: Mapping[str, str]) -> Iterator[None]:
    """A broker or topic with other settings, for the length of the context."""
    names = ConfigResource(ConfigResourceType[kind], name, list(settings))
    dynamic = {"DYNAMIC_TOPIC_CONFIG", "DYNAMIC_BROKER_CONFIG"}
    entries = admin.describe_configs([names], config_filter="all")[kind.lower()][name]
    before = {key: entry["value"] for key, entry in entries.items() if entry["config_source"] in dynamic}
    _alter(admin, kind, name, settings)
    try:
        yield
    finally:
        _alter(admin, kind, name, {key: before.get(key) for key in settings})


def _alter(admin: KafkaAdminClient, kind: str, name: str, settings: Mapping[str, str | None]) -> None:
    """Set *settings*, or remove those that are None. A busy broker may answer that it could not: then again."""
    changes = {
        key: (AlterConfigOp.DELETE if value is None else AlterConfigOp.SET, value)
        for key, value in settings.items()
    }
    answers: list[str] = []

    def altered() -> bool:
        answer = admin.alter_configs([ConfigResource(ConfigResourceType[kind], name, changes)])
        answers.append(answer[kind.lower()][name])
        return answers[-1] == "OK"

    wait_until(altered, 60, lambda: "\n".join(answers), every_s=1)


def test_healthy_server_has_nothing_to_fix(running: Server) -> None:
    """As a person sees it: make doctor, in a container, within 30 s, with every container asked about."""
    started_s, begun = time.monotonic(), dt.datetime.now(dt.UTC).isoformat()
    told = json.loads(running.make("doctor", JSON="1"))
    assert time.monotonic() - started_s < 30
    checks_by_name = {check["check"]: check for check in told["checks"]}
    assert told["ok"]
    assert checks_by_name["containers"]["sentence"] == (
        "archive, kafka, mosquitto, setup, viewer run and are healthy"
    )
    for name in ("archive", "archive room", "archive backlog"):
        assert checks_by_name[name]["status"] == "ok", checks_by_name[name]
    assert checks_by_name["kafka picture"]["sentence"] == "2093068 bytes came back as they were sent"
    assert checks_by_name["mosquitto picture"]["sentence"] == "2093068 bytes came back as they were sent"
    assert {name for name, check in checks_by_name.items() if check["status"] == "skipped"} <= {"clock"}
    # What looks whether the services are well leaves nothing there either, and Kafka's start is a page, not a thousand lines.
    assert "mosquitto.service" not in running.compose("logs", "--no-color", "mosquitto")
    assert (
        running.compose("logs", "--no-color", "kafka").partition("Kafka Server started")[0].count("\n") < 30
    )
    assert "handshake failed" not in running.compose("logs", "--no-color", "--since", begun, "kafka")


def test_each_camera_has_a_line_with_its_last_picture(running: Server) -> None:
    """Of both brokers; one that never sent, and one that was revoked, are told apart."""
    over_kafka, over_mqtt = running.enroll("attic"), running.enroll("lagoon")
    running.enroll("cellar")
    running.enroll("mill")
    running.make("revoke", CAMERA="mill")
    producer = Producer(over_kafka)
    assert producer.send("shutterbus.attic.frames") == "ok"
    producer.close()
    taken_at_us = time.time_ns() // 1000 - 7_300_000_000
    metadata = FrameMetadata("lagoon", FrameId("0" * 16, 0), taken_at_us)
    picture = exif.stamp((DATA / "bare.jpg").read_bytes(), metadata, software="test")
    publisher = Publisher(over_mqtt.mqtt)
    assert publisher.publish("shutterbus/lagoon/frames", picture, retain=True) in {0, 0x10}
    publisher.close()

    findings = {line.name: line.finding for line in run_doctor(_patient(running))}

    assert re.fullmatch(r"last picture \d+ s ago, over Kafka", findings["camera attic"].sentence)
    assert findings["camera lagoon"].sentence == "last picture 2 hours ago, over MQTT"
    assert [findings[f"camera {name}"].status for name in ("attic", "lagoon", "cellar", "mill")] == [
        "ok",
        "ok",
        "warning",
        "skipped",
    ]


@pytest.mark.parametrize(
    ("kind", "name", "setting", "value", "check", "words"),
    [
        ("BROKER", "1", "message.max.bytes", "1048588", "kafka message size", "message.max.bytes is 1048588"),
        ("TOPIC", FRAMES, "max.message.bytes", "1048588", "kafka topic sizes", f"{FRAMES} has a max.message.bytes"),
        ("BROKER", "1", "log.segment.bytes", "1048576", "kafka segments", "log.segment.bytes is 1048576"),
        ("TOPIC", FRAMES, "segment.bytes", "1048576", "kafka segments", f"segment.bytes of {FRAMES} is 1048576"),
        ("TOPIC", FRAMES, "retention.bytes", "-1", "kafka retention", f"{FRAMES} keeps everything"),
        ("BROKER", "1", "compression.type", "producer", "kafka compression", "compression.type of the broker"),
        ("TOPIC", FRAMES, "compression.type", "gzip", "kafka compression", f"compression.type of {FRAMES} is gzip"),
    ],
)  # fmt: skip
def test_setting_of_kafka_is_named(
    running: Server,
    admin: KafkaAdminClient,
    kind: str,
    name: str,
    setting: str,
    value: str,
    check: str,
    words: str,
) -> None:
    """What can be set while Kafka runs."""
    with _set(admin, kind, name, {setting: value}):
        line = _first_failing(running)
    assert line.name == check
    assert words in line.finding.sentence
    assert line.finding.fix


def test_right_that_was_taken_away_is_named(running: Server, admin: KafkaAdminClient) -> None:
    """The camera's own doctor sees that it may not write; this one sees which entry is missing."""
    topics = ResourcePatternFilter(
        ResourceType.TOPIC, "shutterbus.roof.frames", ACLResourcePatternType.LITERAL
    )
    write = ACLFilter("User:roof.1", "*", ACLOperation.WRITE, ACLPermissionType.ALLOW, topics)
    assert len(admin.delete_acls([write])[0][1]) == 1
    try:
        line = _first_failing(running)
    finally:
        list(rights.ensure_rights(admin, Installation(running.folder).identities()))
    assert line.name == "kafka rights"
    assert line.finding.sentence == "missing: roof.1 may WRITE topic shutterbus.roof.frames"
    assert line.finding.fix == "docker compose restart setup"


def test_topic_that_is_missing_is_named(running: Server, admin: KafkaAdminClient) -> None:
    """And the fix that is told makes it again."""
    admin.delete_topics(["shutterbus.roof.commands"])
    line = _first_failing(running)
    assert (line.name, line.finding.sentence) == (
        "kafka topics",
        "there is no topic shutterbus.roof.commands",
    )
    assert line.finding.fix is not None
    running.run("sh", "-c", line.finding.fix)
    until_s = time.monotonic() + 60
    while "shutterbus.roof.commands" not in admin.list_topics():
        assert time.monotonic() < until_s
        time.sleep(0.5)


@pytest.mark.parametrize(
    ("settings", "heap", "said"),
    [
        (
            {
                "KAFKA_SOCKET_REQUEST_MAX_BYTES": "1048576",
                "KAFKA_QUEUED_MAX_REQUEST_BYTES": "-1",
                "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "3",
            },
            "-Xms256m -Xmx1g",
            {
                "kafka request size": "socket.request.max.bytes is 1048576",
                "kafka memory": "queued.max.request.bytes has no limit",
                "kafka replication": "offsets.topic.replication.factor is 3",
                "kafka picture": "Kafka does not take a picture of 2093068 bytes within 11 s",
            },
        ),
        pytest.param(
            {},
            "-Xms128m -Xmx256m",
            {"kafka memory": "the broker's heap is 256 MiB (KAFKA_HEAP_OPTS)"},
            marks=pytest.mark.soak,
        ),
        (
            {"KAFKA_ADVERTISED_LISTENERS": "EDGE://nowhere.invalid:9093,SERVICES://kafka:9094"},
            "-Xms256m -Xmx1g",
            {
                "kafka advertised": "Kafka says it is at nowhere.invalid:9093 (advertised.listeners), but no address is known for nowhere.invalid"
            },
        ),
    ],
    ids=["sizes", "heap", "address"],
)
def test_settings_that_kafka_starts_with_are_named(
    running: Server, settings: dict[str, str], heap: str, said: dict[str, str]
) -> None:
    """The address is the classic: the first packet arrives, and no other. A small heap ends in the broker's log alone."""
    override = {"services": {"kafka": {"environment": settings}}}
    (running.folder / "broken.yml").write_text(json.dumps(override))
    with _env(running, f"KAFKA_HEAP_OPTS={heap}"):
        running.compose("-f", "compose.server.yml", "-f", "broken.yml", "up", "-d", "--wait", "kafka")
        lines = run_doctor(_patient(running))
        sentences = {line.name: line.finding.sentence for line in lines if line.finding.status == "failure"}
    # What hangs on them fails as well: no picture comes through what is too small for it.
    assert next(iter(sentences)) == next(iter(said))
    for check, words in said.items():
        assert words in sentences[check]


@pytest.mark.parametrize(
    ("line_of_conf", "instead", "check", "words"),
    [
        ("max_packet_size", "max_packet_size 2000000", "mosquitto message size", "max_packet_size is 2000000"),
        ("max_queued_bytes", "", "mosquitto settings", "max_queued_bytes is not set"),
        ("max_queued_messages", "max_queued_messages 1000", "mosquitto settings", "max_queued_messages is 1000"),
        ("max_inflight_messages", "max_inflight_messages 0", "mosquitto settings", "max_inflight_messages is 0"),
        ("listener", "listener 8883\nmemory_limit 50000000", "mosquitto settings", "memory_limit is 50000000"),
        ("listener", "message_size_limit 100000\nlistener 8883", "mosquitto settings", "message_size_limit is 100000"),
        ("listener", "max_keepalive 30\nlistener 8883", "mosquitto keepalive", "a keepalive above 30 s"),
    ],
)  # fmt: skip
def test_setting_of_mosquitto_is_named(
    mosquitto_alone: Server, line_of_conf: str, instead: str, check: str, words: str
) -> None:
    """Before it costs a picture."""
    with _edited(mosquitto_alone, line_of_conf, instead):
        line = _first_failing(mosquitto_alone)
    assert line.name == check
    assert words in line.finding.sentence


def test_certificate_of_ours_that_mosquitto_does_not_accept_is_named(mosquitto_alone: Server) -> None:
    """It trusts another authority than the one that vouches for us."""
    other = authority.new_authority("Somebody else", dt.datetime.now(dt.UTC))
    folder = mosquitto_alone.folder / "state/server/mosquitto"
    (folder / "other.crt").write_bytes(other.certificate_pem)
    with _edited(mosquitto_alone, "cafile", "cafile /run/tls/other.crt"):
        line = _first_failing(mosquitto_alone)
    (folder / "other.crt").unlink()
    assert line.name == "mosquitto login"
    assert "does not accept our certificate" in line.finding.sentence
    assert line.finding.fix == "make renew && docker compose restart"


def test_broker_that_is_down_is_named(mosquitto_alone: Server) -> None:
    """What hangs on it is skipped, and says because of which line."""
    mosquitto_alone.compose("stop", "mosquitto")
    lines = list(run_doctor(_patient(mosquitto_alone)))
    mosquitto_alone.compose("up", "-d", "--wait", "mosquitto")
    port = next(line for line in lines if line.finding.status == "failure")
    assert (port.name, port.finding.fix) == ("mosquitto port", "docker compose up -d")
    login = next(line for line in lines if line.name == "mosquitto login")
    assert str(login).endswith(f"skipped  mosquitto login: because of {port.number}")


@pytest.fixture
def mosquitto_alone(running: Server) -> Iterator[Server]:
    """The same server, asked about Mosquitto alone: Kafka is not what is broken here."""
    with _env(running, "COMPOSE_PROFILES=mqtt"):
        yield running


@contextlib.contextmanager
def _env(running: Server, line: str) -> Iterator[None]:
    """A further line in .env for the length of the context."""
    env = running.folder / ".env"
    before = env.read_text()
    env.write_text(f"{before}\n{line}\n")
    try:
        yield
    finally:
        env.write_text(before)


@contextlib.contextmanager
def _edited(running: Server, line_of_conf: str, instead: str) -> Iterator[None]:
    """Mosquitto with a line of its configuration, or of what its start adds, replaced."""
    folder = running.folder / "broker/mosquitto"
    before = {path: path.read_text() for path in folder.iterdir()}
    for path, text in before.items():
        if path.name in {"mosquitto.conf", "start.sh"}:
            lines = [_replaced(line, line_of_conf, instead) for line in text.splitlines()]
            path.write_text("\n".join(lines) + "\n")
    running.compose("restart", "mosquitto")
    _wait(running)
    try:
        yield
    finally:
        for path, text in before.items():
            path.write_text(text)
        running.compose("restart", "mosquitto")
        _wait(running)


def _replaced(line: str, name: str, instead: str) -> str:
    if line.startswith(f"{name} "):
        return instead
    return f'    echo "{instead}"' if line.strip().startswith(f'echo "{name} ') else line


def _wait(running: Server) -> None:
    """Return when Mosquitto listens; its health check may say otherwise where it was broken on purpose."""
    until_s = time.monotonic() + 30
    while True:
        # A port that Docker's proxy holds accepts before the broker listens; a certificate is the broker's own.
        try:
            ssl.get_server_certificate((running.address, 8883), timeout=5)
        except OSError:
            assert time.monotonic() < until_s
            time.sleep(0.1)
        else:
            return
