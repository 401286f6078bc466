"""The edge's doctor against real brokers that have one thing wrong each: its first failing line names that."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from shutterbus_broker.topics import ensure_topics
from stack.brokers import KafkaContainer, free_port, kafka, mosquitto
from stack.programs import BIN
from stack.slow_line import slow_line
from stack.test_publish_refused import USERS

pytestmark = [pytest.mark.stack(minutes=0.8), pytest.mark.timeout(120)]

SLOW_BYTES_PER_S = 16_000
LARGE_PICTURE = {"PICAMERA_RESOLUTION": "3840x2160", "SCHEDULE": "300"}
"""Of some 300 kB: 20 s on the slow line."""


def doctor(folder: Path, **settings: str) -> dict[str, dict[str, Any]]:
    """Run it as a person does; return its lines by check, and the first that fails as ``first``."""
    environment = {
        "PATH": os.environ["PATH"],
        "CAMERA_SOURCE": "testcard",
        "CAMERA_ID": "gate",
        "SCHEDULE": "10",
        "SPOOL_DIR": str(folder / "spool"),
        **settings,
    }
    done = subprocess.run(
        [BIN / "shutterbus-edge", "doctor", "--json"],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    lines = json.loads(done.stdout)["checks"]
    failing = [check for check in lines if check["status"] == "failure"]
    assert done.returncode == (1 if failing else 0)
    return {check["check"]: check for check in lines} | {"first": failing[0] if failing else {"check": None}}


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaContainer]:
    with kafka(KAFKA_MESSAGE_MAX_BYTES="60000") as running:
        yield running


def alter(broker: KafkaContainer, topic: str, name: str, value: str) -> None:
    """Give *topic* a setting of its own."""
    with KafkaAdminClient(bootstrap_servers=broker.address) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {name: value})])


def test_topic_that_is_missing_then_each_limit_that_is_too_small(
    broker: KafkaContainer, tmp_path: Path
) -> None:
    """One after the other on one broker, whichever has set it."""
    to_it = {"SS_BROKERS": broker.address}
    assert doctor(tmp_path, **to_it)["first"]["check"] == "topics"

    with KafkaAdminClient(bootstrap_servers=broker.address) as admin:
        list(ensure_topics(admin, ["gate"]))
    first = doctor(tmp_path, **to_it)["first"]
    assert first["check"] == "size"
    assert "the broker (message.max.bytes) takes 60,000" in first["sentence"]

    alter(broker, "shutterbus.gate.frames", "max.message.bytes", "50000")
    first = doctor(tmp_path, **to_it)["first"]
    assert "topic shutterbus.gate.frames (its own max.message.bytes) takes 50,000" in first["sentence"]

    alter(broker, "shutterbus.gate.frames", "max.message.bytes", "8388620")
    checks_by_name = doctor(tmp_path, **to_it)
    assert checks_by_name["first"]["check"] is None
    assert checks_by_name["compression"]["status"] == "ok"
    first = doctor(tmp_path, **to_it, SS_MAX_REQUEST_SIZE="40000")["first"]
    assert "SS_MAX_REQUEST_SIZE takes 40,000" in first["sentence"]
    assert first["fix"] == "in .env: SS_MAX_REQUEST_SIZE=8388620"

    alter(broker, "shutterbus.gate.frames", "compression.type", "gzip")
    packed = doctor(tmp_path, **to_it)["compression"]
    assert packed["status"] == "warning"  # the camera's pictures arrive all the same
    assert "compression.type is gzip" in packed["sentence"]


def test_address_that_the_broker_gives_itself_wrongly(tmp_path: Path) -> None:
    """The first packet arrives, and nothing after it."""
    wrong = free_port()
    with kafka(KAFKA_ADVERTISED_LISTENERS=f"LAN://nosuch.invalid:{wrong}") as running:
        first = doctor(tmp_path, SS_BROKERS=running.address)["first"]

    assert first["check"] == "advertised"
    assert f"nosuch.invalid:{wrong} (advertised.listeners)" in first["sentence"]


def test_wrong_password_and_missing_rights_on_kafka(tmp_path: Path) -> None:
    with kafka(
        KAFKA_LISTENER_SECURITY_PROTOCOL_MAP="CONTROLLER:PLAINTEXT,LAN:SASL_PLAINTEXT",
        KAFKA_SASL_ENABLED_MECHANISMS="PLAIN",
        KAFKA_SASL_MECHANISM_INTER_BROKER_PROTOCOL="PLAIN",
        KAFKA_LISTENER_NAME_LAN_PLAIN_SASL_JAAS_CONFIG=USERS,
        KAFKA_AUTHORIZER_CLASS_NAME="org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        KAFKA_SUPER_USERS="User:admin;User:ANONYMOUS",
    ) as running:
        to_it = {"SS_BROKERS": running.address, "SS_USERNAME": "gate"}
        wrong = doctor(tmp_path, **to_it, SS_PASSWORD="not-this")
        nobody = doctor(tmp_path, SS_BROKERS=running.address)
        no_rights = doctor(tmp_path, **to_it, SS_PASSWORD="gate-secret")

    assert wrong["first"]["check"] == "login"
    assert "the user gate is refused (PLAIN)" in wrong["first"]["sentence"]
    assert "not-this" not in json.dumps(wrong)
    assert nobody["first"]["check"] == "login"
    assert no_rights["anonymous"]["status"] == "ok"
    assert no_rights["first"]["check"] == "topics"
    assert "we may not write to topic shutterbus.gate.frames" in no_rights["first"]["sentence"]


def test_mosquitto_that_takes_too_little_or_nothing_from_us(tmp_path: Path) -> None:
    """Its packet size, its password, its rights."""
    with mosquitto("max_packet_size 50000") as running:
        first = doctor(tmp_path, SS_TYPE="mqtt", SS_BROKERS=running.address)["first"]
        assert first["check"] == "size"
        assert "the broker (max_packet_size) takes 50,000" in first["sentence"]

    with mosquitto("allow_anonymous false") as running:
        to_it = {"SS_TYPE": "mqtt", "SS_BROKERS": running.address}
        first = doctor(tmp_path, **to_it, SS_USERNAME="gate", SS_PASSWORD="not-this")["first"]
        assert first["check"] == "login"
        assert "refuses the user gate" in first["sentence"]

    with mosquitto(rights="topic write shutterbus/yard/+\n") as running:
        first = doctor(tmp_path, SS_TYPE="mqtt", SS_BROKERS=running.address)["first"]
        assert first["check"] == "topics"
        assert "we may not write to shutterbus/gate/frames" in first["sentence"]


@pytest.mark.soak
@pytest.mark.alone
def test_picture_that_outlasts_the_keepalive_on_a_slow_line(tmp_path: Path) -> None:
    """Ours, or what the broker allows of it; the same line is good enough for who is more patient."""
    with mosquitto() as running, slow_line(SLOW_BYTES_PER_S, running.port) as line:
        to_it = {"SS_TYPE": "mqtt", "SS_BROKERS": line.address, **LARGE_PICTURE}
        assert doctor(tmp_path, **to_it, SS_KEEPALIVE="60")["first"]["check"] is None
        first = doctor(tmp_path, **to_it, SS_KEEPALIVE="5")["first"]
    assert first["check"] == "line", first
    assert "and the client waits 8 s (SS_KEEPALIVE is 5 s)" in first["sentence"]
    assert first["fix"].startswith("in .env: SS_KEEPALIVE=")

    with mosquitto("max_keepalive 10") as running, slow_line(SLOW_BYTES_PER_S, running.port) as line:
        to_it["SS_BROKERS"] = line.address
        first = doctor(tmp_path, **to_it, SS_KEEPALIVE="60")["first"]
    assert first["check"] == "line", first
    assert "and the client waits 15 s (the broker's max_keepalive is 10 s)" in first["sentence"]
    assert first["fix"] == "on the server, in broker/mosquitto/mosquitto.conf: no max_keepalive"


@pytest.mark.soak
@pytest.mark.alone
def test_picture_that_outlasts_the_producers_time_on_a_slow_line(tmp_path: Path) -> None:
    """It would be sent again and again and never arrive."""
    with (
        slow_line(SLOW_BYTES_PER_S) as line,
        kafka(KAFKA_ADVERTISED_LISTENERS=f"LAN://{line.address}") as running,
    ):
        line.to_port = running.port
        with KafkaAdminClient(bootstrap_servers=line.address) as admin:
            list(ensure_topics(admin, ["gate"]))
        to_it = {"SS_BROKERS": line.address, **LARGE_PICTURE}
        assert doctor(tmp_path, **to_it)["first"]["check"] is None
        shortened = {"SS_REQUEST_TIMEOUT_MS": "15000", "SS_DELIVERY_TIMEOUT_MS": "20000"}
        first = doctor(tmp_path, **to_it, **shortened)["first"]
    assert first["check"] == "line", first
    assert "and the client waits 8 s (request_timeout_ms is 15 s)" in first["sentence"]
    assert first["fix"] == "in .env: no SS_REQUEST_TIMEOUT_MS"
