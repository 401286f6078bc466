"""How fast the line to the broker is, measured with the beginning of a message that is never finished.

The broker reads it, waits for the rest, and forgets it when we hang up: nothing is stored and nobody sees it.
"""

import fcntl
import secrets
import socket
import struct
import termios
import time

from shutterbus_edge.doctor.context import CheckContext
from shutterbus_runtime.checks import CheckResult, failure, ok, skipped, warning

SENT_BYTES = 131_072
WHOLE_BYTES = 262_144
"""What the message claims to be; small enough for every broker."""
WITHIN_S = 6.0
KAFKA_WAITS_S = 120.0
"""The request time-out of our producer where nobody has set another, see ``BrokerSettings.kafka_producer``."""
KAFKA_TIMEOUTS = ("request_timeout_ms", "delivery_timeout_ms")
KEEPALIVE_S = 10
"""Longer than this takes, and as little as a broker can insist on."""
KEEPALIVES = 1.5
"""An MQTT client gives the connection up after so many keep-alive times without an answer, also while it sends."""


def look(context: CheckContext) -> CheckResult:
    """Compare the line with what the camera makes."""
    if context.settings.broker.transport == "websockets":
        return skipped("not measured through a WebSocket")
    try:
        speed = measure(context)
    except OSError as error:
        return warning(f"the line could not be measured: {error}")
    context.uplink_bytes_per_s = speed
    line = f"the line takes {'at least ' if speed >= 1_250_000 else ''}{_rate(min(speed, 1_250_000))}"
    size = context.picture_bytes
    if size is None:
        return ok(line)
    picture_s, rate = size / speed, context.pictures_per_s
    slower = "send less: a longer SCHEDULE, a smaller PICAMERA_RESOLUTION or PICAMERA_QUALITY in .env"
    patience_s, because, longer = _patience(context, picture_s)
    if picture_s > patience_s:
        return failure(
            f"{line}: a picture of {size:,} bytes needs {picture_s:.0f} s, and the client waits {patience_s:.0f} s "
            f"({because})",
            longer or slower,
        )
    if rate and size * rate > speed:
        return warning(f"{line}, and the pictures need {_rate(size * rate)}: the spool will fill", slower)
    return ok(f"{line}, and the pictures need {_rate(size * rate)}" if rate else line)


def _patience(context: CheckContext, picture_s: float) -> tuple[float, str, str | None]:
    """Return how long a picture may take, what has set that, and what would make it longer."""
    broker = context.settings.broker
    if broker.type == "mqtt":
        keepalive_s, whose = broker.keepalive_s, "SS_KEEPALIVE"
        longer: str | None = f"in .env: SS_KEEPALIVE={int(picture_s * 2)}"
        if context.keepalive_s is not None:
            keepalive_s, whose = context.keepalive_s, "the broker's max_keepalive"
            longer = "on the server, in broker/mosquitto/mosquitto.conf: no max_keepalive"
        return KEEPALIVES * keepalive_s, f"{whose} is {keepalive_s} s", longer
    options = broker.kafka_producer()
    name = min(KAFKA_TIMEOUTS, key=lambda name: options[name])
    waits_s = float(options[name]) / 1000
    longer = f"in .env: no SS_{name.upper()}" if waits_s < KAFKA_WAITS_S else None
    # Half of it, so that there is time for a second attempt.
    return waits_s / 2, f"{name} is {waits_s:.0f} s", longer


def measure(context: CheckContext) -> float:
    """Return bytes a second."""
    broker = context.settings.broker
    host, port = broker.brokers[0]
    plain = socket.create_connection((host, port), timeout=WITHIN_S)
    with plain:
        if broker.tls:
            with broker.tls.context().wrap_socket(plain, server_hostname=host) as encrypted:
                return _timed(encrypted, context)
        return _timed(plain, context)


def _timed(connection: socket.socket, context: CheckContext) -> float:
    if context.settings.broker.type == "kafka":
        beginning = struct.pack(">ihhi", WHOLE_BYTES, 18, 0, 1)
    else:
        connection.sendall(_mqtt_connect(context))
        if len(connection.recv(4)) < 4:
            raise ConnectionError("the broker hung up")
        beginning = b"\x30" + _mqtt_length(WHOLE_BYTES) + _mqtt_text(f"shutterbus/{context.camera}/doctor")
    # Not zeros: some lines compress.
    filler = secrets.token_bytes(SENT_BYTES)
    begun_s = time.monotonic()
    connection.sendall(beginning + filler)
    while _unacknowledged(connection) and time.monotonic() - begun_s < WITHIN_S:
        time.sleep(0.002)
    left = _unacknowledged(connection)
    # The last acknowledgement is one way there and back behind the last byte.
    took_s = time.monotonic() - begun_s - (context.round_trip_s or 0.0)
    return max(1, SENT_BYTES - left) / max(took_s, 0.001)


def _unacknowledged(connection: socket.socket) -> int:
    return int(struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0])


def _mqtt_connect(context: CheckContext) -> bytes:
    broker = context.settings.broker
    flags = 0x02 | (0x80 if broker.username is not None else 0) | (0x40 if broker.password else 0)
    body = _mqtt_text("MQTT") + bytes((4, flags)) + struct.pack(">H", KEEPALIVE_S)
    body += _mqtt_text(f"shutterbus-doctor-{secrets.token_hex(8)}")
    if broker.username is not None:
        body += _mqtt_text(broker.username)
    if broker.password:
        body += _mqtt_text(broker.password.get_secret_value())
    return b"\x10" + _mqtt_length(len(body)) + body


def _mqtt_text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _mqtt_length(length: int) -> bytes:
    packed = b""
    while True:
        length, low = divmod(length, 128)
        packed += bytes((low | (0x80 if length else 0),))
        if not length:
            return packed


def _rate(bytes_per_s: float) -> str:
    bits = bytes_per_s * 8
    return f"{bits / 1e6:.1f} Mbit/s" if bits >= 1e6 else f"{bits / 1e3:.0f} kbit/s"
