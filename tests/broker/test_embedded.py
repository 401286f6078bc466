"""The demo's broker keeps what the demo relies on."""

import queue
import subprocess
import sys
from collections.abc import Iterator

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion


@pytest.fixture
def port() -> Iterator[int]:
    """The port of an embedded broker for the length of the test."""
    with subprocess.Popen(
        [sys.executable, "-m", "shutterbus_broker.embedded"], stdout=subprocess.PIPE, text=True
    ) as broker:
        assert broker.stdout is not None
        yield int(broker.stdout.readline())
        broker.terminate()


def _client(port: int) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.max_inflight_messages_set(2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


def test_picture_of_eight_megabytes_is_kept_for_who_comes_later(port: int) -> None:
    """A page opened later has the last picture of every camera."""
    picture = bytes(8 * 1024 * 1024)
    edge = _client(port)
    edge.publish("shutterbus/gate/frames", b"older", qos=1, retain=True).wait_for_publish(20)
    edge.publish("shutterbus/gate/frames", picture, qos=1, retain=True).wait_for_publish(20)
    edge.disconnect()
    edge.loop_stop()

    arrived: queue.SimpleQueue[mqtt.MQTTMessage] = queue.SimpleQueue()
    viewer = _client(port)
    viewer.on_message = lambda _client, _data, message: arrived.put(message)
    viewer.subscribe("shutterbus/+/frames", qos=1)
    message = arrived.get(timeout=20)
    viewer.disconnect()
    viewer.loop_stop()

    assert message.retain
    assert message.payload == picture


def test_will_of_a_lost_edge_is_published_and_kept(port: int) -> None:
    """A camera that is cut off shows as offline."""
    edge = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    edge.will_set("shutterbus/gate/status", b"offline", qos=1, retain=True)
    edge.connect("127.0.0.1", port)
    edge.loop_start()
    edge.publish("shutterbus/gate/status", b"online", qos=1, retain=True).wait_for_publish(10)
    edge.loop_stop()
    socket = edge.socket()
    assert socket is not None
    socket.close()  # no DISCONNECT: the cable

    arrived: queue.SimpleQueue[bytes | bytearray] = queue.SimpleQueue()
    viewer = _client(port)
    viewer.on_message = lambda _client, _data, message: arrived.put(message.payload)
    viewer.subscribe("shutterbus/+/status", qos=1)
    while arrived.get(timeout=10) != b"offline":
        pass
    viewer.disconnect()
    viewer.loop_stop()
