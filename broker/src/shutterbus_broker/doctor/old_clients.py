"""Doors for old clients, which are open to anybody: amber for as long as they are."""

from shutterbus_broker import legacy
from shutterbus_broker.doctor import connection
from shutterbus_broker.doctor.context import Address, CheckContext
from shutterbus_runtime.checks import CheckResult, failure, ok, warning

CLOSE = "in .env: no compose.legacy.yml in COMPOSE_FILE, no LEGACY_TOPICS; make init && docker compose up -d"


def look(context: CheckContext) -> CheckResult:
    """Whether anything listens without encryption, and whether that was asked for."""
    wanted = legacy.address(context.settings)
    doors = {
        "Kafka": (wanted if not context.inside else "kafka", legacy.KAFKA_PORT),
        "Mosquitto": (wanted if not context.inside else "mosquitto", legacy.MQTT_PORT),
    }
    return judge(
        [name for name, door in doors.items() if _is_open(door)], wanted, legacy.listed(context.settings)
    )


def judge(open_doors: list[str], wanted: str, topics: tuple[str, ...]) -> CheckResult:
    """Say what it means that *open_doors* of the brokers are open where *wanted* is ``LEGACY_ADDRESS``."""
    if not open_doors:
        return ok("nothing listens without encryption")
    who = " and ".join(open_doors)
    if not wanted:
        return failure(f"{who} listens without encryption, and nobody asked for it (LEGACY_ADDRESS)", CLOSE)
    return warning(
        f"{who} at {wanted} takes from anybody, unencrypted, what is for {', '.join(topics) or 'no topic at all'}",
        CLOSE,
    )


def _is_open(door: Address) -> bool:
    # From outside there is only the address that the user named; another's port is none of ours.
    return bool(door[0]) and connection.port(door).status == "ok"
