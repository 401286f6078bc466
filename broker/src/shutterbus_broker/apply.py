"""Kafka made to agree with who is enrolled: topics, rights, shares of the disk. Repeatable at any time."""

import time
from collections.abc import Callable
from pathlib import Path

from shutterbus_broker import disk, legacy
from shutterbus_broker.errors import SetupError, UnreachableError
from shutterbus_broker.installation import Installation, message_max_bytes
from shutterbus_broker.kafka_admin import kafka_admin
from shutterbus_broker.rights import ensure_quota, ensure_rights
from shutterbus_broker.topics import ensure_doctor_topic, ensure_legacy_topics, ensure_topics

Say = Callable[[str], None]
LOOK_S = 1.0
AGAIN_S = 5.0


def to_kafka(installation: Installation, say: Say, timeout_s: float = 20) -> None:
    """Apply who is enrolled; the caller holds the lock.

    Raises:
        UnreachableError: Kafka does not run now; the set-up service will do this when it does.
    """
    settings = installation.settings()
    identities = installation.identities()
    division = disk.of(identities, settings)
    listed = legacy.on_kafka(legacy.listed(settings))
    with kafka_admin(installation.broker("kafka", "setup"), timeout_s) as admin:
        # Rights first: they may have been taken away.
        for sentence in ensure_rights(admin, identities, listed):
            say(sentence)
        ensure_quota(admin, division.quota)
        # Also those who lost their rights: their pictures are still read, and still take room.
        for sentence in (
            *ensure_topics(admin, identities.cameras, division.rooms),
            *ensure_legacy_topics(admin, listed, division.rooms),
        ):
            if not sentence.endswith("as it should be"):
                say(sentence)
        ensure_doctor_topic(admin, message_max_bytes(settings))


def reconcile(installation: Installation, done: Path, say: Say) -> None:
    """Apply as soon as Kafka answers, and whenever somebody is enrolled or revoked, until the process is stopped."""
    applied: float | None = None
    away = ""
    while True:
        try:
            with installation.lock():
                changed = installation.identities_file.stat().st_mtime
                if changed != applied:
                    to_kafka(installation, say)
                    applied = changed
                    done.touch()
                    say("Kafka agrees with who is enrolled")
                    away = ""
        except UnreachableError as error:
            if str(error) != away:
                say(f"Waiting for Kafka: {error}")
            away = str(error)  # looked for every second: until it is there, no camera has a right
        except SetupError as error:
            done.unlink(missing_ok=True)
            say(f"{error}; trying again every {AGAIN_S:.0f} s")
            time.sleep(AGAIN_S)
        time.sleep(LOOK_S)
