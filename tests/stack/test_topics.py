"""The topics of a camera, made on a real Kafka."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from shutterbus_broker import kafka_settings
from shutterbus_broker.__main__ import main
from stack.brokers import KafkaContainer, free_port, kafka
from stack.waiting import wait_until

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaContainer]:
    """One Kafka for all tests of this module."""
    with kafka() as running:
        yield running


def _config(broker: KafkaContainer, topic: str) -> dict[str, Any]:
    with KafkaAdminClient(bootstrap_servers=broker.address) as admin:
        configs = admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all"
        )
    return {key: entry["value"] for key, entry in configs["topic"][topic].items()}


def _wait_known(broker: KafkaContainer, topic: str) -> None:
    """Return when the broker describes *topic*: one just created may take a moment to be known to it."""
    deadline = time.monotonic() + 20
    while "retention.bytes" not in _config(broker, topic):
        assert time.monotonic() < deadline, f"{topic} is not known after 20 s"
        time.sleep(0.1)


def test_each_camera_gets_four_topics_that_keep_what_they_are_given(
    broker: KafkaContainer, capsys: pytest.CaptureFixture[str]
) -> None:
    """One partition keeps the order; the broker's own time keeps a frame from being refused or deleted early."""
    assert main(["topics", "gate", "yard", "--brokers", broker.address]) == 0

    assert capsys.readouterr().out.count(": created") == 8
    with KafkaAdminClient(bootstrap_servers=broker.address) as admin:
        topics = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}
    assert {name: count for name, count in topics.items() if name.startswith("shutterbus.")} == {
        f"shutterbus.{camera}.{kind}": 1
        for camera in ("gate", "yard")
        for kind in ("frames", "telemetry", "confirmations", "commands")
    }
    config = _config(broker, "shutterbus.gate.frames")
    assert config["message.timestamp.type"] == "LogAppendTime"
    assert config["compression.type"] == "uncompressed"
    assert int(config["retention.bytes"]) > 0
    assert config["max.message.bytes"] == "8388620"  # the broker's: the topic has none of its own


def test_doing_it_again_puts_right_what_was_changed_meanwhile(
    broker: KafkaContainer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A topic's own size limit is the usual reason why the broker's seems to have no effect."""
    main(["topics", "pond", "--brokers", broker.address])
    _wait_known(broker, "shutterbus.pond.frames")
    with KafkaAdminClient(bootstrap_servers=broker.address) as admin:
        changed = {
            "max.message.bytes": "1000",
            "message.timestamp.type": "CreateTime",
            "retention.bytes": "123456789",
        }
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "shutterbus.pond.frames", changed)])
    # The broker takes note of it a moment after it has said so.
    wait_until(
        lambda: _config(broker, "shutterbus.pond.frames")["message.timestamp.type"] == "CreateTime",
        30,
        lambda: str(_config(broker, "shutterbus.pond.frames")),
    )
    capsys.readouterr()

    assert main(["topics", "pond", "--brokers", broker.address]) == 0

    said = capsys.readouterr().out
    assert "shutterbus.pond.frames: message.timestamp.type CreateTime -> LogAppendTime" in said
    assert "max.message.bytes 1000 removed" in said
    assert "shutterbus.pond.telemetry: as it should be" in said
    config = _config(broker, "shutterbus.pond.frames")
    assert (config["max.message.bytes"], config["message.timestamp.type"]) == ("8388620", "LogAppendTime")
    assert config["retention.bytes"] == "123456789"  # somebody's choice, and none of ours


def test_topic_with_more_partitions_is_named_with_what_to_do(
    broker: KafkaContainer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Partitions cannot be taken away, so a person has to decide."""
    with KafkaAdminClient(bootstrap_servers=broker.address) as admin:
        admin.create_topics({"shutterbus.lane.frames": {"num_partitions": 3, "replication_factor": 1}})

    assert main(["topics", "lane", "--brokers", broker.address]) == 1

    assert "shutterbus.lane.frames has 3 partitions" in capsys.readouterr().err


def test_largest_frame_fits(broker: KafkaContainer) -> None:
    """The largest frame is the broker's limit less 4096."""
    main(["topics", "gate", "--brokers", broker.address])
    producer = KafkaProducer(
        bootstrap_servers=broker.address, max_request_size=8388620, enable_idempotence=False
    )
    sent = producer.send(
        "shutterbus.gate.frames", key=b"gate", value=bytes(8388620 - 4096), headers=[("ce_id", b"x" * 2000)]
    )
    assert sent.get(timeout=30).offset == 0
    producer.close()


def test_every_setting_of_this_kafka_reaches_it_from_env(broker: KafkaContainer) -> None:
    """The list is of one version; another image of Kafka wants another list."""
    with KafkaAdminClient(bootstrap_servers=broker.address) as admin:
        (known,) = admin.describe_configs(
            [ConfigResource(ConfigResourceType.BROKER, "1")], config_filter="all"
        )["broker"].values()
    names = {f"KAFKA_{name.replace('_', '__').replace('.', '_').upper()}" for name in known}
    assert len(names) > 300
    assert names <= kafka_settings.passed_on()


def test_broker_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """The client library alone says "unable to bootstrap" after half a minute."""
    port = free_port()

    assert main(["topics", "gate", "--brokers", f"127.0.0.1:{port}"]) == 1

    assert (
        capsys.readouterr().err
        == f"shutterbus-broker: 127.0.0.1:{port} cannot be reached: connection refused\n"
    )


def test_name_that_cannot_be_a_camera_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A name becomes a topic, a folder and a certificate."""
    assert main(["topics", "gate/../x", "--brokers", "127.0.0.1:9"]) == 1

    assert "cannot name a camera" in capsys.readouterr().err
