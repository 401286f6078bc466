"""How much memory each service of a server may use, so that together they fit into the machine.

A limit that is never reached costs nothing; limits that add up to more than there is leave it to the kernel which of the
services it ends. What each size carries is measured: docs/performance.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shutterbus_broker.errors import SetupError
from shutterbus_runtime.settings.values import read_bytes

MIB = 1 << 20
SYSTEM_BYTES = 160 * MIB
"""The kernel, Docker, and what else a machine needs that is a server and nothing else."""
DEFAULTS = {"kafka": "2g", "mosquitto": "768m", "viewer": "512m", "archive": "384m", "setup": "128m"}
"""As in the compose file, by service."""
SETTINGS = {
    "kafka": "KAFKA_MEMORY",
    "mosquitto": "MOSQUITTO_MEMORY",
    "viewer": "VIEWER_MEMORY",
    "archive": "ARCHIVE_MEMORY",
}
"""What changes them, in ``.env``."""
_RUN_WITH = {"kafka": "kafka", "setup": "kafka", "mosquitto": "mqtt", "viewer": None, "archive": None}


@dataclass(frozen=True, slots=True)
class Plan:
    """Limits that go together; in MiB.

    Attributes:
        heap: Of Kafka's, what its Java heap may take.
        queued: Of its heap, what requests that wait may take.
    """

    kafka: int
    heap: int
    queued: int
    mosquitto: int
    viewer: int
    archive: int = 384

    def settings(self) -> dict[str, str]:
        """Return what ``.env`` says for it."""
        return {
            "KAFKA_MEMORY": f"{self.kafka}m",
            "KAFKA_HEAP_OPTS": f"-Xms192m -Xmx{self.heap}m",
            "KAFKA_QUEUED_MAX_REQUEST_BYTES": str(self.queued * MIB),
            "MOSQUITTO_MEMORY": f"{self.mosquitto}m",
            "VIEWER_MEMORY": f"{self.viewer}m",
            "ARCHIVE_MEMORY": f"{self.archive}m",
        }


PLANS = (
    Plan(kafka=2048, heap=1024, queued=256, mosquitto=1024, viewer=1024),
    Plan(kafka=1536, heap=1024, queued=256, mosquitto=640, viewer=512),
    Plan(kafka=576, heap=320, queued=128, mosquitto=192, viewer=384),
    Plan(kafka=576, heap=320, queued=128, mosquitto=192, viewer=352, archive=192),
)
"""For 8, 4 and 2 GB; the last for 1 GB, where Kafka does not run."""


def machine_bytes(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Return how much memory this machine has; the kernel says the same in a container."""
    match = re.search(r"(?m)^MemTotal:\s+(\d+) kB$", meminfo.read_text())
    if match is None:
        raise SetupError(f"{meminfo} does not say how much memory this machine has")
    return int(match[1]) * 1024


def plan(total_bytes: int, running: frozenset[str]) -> Plan:
    """Return the largest plan that fits for the profiles that run, else the smallest one."""
    for candidate in PLANS:
        together = sum(limits(candidate.settings(), running).values())
        if together + SYSTEM_BYTES <= total_bytes:
            return candidate
    return PLANS[-1]


def limits(settings: Mapping[str, str], running: frozenset[str]) -> dict[str, int]:
    """Return the limit in bytes of each service of these profiles, as Compose would set it.

    Raises:
        SetupError: One of the settings is no size.
    """
    return {
        service: docker_bytes(
            SETTINGS.get(service, service), settings.get(SETTINGS.get(service, ""), "") or default
        )
        for service, default in DEFAULTS.items()
        if _RUN_WITH[service] in {None, *running}
    }


def docker_bytes(name: str, text: str) -> int:
    """Return a size as Docker reads it, to which MB and MiB are the same; raise SetupError if *name*'s is none."""
    try:
        return int(read_bytes(re.sub(r"(?i)i?b$", "", text.strip())))
    except ValueError as error:
        raise SetupError(f"{name}={text!r}: {error}") from error


def shortage(limits_by_service: Mapping[str, int], total_bytes: int) -> str | None:
    """Return a sentence where the limits add up to more than the machine has beside its system."""
    together = sum(limits_by_service.values())
    if together + SYSTEM_BYTES <= total_bytes:
        return None
    parts = ", ".join(f"{service} {size // MIB}" for service, size in sorted(limits_by_service.items()))
    return (
        f"the services may use {together // MIB} MiB together ({parts}), and this machine has {total_bytes // MIB} with "
        f"{SYSTEM_BYTES // MIB} for the system: the kernel may end one of them"
    )


def advice(total_bytes: int, running: frozenset[str]) -> str:
    """Return what to write into ``.env`` where there is a shortage."""
    fitting = plan(total_bytes, running)
    together = sum(limits(fitting.settings(), running).values())
    if together + SYSTEM_BYTES > total_bytes:
        return (
            "in .env: COMPOSE_PROFILES=mqtt, which needs 1 GB"
            if "kafka" in running
            else "a machine with 1 GB"
        )
    shown = {name for service, name in SETTINGS.items() if _RUN_WITH[service] in {None, *running}}
    if "kafka" in running:
        shown |= {"KAFKA_HEAP_OPTS", "KAFKA_QUEUED_MAX_REQUEST_BYTES"}
    lines = [
        f"{name}='{value}'" if " " in value else f"{name}={value}"
        for name, value in fitting.settings().items()
        if name in shown
    ]
    return f"in .env: {' '.join(lines)}; make up"
