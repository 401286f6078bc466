"""What a broker says in its CONNACK that it does not do is not asked of it."""

import logging
import queue

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from shutterbus_transport.errors import TransportError
from shutterbus_transport.mqtt.sending import MqttClient, Version
from shutterbus_transport.sending import Outgoing
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire.message import Message
from stack.brokers import MosquittoContainer, mosquitto

pytestmark = pytest.mark.stack

TOPIC, WILL = "shutterbus/gate/frames", "shutterbus/gate/status"


class Subscriber:
    """A page that is open already."""

    def __init__(self, broker: MosquittoContainer) -> None:
        self.messages: queue.SimpleQueue[mqtt.MQTTMessage] = queue.SimpleQueue()
        ready: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self.client.on_message = lambda _client, _data, message: self.messages.put(message)
        self.client.on_subscribe = lambda *_: ready.put(None)
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        self.client.subscribe("shutterbus/#", qos=1)
        ready.get(timeout=10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def message(text: bytes) -> Message:
    return Message(text, "text/plain", {})


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("retain_available false", "keeps no retained messages: a page that is opened later has no picture"),
        ("max_qos 0", "takes QoS 0 at most: it confirms no picture"),
    ],
)
def test_pictures_and_will_arrive_and_what_is_lost_is_said_once(
    line: str, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A will that asks for more is refused with the whole connection."""
    caplog.set_level(logging.WARNING, "shutterbus_transport")
    with mosquitto(line) as broker:
        subscriber = Subscriber(broker)
        settings = BrokerSettings(type="mqtt", brokers=(("127.0.0.1", broker.port),))
        version, will = Version(5), Outgoing(WILL, b"", message(b"offline"), retain=True)
        for number in range(2):
            client = MqttClient(settings, f"gate-{number}", version, will=will)
            answers: queue.SimpleQueue[TransportError | None] = queue.SimpleQueue()
            client.send(Outgoing(TOPIC, b"", message(b"light"), retain=True), answers.put)
            assert answers.get(timeout=10) is None
            arrived = subscriber.messages.get(timeout=10)
            assert (arrived.topic, arrived.payload) == (TOPIC, b"light")
            if number == 0:
                client.close()
        client._paho.socket().close()  # type: ignore[union-attr]  # as a line that is cut
        arrived = subscriber.messages.get(timeout=10)
        assert (arrived.topic, arrived.payload) == (WILL, b"offline")
        client.close()
        subscriber.close()
    said = [
        record.message for record in caplog.records if "retained" in record.message or "QoS" in record.message
    ]
    assert len(said) == 1
    assert sentence in said[0]


def test_a_broker_that_was_set_to_do_less_meanwhile_is_asked_for_less() -> None:
    """What was learned from it is no longer true: the connection is refused once."""
    with mosquitto("retain_available false") as broker:
        settings = BrokerSettings(type="mqtt", brokers=(("127.0.0.1", broker.port),))
        version = Version(5, settled=True)
        will = Outgoing(WILL, b"", message(b"offline"), retain=True)
        with pytest.raises(TransportError, match="does not take our will"):
            MqttClient(settings, "gate", version, will=will)
        MqttClient(settings, "gate", version, will=will).close()
        assert not version.retains
