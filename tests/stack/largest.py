"""The largest picture there may be, carried over either broker by one identity and read by another."""

import contextlib
import time
from collections.abc import Iterator

import cv2
import kafka
import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from shutterbus_wire import exif
from shutterbus_wire.frame import Frame, FrameMetadata
from shutterbus_wire.identity import FrameId, new_epoch
from shutterbus_wire.message import encode_frame, kafka_headers, mqtt_user_properties
from stack.servers import Identity
from stack.waiting import wait_until

LARGEST_BYTES = 8_388_620 - 4096
_EPOCH = new_epoch()


def largest_frame(camera: str, number: int) -> Frame:
    """Return a picture of 3840 x 2160 that is as large as a picture may be: noise, and comments for the rest."""
    noise = np.random.default_rng(number).integers(0, 256, (2160, 3840, 3), np.uint8)
    jpeg = bytes(cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 60])[1])
    metadata = FrameMetadata(camera, FrameId(_EPOCH, number), time.time_ns() // 1000)
    room = LARGEST_BYTES - len(exif.stamp(jpeg, metadata, software="test"))
    assert room > 4, "the noise alone is too large"
    comments = b""
    while room:
        size = min(room, 60_000)
        size -= 4 if 0 < room - size < 4 else 0
        comments += b"\xff\xfe" + (size - 2).to_bytes(2) + bytes(size - 4)
        room -= size
    return Frame(
        metadata,
        exif.stamp(jpeg[:2] + comments + jpeg[2:], metadata, software="test"),
        content_type="image/jpeg",
        lane="live",
    )


def carry_over_kafka(sender: Identity, reader: Identity, frame: Frame) -> bytes:
    """Send *frame* and return what a reader gets."""
    message = encode_frame(frame, "jpeg", "live")
    topic = f"shutterbus.{frame.metadata.camera}.frames"
    producer = kafka.KafkaProducer(**sender.kafka.kafka_producer(8_388_620))
    sent = producer.send(topic, message.value, headers=kafka_headers(message)).get(timeout=30)
    producer.close()
    consumer = kafka.KafkaConsumer(**reader.kafka.kafka_consumer())
    partition = kafka.TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek(partition, sent.offset)
    records = consumer.poll(timeout_ms=20_000)[partition]
    consumer.close()
    return bytes(records[0].value)


def carry_over_mqtt(sender: Identity, reader: Identity, frame: Frame) -> bytes:
    """Likewise."""
    message = encode_frame(frame, "jpeg", "live")
    topic = f"shutterbus/{frame.metadata.camera}/frames"
    arrived: list[bytes] = []
    with mqtt_client(reader) as receiving, mqtt_client(sender) as sending:
        receiving.on_message = lambda _c, _d, message: arrived.append(bytes(message.payload))
        receiving.subscribe(topic, qos=1)
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has few types
        properties.ContentType = message.content_type
        properties.UserProperty = mqtt_user_properties(message)
        time.sleep(0.5)  # whatever comes after the subscription is what is asked for
        sending.publish(topic, message.value, 1, retain=True, properties=properties).wait_for_publish(20)
        wait_until(lambda: bool(arrived), 20, lambda: "nothing arrived")
    return arrived[-1]


@contextlib.contextmanager
def mqtt_client(identity: Identity, client_id: str = "") -> Iterator[mqtt.Client]:
    """A connected client."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5)
    assert identity.mqtt.tls is not None
    client.tls_set_context(identity.mqtt.tls.context())
    client.connect(**identity.mqtt.mqtt_connect())
    client.loop_start()
    try:
        wait_until(client.is_connected, 10, lambda: "no connection to Mosquitto")
        yield client
    finally:
        client.disconnect()
        client.loop_stop()
