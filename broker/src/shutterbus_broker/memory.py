"""Whether Mosquitto's memory holds what its cameras may leave in it.

It keeps the last picture of every camera for those who subscribe later. Beyond its limit it refuses messages and cuts off
who sent them, so too little memory for honest cameras would look like a broken line.
"""

from collections.abc import Mapping

from shutterbus_broker import legacy, profiles, sizing
from shutterbus_broker.errors import SetupError
from shutterbus_broker.identities import Identities, counted
from shutterbus_broker.installation import message_max_bytes
from shutterbus_broker.topics import MIB

NAME = sizing.SETTINGS["mosquitto"]
OUTSIDE_BYTES = 64 * MIB
"""Of the container's memory, what is not Mosquitto's to fill: TLS, and what the kernel holds of its connections."""
QUEUED_BYTES = 64 * MIB
"""What may wait for a reader that is away: ``max_queued_bytes`` in its configuration."""
ON_THEIR_WAY = 8
"""Messages that are just coming in or going out."""


def limit_bytes(settings: Mapping[str, str]) -> int:
    """Return how much Mosquitto may use of its container's memory."""
    return sizing.docker_bytes(NAME, settings.get(NAME, "") or sizing.DEFAULTS["mosquitto"]) - OUTSIDE_BYTES


def check(identities: Identities, settings: Mapping[str, str]) -> None:
    """Return where the memory is enough for all cameras with rights, and for old clients' topics.

    Raises:
        SetupError: It is too little; its sentence has the number needed.
    """
    if "mqtt" not in profiles.read(settings):
        return
    largest, limit = message_max_bytes(settings), limit_bytes(settings)
    cameras = len(identities.active_cameras) + len(legacy.listed(settings))
    needed = (cameras + ON_THEIR_WAY) * largest + QUEUED_BYTES
    if limit < needed:
        raise SetupError(
            f"Mosquitto may use {max(0, limit) // MIB} MiB ({NAME} less {OUTSIDE_BYTES // MIB} MiB), too little for "
            f"{counted(cameras)}, of each of which it keeps a last picture of up to {largest} bytes, and {QUEUED_BYTES // MIB} MiB that "
            f"may wait for a reader: in .env set {NAME}={-(-(needed + OUTSIDE_BYTES) // MIB)}m or more, then make up; or "
            "COMPOSE_PROFILES=kafka, where no camera sends over MQTT"
        )
