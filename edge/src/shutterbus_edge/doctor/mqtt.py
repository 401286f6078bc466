"""What an MQTT broker lets us do: from its CONNACK, and from its answers to empty messages."""

import contextlib
import queue
import secrets
from collections.abc import Iterator

from shutterbus_edge.doctor import reach, sizes
from shutterbus_edge.doctor.by_transport import Patience
from shutterbus_edge.doctor.context import CheckContext
from shutterbus_runtime.checks import Check, CheckResult, failure, ok, skipped, warning
from shutterbus_transport.errors import NoSubscribersError, TransportError, TransportMisconfiguredError
from shutterbus_transport.mqtt.sending import MqttClient, Version
from shutterbus_transport.sending import Outgoing
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire.message import Message
from shutterbus_wire.names import MqttKind, mqtt_topic

ANSWER_S = 5.0
KEEPALIVES = 1.5
"""A client gives the connection up after so many keep-alive times without an answer, also while it sends."""
WRITTEN: tuple[MqttKind, ...] = ("frames", "status", "reports")
"""What every camera writes."""


@contextlib.contextmanager
def _connected(broker: BrokerSettings, version: Version) -> Iterator[MqttClient]:
    client = MqttClient(
        broker.model_copy(update={"connection_timeout_s": ANSWER_S, "qos": 1}),
        f"shutterbus-doctor-{secrets.token_hex(8)}",
        version,
    )
    try:
        yield client
    finally:
        client.close()


def checks(context: CheckContext) -> list[Check]:
    """Return the checks of an MQTT broker."""
    return [
        Check("login", lambda: _login(context), needs=("TLS",), within_s=11),
        Check("anonymous", lambda: _anonymous(context), needs=("login",)),
        Check("topics", lambda: _topics(context), needs=("login",)),
        Check("size", lambda: _size(context), needs=("login",)),
    ]


def patience(context: CheckContext, picture_s: float) -> Patience:
    """Return how long the client waits for a picture that needs *picture_s*."""
    keepalive_s, whose = context.settings.broker.keepalive_s, "SS_KEEPALIVE"
    longer = f"in .env: SS_KEEPALIVE={int(picture_s * 2)}"
    if context.keepalive_s is not None:
        keepalive_s, whose = context.keepalive_s, "the broker's max_keepalive"
        longer = "on the server, in broker/mosquitto/mosquitto.conf: no max_keepalive"
    return KEEPALIVES * keepalive_s, f"{whose} is {keepalive_s} s", longer


def _login(context: CheckContext) -> CheckResult:
    version = Version(context.settings.broker.protocol)
    try:
        with _connected(context.settings.broker, version) as client:
            if client.keepalive_s < context.settings.broker.keepalive_s:
                context.keepalive_s = client.keepalive_s
            retains, qos_max = client.retains, client.qos_max
    except TransportMisconfiguredError as error:
        return failure(str(error), "in .env: SS_USERNAME and SS_PASSWORD, or " + context.enroll)
    except TransportError as error:
        return failure(str(error), context.look_at_broker)
    if version.protocol != 5 and context.settings.broker.protocol == 5:
        return warning(
            "it speaks MQTT 3.1.1 only, in which no broker can say that it refuses a picture",
            "a broker that speaks MQTT 5, such as Mosquitto 2",
        )
    if qos_max < context.settings.broker.mqtt_qos:
        return warning(
            f"the broker takes QoS {qos_max} at most (max_qos): it confirms no picture, and one may be lost unseen",
            "on the broker: allow QoS 1",
        )
    if not retains:
        return warning(
            "the broker keeps no retained messages: a page that is opened later has no picture and no status until the next comes",
            "on the broker: in Mosquitto, retain_available true",
        )
    return ok("we may connect")


def _anonymous(context: CheckContext) -> CheckResult:
    broker = context.settings.broker
    if broker.username is None and (broker.tls is None or broker.tls.certfile is None):
        return warning("we come without certificate and password, so anybody may", context.enroll)
    try:
        with _connected(reach.nobody(broker), Version(broker.protocol)):
            pass
    except TransportError:
        return ok("a client without certificate and password is refused")
    return warning("anybody may connect without certificate and password", "on the server: make doctor")


def _topics(context: CheckContext) -> CheckResult:
    if not context.encoder.is_ours:
        return skipped(f"readers of {context.encoder.frames_topic} would see what is sent to ask")
    answers: queue.SimpleQueue[TransportError | None] = queue.SimpleQueue()
    # Nothing, and not to be retained: to readers it is no message.
    nothing = Message(b"", "text/plain", {})
    topics = [mqtt_topic(context.camera, kind) for kind in WRITTEN]
    version = Version(context.settings.broker.protocol)
    try:
        with _connected(context.settings.broker, version) as client:
            for topic in topics:
                client.send(Outgoing(topic, b"", nothing), answers.put)
                said = answers.get(timeout=ANSWER_S)
                if isinstance(said, TransportMisconfiguredError):
                    return failure(f"we may not write to {topic}", context.enroll)
                if said is not None and not isinstance(said, NoSubscribersError):
                    return failure(
                        f"the broker did not take an empty message on {topic}: {said}", context.look_at_broker
                    )
    except queue.Empty:
        return failure(f"the broker did not acknowledge an empty message on {topic}", context.look_at_broker)
    except TransportError as error:
        return failure(str(error), context.look_at_broker)
    if version.protocol != 5:
        return skipped("MQTT 3.1.1 does not tell who may write what")
    return ok(f"{', '.join(topics)} are ours to write")


def _size(context: CheckContext) -> CheckResult:
    broker = context.settings.broker
    try:
        with _connected(
            broker.model_copy(update={"max_request_size": None}), Version(broker.protocol)
        ) as client:
            limit_bytes, window = client.limit_bytes, client.window
    except TransportError as error:
        return failure(str(error), context.look_at_broker)
    if limit_bytes is None:
        return ok("the broker names no largest message")
    finding = sizes.judge(limit_bytes, "the broker (max_packet_size)", context)
    if finding.status == "ok" and window:
        return ok(f"{finding.sentence}; {window} may be on the way at once")
    return finding
