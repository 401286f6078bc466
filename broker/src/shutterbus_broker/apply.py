"""Kafka made to agree with who is enrolled: topics, rights, shares of the disk. Repeatable at any time."""

import time
from collections.abc import Callable
from pathlib import Path

from shutterbus_broker import disk
from shutterbus_broker.errors import SetupError, UnreachableError
from shutterbus_broker.installation import Installation, disk_max_bytes, message_max_bytes
from shutterbus_broker.reach import kafka_admin
from shutterbus_broker.rights import ensure_quota, ensure_rights
from shutterbus_broker.topics import ensure_doctor_topic, ensure_topics
from shutterbus_wire.broker import BrokerSettings, Tls

Say = Callable[[str], None]
INTERNAL = ("kafka", 9094)
"""Where services reach Kafka, on the network that Compose makes."""
LOOK_S = 1.0
AGAIN_S = 5.0


def uses_kafka(there: Installation) -> bool:
    """Whether this server runs Kafka at all."""
    return "kafka" in there.settings().get("COMPOSE_PROFILES", "kafka").replace(" ", "").split(",")


def to_kafka(there: Installation, say: Say, timeout_s: float = 20) -> None:
    """Apply who is enrolled; the caller holds the lock.

    Raises:
        UnreachableError: Kafka does not run now; the set-up service will do this when it does.
    """
    settings = there.settings()
    identities = there.identities()
    message_max = message_max_bytes(settings)
    division = disk.divide(disk_max_bytes(settings), len(identities.active_cameras), message_max)
    folder = there.state / "server" / "setup"
    tls = Tls(ca_certs=folder / "ca.crt", certfile=folder / "client.crt", keyfile=folder / "client.key")
    with kafka_admin(BrokerSettings(tls=tls, brokers=(INTERNAL,)), timeout_s) as admin:
        # Rights first: they may have been taken away.
        for sentence in ensure_rights(admin, identities):
            say(sentence)
        ensure_quota(admin, division.quota)
        # Also those who lost their rights: their pictures are still read, and still take room.
        for sentence in ensure_topics(admin, identities.cameras, division.rooms):
            if not sentence.endswith("as it should be"):
                say(sentence)
        ensure_doctor_topic(admin, message_max)


def keep(there: Installation, done: Path, say: Say) -> None:
    """Apply at the start, whenever somebody is enrolled or revoked, and after Kafka was away; for ever."""
    applied: float | None = None
    away = ""
    while True:
        try:
            with there.lock():
                changed = there.identities_file.stat().st_mtime
                if changed != applied:
                    to_kafka(there, say)
                    applied = changed
                    done.touch()
                    say("Kafka agrees with who is enrolled")
                    away = ""
        except UnreachableError as error:
            if str(error) != away:
                say(f"Waiting for Kafka: {error}")
            away = str(error)
            time.sleep(AGAIN_S)
        except SetupError as error:
            done.unlink(missing_ok=True)
            say(f"{error}; trying again every {AGAIN_S:.0f} s")
            time.sleep(AGAIN_S)
        time.sleep(LOOK_S)
