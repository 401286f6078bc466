"""Both doctors where everything is encrypted: a server from ``make init``, and a camera from ``make enroll``.

They are asked as people ask them: ``make doctor`` on the server, and ``docker compose run edge doctor`` in what was in the
camera's tar. Each thing is broken in turn, and the first failing line of either names exactly that.
"""

import contextlib
import datetime as dt
import json
import os
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from shutterbus_broker import authority
from shutterbus_broker.authority import Certificate
from shutterbus_broker.doctor import CheckContext, run_doctor
from shutterbus_broker.installation import Installation as Files
from stack.brokers import docker
from stack.installation import SERVER_NAME, Camera, Installation, installation
from stack.test_compose import know_host

pytestmark = [pytest.mark.stack(minutes=1.9), pytest.mark.timeout(600)]

NOW = dt.datetime.now(dt.UTC)
NETWORK_THREADS = 3
"""Of Kafka, for each of its listeners, where nothing else is set."""
SHOWN = "listener.name.edge.ssl.keystore.location"
OF_THIS_MACHINE = {"clock", "spool", "room", "memory"}
"""Lines that have nothing to do with the server, and may be amber where the tests run."""


@pytest.fixture(scope="module")
def server() -> Iterator[Installation]:
    """Both brokers and the viewer, up."""
    with installation() as made:
        # So that a certificate for other names can be put in while Kafka runs, as one for other dates can.
        made.init(KAFKA_SSL_ALLOW_SAN_CHANGES="true")
        made.compose("build", "-q", timeout_s=600)
        made.up()
        yield made


@pytest.fixture(scope="module")
def gate(server: Installation) -> Camera:
    """A camera that sends over Kafka; it does not run, it is only examined."""
    camera = server.enroll("gate")
    camera.set(EDGE_TARGET="debian", EDGE_IMAGE=camera.image, CAMERA_SOURCE="testcard")
    camera.compose("build", "-q", timeout_s=600)
    return camera


def of_server(server: Installation) -> dict[str, dict[str, Any]]:
    """Return what the server's doctor says, by check, and its first failing line as ``first``."""
    try:
        return _lines(server.make("doctor", JSON="1"))
    except RuntimeError as failed:  # so make says what the exit code said
        return _lines(str(failed))


def of_edge(camera: Camera, **settings: str) -> dict[str, dict[str, Any]]:
    """Likewise what the edge's doctor says, with further settings in its environment."""
    given = [part for name, value in settings.items() for part in ("-e", f"{name}={value}")]
    try:
        return _lines(camera.compose("run", "--rm", "-T", *given, "edge", "doctor", "--json"))
    except RuntimeError as failed:
        return _lines(str(failed))


def _lines(said: str) -> dict[str, dict[str, Any]]:
    assert "{" in said, said
    checks = json.loads(said[said.index("{") : said.rindex("}") + 1])["checks"]
    first = next((check for check in checks if check["status"] == "failure"), {"check": None})
    return {check["check"]: check for check in checks} | {"first": first}


MQTT = {"SS_TYPE": "mqtt", "SS_BROKERS": f"{SERVER_NAME}:8883"}


@pytest.mark.parametrize("transport", [{}, MQTT], ids=["kafka", "mqtt"])
def test_enrolled_camera_has_nothing_to_fix(gate: Camera, transport: dict[str, str]) -> None:
    """Every line that depends on the server is in order, without a warning."""
    checks_by_name = of_edge(gate, **transport)
    assert checks_by_name.pop("first")["check"] is None, checks_by_name
    assert checks_by_name["anonymous"]["sentence"] == "a client without certificate and password is refused"
    assert checks_by_name["topics"]["sentence"].endswith("ours to write")
    assert {name for name, line in checks_by_name.items() if line["status"] != "ok"} <= OF_THIS_MACHINE, (
        checks_by_name
    )


FAULTS = {
    "expired": ("expired on 2012-", "expired on 2012-"),
    "not yet": (
        f"is not valid before {NOW + dt.timedelta(days=2):%Y-%m-%d}",
        f"is valid from {NOW + dt.timedelta(days=2):%Y-%m-%d} on, and this clock says",
    ),
    "wrong name": (
        "is for other.example.org, not for",
        f"is for other.example.org, not for {SERVER_NAME}",
    ),
    "wrong authority": ("is signed by CN=Somebody else", "but by Somebody else"),
}
"""What the server's doctor says of each, and the edge's."""
OFTEN = {
    ("expired", "kafka"),
    ("not yet", "mosquitto"),
    ("wrong name", "kafka"),
    ("wrong authority", "mosquitto"),
}


@pytest.mark.parametrize(
    ("fault", "broker"),
    [
        pytest.param(fault, broker, marks=[] if (fault, broker) in OFTEN else [pytest.mark.soak])
        for fault in FAULTS
        for broker in ("kafka", "mosquitto")
    ],
)
def test_certificate_that_a_broker_shows_is_named(
    server: Installation,
    gate: Camera,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    broker: str,
) -> None:
    """A client library says at best that there was no connection in time."""
    to_server, to_edge = FAULTS[fault]
    files = Files(server.folder)
    signer, now, hosts = files.authority(), NOW, [SERVER_NAME, server.address, broker]
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
    shown = authority.issue(signer, f"{broker}.service", now, hosts=hosts, as_client=True)
    know_host(SERVER_NAME, server.address, monkeypatch)

    shows = _shown_by_kafka if broker == "kafka" else _shown_by_mosquitto
    with shows(server, shown, signer):
        outside = next(
            line for line in run_doctor(CheckContext(files, NOW)) if line.finding.status == "failure"
        )
        seen_there = of_server(server)["first"]
        seen_here = of_edge(gate, **(MQTT if broker == "mosquitto" else {}))["first"]

    assert outside.name == f"{broker} TLS"
    assert to_server in outside.finding.sentence
    # Other services come into Kafka by another door.
    assert seen_there["check"] == ("kafka advertised" if broker == "kafka" else "mosquitto TLS")
    assert to_server in seen_there["sentence"]
    assert seen_here["check"] == "TLS", seen_here
    assert to_edge in seen_here["sentence"]
    assert seen_here["fix"]


@contextlib.contextmanager
def _shown_by_kafka(server: Installation, shown: Certificate, signer: Certificate) -> Iterator[None]:
    """Kafka with another certificate on the door for cameras; it would not start with it on the one it uses itself."""
    files = Files(server.folder)
    folder = files.state / "server/kafka"
    (folder / "shown.pem").write_bytes(shown.key_pem + shown.certificate_pem + signer.certificate_pem)
    owner = (folder / "server.pem").stat()
    os.chown(folder / "shown.pem", owner.st_uid, owner.st_gid)
    broker = CheckContext(files, NOW).kafka_admin
    assert broker.tls is not None
    context = broker.tls.context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with KafkaAdminClient(
        **{**broker.kafka_client(), "ssl_context": context, "ssl_check_hostname": False}
    ) as admin:
        path = "/etc/kafka/secrets/shown.pem"
        # A setting of one listener is not among those that a broker lists.
        admin.alter_configs(
            [ConfigResource(ConfigResourceType.BROKER, "1", {SHOWN: path})], raise_on_unknown=False
        )
        try:
            _wait_until_shown(server, 9093, shown.certificate_pem)
            yield
        finally:
            admin.reset_configs(
                [ConfigResource(ConfigResourceType.BROKER, "1", [SHOWN])], raise_on_unknown=False
            )
    _wait_until_shown(server, 9093, (folder / "server.crt").read_bytes())


@contextlib.contextmanager
def _shown_by_mosquitto(server: Installation, shown: Certificate, _signer: Certificate) -> Iterator[None]:
    """Mosquitto, started while its certificate was another; the files are put back at once."""
    folder = server.folder / "state/server/mosquitto"
    before = {name: (folder / name).read_bytes() for name in ("server.crt", "server.key")}
    (folder / "server.crt").write_bytes(shown.certificate_pem)
    (folder / "server.key").write_bytes(shown.key_pem)
    server.compose("restart", "mosquitto")
    _wait_until_shown(server, 8883, shown.certificate_pem)
    for name, data in before.items():
        (folder / name).write_bytes(data)
    try:
        yield
    finally:
        server.compose("restart", "mosquitto")
        _wait_until_shown(server, 8883, before["server.crt"])


def _wait_until_shown(server: Installation, port: int, certificate_pem: bytes) -> None:
    """Return when a broker shows that certificate to everybody.

    Kafka says yes to a change before it counts, and its network threads, which take turns, change one after the other.
    """
    wanted = ssl.PEM_cert_to_DER_cert(certificate_pem.decode("ascii"))
    until_s = time.monotonic() + 60
    in_a_row = 0
    while in_a_row < 2 * NETWORK_THREADS:
        assert time.monotonic() < until_s
        try:
            pem = ssl.get_server_certificate((server.address, port), timeout=5)
        except OSError:
            time.sleep(0.1)
        else:
            in_a_row = in_a_row + 1 if ssl.PEM_cert_to_DER_cert(pem) == wanted else 0


def test_line_that_mosquittos_rights_lack_is_named_and_the_fix_puts_it_back(
    server: Installation, gate: Camera
) -> None:
    """The camera sees that it may not write; the server sees which line is missing."""
    acl = server.folder / "state/mosquitto/acl"
    before = acl.read_text()
    # Written in place: Mosquitto's user keeps the file.
    acl.write_text(before.replace("topic write shutterbus/gate/frames\n", ""))
    docker("exec", server.container("mosquitto"), "sh", "-c", "kill -HUP 1")

    seen_there, seen_here = of_server(server)["first"], of_edge(gate, **MQTT)["first"]

    assert seen_there["check"] == "mosquitto rights", seen_there
    assert "missing in state/mosquitto/acl: gate.1 may write shutterbus/gate/frames" in seen_there["sentence"]
    assert seen_here["check"] == "topics", seen_here
    assert "we may not write to shutterbus/gate/frames" in seen_here["sentence"]
    server.run("sh", "-c", seen_there["fix"])
    assert acl.read_text() == before
    assert of_edge(gate, **MQTT)["topics"]["status"] == "ok"


def test_name_of_the_server_that_is_wrong_is_named(server: Installation, gate: Camera) -> None:
    """One that nobody knows, and one that leads to the server but is not in its certificate."""
    first = of_edge(gate, SS_BROKERS="nosuch.invalid:9093")["first"]
    assert first["check"] == "name", first
    assert "no address is known for nosuch.invalid" in first["sentence"]

    gate.set(SERVER_NAME="other.test")
    first = of_edge(gate, SS_BROKERS="other.test:9093")["first"]
    gate.set(SERVER_NAME=SERVER_NAME)
    assert first["check"] == "TLS", first
    assert f"is for {SERVER_NAME}, {server.address}, " in first["sentence"]
    assert first["sentence"].endswith("not for other.test")
    assert first["fix"] == 'on the server: make init HOST="... other.test"'


def test_camera_that_was_revoked_is_told_to_enroll(server: Installation, gate: Camera) -> None:
    """On the server nothing is wrong."""
    server.make("revoke", CAMERA="gate")

    for transport, topic in (({}, "shutterbus.gate.frames"), (MQTT, "shutterbus/gate/frames")):
        first = of_edge(gate, **transport)["first"]
        assert first["check"] == "topics", first
        assert f"we may not write to {'' if transport else 'topic '}{topic}" in first["sentence"]
        assert first["fix"] == "on the server: make enroll CAMERA=gate"
    assert of_server(server)["first"] == {"check": None}
