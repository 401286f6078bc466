"""Reads MQTT: the broker keeps the last frame and status of each camera; what comes later comes by itself.

In a group, one session keeps what comes while the reader is away, and each message until it is acknowledged on the
connection that brought it. More than ``HELD_MAX_BYTES`` unacknowledged, and the socket is not read until there are fewer.
"""

import logging
import secrets
import select
from collections.abc import Iterable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from shutterbus_runtime.clock import Clock
from shutterbus_runtime.outage import Outage
from shutterbus_transport.consuming import TURN_S, Delivery, Group, Handler
from shutterbus_transport.errors import TransportError
from shutterbus_transport.mqtt.connection import Connection, Protocol, Receiving
from shutterbus_transport.reader_thread import ReaderThread
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.message import Arrival, arrival_from_mqtt
from shutterbus_wire.names import DOCTOR_TOPIC, camera_of_mqtt_topic

log = logging.getLogger(__name__)

RETRY_FIRST_S = 0.2
RETRY_MAX_S = 3.0
ANSWER_S = 4.0
"""How long a broker may take to answer a connection before it is tried again."""

PACKET_MAX_BYTES = 64 * 1024 * 1024
RECEIVE_MAX = 8
"""Messages that a broker may send before we took the first: what a burst can cost in memory."""

GROUP_RECEIVE_MAX = 64
HELD_MAX_BYTES = 32 * 1024 * 1024
SESSION_S = 0xFFFFFFFF
"""As MQTT 5 spells a session that never ends."""

FRAMES, TELEMETRY = "frames", frozenset({"status", "reports", "readings"})


class MqttReader(ReaderThread):
    """See ``Reader``."""

    def __init__(
        self,
        settings: BrokerSettings,
        filters: Sequence[str],
        handler: Handler,
        clock: Clock,
        group: Group | None = None,
    ) -> None:
        broker = f"MQTT broker at {settings.addresses[0]}"
        super().__init__("mqtt", "mqtt", f"The {broker}", handler, clock, Outage(broker, clock, log))
        self._settings = settings
        self._filters = filters
        self._group = group
        self._protocol: Protocol = settings.protocol
        self._wait_s = RETRY_FIRST_S
        self._refused = ""
        self._spoke_5 = False
        self._connection: Connection | None = None
        self._arrived: list[paho.MQTTMessage] = []
        self._held_bytes: dict[int, int] = {}

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        current = self._connection
        for delivery in deliveries:
            brought_by, mid, qos = delivery.receipt or (None, 0, 0)
            if current and brought_by is current and self._held_bytes.pop(mid, None) is not None:
                current.ack(mid, qos)

    def run(self) -> None:
        while not self._end.is_set():
            self._refused = ""
            try:
                reason = self._follow()
            except (OSError, ValueError, TransportError, paho.WebsocketConnectionError) as error:
                reason = str(error)  # ValueError: an option that paho refuses
            self.connected = False
            if not self._end.is_set():
                self._note_away(self._refused or reason)
                self._idle(self._wait_s)
                self._wait_s = min(self._wait_s * 2, RETRY_MAX_S)

    def _open(self) -> Connection:
        settings, group = self._settings, self._group
        if group:
            name = group.member
            receiving = Receiving(GROUP_RECEIVE_MAX, PACKET_MAX_BYTES, session_s=SESSION_S, by_hand=True)
        else:
            # Not to be guessed: a client that connects under the name of another takes its place.
            name = f"{settings.client_id or 'shutterbus-viewer'}-{secrets.token_hex(8)}"
            receiving = Receiving(RECEIVE_MAX, PACKET_MAX_BYTES)
        connection = Connection(settings, name, self._protocol, receiving=receiving)
        connection.on_connect = self._on_connect
        connection.on_message = self._on_message
        connection.on_subscribe = self._on_subscribe
        connection.open()
        return connection

    def _follow(self) -> str:
        """Read until the connection ends; return why it did."""
        self._arrived.clear()
        self._held_bytes.clear()
        connection = self._connection = self._open()
        deadline_s = self._clock.monotonic_s() + ANSWER_S
        try:
            while not self._end.is_set():
                if code := self._turn(connection):
                    self._consider_older_version()
                    return paho.error_string(code)
                if not self.connected and self._clock.monotonic_s() > deadline_s:
                    self._consider_older_version()
                    return "it accepts connections but does not answer"
            self._handler.turn(more=False)
        finally:
            connection.end(properly=True)
            self._connection = None
        return ""

    def _turn(self, connection: Connection) -> MQTTErrorCode:
        was_held = connection.held
        full = sum(self._held_bytes.values()) > HELD_MAX_BYTES
        connection.held = self.connected and (full or self._paused.is_set())
        if not connection.held:
            code = connection.turn(TURN_S)
        else:
            if was_held:
                self._clock.wait(TURN_S, self._end)
            code = connection.loop_write() if connection.want_write() else MQTTErrorCode.MQTT_ERR_SUCCESS
            code = code or connection.loop_misc()
        arrived, self._arrived = self._arrived, []
        for message in arrived:
            self._take(connection, message)
        self._handler.turn(more=_readable(connection))
        return code

    def _consider_older_version(self) -> None:
        """After a connection that was not answered in MQTT 5: the broker may only know the version before."""
        if self.connected or self._spoke_5 or self._settings.protocol != 5:
            return
        self._protocol = 4 if self._protocol == 5 else 5

    # Called by paho within ``loop``, which swallows what they raise: messages are therefore only noted here.

    def _on_connect(
        self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.is_failure:
            self._refused = str(reason)
            return
        if self._protocol == 5:
            self._spoke_5 = True
        elif self._settings.protocol == 5:
            log.warning(
                "The broker does not speak MQTT 5; reading by 3.1.1, without lanes: order is by capture time"
            )
        self._wait_s = RETRY_FIRST_S
        self._note_connected()
        if self._protocol == 5:
            # What is retained is new to us only where the session is.
            options = SubscribeOptions(qos=1, retainHandling=1 if self._group else 0)
            client.subscribe([(topic_filter, options) for topic_filter in self._filters])
        else:
            client.subscribe([(topic_filter, 1) for topic_filter in self._filters])

    def _on_subscribe(
        self, _client: paho.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        refused = [
            topic_filter
            for topic_filter, reason in zip(self._filters, reasons, strict=False)
            if reason.is_failure
        ]
        if refused:
            sentence = (
                f"MQTT broker at {self._settings.addresses[0]} does not let us read {', '.join(refused)}"
            )
            log.error("%s", sentence)
            self._tell(sentence)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._arrived.append(message)

    def _take(self, connection: Connection, message: paho.MQTTMessage) -> None:
        receipt = None
        if self._group and message.qos:
            receipt = (connection, message.mid, message.qos)
            self._held_bytes[message.mid] = len(message.payload)
        try:
            topic = message.topic
        except UnicodeDecodeError:
            bare = Arrival("mqtt", "?", bytes(message.payload), {}, None, None, self._clock.utc_us())
            self._handler.refused(Delivery(bare, receipt=receipt), "bad-topic", "a topic that is not UTF-8")
            return
        named = camera_of_mqtt_topic(topic)
        if topic == DOCTOR_TOPIC or (named and named[1] not in {FRAMES, *TELEMETRY}):
            self.acknowledge((Delivery(Arrival("mqtt", topic, b"", {}, None, None, 0), receipt=receipt),))
            return
        if named:
            self._handler.cameras({named[0]})
        properties, now_us = message.properties, self._clock.utc_us()
        try:
            arrival = arrival_from_mqtt(
                topic,
                bytes(message.payload),
                getattr(properties, "UserProperty", ()),
                getattr(properties, "ContentType", None),
                message.retain,
                now_us,
                message.dup,
            )
        except MalformedError as error:
            bare = Arrival("mqtt", topic, bytes(message.payload), {}, None, None, now_us, message.retain)
            self._handler.refused(Delivery(bare, receipt=receipt), error.reason, str(error))
            return
        if named and named[1] in TELEMETRY:
            self._handler.telemetry(Delivery(arrival, receipt=receipt))
        else:
            self._handler.frame(Delivery(arrival, receipt=receipt))


def _readable(connection: Connection) -> bool:
    """Whether something has come that is not read yet."""
    sock = connection.socket()
    if sock is None or connection.held:
        return False
    pending = getattr(sock, "pending", None)
    return bool(pending and pending()) or bool(select.select([sock], [], [], 0)[0])
