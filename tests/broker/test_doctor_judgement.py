"""What the server's doctor makes of what it found: every setting that can cost a picture, without a broker."""

from pathlib import Path

import pytest

from shutterbus_broker import disk
from shutterbus_broker.doctor import acl, kafka, machine, mosquitto, old_clients, sizes
from shutterbus_broker.doctor.mosquitto import Connack
from shutterbus_broker.identities import Identities
from shutterbus_broker.mosquitto import acl as acl_file
from shutterbus_runtime.checks import CheckResult

WANTED = 2_097_164
BROKER = {
    "message.max.bytes": "2097164",
    "socket.request.max.bytes": "104857600",
    "fetch.max.bytes": "57671680",
    "replica.fetch.max.bytes": "2097164",
    "replica.fetch.response.max.bytes": "10485760",
    "log.segment.bytes": "1073741824",
    "queued.max.request.bytes": "268435456",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "compression.type": "uncompressed",
    "listeners": "EDGE://:9093,SERVICES://:9094,CONTROLLER://localhost:9095",
    "listener.security.protocol.map": "EDGE:SSL,SERVICES:SSL,CONTROLLER:SSL",
    "ssl.client.auth": "required",
}
FRAMES = "shutterbus.gate.frames"
TOPIC = {
    "segment.bytes": "67108864",
    "retention.bytes": "1073741824",
    "compression.type": "uncompressed",
    "message.timestamp.type": "LogAppendTime",
    "cleanup.policy": "delete",
}


def _all(
    broker: dict[str, str], topic: dict[str, str], brokers: int = 1, heap: str = "-Xmx1g"
) -> list[CheckResult]:
    topics = {FRAMES: topic}
    return [
        sizes.message(broker, WANTED),
        sizes.requests(broker, WANTED),
        sizes.fetches(broker, WANTED, brokers),
        sizes.memory(broker, heap),
        sizes.replication(broker, brokers),
        sizes.segments(broker, topics, WANTED),
        sizes.retention(topics, 20 << 30, disk.OWN_BYTES),
        sizes.compression(broker, topics),
        sizes.rules_of_topics(topics),
        sizes.client_certificates(broker),
    ]


def test_kafka_as_the_compose_file_starts_it_is_in_order() -> None:
    """Otherwise every line below would mean nothing."""
    assert {finding.status for finding in _all(BROKER, TOPIC)} == {"ok"}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("message.max.bytes", "1048588", "message.max.bytes is 1048588, and 2097164 is needed"),
        ("socket.request.max.bytes", "1048576", "socket.request.max.bytes is 1048576"),
        ("fetch.max.bytes", "1048576", "fetch.max.bytes is 1048576"),
        ("log.segment.bytes", "1048576", "log.segment.bytes is 1048576"),
        ("queued.max.request.bytes", "-1", "queued.max.request.bytes has no limit"),
        ("queued.max.request.bytes", "1073741824", "too little where 1024 MiB of requests may wait"),
        ("offsets.topic.replication.factor", "3", "offsets.topic.replication.factor is 3, and there is 1 broker"),
        ("transaction.state.log.min.isr", "2", "transaction.state.log.min.isr is 2"),
        ("compression.type", "producer", "compression.type of the broker is producer"),
        ("ssl.client.auth", "requested", "the listener EDGE lets in who shows no certificate"),
        ("listener.name.services.ssl.client.auth", "none", "the listener SERVICES lets in who shows no certificate"),
        ("listener.security.protocol.map", "EDGE:PLAINTEXT,SERVICES:SSL,CONTROLLER:SSL", "it speaks PLAINTEXT"),
    ],
)  # fmt: skip
def test_setting_of_the_broker_is_named_alone(name: str, value: str, words: str) -> None:
    """One cause, one line, with what to do."""
    failed = [result for result in _all({**BROKER, name: value}, TOPIC) if result.status == "failure"]
    assert len(failed) == 1
    assert words in failed[0].sentence
    assert failed[0].fix


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("segment.bytes", "1048576", f"segment.bytes of {FRAMES} is 1048576"),
        ("retention.bytes", "-1", f"{FRAMES} keeps everything"),
        ("retention.bytes", "99999999999", "and KAFKA_DISK_MAX is 20480 MiB"),
        ("compression.type", "gzip", f"compression.type of {FRAMES} is gzip"),
        ("message.timestamp.type", "CreateTime", f"message.timestamp.type of {FRAMES} is CreateTime"),
    ],
)  # fmt: skip
def test_setting_of_a_topic_is_named_alone(name: str, value: str, words: str) -> None:
    """The set-up puts topics right, so that is the fix."""
    failed = [result for result in _all(BROKER, {**TOPIC, name: value}) if result.status == "failure"]
    assert len(failed) == 1
    assert words in failed[0].sentence
    assert failed[0].fix == "docker compose restart setup"


def test_listener_for_old_clients_has_a_check_of_its_own() -> None:
    """It is open on purpose, and amber for as long as it is."""
    opened = {
        "listeners": f"{BROKER['listeners']},LEGACY://:9092",
        "listener.security.protocol.map": f"{BROKER['listener.security.protocol.map']},LEGACY:PLAINTEXT",
    }
    assert sizes.client_certificates({**BROKER, **opened}).status == "ok"


def test_copies_matter_only_where_there_are_several_brokers() -> None:
    """One broker fetches from nobody."""
    small = {**BROKER, "replica.fetch.max.bytes": "1048576"}
    assert sizes.fetches(small, WANTED, 1).status == "ok"
    assert "replica.fetch.max.bytes" in sizes.fetches(small, WANTED, 3).sentence


def test_heap_that_is_too_small_is_named() -> None:
    """An out of memory error ends the broker, and its log is the only one to say so."""
    result = sizes.memory(BROKER, "-Xms128m -Xmx256m")
    assert (result.status, "heap is 256 MiB (KAFKA_HEAP_OPTS)" in result.sentence) == ("failure", True)


def test_limit_of_a_topic_overrides_the_brokers() -> None:
    """Below it pictures are refused; above it make 4k-off has no effect."""
    assert sizes.limits_of_topics({}, WANTED).status == "ok"
    assert sizes.limits_of_topics({FRAMES: 1_000_000}, WANTED).status == "failure"
    assert sizes.limits_of_topics({FRAMES: 9_000_000}, WANTED).status == "warning"


def test_mosquitto_as_it_is_configured_here_is_in_order() -> None:
    """The very file that the compose file mounts."""
    text = (Path(__file__).parents[2] / "broker/mosquitto/mosquitto.conf").read_text()
    assert mosquitto.configuration(text, WANTED).status == "ok"
    assert mosquitto.packet_size(Connack(WANTED), WANTED).status == "ok"
    assert mosquitto.window(Connack(receive_max=20)).status == "ok"
    assert mosquitto.keepalive(Connack(), WANTED).status == "ok"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("message_size_limit 100000", "message_size_limit is 100000"),
        ("max_queued_bytes 0", "max_queued_bytes is not set"),
        ("max_queued_bytes 99999999999", "max_queued_bytes is 99999999999"),
        ("max_queued_messages 1000", "max_queued_messages is 1000"),
        ("max_inflight_messages 0", "max_inflight_messages is 0"),
        ("memory_limit 1000000", "memory_limit is 1000000"),
        ("allow_anonymous true", "lets in who shows no certificate"),
    ],
)
def test_line_of_mosquittos_configuration_is_named(line: str, words: str) -> None:
    """What it would drop in silence, or fill its memory with."""
    text = (Path(__file__).parents[2] / "broker/mosquitto/mosquitto.conf").read_text()
    result = mosquitto.configuration(f"{text}\n{line}\n", WANTED)
    assert result.status == "failure"
    assert words in result.sentence


def test_what_mosquitto_says_on_connecting_is_judged() -> None:
    """Smaller than the one number, without limit, or impatient."""
    assert "max_packet_size is 2000000" in mosquitto.packet_size(Connack(2_000_000), WANTED).sentence
    assert mosquitto.packet_size(Connack(None), WANTED).status == "failure"
    assert mosquitto.window(Connack(receive_max=None)).status == "failure"


def test_keepalive_that_the_largest_picture_outlasts_is_named_with_the_line_that_it_takes() -> None:
    """A server knows no camera's line; it knows its own largest picture."""
    assert mosquitto.keepalive(Connack(keepalive_s=60), WANTED).status == "ok"
    result = mosquitto.keepalive(Connack(keepalive_s=30), WANTED)
    assert result.status == "failure"
    assert "a keepalive above 30 s (max_keepalive)" in result.sentence
    assert "on a line of less than 373 kbit/s" in result.sentence


@pytest.mark.parametrize(
    ("line", "instead", "words"),
    [
        ("topic write shutterbus/gate/frames", "", "missing in state/mosquitto/acl: gate.1 may write shutterbus/gate/frames"),
        ("topic write shutterbus/gate/frames", "topic read shutterbus/gate/frames", "missing in state/mosquitto/acl: gate.1 may write"),
        ("user gate.1", "user gate.2", "missing in state/mosquitto/acl: gate.1 may write shutterbus/gate/frames; gate.1 may write"),
        ("user gate.1", "user gate.1\ntopic write shutterbus/gate/+", "and not meant to be: gate.1 may write shutterbus/gate/+"),
        ("user gate.1", "topic write #\nuser gate.1", "and not meant to be: doctor.service may write #"),
        ("user gate.1", "pattern write shutterbus/%c/+\nuser gate.1", "and not meant to be: pattern write shutterbus/%c/+"),
    ],
)  # fmt: skip
def test_line_of_mosquittos_rights_is_named(line: str, instead: str, words: str) -> None:
    """Which camera may not send, or who may do more than is meant."""
    meant = acl_file(Identities({}, {}).enrolled("cameras", "gate"))
    assert acl.judge(meant, meant).status == "ok"
    result = acl.judge(meant.replace(line, instead), meant)
    assert (result.status, result.fix) == ("failure", acl.AGAIN)
    assert words in result.sentence


def test_rights_that_are_missing_for_many_are_not_all_listed() -> None:
    """After a backup from before they were enrolled, say."""
    cameras = Identities({}, {})
    for name in ("gate", "yard", "roof"):
        cameras = cameras.enrolled("cameras", name)
    result = acl.judge(acl_file(Identities({}, {})), acl_file(cameras))
    assert result.sentence.endswith(" and 18 more")


def test_advertised_addresses_are_read_as_kafka_lists_them() -> None:
    """With IPv6 addresses in brackets."""
    text = "EDGE://[fd00::1]:9093,SERVICES://kafka:9094"
    assert list(kafka.addresses(text)) == [("fd00::1", 9093), ("kafka", 9094)]


def test_disk_is_full_before_kafka_says_so() -> None:
    """A broker whose disk is full stops."""
    gib = 1 << 30
    assert machine.disk_room(100 * gib, 50 * gib, 0, 20 * gib).status == "ok"
    assert machine.disk_room(100 * gib, 4 * gib, 20 * gib, 20 * gib).status == "failure"
    assert "Kafka may still take 20.0 GiB" in machine.disk_room(100 * gib, 18 * gib, 0, 20 * gib).sentence
    assert machine.disk_room(100 * gib, 12 * gib, 20 * gib, 20 * gib).status == "warning"


def test_door_for_old_clients_is_amber_if_wanted_and_red_if_not() -> None:
    """It is never green."""
    topics = ("image-sinetstream",)
    assert old_clients.judge([], "", ()).status == "ok"
    wanted = old_clients.judge(["Kafka", "Mosquitto"], "192.168.1.10", topics)
    assert wanted.status == "warning"
    assert "Kafka and Mosquitto at 192.168.1.10 takes from anybody" in wanted.sentence
    assert old_clients.judge(["Kafka"], "", ()).status == "failure"
