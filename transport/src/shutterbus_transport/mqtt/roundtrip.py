"""A message of a given size sent to an MQTT broker and read back, byte for byte."""

import queue
import secrets
import time

from shutterbus_transport.errors import BrokerUnavailableError, TransportError
from shutterbus_transport.mqtt.connection import Connection, Receiving
from shutterbus_transport.settings import BrokerSettings

PACKET_MAX_BYTES = 64 * 1024 * 1024


def carry(settings: BrokerSettings, topic: str, size_bytes: int, within_s: float) -> None:
    """Return when the broker gave back what it was given on *topic*; raise TransportError with what it said instead."""
    payload = secrets.token_bytes(size_bytes)
    events: queue.SimpleQueue[tuple[str, object]] = queue.SimpleQueue()
    name = f"shutterbus-doctor-{secrets.token_hex(8)}"
    client = Connection(settings, name, settings.protocol, receiving=Receiving(8, PACKET_MAX_BYTES))

    def connected(*_: object) -> None:
        client.subscribe(topic, qos=1)

    client.on_connect = connected
    client.on_subscribe = lambda *_: events.put(("subscribed", None))
    client.on_disconnect = lambda _c, _d, _f, code, _p: events.put(("disconnected", str(code)))
    client.on_message = lambda _c, _d, message: events.put(("arrived", bytes(message.payload)))
    try:
        client.begin()
        deadline_s = time.monotonic() + within_s
        while True:
            event, detail = events.get(timeout=max(0.1, deadline_s - time.monotonic()))
            if event == "subscribed":
                client.publish(topic, payload, qos=1)
            elif event == "disconnected":
                raise TransportError(
                    f"Mosquitto does not take a picture of {size_bytes} bytes: it closes the connection ({detail})"
                )
            elif event == "arrived" and detail == payload:
                return
    except queue.Empty as error:
        raise TransportError(f"Mosquitto did not give back a picture of {size_bytes} bytes") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BrokerUnavailableError(f"Mosquitto cannot be reached: {reason}") from error
    finally:
        client.end(properly=True)
