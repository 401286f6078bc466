"""A broker that does not want us: said once, with what to do, kept in the spool, and never hammered."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    NewTopic,
    ResourcePattern,
    ResourceType,
)

from edge.fakes_publish import picture
from shutterbus_broker.__main__ import main as make_topics
from shutterbus_edge.publish import Publisher
from shutterbus_edge.settings.edge import EdgeSettings
from shutterbus_edge.spool import Spool
from shutterbus_runtime.clock import SystemClock
from shutterbus_transport.kafka.consumer import Consumer
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire.frame import FrameMetadata
from stack.brokers import Container, docker, kafka, mosquitto
from stack.waiting import wait_until

pytestmark = [
    pytest.mark.stack,
    # kafka-python leaves it to the garbage collector to close a socket whose connecting failed.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

USERS = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'username="admin" password="admin-secret" user_admin="admin-secret" user_gate="gate-secret";'
)


@pytest.fixture(scope="module")
def guarded_kafka() -> Iterator[Container]:
    """A Kafka with passwords and rights: ``gate`` may do nothing yet."""
    with kafka(
        KAFKA_LISTENER_SECURITY_PROTOCOL_MAP="CONTROLLER:PLAINTEXT,LAN:SASL_PLAINTEXT",
        KAFKA_SASL_ENABLED_MECHANISMS="PLAIN",
        KAFKA_SASL_MECHANISM_INTER_BROKER_PROTOCOL="PLAIN",
        KAFKA_LISTENER_NAME_LAN_PLAIN_SASL_JAAS_CONFIG=USERS,
        KAFKA_AUTHORIZER_CLASS_NAME="org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        KAFKA_SUPER_USERS="User:admin;User:ANONYMOUS",
    ) as broker:
        yield broker


AS_ADMIN = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "PLAIN",
    "sasl_plain_username": "admin",
    "sasl_plain_password": "admin-secret",
}


def admin_of(broker: Container) -> KafkaAdminClient:
    return KafkaAdminClient(bootstrap_servers=broker.address, **AS_ADMIN)


def producer_of(broker: Container) -> KafkaProducer:
    return KafkaProducer(bootstrap_servers=broker.address, **AS_ADMIN)


class Edge:
    """A publisher with one picture in its spool."""

    def __init__(self, folder: Path, broker: BrokerSettings) -> None:
        self.clock = SystemClock()
        self.spool = Spool(folder, camera="gate", clock=self.clock)
        self.publisher = Publisher(
            EdgeSettings(broker=broker, camera_id="gate"), "gate", self.spool, self.clock
        )
        metadata = FrameMetadata("gate", self.spool.next_id(), self.clock.utc_us())
        self.publisher.offer(self.spool.put(metadata, picture(metadata)))

    @property
    def reason(self) -> str:
        return self.publisher.state().lanes["live"].reason

    def wait_for_reason(self, words: str, within_s: float = 30) -> None:
        deadline_s = time.monotonic() + within_s
        while words not in self.reason:
            assert time.monotonic() < deadline_s, self.publisher.state()
            time.sleep(0.05)

    def wait_sent(self, within_s: float = 30) -> None:
        deadline_s = time.monotonic() + within_s
        while self.spool.counts().held_frames:
            assert time.monotonic() < deadline_s, self.publisher.state()
            time.sleep(0.05)

    def close(self) -> None:
        self.publisher.stop(1)
        self.spool.close()


def as_gate(broker: Container, password: str = "gate-secret") -> BrokerSettings:
    return BrokerSettings(
        type="kafka", brokers=(("127.0.0.1", broker.port),), username="gate", password=password
    )


def test_wrong_password_is_tried_once_a_minute(
    guarded_kafka: Container, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A broker that counts failures would lock the account; and the password is nowhere in the log."""
    edge = Edge(tmp_path, as_gate(guarded_kafka, "wrong-secret"))
    edge.publisher.start()
    edge.wait_for_reason("refuses the user gate")
    time.sleep(3)

    lines = docker("logs", guarded_kafka.name).splitlines()
    attempts = [line for line in lines if "Failed authentication" in line]
    assert len(attempts) <= 1, attempts
    assert edge.publisher._live.connection.retry.wait_s(edge.clock.monotonic_s()) > 50
    assert edge.spool.counts().held_frames == 1
    edge.close()
    assert "wrong-secret" not in caplog.text


def allow(admin: KafkaAdminClient, pattern: ResourcePattern, *operations: ACLOperation) -> None:
    """Give rights, and return when they count: Kafka says yes to them before the broker knows them."""
    admin.create_acls(
        [ACL("User:gate", "*", operation, ACLPermissionType.ALLOW, pattern) for operation in operations]
    )
    given = ACLFilter("User:gate", "*", ACLOperation.ANY, ACLPermissionType.ALLOW, pattern)
    wait_until(
        lambda: set(operations) <= {acl.operation for acl in admin.describe_acls(given)[0]},
        30,
        lambda: f"{operations} do not count yet",
    )


def test_denied_topic_waits_until_the_right_is_given(
    guarded_kafka: Container, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not for long: on a server that is just starting it comes within seconds. Write is enough, less one thing that is said."""
    admin = admin_of(guarded_kafka)
    admin.create_topics([NewTopic(name="shutterbus.gate.frames", num_partitions=1, replication_factor=1)])
    edge = Edge(tmp_path, as_gate(guarded_kafka))
    edge.publisher.start()
    edge.wait_for_reason("shutterbus.gate.frames")
    assert "does not let us write" in edge.reason or "no topic" in edge.reason
    assert edge.spool.counts().held_frames == 1

    pattern = ResourcePattern(ResourceType.TOPIC, "shutterbus.gate.frames")
    allow(admin, pattern, ACLOperation.WRITE)
    edge.wait_sent()
    assert edge.publisher.frame_max_bytes is None
    edge.close()
    untold = "Kafka does not say how large a message to topic shutterbus.gate.frames may be"
    assert sum(message.startswith(untold) for message in caplog.messages) == 1

    allow(admin, pattern, ACLOperation.DESCRIBE_CONFIGS)
    told = Edge(tmp_path / "told", as_gate(guarded_kafka))
    told.publisher.start()
    told.wait_sent()
    assert told.publisher.frame_max_bytes == 8388620 - 4096
    told.close()
    admin.close()


def test_topics_are_made_by_whoever_may_with_the_settings_of_an_edge(
    guarded_kafka: Container, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SS_BROKERS", guarded_kafka.address)
    assert make_topics(["topics", "hill"]) == 1
    assert "as one does that wants a user and password" in capsys.readouterr().err

    monkeypatch.setenv("SS_PASSWORD", "wrong-secret")
    assert make_topics(["topics", "hill", "--username", "admin"]) == 1
    said = capsys.readouterr().err
    assert f"{guarded_kafka.address} refuses the user admin" in said
    assert "wrong-secret" not in said

    monkeypatch.setenv("SS_PASSWORD", "admin-secret")
    assert make_topics(["topics", "hill", "--username", "admin"]) == 0
    said = capsys.readouterr().out
    assert said.count(": created") == 4
    assert "shutterbus.hill.frames, " in said
    assert said.rstrip().endswith(": 1 replica, min.insync.replicas 1")  # of one broker: no more can be had


def test_rights_of_the_documents_are_enough_on_a_cluster_of_somebody_elses(
    guarded_kafka: Container, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that docs/own-broker.md names for making topics, and for a viewer; none on the cluster, none for a group."""
    pattern = ResourcePattern(ResourceType.TOPIC, "shutterbus.moor.", ACLResourcePatternType.PREFIXED)
    monkeypatch.setenv("SS_PASSWORD", "gate-secret")
    making = ["topics", "moor", "--brokers", guarded_kafka.address, "--username", "gate"]
    with admin_of(guarded_kafka) as admin:
        allow(
            admin,
            pattern,
            ACLOperation.CREATE,
            ACLOperation.DESCRIBE,
            ACLOperation.DESCRIBE_CONFIGS,
            ACLOperation.ALTER_CONFIGS,
        )
        assert make_topics(making) == 0, capsys.readouterr().err
        retention = {"retention.bytes": "123456789", "compression.type": "gzip"}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "shutterbus.moor.frames", retention)])
        capsys.readouterr()
        assert make_topics(making) == 0, capsys.readouterr().err
        assert "compression.type gzip -> uncompressed" in capsys.readouterr().out
        allow(admin, pattern, ACLOperation.READ)

    with contextlib.closing(producer_of(guarded_kafka)) as producer:
        producer.send("shutterbus.moor.frames", b"frame").get(timeout=30)
    reading = Consumer(as_gate(guarded_kafka), {"auto_offset_reset": "earliest"})
    try:
        reading.kafka.subscribe(pattern=r"^shutterbus\.moor\.frames$")
        records: list[Any] = []
        deadline_s = time.monotonic() + 30
        while not records:
            assert time.monotonic() < deadline_s, reading.failure
            records = [record for batch in reading.kafka.poll(500).values() for record in batch]
    finally:
        reading.close()
    assert records[0].value == b"frame"


def test_topic_denied_by_mosquitto_is_not_counted_as_sent(tmp_path: Path) -> None:
    with mosquitto(rights="topic write shutterbus/yard/#\ntopic read #\n") as broker:
        edge = Edge(tmp_path / "spool", BrokerSettings(type="mqtt", brokers=(("127.0.0.1", broker.port),)))
        edge.publisher.start()
        edge.wait_for_reason("does not let us write")
        assert edge.spool.counts().held_frames == 1
        edge.close()


@pytest.mark.parametrize(("user", "who"), [(None, "without user"), ("gate", "the user gate")])
def test_mosquitto_that_refuses_us_is_asked_once_a_minute(tmp_path: Path, user: str | None, who: str) -> None:
    with mosquitto("allow_anonymous false") as broker:
        settings = BrokerSettings(
            type="mqtt",
            brokers=(("127.0.0.1", broker.port),),
            username=user,
            password=user and "wrong-secret",
        )
        edge = Edge(tmp_path, settings)
        edge.publisher.start()
        edge.wait_for_reason(who)
        assert edge.publisher._live.connection.retry.wait_s(edge.clock.monotonic_s()) > 50
        assert edge.spool.counts().held_frames == 1
        edge.close()
