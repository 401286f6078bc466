"""``tune``: the one number that says how large a message may be, and the proof that everything follows it."""

import contextlib
from collections.abc import Callable

from shutterbus_broker import disk, dotenv, memory
from shutterbus_broker.errors import SetupError
from shutterbus_broker.files import write_private
from shutterbus_broker.installation import MESSAGE_MAX_BYTES, NO_SERVER, Installation, message_max_bytes
from shutterbus_transport import TRANSPORTS, transport
from shutterbus_transport.errors import TransportError
from shutterbus_transport.settings import KAFKA_OVERHEAD_BYTES
from shutterbus_wire.names import DOCTOR_TOPIC

Say = Callable[[str], None]
NAME = "KAFKA_MESSAGE_MAX_BYTES"
SIZES = {"4k": 8_388_620, "default": MESSAGE_MAX_BYTES}
SERVICES = {"kafka": "Kafka", "mqtt": "Mosquitto"}
CARRY_WITHIN_S = 30.0
_BEFORE = "message-max-bytes-before"


def set_size(installation: Installation, size: str, say: Say) -> None:
    """Write the number of *size* into ``.env``, and remember the one before it; brokers follow at the next ``up``."""
    wanted = SIZES[size]
    settings = installation.settings()
    if not settings:
        raise SetupError(NO_SERVER)
    # A larger message needs larger segments, and those a larger disk, and more memory: better refused now than by the set-up.
    after = {**settings, NAME: str(wanted)}
    disk.of(installation.identities(), after)
    memory.check(installation.identities(), after)
    before = installation.state / "devices" / _BEFORE
    write_private(before, str(message_max_bytes(settings)).encode())
    installation.hand_over(before)
    _write(installation, wanted, say)


def put_back(installation: Installation, say: Say) -> None:
    """Undo the last change of the number."""
    before = installation.state / "devices" / _BEFORE
    with contextlib.suppress(FileNotFoundError):
        _write(installation, int(before.read_text()), say)
        before.unlink()


def verify(installation: Installation, say: Say) -> None:
    """Send a picture of exactly the largest size through each broker; raise SetupError if it does not come back."""
    size_bytes = message_max_bytes(installation.settings()) - KAFKA_OVERHEAD_BYTES
    for kind in (name for name in TRANSPORTS if name in installation.profiles()):
        try:
            transport(kind).carry(
                installation.broker(kind, "doctor"), DOCTOR_TOPIC, size_bytes, CARRY_WITHIN_S
            )
        except TransportError as error:
            raise SetupError(str(error)) from error
        say(f"{SERVICES[kind]}: a picture of {size_bytes} bytes came back as it was sent")


def _write(installation: Installation, size_bytes: int, say: Say) -> None:
    dotenv.merge(
        installation.env_file, {NAME: (str(size_bytes), "Largest message, a picture and 4096 bytes.")}
    )
    installation.hand_over(installation.env_file)
    say(
        f"{NAME}={size_bytes}: pictures of up to {size_bytes - KAFKA_OVERHEAD_BYTES} bytes; edges ask for it by themselves"
    )
