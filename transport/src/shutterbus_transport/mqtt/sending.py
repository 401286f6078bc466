"""MQTT by paho-mqtt 2: version 5, and 3.1.1 where a broker does not speak 5.

A confirmation counts by its reason code, which paho itself does not look at.
"""

import logging
import threading
from dataclasses import dataclass, replace
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from shutterbus_transport.errors import (
    BrokerClosedConnectionError,
    BrokerUnavailableError,
    MessageRefusedError,
    NoSubscribersError,
    NotAuthorizedError,
    TransportError,
    TransportMisconfiguredError,
)
from shutterbus_transport.mqtt.connection import Connection, Protocol
from shutterbus_transport.probe import plain_to_tls, tls_refusal, why
from shutterbus_transport.sending import Done, Outgoing
from shutterbus_transport.settings import BrokerSettings
from shutterbus_transport.upload import Upload

log = logging.getLogger(__name__)

UNSUPPORTED_VERSION = 0x84
NO_SUBSCRIBERS = 0x10
TOO_LARGE = 0x95
_TRY_AGAIN = {0x88, 0x89, 0x97, 0x9F, 0x8B, 0x8D, 0x8E, 0x98}
"""Server unavailable, busy, quota, rate, shutting down, keep alive, taken over, administrative."""
_REFUSED = {0x83, TOO_LARGE, 0x99}
"""Implementation specific (Mosquitto: over message_size_limit), packet too large, payload format invalid."""

_TOO_LATE = BrokerUnavailableError("the connection is lost")


RETAIN_REFUSED, QOS_REFUSED = 0x9A, 0x9B
"""Of a CONNECT: its will asks for what this broker does not do."""


@dataclass(slots=True)
class Version:
    """What to speak with a broker, as it has said itself; shared by the clients of one process.

    Attributes:
        settled: Whether the broker itself has said so.
        retains: Whether it keeps the last message of a topic for who comes later.
        qos_max: The highest quality of service that it takes.
    """

    protocol: Protocol
    settled: bool = False
    warned: bool = False
    retains: bool = True
    qos_max: int = 2


class MqttClient:
    """One connection. See ``SendingClient``."""

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
        self._version = version
        self._lock = threading.Lock()
        self._pending: dict[int, tuple[Outgoing, Done]] = {}
        self._early: dict[int, ReasonCode] = {}
        self._upload = Upload()
        self._lost: TransportError | None = None
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
        except _OtherVersionError as error:
            if error.said or self._hangs_up_on_5_again():
                self._use_3_1_1(version, said=error.said)
                return
        version.settled = True
        if self._will:
            self.close()
            self._connect_again(version)

    def _hangs_up_on_5_again(self) -> bool:
        """Return whether the broker takes version 3.1.1, and then still not 5: it is an older one.

        One that starts, or has no memory left, hangs up on some connections and takes others. On 3.1.1 it would go on to
        confirm pictures that it throws away.
        """
        self._protocol = 4
        self._connect(None)
        self.close()
        self._protocol = 5
        try:
            self._connect(None)
        except _OtherVersionError:
            return True
        return False

    def _use_3_1_1(self, version: Version, *, said: bool) -> None:
        self._protocol = 4
        self._connect(self._will)
        if said:
            version.protocol, version.settled = 4, True
        if not version.warned:
            version.warned = True
            log.warning(
                "%s does not speak MQTT 5; using 3.1.1, where a broker cannot say that it refuses a picture or that "
                "nobody listens",
                self._settings.addresses[0],
            )

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
        """See ``SendingClient``."""
        if self._lost:
            done(_TOO_LATE)  # and not what was lost, which may be blamed on what was in flight
            return
        message = outgoing.message
        try:
            info = self._paho.publish(
                outgoing.topic,
                message.value,
                qos=min(self._settings.mqtt_qos, self._version.qos_max),
                retain=outgoing.retain and self._version.retains,
                properties=self._paho.properties(message),
            )
        except ValueError as error:
            done(MessageRefusedError("invalid", f"MQTT cannot carry it to {outgoing.topic}: {error}"))
            return
        with self._lock:
            early = self._early.pop(info.mid, None)
            lost = self._lost or (_TOO_LATE if info.rc == mqtt.MQTT_ERR_NO_CONN else None)
            if early is None and lost is None:
                self._pending[info.mid] = (outgoing, done)
                return
        done(lost if early is None else self._judge(early, outgoing))

    @property
    def retains(self) -> bool:
        """Whether the broker keeps the last message of a topic for who comes later."""
        return self._version.retains

    @property
    def qos_max(self) -> int:
        """The highest quality of service that the broker takes."""
        return self._version.qos_max

    @property
    def keepalive_s(self) -> int:
        """After how long a silence we ask for a sign: as long as is set, or less where the broker wants it so."""
        return self._paho.keepalive

    def broken(self) -> TransportError | None:
        """See ``SendingClient``."""
        if connection := self._paho.socket():
            self._upload.look([connection])
        return self._lost

    def unconfirmed(self, topic: str) -> str | None:
        """See ``SendingClient``."""
        if self._upload.moves:
            return None
        return (
            f"{self._settings.addresses[0]} does not answer what is sent to {topic}; look at the broker's log"
        )

    def close(self) -> None:
        """See ``SendingClient``."""
        # A proper end leaves the will unsaid; behind messages that are stuck it would wait for them.
        self._paho.end(properly=not self._pending)

    def _connect(self, will: Outgoing | None) -> None:
        """Connect and wait for the broker's word."""
        self._answered.clear()
        self._connack, self._lost = None, None
        paho = self._paho = Connection(
            self._settings,
            self._name,
            self._protocol,
            will=will and replace(will, retain=self._version.retains),
            qos_max=self._version.qos_max,
            send_buffer_bytes=self._send_buffer_bytes,
        )
        paho.on_connect, paho.on_disconnect = self._on_connect, self._on_disconnect
        paho.on_publish, paho.on_ended = self._on_publish, self._on_ended
        try:
            paho.begin()
            self._answered.wait(self._settings.connection_timeout_s)
            self._check_connack()
        except TransportError:
            self.close()
            raise
        except (OSError, mqtt.WebsocketConnectionError) as error:
            self.close()
            raise self._explain(error) from error

    def _check_connack(self) -> None:
        code = self._connack
        where = self._settings.addresses[0]
        if code is None:
            if self._lost and (refusal := plain_to_tls(self._settings)):
                raise refusal
            if self._lost and self._protocol == mqtt.MQTTv5:
                raise _OtherVersionError(said=False)  # some answer an unknown version by hanging up
            raise self._lost or BrokerUnavailableError(
                f"{where} accepts the connection and then says nothing"
            )
        if code.value == 0:
            return
        if code.value == UNSUPPORTED_VERSION and self._protocol == mqtt.MQTTv5:
            raise _OtherVersionError(said=True)
        if code.value in {RETAIN_REFUSED, QOS_REFUSED}:
            self._note_abilities(
                retains=code.value != RETAIN_REFUSED, qos_max=0 if code.value == QOS_REFUSED else 2
            )
            raise BrokerUnavailableError(
                f"{where} does not take our will ({code}); it is asked again for less"
            )
        if code.value in _TRY_AGAIN:
            raise BrokerUnavailableError(f"{where} takes no connection now: {code}")
        who = (
            f"the user {self._settings.username}"
            if self._settings.username
            else "a connection without user and password"
        )
        raise TransportMisconfiguredError(f"{where} refuses {who}: {code}")

    def _note_abilities(self, *, retains: bool, qos_max: int) -> None:
        """Note what the broker does, and say once what is lost by what it does not."""
        version, where = self._version, self._settings.addresses[0]
        if version.retains and not retains:
            log.warning(
                "%s keeps no retained messages: a page that is opened later has no picture and no status until the next comes",
                where,
            )
        if qos_max < min(version.qos_max, self._settings.mqtt_qos):
            log.warning(
                "%s takes QoS %d at most: it confirms no picture, and one may be lost unseen", where, qos_max
            )
        version.retains, version.qos_max = retains, qos_max

    def _explain(self, error: Exception) -> TransportError:
        if refusal := tls_refusal(error):
            return TransportMisconfiguredError(f"{self._settings.addresses[0]}: {refusal}")
        if isinstance(error, OSError):
            return BrokerUnavailableError(why(self._settings.brokers, error))
        return BrokerUnavailableError(f"{self._settings.addresses[0]}: {error}")

    def _judge(self, code: ReasonCode, outgoing: Outgoing) -> TransportError | None:
        """Return what the reason code of a confirmation means; None for a real one."""
        if code.value == 0:
            return None
        if code.value == NO_SUBSCRIBERS:
            return NoSubscribersError(f"nobody listens to {outgoing.topic}; what is sent waits here")
        if code.value in _REFUSED:
            return MessageRefusedError(
                "over-limit" if code.value == TOO_LARGE else "invalid",
                f"the broker refuses it: {code}; its message has {len(outgoing.message.value):,} bytes",
            )
        if code.value in {0x87, 0x90}:
            return NotAuthorizedError(f"the broker does not let us write to topic {outgoing.topic}: {code}")
        return BrokerUnavailableError(f"the broker did not take it: {code}")

    # Called by paho's thread.

    def _on_connect(
        self, _client: Any, _data: Any, _flags: Any, code: ReasonCode, properties: Properties | None
    ) -> None:
        limits = [self._settings.max_request_size, getattr(properties, "MaximumPacketSize", None)]
        self.limit_bytes = min((limit for limit in limits if limit is not None), default=None)
        self.window = getattr(properties, "ReceiveMaximum", None)
        if code.value == 0:
            self._note_abilities(
                retains=getattr(properties, "RetainAvailable", 1) == 1,
                qos_max=getattr(properties, "MaximumQoS", 2),
            )
        self._connack = code
        self._answered.set()

    def _on_publish(self, _client: Any, _data: Any, mid: int, code: ReasonCode, _properties: Any) -> None:
        with self._lock:
            pending = self._pending.pop(mid, None)
            if pending is None:
                self._early[mid] = code
                return
        outgoing, done = pending
        done(self._judge(code, outgoing))

    def _on_disconnect(
        self, client: Any, _data: Any, flags: mqtt.DisconnectFlags, code: ReasonCode, _properties: Any
    ) -> None:
        where = self._settings.addresses[0]
        if flags.is_disconnect_packet_from_server:
            self._give_up(BrokerUnavailableError(f"{where} closed the connection: {code}"), code)
        elif client.hung_up:
            self._give_up(BrokerClosedConnectionError(f"{where} hung up without saying why"))
        else:
            self._give_up(BrokerUnavailableError(f"the connection to {where} is lost"))

    def _on_ended(self) -> None:
        self._give_up(BrokerUnavailableError(f"the connection to {self._settings.addresses[0]} is lost"))

    def _give_up(self, why: TransportError, code: ReasonCode | None = None) -> None:
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


class _OtherVersionError(Exception):
    """The broker does not speak the version that was tried.

    Attributes:
        said: Whether it has said so, or merely hung up.
    """

    def __init__(self, *, said: bool) -> None:
        super().__init__()
        self.said = said
