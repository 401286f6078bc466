"""``tail``: a line for each message on both brokers, as it comes."""

import datetime as dt
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Literal, TypeAlias

import kafka
import kafka.errors
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from shutterbus_broker import reach
from shutterbus_broker.errors import UnreachableError
from shutterbus_broker.installation import Installation
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.message import Arrival, arrival_from_kafka, arrival_from_mqtt

Say = Callable[[str], None]
Queue: TypeAlias = "queue.SimpleQueue[Arrival | str | None]"
Listen: TypeAlias = Callable[[BrokerSettings, Queue, threading.Event], None]
PATTERN = r"^shutterbus\."
FILTER = "shutterbus/#"
_ENDED = None


def run(there: Installation, say: Say) -> None:
    """Print until interrupted; raise SetupError when no broker can be listened to."""
    arrivals: Queue = queue.SimpleQueue()
    stop = threading.Event()

    def stopped(_signal: int, _frame: FrameType | None) -> None:
        stop.set()
        arrivals.put(_ENDED)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)
    starts: list[threading.Thread] = []
    obstacles: list[str] = []
    both: tuple[tuple[Literal["kafka", "mqtt"], Listen], ...] = (("kafka", _kafka), ("mqtt", _mqtt))
    for kind, listen in both:
        if kind not in there.profiles():
            continue
        settings = there.broker(kind, "setup")
        if obstacle := reach.probe(settings, *settings.brokers[0]):
            obstacles.append(obstacle)
        else:
            starts.append(
                threading.Thread(
                    target=_listen, args=(listen, settings, arrivals, stop), name=kind, daemon=True
                )
            )
    if not starts:
        raise UnreachableError("; ".join(obstacles) or "COMPOSE_PROFILES in .env names no broker")
    for obstacle in obstacles:
        say(f"Careful: {obstacle}")
    for thread in starts:
        thread.start()
    for line in lines(iter(arrivals.get, _ENDED)):
        say(line)


def lines(arrivals: Iterator[Arrival | str | None]) -> Iterator[str]:
    """Yield the line for each of *arrivals*: when, where, which lane, which id, how large; sentences as they are."""
    for arrival in arrivals:
        if isinstance(arrival, str):
            yield arrival
            continue
        assert arrival is not None
        at = dt.datetime.fromtimestamp(arrival.arrived_at_us / 1e6, dt.UTC)
        about = arrival.attributes
        kind = about.get("type", "").removeprefix("shutterbus.") or arrival.content_type or "?"
        kept = "kept" if arrival.retained else about.get("lane", "-")
        yield (
            f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}Z {arrival.transport:5} {arrival.topic:34} {kind:10} {kept:7} "
            f"{about.get('id', '-'):36} {len(arrival.value):>8} bytes"
        )


def _listen(
    listen: Listen,
    settings: BrokerSettings,
    arrivals: Queue,
    stop: threading.Event,
) -> None:
    try:
        listen(settings, arrivals, stop)
    except (OSError, kafka.errors.KafkaError) as error:
        arrivals.put(f"Careful: {settings.type} is listened to no longer: {error}")


def _now_us() -> int:
    return int(dt.datetime.now(dt.UTC).timestamp() * 1e6)


def _kafka(settings: BrokerSettings, arrivals: Queue, stop: threading.Event) -> None:
    consumer = kafka.KafkaConsumer(**settings.kafka_consumer())
    consumer.subscribe(pattern=PATTERN)
    arrivals.put("Listening to kafka ...")
    while not stop.is_set():
        batches = consumer.poll(timeout_ms=500).values()
        for record in (record for records in batches for record in records):
            where = record.topic, record.partition, record.offset
            try:
                arrival = arrival_from_kafka(*where, record.headers, record.value, _now_us())
            except MalformedError:  # the line says so by what it lacks
                arrival = Arrival("kafka", record.topic, record.value or b"", {}, None, None, _now_us())
            arrivals.put(arrival)
    consumer.close()


def _mqtt(settings: BrokerSettings, arrivals: Queue, stop: threading.Event) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, **settings.mqtt_client())
    assert settings.tls is not None
    client.tls_set_context(settings.tls.context())

    def connected(client: mqtt.Client, *_: object) -> None:
        client.subscribe(FILTER, qos=0)
        arrivals.put("Listening to mqtt ...")

    def came(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        payload, properties = bytes(message.payload), message.properties
        pairs, content_type = (
            getattr(properties, "UserProperty", []),
            getattr(properties, "ContentType", None),
        )
        try:
            arrival = arrival_from_mqtt(
                message.topic, payload, pairs, content_type, message.retain, _now_us()
            )
        except MalformedError:
            arrival = Arrival("mqtt", message.topic, payload, {}, None, None, _now_us(), message.retain)
        arrivals.put(arrival)

    client.on_connect = connected
    client.on_message = came
    client.connect(**settings.mqtt_connect())
    client.loop_start()
    stop.wait()
    client.disconnect()
    client.loop_stop()
