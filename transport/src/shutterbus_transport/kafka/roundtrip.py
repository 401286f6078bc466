"""A message of a given size sent to Kafka and read back, byte for byte."""

import secrets
import time
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError

from shutterbus_transport.errors import BrokerUnavailableError, MessageRefusedError, TransportError
from shutterbus_transport.kafka.consumer import Consumer
from shutterbus_transport.kafka.library import Net, Producer
from shutterbus_transport.settings import BrokerSettings


def carry(settings: BrokerSettings, topic: str, size_bytes: int, within_s: float) -> None:
    """Return when Kafka gave back what it was given on *topic*; raise TransportError with what it said instead."""
    payload = secrets.token_bytes(size_bytes)
    until_s = time.monotonic() + within_s
    partition, offset = TopicPartition(topic, 0), _send(settings, topic, payload, within_s)
    try:
        consumer = Consumer(settings, {})
        try:
            consumer.kafka.assign([partition])
            consumer.kafka.seek(partition, offset)
            records = _read(consumer.kafka, partition, size_bytes, until_s)
        finally:
            consumer.close()
    except KafkaError as error:
        raise TransportError(
            f"Kafka took a picture of {size_bytes} bytes and would not give it back: {error}"
        ) from error
    if records[0].value != payload:
        raise TransportError(f"Kafka gave back other bytes than the {size_bytes} it was given")


def _send(settings: BrokerSettings, topic: str, payload: bytes, within_s: float) -> int:
    net = Net()
    try:
        producer = Producer(**settings.kafka_producer(), kafka_client=net)
    except KafkaError as error:
        cause = net.failure or error
        net.close()
        raise BrokerUnavailableError(f"Kafka gives no connection: {cause}") from error
    try:
        sent = producer.send(topic, payload, headers=[("ce_id", b"doctor")]).get(timeout=within_s)
    except MessageSizeTooLargeError as error:
        raise MessageRefusedError(
            "over-limit", f"Kafka refuses a picture of {len(payload)} bytes as too large"
        ) from error
    except KafkaTimeoutError as error:
        raise TransportError(
            f"Kafka does not take a picture of {len(payload)} bytes within {within_s:.0f} s"
        ) from error
    except KafkaError as error:
        raise TransportError(f"Kafka does not take a picture of {len(payload)} bytes: {error}") from error
    finally:
        producer.end()
        net.close()
    return int(sent.offset)


def _read(kafka: Any, partition: Any, size_bytes: int, until_s: float) -> Any:
    while not (records := kafka.poll(timeout_ms=1000).get(partition)):
        if time.monotonic() > until_s:
            raise TransportError(f"Kafka took a picture of {size_bytes} bytes and did not give it back")
    return records
