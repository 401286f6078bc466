"""The viewer's consumers against real brokers, without its pages, and something that sends."""

import contextlib
import gc
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import paho.mqtt.client as paho
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from shutterbus_runtime.clock import SystemClock
from shutterbus_transport.consuming import Reader
from shutterbus_viewer.app import make_readers
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.consume.intake import Intake
from shutterbus_viewer.settings import ViewerSettings
from shutterbus_wire import names
from shutterbus_wire.frame import Frame
from shutterbus_wire.message import Message, encode_frame, kafka_headers, mqtt_user_properties
from shutterbus_wire.telemetry import Status, Telemetry, encode_telemetry
from stack.waiting import wait_until

PATIENT_S = 60
"""How long to wait for what is promised, where it is not promised within a time."""


@dataclass
class Watching:
    """Consumers that run."""

    cameras: Cameras
    intake: Intake
    consumers: list[Reader]

    def newest(self, camera: str) -> str | None:
        """Return the id of the newest picture of *camera*."""
        picture = self.cameras.picture(camera)
        return picture.id if picture else None

    def refused(self) -> dict[str, int]:
        """Return how many messages were refused, by reason."""
        return {reason: count for (_, reason), count in self.intake.counts()[1].items()}

    def wait_newest(self, camera: str, picture_id: str, within_s: float = PATIENT_S) -> None:
        """Return when *picture_id* is the newest of *camera*."""
        wait_until(
            lambda: self.newest(camera) == picture_id, within_s, lambda: f"{camera} has {self.newest(camera)}"
        )


@contextlib.contextmanager
def watching(
    *, kafka: str | None = None, mqtt: str | None = None, topics: Sequence[str] = (), **mqtt_settings: Any
) -> Iterator[Watching]:
    """The consumers of a viewer that is told these brokers and topics."""
    clock = SystemClock()
    cameras = Cameras(clock)
    intake = Intake(cameras, clock)
    settings = ViewerSettings.model_validate(
        {
            "kafka": {"type": "kafka", "brokers": kafka} if kafka else None,
            "mqtt": {"type": "mqtt", "brokers": mqtt, **mqtt_settings} if mqtt else None,
            "topics": tuple(topics),
        }
    )
    consumers = make_readers(settings, intake, clock)
    with _kafka_silent():
        yield from _run(Watching(cameras, intake, consumers))


def _run(watched: Watching) -> Iterator[Watching]:
    consumers = watched.consumers
    for consumer in consumers:
        consumer.start()
    try:
        yield watched
        assert all(consumer.is_alive() for consumer in consumers), "a consumer ended by itself"
    finally:
        for consumer in consumers:
            consumer.stop()
        for consumer in consumers:
            consumer.join(10)
        gc.collect()  # here, where a socket that kafka-python forgot is no failure
    assert not any(consumer.is_alive() for consumer in consumers), "a consumer does not stop"


@contextlib.contextmanager
def _kafka_silent() -> Iterator[None]:
    """Pytest keeps what is logged, and with an exception of kafka-python the socket that it failed to close."""
    loggers = [
        logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith("kafka.")
    ]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger in loggers:
            logger.disabled = False


def make_topics(broker: str, cameras: Sequence[str], kinds: Sequence[Any] = ("frames", "telemetry")) -> None:
    """Create the Kafka topics of *cameras*."""
    with KafkaAdminClient(bootstrap_servers=broker) as admin:
        admin.create_topics(
            [
                NewTopic(
                    names.kafka_topic(camera, kind),
                    1,
                    1,
                    topic_configs={"message.timestamp.type": "LogAppendTime"},
                )
                for camera in cameras
                for kind in kinds
            ]
        )


@contextlib.contextmanager
def sending(broker: str) -> Iterator["Sender"]:
    """Something that sends to Kafka."""
    producer = KafkaProducer(
        bootstrap_servers=broker,
        enable_idempotence=False,
        # What is refused because its topic is new is sent again, and must not come behind what was sent after it.
        max_in_flight_requests_per_connection=1,
        acks="all",
        max_request_size=16_777_216,
        reconnect_backoff_max_ms=500,
    )
    try:
        yield Sender(producer)
    finally:
        producer.close(timeout=5)


class Sender:
    """Sends frames and telemetry as an edge does, or any bytes as a stranger would."""

    def __init__(self, producer: KafkaProducer) -> None:
        self._producer = producer

    def frames(self, *frames: Frame) -> None:
        """Send *frames* and return when they are stored."""
        sent = []
        for frame in frames:
            message = encode_frame(frame, "jpeg", frame.lane or "live")
            topic = names.kafka_topic(frame.metadata.camera, "frames")
            headers = kafka_headers(message) if frame.lane else None
            sent.append(self._producer.send(topic, message.value, headers=headers))
        for future in sent:
            future.get(timeout=30)

    def telemetry(self, telemetry: Telemetry) -> None:
        """Send a status, report or reading."""
        message = encode_telemetry(telemetry, "live")
        self.raw(names.kafka_topic(telemetry.camera, "telemetry"), message.value, kafka_headers(message))

    def raw(self, topic: str, value: bytes, headers: list[tuple[str, bytes]] | None = None) -> int:
        """Send any bytes; return their offset."""
        return int(self._producer.send(topic, value, headers=headers).get(timeout=30).offset)


@contextlib.contextmanager
def mqtt_sending(
    port: int, protocol: Literal[5, 4] = 5, will: Status | None = None
) -> Iterator["MqttSender"]:
    """Something that sends to Mosquitto; *will* is sent by the broker if it goes without a word."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion(protocol))
    if will:
        client.will_set(
            names.mqtt_topic(will.camera, "status"), encode_telemetry(will, "live").value, 1, retain=True
        )
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield MqttSender(client, protocol)
    finally:
        client.disconnect()
        client.loop_stop()


class MqttSender:
    """As ``Sender``."""

    def __init__(self, client: paho.Client, protocol: int) -> None:
        self.client = client
        self._protocol = protocol

    def frames(self, *frames: Frame) -> None:
        """Send *frames* and return when the broker has them."""
        for frame in frames:
            message = encode_frame(frame, "jpeg", frame.lane or "live")
            topic = names.mqtt_topic(frame.metadata.camera, "frames")
            self._send(topic, message, retain=frame.lane != "backlog")

    def telemetry(self, telemetry: Telemetry, kind: Literal["status", "reports", "readings"]) -> None:
        """Send a status, report or reading."""
        self._send(
            names.mqtt_topic(telemetry.camera, kind),
            encode_telemetry(telemetry, "live"),
            retain=kind == "status",
        )

    def raw(self, topic: str, value: bytes) -> None:
        """Send any bytes."""
        self.client.publish(topic, value, 1).wait_for_publish(10)

    def vanish(self) -> None:
        """Break the connection without a word, as a power cut does."""
        connection = self.client.socket()
        assert connection is not None
        connection.close()

    def _send(self, topic: str, message: Message, *, retain: bool) -> None:
        properties = None
        if self._protocol == 5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has few types
            properties.ContentType = message.content_type
            properties.UserProperty = mqtt_user_properties(message)
        self.client.publish(topic, message.value, 1, retain, properties).wait_for_publish(10)
