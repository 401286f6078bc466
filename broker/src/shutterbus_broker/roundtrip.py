"""A message of a given size sent to a broker and read back, byte for byte, on the topic that is for this alone."""

import queue
import secrets
import time

import kafka
import kafka.errors
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties

from shutterbus_broker.errors import SetupError
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire.names import DOCTOR_TOPIC

WITHIN_S = 30.0


def kafka_carries(settings: BrokerSettings, size_bytes: int) -> None:
    """Return when Kafka gave back what it was given; raise SetupError with what it said instead."""
    payload = secrets.token_bytes(size_bytes)
    partition = kafka.TopicPartition(DOCTOR_TOPIC, 0)
    producer = kafka.KafkaProducer(**settings.kafka_producer())
    try:
        sent = producer.send(DOCTOR_TOPIC, payload, headers=[("ce_id", b"doctor")]).get(timeout=WITHIN_S)
    except kafka.errors.MessageSizeTooLargeError as error:
        raise SetupError(f"Kafka refuses a picture of {size_bytes} bytes as too large") from error
    except kafka.errors.KafkaError as error:
        raise SetupError(f"Kafka does not take a picture of {size_bytes} bytes: {error}") from error
    finally:
        producer.close(timeout=1)
    consumer = kafka.KafkaConsumer(**settings.kafka_consumer())
    try:
        consumer.assign([partition])
        consumer.seek(partition, sent.offset)
        deadline_s = time.monotonic() + WITHIN_S
        while not (records := consumer.poll(timeout_ms=1000).get(partition)):
            if time.monotonic() > deadline_s:
                raise SetupError(f"Kafka took a picture of {size_bytes} bytes and did not give it back")
    except kafka.errors.KafkaError as error:
        raise SetupError(
            f"Kafka took a picture of {size_bytes} bytes and would not give it back: {error}"
        ) from error
    finally:
        consumer.close()
    if records[0].value != payload:
        raise SetupError(f"Kafka gave back other bytes than the {size_bytes} it was given")


def mqtt_carries(settings: BrokerSettings, size_bytes: int) -> None:
    """Likewise for Mosquitto."""
    payload = secrets.token_bytes(size_bytes)
    events: queue.SimpleQueue[tuple[str, object]] = queue.SimpleQueue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, **settings.mqtt_client())
    if settings.tls:
        client.tls_set_context(settings.tls.context())

    def connected(
        client: mqtt.Client, _data: object, _flags: object, code: object, _p: Properties | None
    ) -> None:
        events.put(("connected", str(code)))
        client.subscribe(DOCTOR_TOPIC, qos=1)

    client.on_connect = connected
    client.on_subscribe = lambda *_: events.put(("subscribed", None))
    client.on_disconnect = lambda _c, _d, _f, code, _p: events.put(("disconnected", str(code)))
    client.on_message = lambda _c, _d, message: events.put(("arrived", bytes(message.payload)))
    try:
        client.connect(**settings.mqtt_connect())
        client.loop_start()
        deadline_s = time.monotonic() + WITHIN_S
        while True:
            event, detail = events.get(timeout=max(0.1, deadline_s - time.monotonic()))
            if event == "subscribed":
                client.publish(DOCTOR_TOPIC, payload, qos=1)
            elif event == "disconnected":
                raise SetupError(
                    f"Mosquitto does not take a picture of {size_bytes} bytes: it closes the connection ({detail})"
                )
            elif event == "arrived" and detail == payload:
                return
    except queue.Empty as error:
        raise SetupError(f"Mosquitto did not give back a picture of {size_bytes} bytes") from error
    except OSError as error:
        raise SetupError(f"Mosquitto cannot be reached: {(error.strerror or str(error)).lower()}") from error
    finally:
        client.disconnect()
        client.loop_stop()
