"""How fast the line to the broker is, measured with the beginning of a message that is never finished.

The broker reads it, waits for the rest, and forgets it when we hang up: nothing is stored and nobody sees it.
"""

import fcntl
import secrets
import socket
import struct
import termios
import time

from shutterbus_edge.doctor import by_transport
from shutterbus_edge.doctor.context import CheckContext
from shutterbus_runtime.checks import CheckResult, failure, ok, skipped, warning
from shutterbus_transport import transport

SENT_BYTES = 131_072
WHOLE_BYTES = 262_144
"""What the message claims to be; small enough for every broker."""
WITHIN_S = 6.0


def look(context: CheckContext) -> CheckResult:
    """Compare the line with what the camera makes."""
    if context.settings.broker.transport == "websockets":
        return skipped("not measured through a WebSocket")
    try:
        speed = measure(context)
    except OSError as error:
        return warning(f"the line could not be measured: {error}", context.look_at_broker)
    context.uplink_bytes_per_s = speed
    line = f"the line takes {'at least ' if speed >= 1_250_000 else ''}{_rate(min(speed, 1_250_000))}"
    size = context.picture_bytes
    if size is None:
        return ok(line)
    picture_s, rate = size / speed, context.pictures_per_s
    slower = "send less: a longer SCHEDULE, a smaller PICAMERA_RESOLUTION or PICAMERA_QUALITY in .env"
    patience_s, because, longer = by_transport.checks_of(context).patience(context, picture_s)
    if picture_s > patience_s:
        return failure(
            f"{line}: a picture of {size:,} bytes needs {picture_s:.0f} s, and the client waits {patience_s:.0f} s "
            f"({because})",
            longer or slower,
        )
    if rate and size * rate > speed:
        return warning(f"{line}, and the pictures need {_rate(size * rate)}: the spool will fill", slower)
    return ok(f"{line}, and the pictures need {_rate(size * rate)}" if rate else line)


def measure(context: CheckContext) -> float:
    """Return bytes a second."""
    broker = context.settings.broker
    host, port = context.living[0]
    plain = socket.create_connection((host, port), timeout=WITHIN_S)
    with plain:
        if broker.tls:
            with broker.tls.context().wrap_socket(plain, server_hostname=host) as encrypted:
                return _timed(encrypted, context)
        return _timed(plain, context)


def _timed(connection: socket.socket, context: CheckContext) -> float:
    broker = context.settings.broker
    topic = f"shutterbus/{context.camera}/doctor"
    beginning = transport(broker.type).begin_message(connection, broker, topic, WHOLE_BYTES)
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


def _rate(bytes_per_s: float) -> str:
    bits = bytes_per_s * 8
    return f"{bits / 1e6:.1f} Mbit/s" if bits >= 1e6 else f"{bits / 1e3:.0f} kbit/s"
