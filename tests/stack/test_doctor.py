"""The server's doctor on a real server: each thing is broken in turn, and its first failing line names exactly that."""

import contextlib
import datetime as dt
import json
import ssl
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from shutterbus_broker import authority, rights
from shutterbus_broker.authority import Certificate
from shutterbus_broker.doctor import Patient, examine
from shutterbus_broker.identities import Identities
from shutterbus_broker.installation import Installation
from shutterbus_wire.checks import Line
from stack.servers import Server, server

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

FRAMES = "shutterbus.gate.frames"
NOW = dt.datetime.now(dt.UTC)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A whole server with one camera."""
    with server(tmp_path_factory.mktemp("server")) as made:
        made.up()
        made.make("enroll", CAMERA="gate")
        yield made


@pytest.fixture
def admin(running: Server) -> Iterator[KafkaAdminClient]:
    """Somebody who may change everything."""
    with KafkaAdminClient(**_patient(running).kafka_admin.kafka_client()) as client:
        yield client


def _patient(running: Server) -> Patient:
    return Patient(Installation(running.folder), dt.datetime.now(dt.UTC))


def _first_failing(running: Server) -> Line:
    return next(line for line in examine(_patient(running)) if line.finding.status == "failure")


@contextlib.contextmanager
def _set(admin: KafkaAdminClient, kind: str, name: str, settings: Mapping[str, str]) -> Iterator[None]:
    """A broker or topic with other settings, for the length of the context."""
    names = ConfigResource(ConfigResourceType[kind], name, list(settings))
    dynamic = {"DYNAMIC_TOPIC_CONFIG", "DYNAMIC_BROKER_CONFIG"}
    found = admin.describe_configs([names], config_filter="all")[kind.lower()][name]
    before = {key: entry["value"] for key, entry in found.items() if entry["config_source"] in dynamic}
    admin.alter_configs([ConfigResource(ConfigResourceType[kind], name, dict(settings))])
    try:
        yield
    finally:
        if fresh := [key for key in settings if key not in before]:
            admin.reset_configs([ConfigResource(ConfigResourceType[kind], name, fresh)])
        if before:
            admin.alter_configs([ConfigResource(ConfigResourceType[kind], name, before)])


def test_healthy_server_has_nothing_to_fix(running: Server) -> None:
    """As a person sees it: make doctor, in a container, within 30 s, with every container asked about."""
    started_s = time.monotonic()
    told = json.loads(running.make("doctor", JSON="1"))
    assert time.monotonic() - started_s < 30
    found = {check["check"]: check for check in told["checks"]}
    assert told["ok"]
    assert found["containers"]["sentence"] == "kafka, mosquitto, setup, viewer run and are healthy"
    assert found["kafka picture"]["sentence"] == "2093068 bytes came back as they were sent"
    assert found["mosquitto picture"]["sentence"] == "2093068 bytes came back as they were sent"
    assert {name for name, check in found.items() if check["status"] == "skipped"} <= {"clock"}


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
    identities = Installation(running.folder).identities()
    list(rights.ensure_rights(admin, Identities({}, {})))
    try:
        line = _first_failing(running)
    finally:
        list(rights.ensure_rights(admin, identities))
    assert line.name == "kafka rights"
    assert "missing: " in line.finding.sentence
    assert line.finding.fix == "docker compose restart setup"


def test_topic_that_is_missing_is_named(running: Server, admin: KafkaAdminClient) -> None:
    """And the fix that is told makes it again."""
    admin.delete_topics(["shutterbus.gate.commands"])
    line = _first_failing(running)
    assert (line.name, line.finding.sentence) == (
        "kafka topics",
        "there is no topic shutterbus.gate.commands",
    )
    assert line.finding.fix is not None
    running.run("sh", "-c", line.finding.fix)
    until_s = time.monotonic() + 60
    while "shutterbus.gate.commands" not in admin.list_topics():
        assert time.monotonic() < until_s
        time.sleep(0.5)


@pytest.mark.parametrize(
    ("setting", "value", "check", "words"),
    [
        ("KAFKA_SOCKET_REQUEST_MAX_BYTES", "1048576", "kafka request size", "socket.request.max.bytes is 1048576"),
        ("KAFKA_QUEUED_MAX_REQUEST_BYTES", "-1", "kafka memory", "queued.max.request.bytes has no limit"),
        ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "3", "kafka replication", "offsets.topic.replication.factor is 3"),
        (
            "KAFKA_ADVERTISED_LISTENERS",
            "EDGE://nowhere.invalid:9093,SERVICES://kafka:9094",
            "kafka advertised",
            "Kafka says it is at nowhere.invalid:9093 (advertised.listeners), but no address is known for nowhere.invalid",
        ),
    ],
)  # fmt: skip
def test_setting_that_kafka_starts_with_is_named(
    running: Server, setting: str, value: str, check: str, words: str
) -> None:
    """The last one is the classic: the first packet arrives, and no other."""
    override = {"services": {"kafka": {"environment": {setting: value}}}}
    (running.folder / "broken.yml").write_text(json.dumps(override))
    running.compose("-f", "compose.server.yml", "-f", "broken.yml", "up", "-d", "--wait", "kafka")
    line = _first_failing(running)
    assert line.name == check
    assert words in line.finding.sentence


@pytest.mark.parametrize(
    ("line_of_conf", "instead", "check", "words"),
    [
        ("max_packet_size", "max_packet_size 2000000", "mosquitto message size", "max_packet_size is 2000000"),
        ("max_queued_bytes", "", "mosquitto settings", "max_queued_bytes is not set"),
        ("max_queued_messages", "message_size_limit 100000", "mosquitto settings", "message_size_limit is 100000"),
        ("max_inflight_messages", "max_keepalive 30", "mosquitto keepalive", "a keepalive above 30 s"),
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


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("expired", "expired on 2012-"),
        ("not yet", f"is not valid before {NOW + dt.timedelta(days=2):%Y-%m-%d}"),
        ("wrong name", "is for other.example.org, not for 127."),
        ("wrong authority", "is signed by CN=Somebody else, not by the authority in"),
    ],
)
def test_certificate_that_is_shown_is_named(
    mosquitto_alone: Server, monkeypatch: pytest.MonkeyPatch, fault: str, words: str
) -> None:
    """The files are in order, but Mosquitto still shows what it has read at its start."""
    folder = mosquitto_alone.folder / "state/server/mosquitto"
    signer, now, hosts = Installation(mosquitto_alone.folder).authority(), NOW, [mosquitto_alone.address]
    match fault:
        case "expired":
            monkeypatch.setattr(authority, "BEGIN", dt.datetime(2001, 1, 1, tzinfo=dt.UTC))
            now = dt.datetime(2002, 6, 1, tzinfo=dt.UTC)
        case "not yet":
            monkeypatch.setattr(authority, "BEGIN", NOW + dt.timedelta(days=2))
        case "wrong name":
            hosts = ["other.example.org"]
        case _:
            signer = authority.new_authority("Somebody else", NOW)
    shown = authority.issue(signer, "mosquitto.service", now, hosts=hosts, as_client=True)
    with _shown(mosquitto_alone, folder, shown):
        line = _first_failing(mosquitto_alone)
    assert line.name == "mosquitto TLS"
    assert words in line.finding.sentence
    assert line.finding.fix


def test_broker_that_is_down_is_named(mosquitto_alone: Server) -> None:
    """What hangs on it is skipped, and says because of which line."""
    mosquitto_alone.compose("stop", "mosquitto")
    lines = list(examine(_patient(mosquitto_alone)))
    mosquitto_alone.compose("up", "-d", "--wait", "mosquitto")
    port = next(line for line in lines if line.finding.status == "failure")
    assert (port.name, port.finding.fix) == ("mosquitto port", "docker compose up -d")
    login = next(line for line in lines if line.name == "mosquitto login")
    assert str(login).endswith(f"skipped  mosquitto login: because of {port.number}")


@pytest.fixture
def mosquitto_alone(running: Server) -> Iterator[Server]:
    """The same server, asked about Mosquitto alone: Kafka is not what is broken here."""
    env = running.folder / ".env"
    before = env.read_text()
    env.write_text(before + "\nCOMPOSE_PROFILES=mqtt\n")
    yield running
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


@contextlib.contextmanager
def _shown(running: Server, folder: Path, shown: Certificate) -> Iterator[None]:
    """Mosquitto, started while its certificate was another; the files are put back at once."""
    before = {name: (folder / name).read_bytes() for name in ("server.crt", "server.key")}
    (folder / "server.crt").write_bytes(shown.certificate_pem)
    (folder / "server.key").write_bytes(shown.key_pem)
    running.compose("restart", "mosquitto")
    _wait(running)
    for name, data in before.items():
        (folder / name).write_bytes(data)
    try:
        yield
    finally:
        running.compose("restart", "mosquitto")
        _wait(running)


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
