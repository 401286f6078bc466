"""``tail``: a line for each message on both brokers, as it comes."""

import datetime as dt
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import kafka
import kafka.errors
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from shutterbus_broker import reach
from shutterbus_broker.errors import SetupError, UnreachableError
from shutterbus_broker.installation import Installation
from shutterbus_wire.broker import BrokerSettings, Tls
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.message import Arrival, arrival_from_kafka, arrival_from_mqtt

Say = Callable[[str], None]
PATTERN = r"^shutterbus\."
FILTER = "shutterbus/#"
_ENDED = None


def run(there: Installation, say: Say) -> None:
    """Print until interrupted; raise SetupError when no broker answers."""
    folder = there.state / "server" / "setup"
    tls = Tls(ca_certs=folder / "ca.crt", certfile=folder / "client.crt", keyfile=folder / "client.key")
    arrivals: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()
    stop = threading.Event()

    def stopped(_signal: int, _frame: FrameType | None) -> None:
        stop.set()
        arrivals.put(_ENDED)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)
    running = there.settings().get("COMPOSE_PROFILES", "kafka,mqtt").replace(" ", "").split(",")
    obstacles = []
    for profile, address, start in (("kafka", ("kafka", 9094), _kafka), ("mqtt", ("mosquitto", 8883), _mqtt)):
        settings = BrokerSettings.model_validate({"type": profile, "tls": tls, "brokers": (address,)})
        if profile not in running:
            continue
        if obstacle := reach.probe(settings, *address):
            obstacles.append(obstacle)
            continue
        threading.Thread(target=start, args=(settings, arrivals, stop), name=profile, daemon=True).start()
        say(f"Listening to {profile} ...")
    if len(obstacles) == len(running):
        raise UnreachableError("; ".join(obstacles))
    for obstacle in obstacles:
        say(f"Careful: {obstacle}")
    for line in lines(iter(arrivals.get, _ENDED)):
        say(line)


def lines(arrivals: Iterator[Arrival | None]) -> Iterator[str]:
    """Yield the line for each of *arrivals*: when, where, which lane, which id, how large."""
    for arrival in arrivals:
        assert arrival is not None
        at = dt.datetime.fromtimestamp(arrival.arrived_at_us / 1e6, dt.UTC)
        about = arrival.attributes
        kind = about.get("type", "").removeprefix("shutterbus.") or arrival.content_type or "?"
        kept = "kept" if arrival.retained else about.get("lane", "-")
        yield (
            f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}Z {arrival.transport:5} {arrival.topic:34} {kind:10} {kept:7} "
            f"{about.get('id', '-'):36} {len(arrival.value):>8} bytes"
        )


def _now_us() -> int:
    return int(dt.datetime.now(dt.UTC).timestamp() * 1e6)


def _kafka(
    settings: BrokerSettings, arrivals: "queue.SimpleQueue[Arrival | None]", stop: threading.Event
) -> None:
    try:
        consumer = kafka.KafkaConsumer(**settings.kafka_consumer(), auto_offset_reset="latest")
        consumer.subscribe(pattern=PATTERN)
        while not stop.is_set():
            for records in consumer.poll(timeout_ms=500).values():
                for record in records:
                    try:
                        arrival = arrival_from_kafka(
                            record.topic,
                            record.partition,
                            record.offset,
                            record.headers,
                            record.value,
                            _now_us(),
                        )
                    except MalformedError:  # the line says so by what it lacks
                        arrival = Arrival(
                            "kafka", record.topic, record.value or b"", {}, None, None, _now_us()
                        )
                    arrivals.put(arrival)
        consumer.close()
    except kafka.errors.KafkaError as error:
        raise SetupError(f"Kafka: {error}") from error


def _mqtt(
    settings: BrokerSettings, arrivals: "queue.SimpleQueue[Arrival | None]", stop: threading.Event
) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, **settings.mqtt_client())
    assert settings.tls is not None
    client.tls_set_context(settings.tls.context())

    def connected(client: mqtt.Client, *_: object) -> None:
        client.subscribe(FILTER, qos=0)

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
