"""MQTT, by paho-mqtt 2: version 5, and 3.1.1 where a broker does not speak 5."""

import re
import socket
from collections.abc import Mapping, Sequence
from typing import cast

from shutterbus_runtime.clock import Clock
from shutterbus_runtime.settings import OptionCheck
from shutterbus_transport import BACKLOG_SEND_BUFFER_BYTES, Sending
from shutterbus_transport.client_options import mqtt_options
from shutterbus_transport.consuming import Handler, Reader, Subscription
from shutterbus_transport.patterns import mqtt_filters
from shutterbus_transport.sending import OpenClient
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire import names
from shutterbus_wire.frame import Lane


class Mqtt:
    """See ``Transport``. Each kind of telemetry has a topic of its own."""

    name = "mqtt"
    title = "MQTT"
    several_brokers = False
    reads_together = True
    retains = True

    def default_port(self, *, tls: bool) -> int:
        return 8883 if tls else 1883

    def check_topic(self, topic: str) -> None:
        if re.search(r"[+#{}]", topic) or not topic.isprintable() or topic.startswith("$"):
            raise ValueError("an MQTT topic without + # and $ is expected, and {camera} in it if wanted")

    def topic(self, camera: str, kind: str) -> str:
        kind, slash, sensor = kind.partition("/")
        return (
            names.sensor_topic(camera, sensor)
            if slash
            else names.mqtt_topic(camera, cast("names.MqttKind", kind))
        )

    def owner(self, topic: str) -> tuple[str, str] | None:
        return names.camera_of_mqtt_topic(topic)

    def check_options(self, prefix: str, own: Sequence[str], *, reads: bool) -> OptionCheck:  # noqa: ARG002 (the same)
        return mqtt_options(prefix, own)

    def carry(self, settings: BrokerSettings, topic: str, size_bytes: int, within_s: float) -> None:
        from shutterbus_transport.mqtt import roundtrip

        roundtrip.carry(settings, topic, size_bytes, within_s)

    def begin_message(
        self, connection: socket.socket, settings: BrokerSettings, topic: str, size_bytes: int
    ) -> bytes:
        from shutterbus_transport.mqtt import packets

        connection.sendall(packets.connect(settings))
        if len(connection.recv(4)) < 4:
            raise ConnectionError("the broker hung up")
        return packets.begin_publish(topic, size_bytes)

    def open_clients(self, settings: BrokerSettings, sending: Sending) -> Mapping[Lane, OpenClient]:
        from shutterbus_transport.mqtt.sending import MqttClient, Version

        version = Version(settings.protocol)
        return {
            "live": lambda: MqttClient(settings, f"{sending.name}-live", version, will=sending.will()),
            "backlog": lambda: MqttClient(
                settings, f"{sending.name}-backlog", version, send_buffer_bytes=BACKLOG_SEND_BUFFER_BYTES
            ),
        }

    def readers(
        self, settings: BrokerSettings, subscription: Subscription, handler: Handler, clock: Clock
    ) -> list[Reader]:
        from shutterbus_transport.mqtt.reader import MqttReader

        # One for all: a report must not overtake the frames that it speaks of.
        reader = MqttReader(settings, mqtt_filters(subscription), handler, clock, subscription.group)
        return [cast("Reader", reader)]


TRANSPORT = Mqtt()
