"""What Mosquitto allows: from its CONNACK, from its answers, and from its configuration."""

import contextlib
import queue
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shutterbus_broker import legacy, retained
from shutterbus_broker import memory as memory_limit
from shutterbus_broker import mosquitto as rights_of_mosquitto
from shutterbus_broker.doctor import acl, connection, memory
from shutterbus_broker.doctor.context import CheckContext
from shutterbus_broker.errors import SetupError
from shutterbus_runtime.checks import Check, CheckResult, failure, ok, skipped
from shutterbus_transport import transport
from shutterbus_transport.errors import TransportError
from shutterbus_transport.mqtt.connection import Connection, Properties, ReasonCode
from shutterbus_wire.names import DOCTOR_TOPIC, MQTT_MEMORY_TOPIC

ANSWER_S = 6.0
MEMORY_S = 3.0
FOREIGN_TOPIC = "shutterbus-doctor-foreign"
"""No one's, and outside every pattern: nobody sees it, and nobody may write it."""
NOT_AUTHORIZED = 0x87
QUEUED_BYTES_MAX = 1 << 30
INFLIGHT_MAX = 100
KEEPALIVE_MIN_S = 60
"""Enough for a picture of 8 MiB on a line of 1 Mbit/s, which takes 67 s."""
KEEPALIVES = 1.5
"""A connection is given up after so many of them without a word."""
KEEPALIVE_ASKED_S = 600
CONFIGURATION = Path("broker/mosquitto/mosquitto.conf")
RESTART = "docker compose up -d --force-recreate mosquitto"


@dataclass(slots=True)
class Connack:
    """What Mosquitto says on connecting; None is no limit."""

    packet_max_bytes: int | None = None
    receive_max: int | None = None
    keepalive_s: int | None = None


@dataclass(slots=True)
class _Login:
    connack: Connack = field(default_factory=Connack)


def checks(context: CheckContext) -> list[Check]:
    """Return the checks of Mosquitto, in the order in which one depends on another."""
    at, login = context.address("mosquitto"), _Login()
    return [
        # Needs no answer from it: with its memory full it may give none.
        Check("mosquitto memory", lambda: _memory(context), needs=("settings",), within_s=10),
        Check("mosquitto port", lambda: connection.port(at), needs=("settings",)),
        Check(
            "mosquitto TLS",
            lambda: connection.certificate(at, context.tls, context.now),
            needs=("mosquitto port", "certificates"),
        ),
        Check("mosquitto login", lambda: _login(context, login), needs=("mosquitto TLS",)),
        Check(
            "mosquitto message size",
            lambda: packet_size(login.connack, context.message_max_bytes),
            needs=("mosquitto login",),
        ),
        Check("mosquitto settings", lambda: _configured(context)),
        Check("mosquitto window", lambda: window(login.connack), needs=("mosquitto login",)),
        Check(
            "mosquitto keepalive",
            lambda: keepalive(login.connack, context.message_max_bytes),
            needs=("mosquitto login",),
        ),
        Check("mosquitto rights", lambda: _rights(context), needs=("mosquitto login",)),
        Check("mosquitto record", lambda: _carries(context, 1, 7), needs=("mosquitto login",)),
        Check(
            "mosquitto picture",
            lambda: _carries(context, context.frame_max_bytes, 11),
            needs=("mosquitto record",),
            within_s=12,
        ),
        Check("mosquitto anonymous", lambda: _anonymous(context), needs=("mosquitto login",)),
    ]


def packet_size(connack: Connack, wanted_bytes: int) -> CheckResult:
    """Whether Mosquitto takes the messages that ``.env`` says."""
    limit = connack.packet_max_bytes
    if limit is not None and limit < wanted_bytes:
        return failure(
            f"max_packet_size is {limit}, and {wanted_bytes} is needed (KAFKA_MESSAGE_MAX_BYTES): it cuts off who sends more",
            RESTART,
        )
    if limit is None:
        return failure("max_packet_size is not set: one client can fill its memory", RESTART)
    return ok(f"max_packet_size is {limit}")


def window(connack: Connack) -> CheckResult:
    """Whether what is on the way to one client is bounded."""
    receive_max = connack.receive_max or 65535
    if receive_max > INFLIGHT_MAX:
        return failure(
            f"max_inflight_messages lets {receive_max} messages be on the way to each client: its memory can fill",
            f"in {CONFIGURATION}: max_inflight_messages 20; {RESTART}",
        )
    return ok(f"at most {receive_max} messages are on the way to a client")


def keepalive(connack: Connack, largest_bytes: int) -> CheckResult:
    """Whether a client on a slow line may be silent for as long as a picture takes."""
    if connack.keepalive_s is not None and connack.keepalive_s < KEEPALIVE_MIN_S:
        slowest = largest_bytes * 8 / 1000 / (KEEPALIVES * connack.keepalive_s)
        return failure(
            f"Mosquitto allows no client a keepalive above {connack.keepalive_s} s (max_keepalive): on a line of less "
            f"than {slowest:.0f} kbit/s a client is cut off in the middle of the largest picture",
            f"in {CONFIGURATION}: no max_keepalive; {RESTART}",
        )
    return ok("clients choose how long they may be silent")


def configuration(text: str, wanted_bytes: int) -> CheckResult:
    """Whether the lines of its configuration bound what waits, and nothing is dropped in silence."""
    lines: Mapping[str, str] = dict(re.findall(r"(?m)^\s*([a-z_]+)\s+(.*?)\s*$", text))
    size_limit = int(lines.get("message_size_limit", "0"))
    if 0 < size_limit < wanted_bytes:
        return failure(
            f"message_size_limit is {size_limit}: a larger picture over MQTT 3.1.1 is confirmed and thrown away",
            f"in {CONFIGURATION}: no message_size_limit; {RESTART}",
        )
    queued = int(lines.get("max_queued_bytes", "0"))
    if not 0 < queued <= QUEUED_BYTES_MAX:
        return failure(
            f"max_queued_bytes is {queued or 'not set'}: what waits for a reader that is away can fill the memory",
            f"in {CONFIGURATION}: max_queued_bytes 67108864; {RESTART}",
        )
    if 0 < (memory := int(lines.get("memory_limit", "0"))) < queued + 2 * wanted_bytes:
        return failure(
            f"memory_limit is {memory}: beyond it messages are thrown away and clients cut off, and {queued} bytes may "
            "wait for one reader (max_queued_bytes)",
            f"in {CONFIGURATION}: no memory_limit; {RESTART}",
        )
    if 0 < (messages := int(lines.get("max_queued_messages", "1000"))) < 10_000:
        return failure(
            f"max_queued_messages is {messages}: beyond it, what waits for a reader is confirmed and thrown away",
            f"in {CONFIGURATION}: max_queued_messages 1000000; {RESTART}",
        )
    if int(lines.get("max_inflight_messages", "20")) == 0:
        return failure(
            "max_inflight_messages is 0, no limit: the memory can fill",
            f"in {CONFIGURATION}: max_inflight_messages 20; {RESTART}",
        )
    if lines.get("allow_anonymous", "false") != "false" or lines.get("require_certificate") != "true":
        return failure(
            "its configuration lets in who shows no certificate",
            f"in {CONFIGURATION}: allow_anonymous false, require_certificate true; {RESTART}",
        )
    return ok(f"what waits for a reader that is away is bounded to {queued >> 20} MiB each")


def _configured(context: CheckContext) -> CheckResult:
    try:
        text = (context.installation.project / CONFIGURATION).read_text("utf-8")
    except OSError as error:
        return failure(
            f"{CONFIGURATION} cannot be read: {(error.strerror or str(error)).lower()}",
            f"git checkout {CONFIGURATION}",
        )
    return configuration(text, context.message_max_bytes)


def _memory(context: CheckContext) -> CheckResult:
    limit_bytes = memory_limit.limit_bytes(context.settings)
    try:
        kept = retained.read(retained.database(context.installation))
    except SetupError as error:
        return failure(str(error), "docker compose logs --tail 20 mosquitto")
    except OSError as error:
        return skipped(f"{error.filename} cannot be read: {(error.strerror or str(error)).lower()}")
    return memory.judge(_used_bytes(context), limit_bytes, kept, context.message_max_bytes)


def _used_bytes(context: CheckContext) -> int | None:
    told: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    try:
        with _session(context) as (session, code, _properties):
            if code.is_failure:
                return None
            session.client.on_message = lambda _c, _d, message: told.put(bytes(message.payload))
            session.client.subscribe(MQTT_MEMORY_TOPIC)
            return int(told.get(timeout=MEMORY_S))
    except (OSError, queue.Empty, ValueError):
        return None


class _Session:
    """A connection, and what came back on it."""

    def __init__(self, context: CheckContext) -> None:
        # Longer than any client needs, so that a broker that allows less says so.
        settings = context.mosquitto.model_copy(update={"keepalive_s": KEEPALIVE_ASKED_S})
        self.answers: queue.SimpleQueue[tuple[ReasonCode, Properties | None]] = queue.SimpleQueue()
        self.published: queue.SimpleQueue[ReasonCode] = queue.SimpleQueue()
        name = f"shutterbus-doctor-{secrets.token_hex(8)}"
        self.client = Connection(settings, name, settings.protocol)
        self.client.on_connect = lambda _c, _d, _f, code, properties: self.answers.put((code, properties))
        # With TLS 1.3 who is not let in hears it after the handshake, from TLS and not from MQTT.
        self.client.on_disconnect = lambda _c, _d, _f, code, properties: self.answers.put((code, properties))
        self.client.on_publish = lambda _c, _d, _mid, code, _p: self.published.put(code)
        self.client.begin()

    def close(self) -> None:
        self.client.end(properly=True)


@contextlib.contextmanager
def _session(context: CheckContext) -> Iterator[tuple[_Session, ReasonCode, Properties | None]]:
    session = _Session(context)
    try:
        code, properties = session.answers.get(timeout=ANSWER_S)
        yield session, code, properties
    finally:
        session.close()


def _login(context: CheckContext, login: _Login) -> CheckResult:
    try:
        with _session(context) as (_, code, properties):
            if code.is_failure:
                return connection.refusal(context.address("mosquitto"), context.tls) or failure(
                    f"Mosquitto refuses doctor.service: {code}", "make init && " + RESTART
                )
    except queue.Empty:
        return failure(
            "Mosquitto accepts connections but gives no answer", "docker compose restart mosquitto"
        )
    except OSError as error:
        return failure(
            f"Mosquitto breaks the connection off: {(error.strerror or str(error)).lower()}",
            "docker compose logs --tail 20 mosquitto",
        )
    login.connack = Connack(
        getattr(properties, "MaximumPacketSize", None),
        getattr(properties, "ReceiveMaximum", None),
        getattr(properties, "ServerKeepAlive", None),
    )
    return ok("it accepts our certificate")


def _rights(context: CheckContext) -> CheckResult:
    try:
        text = (context.installation.project / acl.FILE).read_text("utf-8")
    except OSError as error:
        return failure(f"{acl.FILE} cannot be read: {(error.strerror or str(error)).lower()}", acl.AGAIN)
    wanted = rights_of_mosquitto.acl(context.installation.identities(), legacy.listed(context.settings))
    written = acl.judge(text, wanted)
    return written if written.status == "failure" else _kept_to(context)


def _kept_to(context: CheckContext) -> CheckResult:
    """Whether what that file says counts: nobody may write this topic."""
    with _session(context) as (session, _, _properties):
        session.client.publish(FOREIGN_TOPIC, b"?", qos=1)
        try:
            code = session.published.get(timeout=ANSWER_S)
        except queue.Empty:
            return failure(f"Mosquitto gives no answer to a byte on {FOREIGN_TOPIC}", RESTART)
    if code.value != NOT_AUTHORIZED:
        return failure(
            f"doctor.service may write to {FOREIGN_TOPIC}, which nobody may ({code}): the rights are not those in "
            f"{acl.FILE}",
            acl.AGAIN,
        )
    return ok("each has what it should and nothing else; what nobody may is refused")


def _carries(context: CheckContext, size_bytes: int, within_s: float) -> CheckResult:
    try:
        transport("mqtt").carry(context.mosquitto, DOCTOR_TOPIC, size_bytes, within_s)
    except TransportError as error:
        return failure(str(error), "make init && " + RESTART)
    return ok(f"{size_bytes} bytes came back as they were sent" if size_bytes > 1 else "a byte came back")


def _anonymous(context: CheckContext) -> CheckResult:
    at = context.address("mosquitto")
    if connection.lets_in_without_certificate(at, context.tls):
        return failure(f"{connection.text(at)} lets in who shows no certificate", RESTART)
    return ok("who shows no certificate is refused")
