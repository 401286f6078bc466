"""MQTT: the broker keeps the last picture and status of each camera; what comes later comes by itself."""

import logging
import secrets
import threading
from typing import Any, Literal

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from shutterbus_runtime.clock import Clock
from shutterbus_runtime.outage import Outage
from shutterbus_transport.settings import BrokerSettings
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.consume.intake import Intake
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.message import Arrival, arrival_from_mqtt
from shutterbus_wire.names import DOCTOR_TOPIC, camera_of_mqtt_topic

log = logging.getLogger(__name__)

LOOP_S = 0.5
RETRY_FIRST_S = 0.2
RETRY_MAX_S = 3.0
ANSWER_S = 4.0
"""How long a broker may take to answer a connection before it is tried again."""

PACKET_MAX_BYTES = 64 * 1024 * 1024
RECEIVE_MAX = 8
"""Messages that a broker may send before we took the first: what a burst can cost in memory."""

UNSUPPORTED_VERSION = 0x84
UNACCEPTABLE_VERSION = 1
"""How a broker of MQTT 3.1.1 says the same."""


class MqttFollower(threading.Thread):
    """Reads *filters* until ``stop``, whatever the broker does."""

    def __init__(
        self, settings: BrokerSettings, filters: list[str], intake: Intake, cameras: Cameras, clock: Clock
    ) -> None:
        super().__init__(name="mqtt", daemon=True)
        self._settings = settings
        self._filters = filters
        self._intake = intake
        self._cameras = cameras
        self._clock = clock
        self._end = threading.Event()
        self._outage = Outage(f"MQTT broker at {settings.addresses[0]}", clock, log)
        self._protocol: Literal[5, 4, 3] = settings.protocol
        self._wait_s = RETRY_FIRST_S
        self._refused = ""
        self._spoke_5 = False
        self.connected = False

    def stop(self) -> None:
        """End soon; ``join`` to wait for it."""
        self._end.set()

    def run(self) -> None:
        while not self._end.is_set():
            self._refused = ""
            try:
                reason = self._follow(self._client())
            except (OSError, ValueError) as error:  # ValueError: a certificate or option that paho refuses
                reason = str(error)
            self.connected = False
            if not self._end.is_set():
                self._away(self._refused or reason)
                self._clock.wait(self._wait_s, self._end)
                self._wait_s = min(self._wait_s * 2, RETRY_MAX_S)

    def _client(self) -> paho.Client:
        settings = self._settings
        name = f"{settings.client_id or 'shutterbus-viewer'}-{secrets.token_hex(8)}"
        options = settings.mqtt_client(self._protocol)
        client = paho.Client(CallbackAPIVersion.VERSION2, name, **options)
        client.connect_timeout = settings.connection_timeout_s
        # An exception in a callback would otherwise end the thread while everything looks connected.
        client.suppress_exceptions = True
        client.enable_logger(log.getChild("paho"))
        if settings.tls:
            client.tls_set_context(settings.tls.context())
        if credentials := settings.mqtt_credentials():
            client.username_pw_set(**credentials)
        if settings.transport == "websockets":
            client.ws_set_options(settings.websocket_path)
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    def _follow(self, client: paho.Client) -> str:
        """Read until the connection ends; return why it did."""
        properties = None
        if self._protocol == 5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has few types
            properties.MaximumPacketSize = PACKET_MAX_BYTES
            properties.ReceiveMaximum = RECEIVE_MAX
        client.connect(**self._settings.mqtt_connect(), properties=properties)
        deadline_s = self._clock.monotonic_s() + ANSWER_S
        try:
            while not self._end.is_set():
                code = client.loop(LOOP_S)
                if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    self._consider_older_version()
                    return paho.error_string(code)
                if not self.connected and self._clock.monotonic_s() > deadline_s:
                    self._consider_older_version()
                    return "it accepts connections but does not answer"
        finally:
            client.disconnect()
        return ""

    def _consider_older_version(self) -> None:
        """After a connection that was not answered in MQTT 5: the broker may only know the version before."""
        if self.connected or self._spoke_5 or self._settings.protocol != 5:
            return
        self._protocol = 4 if self._protocol == 5 else 5

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
        self.connected = True
        self._wait_s = RETRY_FIRST_S
        self._outage.worked()
        self._cameras.outage("mqtt", "", of="mqtt")
        if self._protocol == 5:
            client.subscribe([(one, SubscribeOptions(qos=1)) for one in self._filters])
        else:
            client.subscribe([(one, 1) for one in self._filters])

    def _on_subscribe(
        self, _client: paho.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        refused = [one for one, reason in zip(self._filters, reasons, strict=False) if reason.is_failure]
        if refused:
            sentence = (
                f"MQTT broker at {self._settings.addresses[0]} does not let us read {', '.join(refused)}"
            )
            log.error("%s", sentence)
            self._cameras.outage("mqtt", sentence, of="mqtt")

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            self._intake.refuse("mqtt", "?", "bad-topic", "a topic that is not UTF-8")
            return
        named = camera_of_mqtt_topic(topic)
        if topic == DOCTOR_TOPIC or (named and named[1] == "commands"):
            return
        if named:
            self._cameras.claim({named[0]})
        properties = message.properties
        try:
            arrival = arrival_from_mqtt(
                topic,
                bytes(message.payload),
                getattr(properties, "UserProperty", ()),
                getattr(properties, "ContentType", None),
                message.retain,
                self._clock.utc_us(),
            )
        except MalformedError as error:
            self._intake.refuse("mqtt", topic, error.reason, str(error))
            return
        self._take(arrival, named[1] if named else "frames")

    def _take(self, arrival: Arrival, kind: str) -> None:
        if kind == "frames":
            self._intake.picture(arrival)
        else:
            self._intake.record(arrival)

    def _away(self, reason: str) -> None:
        self._outage.failed(reason)
        where = self._settings.addresses[0]
        self._cameras.outage("mqtt", f"The MQTT broker at {where} cannot be reached: {reason}", of="mqtt")
