"""What paho-mqtt 2 does of an MQTT connection, made to serve one connection and to say how it ended.

Its own trying again would keep messages that their lane has taken back, and would mix up acknowledgements: a packet id
means something on the connection that brought it alone.
"""

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from shutterbus_transport import socket_options
from shutterbus_transport.errors import NotAuthorizedError
from shutterbus_transport.mqtt.picture_client import MessageProperties, PictureClient
from shutterbus_transport.sending import Outgoing
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire.message import Message, mqtt_user_properties

__all__ = ["Connection", "Properties", "Protocol", "ReasonCode", "Receiving"]

Protocol = Literal[5, 4, 3]

END_TIMEOUT_S = 2.0
_HUNG_UP = (
    ConnectionResetError,
    ConnectionAbortedError,
    BrokenPipeError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
)


@dataclass(frozen=True, slots=True)
class Receiving:
    """How a reader's connection receives.

    Attributes:
        receive_max: Messages that the broker may send before the first is acknowledged (version 5).
        packet_max_bytes: The largest message that the broker may send (version 5).
        session_s: For how long the broker keeps subscriptions and messages while we are away; None: not at all.
        by_hand: Whether ``ack`` acknowledges a message, and not its arrival.
    """

    receive_max: int
    packet_max_bytes: int
    session_s: int | None = None
    by_hand: bool = False


class _Socket(ssl.SSLSocket):
    """Closes itself when its handshake fails: paho leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


class Connection(PictureClient):
    """A paho client for one connection. Set its ``on_...``, ``open`` or ``begin`` it; ``end`` leaves nothing of it.

    Attributes:
        on_ended: Called when its thread ends, whatever ended it: an exception there leaves paho believing that it is
            connected.
        hung_up: Whether the other side has ended the connection; paho says the same of a line that fell silent.
        held: Whether we leave unread what the broker sends, its answers to our pings included.
    """

    on_ended: Callable[[], None] = staticmethod(lambda: None)
    hung_up = False
    held = False

    def __init__(
        self,
        settings: BrokerSettings,
        name: str,
        protocol: Protocol,
        *,
        will: Outgoing | None = None,
        qos_max: int = 2,
        send_buffer_bytes: int | None = None,
        receiving: Receiving | None = None,
    ) -> None:
        keeps_session = receiving is not None and receiving.session_s is not None
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=name,
            reconnect_on_failure=False,
            manual_ack=receiving is not None and receiving.by_hand,
            clean_session=None if protocol == mqtt.MQTTv5 else not keeps_session,
            **settings.mqtt_client(protocol),
        )
        self._settings = settings
        self._send_buffer_bytes = send_buffer_bytes
        self._receiving = receiving
        # Also when it has ended: ``loop_stop`` forgets it half-way, and raises if it is called then.
        self._worker: threading.Thread | None = None
        self._has_ended = threading.Event()
        self.suppress_exceptions = True
        self.connect_timeout = settings.connection_timeout_s
        self.max_inflight_messages_set(0)  # the lane has its own, smaller, bound
        self.on_socket_open = self._set_options
        if credentials := settings.mqtt_credentials():
            self.username_pw_set(**credentials)
        if settings.transport == "websockets":
            self.ws_set_options(path=settings.websocket_path)
        if will:
            properties = self.properties(will.message)
            self.will_set(
                will.topic,
                will.message.value,
                qos=min(1, qos_max),
                retain=will.retain,
                properties=properties,
            )

    def open(self) -> None:
        """Open the connection and say who we are; the answer comes to ``on_connect``. May raise OSError."""
        self._set_tls()
        self.connect(**self._settings.mqtt_connect(), **self._connect_options())

    def begin(self) -> None:
        """``open``, and serve the connection in a thread of its own."""
        self.open()
        self.loop_start()

    def turn(self, timeout_s: float) -> MQTTErrorCode:
        """Serve the connection once, as ``loop`` does where no other thread sends on it: nothing wakes us for what we wrote."""
        if (connection := self.socket()) is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        pending = getattr(connection, "pending", lambda: 0)()
        writing = [connection] if self.want_write() else []
        readable, writable, _ = select.select([connection], writing, [], 0 if pending else timeout_s)
        code = self.loop_read() if readable or pending else MQTTErrorCode.MQTT_ERR_SUCCESS
        if writable and not code:
            code = self.loop_write()
        return code or self.loop_misc()

    def end(self, *, properly: bool) -> None:
        """End connection and thread now; *properly* takes leave of the broker, behind what is still being sent."""
        if properly and self.disconnect() == mqtt.MQTT_ERR_SUCCESS and self._worker:
            self._has_ended.wait(END_TIMEOUT_S)
        if (connection := self.socket()) is not None:
            with contextlib.suppress(OSError):
                if isinstance(connection, socket.socket):
                    connection.shutdown(socket.SHUT_RDWR)
                else:
                    connection.close()
        if self._worker:
            self._worker.join(END_TIMEOUT_S)
        # It and its owner refer to each other; without this its sockets stay until the garbage collector comes.
        self.on_connect = self.on_disconnect = self.on_publish = self.on_socket_open = None
        self.on_message = self.on_subscribe = None
        self.on_ended = lambda: None

    def properties(self, message: Message) -> Properties | None:
        """Return what version 5 says about *message* beside its bytes; None in an older one."""
        if self.protocol != mqtt.MQTTv5:
            return None
        return MessageProperties(message.content_type, mqtt_user_properties(message))

    def _connect_options(self) -> dict[str, Any]:
        if self.protocol != mqtt.MQTTv5:
            return {}
        if (receiving := self._receiving) is None:
            return {"clean_start": True}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # theirs
        properties.MaximumPacketSize = receiving.packet_max_bytes
        properties.ReceiveMaximum = receiving.receive_max
        if receiving.session_s is not None:
            properties.SessionExpiryInterval = receiving.session_s
        return {"clean_start": receiving.session_s is None, "properties": properties}

    def _set_tls(self) -> None:
        if self._settings.tls is None:
            return
        try:
            context = self._settings.tls.context()
        except OSError as error:
            raise NotAuthorizedError(f"a certificate or key file cannot be used: {error}") from error
        context.sslsocket_class = _Socket
        self.tls_set_context(context)
        if not self._settings.tls.check_hostname:
            self.tls_insecure_set(True)

    def _set_options(self, _client: Any, _data: Any, connection: Any) -> None:
        if isinstance(connection, socket.socket):
            for level, name, value in socket_options.options(self._send_buffer_bytes):
                connection.setsockopt(level, name, value)

    # Overridden: what paho calls by itself.

    def _thread_main(self) -> None:
        self._worker = threading.current_thread()
        try:
            super()._thread_main()
        finally:
            self.on_ended()
            self._has_ended.set()

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

    def _check_keepalive(self) -> None:
        if self.held:
            # What is there is not read, so it says nothing about the broker; our own pings go on.
            self._last_bytes_received = time.monotonic()
        super()._check_keepalive()
