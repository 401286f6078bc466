"""MQTT by paho-mqtt 2: version 5, and 3.1.1 where a broker does not speak 5.

One paho client serves one connection: its own queue and its own trying again would keep messages that this lane has
taken back. A confirmation counts by its reason code, which paho itself does not look at.
"""

import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from shutterbus_edge.errors import (
    BrokerUnavailableError,
    EdgeError,
    FrameRefusedError,
    HungUpError,
    MisconfiguredError,
    NobodyListensError,
    NotGrantedError,
)
from shutterbus_edge.publish.client import Done, Outgoing
from shutterbus_edge.publish.reach import speaks_tls, why
from shutterbus_edge.publish.tls import UNACKNOWLEDGED_MS, tls_refusal
from shutterbus_wire.broker import BrokerSettings
from shutterbus_wire.message import mqtt_user_properties

log = logging.getLogger(__name__)

Protocol = Literal[5, 4, 3]

CLOSE_TIMEOUT_S = 2.0
UNSUPPORTED_VERSION = 0x84
NO_SUBSCRIBERS = 0x10
TOO_LARGE = 0x95
_TRY_AGAIN = {0x88, 0x89, 0x97, 0x9F, 0x8B, 0x8D, 0x8E, 0x98}
"""Server unavailable, busy, quota, rate, shutting down, keep alive, taken over, administrative."""
_REFUSED = {0x83, TOO_LARGE, 0x99}
"""Implementation specific (Mosquitto: over message_size_limit), packet too large, payload format invalid."""


_HUNG_UP = (
    ConnectionResetError,
    ConnectionAbortedError,
    BrokenPipeError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
)


class _Paho(mqtt.Client):
    """Tells when its thread ends, whatever ended it: an exception there leaves paho believing that it is connected.

    Attributes:
        worker: Its thread, also when that has ended. ``loop_stop`` forgets it half-way, and raises if it is called then.
        hung_up: Whether the other side has ended the connection; paho says the same of a line that fell silent.
    """

    ended: Callable[[], None] = staticmethod(lambda: None)
    worker: threading.Thread | None = None
    hung_up = False

    def _sock_recv(self, bufsize: int) -> bytes:
        try:
            received = super()._sock_recv(bufsize)
        except _HUNG_UP:
            self.hung_up = True
            raise
        self.hung_up = self.hung_up or not received
        return received

    def _sock_send(self, buf: bytes | bytearray) -> int:
        try:
            return super()._sock_send(buf)
        except _HUNG_UP:
            self.hung_up = True
            raise

    def _thread_main(self) -> None:
        self.worker = threading.current_thread()
        try:
            super()._thread_main()
        finally:
            self.ended()


@dataclass(slots=True)
class Version:
    """The MQTT version to speak with a broker; shared by the clients of one process.

    Attributes:
        settled: Whether the broker itself has said so.
    """

    protocol: Protocol
    settled: bool = False
    warned: bool = False


class MqttClient:
    """One connection. See ``Client``."""

    def __init__(
        self,
        settings: BrokerSettings,
        name: str,
        version: Version,
        *,
        will: Outgoing | None = None,
        send_buffer_bytes: int | None = None,
    ) -> None:
        """Connect; *will* is what the broker publishes when it loses us.

        *send_buffer_bytes* bounds what the kernel holds of this connection, and so what another one has to wait
        for on the same line.
        """
        self.limit_bytes: int | None = None
        self.window: int | None = None
        self._settings = settings
        self._name = name
        self._will = will
        self._send_buffer_bytes = send_buffer_bytes
        self._retain_allowed = True
        self._lock = threading.Lock()
        self._pending: dict[int, tuple[Outgoing, Done]] = {}
        self._early: dict[int, ReasonCode] = {}
        self._lost: EdgeError | None = None
        self._connack: ReasonCode | None = None
        self._answered = threading.Event()
        self._protocol: Protocol = version.protocol
        if self._protocol == mqtt.MQTTv5 and not version.settled:
            self._settle(version)
        else:
            self._connect_again(version)

    def _settle(self, version: Version) -> None:
        """Connect, and find out which version the broker speaks.

        The first attempt has no will: what follows it in version 5 looks to an older broker like the beginning of a
        longer message, for whose end it then waits.
        """
        try:
            self._connect(None)
            version.settled = True
        except _OtherVersionError as error:
            self._protocol = 4
            self._connect(self._will)
            if error.said:
                version.protocol, version.settled = 4, True
            if not version.warned:
                version.warned = True
                log.warning(
                    "%s does not speak MQTT 5; using 3.1.1, where a broker cannot say that it refuses a picture or that "
                    "nobody listens",
                    self._settings.addresses[0],
                )
        else:
            if self._will:
                self.close()
                self._connect_again(version)

    def _connect_again(self, version: Version) -> None:
        """Connect to a broker whose version is known. One that hangs up now is going away, or was put back to an older one."""
        try:
            self._connect(self._will)
        except _OtherVersionError as error:
            version.settled = not error.said
            raise self._lost or BrokerUnavailableError(
                f"{self._settings.addresses[0]} does not speak MQTT 5 any more"
            ) from error

    def send(self, outgoing: Outgoing, done: Done) -> None:
        """See ``Client``."""
        message = outgoing.message
        properties = None
        if self._protocol == mqtt.MQTTv5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # theirs
            properties.ContentType = message.content_type
            properties.UserProperty = mqtt_user_properties(message)
        try:
            info = self._paho.publish(
                outgoing.topic,
                message.value,
                qos=self._settings.mqtt_qos,
                retain=outgoing.retain and self._retain_allowed,
                properties=properties,
            )
        except ValueError as error:
            done(FrameRefusedError("invalid", f"MQTT cannot carry it to {outgoing.topic}: {error}"))
            return
        with self._lock:
            early = self._early.pop(info.mid, None)
            # Also where the broker hung up: it was not for this message, which comes too late.
            is_lost = self._lost is not None or info.rc == mqtt.MQTT_ERR_NO_CONN
            lost = BrokerUnavailableError("the connection is lost") if is_lost else None
            if early is None and lost is None:
                self._pending[info.mid] = (outgoing, done)
                return
        done(lost if early is None else self._judge(early, outgoing))

    @property
    def keepalive_s(self) -> int:
        """After how long a silence we ask for a sign: as long as is set, or less where the broker wants it so."""
        return self._paho.keepalive

    def broken(self) -> EdgeError | None:
        """See ``Client``."""
        return self._lost

    def close(self) -> None:
        """See ``Client``."""
        paho = self._paho
        # A proper end leaves the will unsaid; behind messages that are stuck it would wait for them.
        if not self._pending and paho.disconnect() == mqtt.MQTT_ERR_SUCCESS:
            self._ended.wait(CLOSE_TIMEOUT_S)
        if (connection := paho.socket()) is not None:
            with contextlib.suppress(OSError):
                if isinstance(connection, socket.socket):
                    connection.shutdown(socket.SHUT_RDWR)
                else:
                    connection.close()
        if paho.worker:
            paho.worker.join(CLOSE_TIMEOUT_S)
        # paho and we refer to each other; without this its sockets stay until the garbage collector comes.
        paho.on_connect = paho.on_disconnect = paho.on_publish = paho.on_socket_open = None
        paho.ended = lambda: None

    def _connect(self, will: Outgoing | None) -> None:
        """Connect and wait for the broker's word."""
        self._answered.clear()
        self._connack, self._lost = None, None
        self._ended = threading.Event()
        paho = self._paho = _Paho(
            CallbackAPIVersion.VERSION2,
            client_id=self._name,
            reconnect_on_failure=False,
            **self._settings.mqtt_client(self._protocol),
        )
        paho.suppress_exceptions = True
        paho.connect_timeout = self._settings.connection_timeout_s
        paho.max_inflight_messages_set(0)  # the lane has its own, smaller, bound
        paho.on_connect, paho.on_disconnect = self._on_connect, self._on_disconnect
        paho.on_publish, paho.on_socket_open = self._on_publish, self._on_socket_open
        paho.ended = self._on_ended
        if credentials := self._settings.mqtt_credentials():
            paho.username_pw_set(**credentials)
        if self._settings.transport == "websockets":
            paho.ws_set_options(path=self._settings.websocket_path)
        if will:
            paho.will_set(
                will.topic, will.message.value, qos=1, retain=True, properties=self._will_properties(will)
            )
        try:
            self._set_tls(paho)
            more: dict[str, Any] = {"clean_start": True} if self._protocol == mqtt.MQTTv5 else {}
            paho.connect(**self._settings.mqtt_connect(), **more)
            paho.loop_start()
            self._answered.wait(self._settings.connection_timeout_s)
            self._check_connack()
        except EdgeError:
            self.close()
            raise
        except (OSError, mqtt.WebsocketConnectionError) as error:
            self.close()
            raise self._explain(error) from error

    def _set_tls(self, paho: mqtt.Client) -> None:
        if self._settings.tls is None:
            return
        try:
            paho.tls_set_context(self._settings.tls.context())
        except OSError as error:
            raise NotGrantedError(f"a certificate or key file cannot be used: {error}") from error
        if not self._settings.tls.check_hostname:
            paho.tls_insecure_set(True)

    def _will_properties(self, will: Outgoing) -> Properties | None:
        if self._protocol != mqtt.MQTTv5:
            return None
        properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call] # theirs
        properties.ContentType = will.message.content_type
        properties.UserProperty = mqtt_user_properties(will.message)
        return properties

    def _check_connack(self) -> None:
        code = self._connack
        where = self._settings.addresses[0]
        if code is None:
            if (
                self._lost
                and self._protocol == mqtt.MQTTv5
                and not self._settings.tls
                and speaks_tls(self._settings.brokers[0])
            ):
                raise MisconfiguredError(
                    f"{where} expects an encrypted connection; set SS_TLS__CA_CERTS, or name its plain port"
                )
            if self._lost and self._protocol == mqtt.MQTTv5:
                raise _OtherVersionError(said=False)  # some answer an unknown version by hanging up
            raise self._lost or BrokerUnavailableError(
                f"{where} accepts the connection and then says nothing"
            )
        if code.value == 0:
            return
        if code.value == UNSUPPORTED_VERSION and self._protocol == mqtt.MQTTv5:
            raise _OtherVersionError(said=True)
        if code.value in _TRY_AGAIN:
            raise BrokerUnavailableError(f"{where} takes no connection now: {code}")
        who = (
            f"the user {self._settings.username}"
            if self._settings.username
            else "a connection without user and password"
        )
        raise MisconfiguredError(f"{where} refuses {who}: {code}")

    def _explain(self, error: Exception) -> EdgeError:
        if refusal := tls_refusal(error):
            return MisconfiguredError(f"{self._settings.addresses[0]}: {refusal}")
        if isinstance(error, OSError):
            return BrokerUnavailableError(why(self._settings.brokers, error))
        return BrokerUnavailableError(f"{self._settings.addresses[0]}: {error}")

    def _judge(self, code: ReasonCode, outgoing: Outgoing) -> EdgeError | None:
        """Return what the reason code of a confirmation means; None for a real one."""
        if code.value == 0:
            return None
        if code.value == NO_SUBSCRIBERS:
            return NobodyListensError(f"nobody listens to {outgoing.topic}; what is sent waits here")
        if code.value in _REFUSED:
            return FrameRefusedError(
                "over-limit" if code.value == TOO_LARGE else "invalid",
                f"the broker refuses it: {code}; its message has {len(outgoing.message.value):,} bytes",
            )
        if code.value in {0x87, 0x90}:
            return NotGrantedError(f"the broker does not let us write to topic {outgoing.topic}: {code}")
        return BrokerUnavailableError(f"the broker did not take it: {code}")

    # Called by paho's thread.

    def _on_connect(
        self, _client: Any, _data: Any, _flags: Any, code: ReasonCode, properties: Properties | None
    ) -> None:
        limits = [self._settings.max_request_size, getattr(properties, "MaximumPacketSize", None)]
        self.limit_bytes = min((limit for limit in limits if limit is not None), default=None)
        self.window = getattr(properties, "ReceiveMaximum", None)
        self._retain_allowed = getattr(properties, "RetainAvailable", 1) == 1
        self._connack = code
        self._answered.set()

    def _on_publish(self, _client: Any, _data: Any, mid: int, code: ReasonCode, _properties: Any) -> None:
        with self._lock:
            found = self._pending.pop(mid, None)
            if found is None:
                self._early[mid] = code
                return
        outgoing, done = found
        done(self._judge(code, outgoing))

    def _on_disconnect(
        self, client: Any, _data: Any, flags: mqtt.DisconnectFlags, code: ReasonCode, _properties: Any
    ) -> None:
        where = self._settings.addresses[0]
        if flags.is_disconnect_packet_from_server:
            self._give_up(BrokerUnavailableError(f"{where} closed the connection: {code}"), code)
        elif client.hung_up:
            self._give_up(HungUpError(f"{where} hung up without saying why"))
        else:
            self._give_up(BrokerUnavailableError(f"the connection to {where} is lost"))

    def _on_ended(self) -> None:
        self._give_up(BrokerUnavailableError(f"the connection to {self._settings.addresses[0]} is lost"))
        self._ended.set()

    def _give_up(self, why: EdgeError, code: ReasonCode | None = None) -> None:
        """Answer all that is pending with *why*, or with *code* what it is about."""
        with self._lock:
            self._lost = self._lost or why
            pending, self._pending = list(self._pending.values()), {}
        self._answered.set()
        largest = max((len(outgoing.message.value) for outgoing, _ in pending), default=0)
        for outgoing, done in pending:
            if code is not None and code.value == TOO_LARGE and len(outgoing.message.value) == largest:
                done(self._judge(code, outgoing))
            else:
                done(self._lost)

    def _on_socket_open(self, _client: Any, _data: Any, connection: Any) -> None:
        if not isinstance(connection, socket.socket):
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
        if self._send_buffer_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._send_buffer_bytes)


class _OtherVersionError(Exception):
    """The broker does not speak the version that was tried.

    Attributes:
        said: Whether it has said so, or merely hung up.
    """

    def __init__(self, *, said: bool) -> None:
        super().__init__()
        self.said = said
