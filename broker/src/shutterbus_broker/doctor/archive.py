"""Whether the archive keeps what comes, what room it has, and how far it is behind Kafka.

It is asked on the network that Compose makes, which is the one place where it answers.
"""

import datetime as dt
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shutterbus_broker.doctor import backlog
from shutterbus_broker.doctor.context import CheckContext
from shutterbus_broker.identities import counted
from shutterbus_runtime.checks import Check, CheckResult, failure, ok, skipped, warning

HOST, PORT = "archive", 8082
ASK_S = 5.0
GIB = 1 << 30
SOON_BYTES = 5 * GIB
"""So much before reading pauses it is said."""
FILES_SOON = 100_000
INSIDE = "/var/lib/shutterbus/store"
"""What the container calls the folder of the pictures."""
LOGS = "docker compose logs --tail 20 archive"
LESS = "in .env: ARCHIVE_MAX_BYTES or ARCHIVE_MAX_AGE, and the oldest make room; make up"


@dataclass(slots=True)
class Told:
    """What the archive says of itself.

    Attributes:
        status: Its ``/status``; None where it was not asked, or did not answer.
        cameras: When the newest frame that it has of each camera was taken.
    """

    status: Mapping[str, Any] | None = None
    cameras: dict[str, dt.datetime] = field(default_factory=dict)


def checks(context: CheckContext, profiles: frozenset[str], told: Told) -> list[Check]:
    """Return the archive's lines; *told* is filled in by the first of them."""
    lines = [
        Check("archive", lambda: _ask(context, told), needs=("settings",)),
        Check("archive room", lambda: room(told), needs=("settings",)),
        Check("archive quarantine", lambda: quarantine(told)),
    ]
    if "kafka" in profiles:
        lines.append(Check("archive backlog", lambda: backlog.look(context), needs=("kafka groups",)))
    return lines


def _ask(context: CheckContext, told: Told) -> CheckResult:
    if not context.inside:
        return skipped("it answers inside Compose's network alone; make doctor asks it there")
    connection = http.client.HTTPConnection(HOST, PORT, timeout=ASK_S)
    try:
        connection.request("GET", "/status")
        read(json.loads(connection.getresponse().read()), told)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return failure(f"{HOST}:{PORT} gives no answer: {error}", LOGS)
    finally:
        connection.close()
    return health(told, context.settings)


def read(status: Mapping[str, Any], told: Told) -> None:
    """Take in what ``/status`` answers."""
    told.status = status
    told.cameras |= {
        name: dt.datetime.fromtimestamp(camera["newest_at_us"] / 1e6, dt.UTC)
        for name, camera in status["cameras"].items()
        if camera["newest_at_us"]
    }


def health(told: Told, settings: Mapping[str, str]) -> CheckResult:
    """Whether it keeps what comes; what is wrong is said in its own words, of the folder as ``.env`` calls it."""
    assert told.status is not None
    folder = settings.get("ARCHIVE_DIR") or "state/archive/store"
    if problems := [problem.replace(INSIDE, folder) for problem in told.status["problems"]]:
        return failure("; ".join(problems[:3]), f"{LOGS}; docs/archive.md")
    kept = f"{told.status['frames']:,} frames of {counted(len(told.cameras))}, {told.status['bytes'] / GIB:.2f} GiB"
    return ok(f"it keeps what comes: {kept}")


def room(told: Told) -> CheckResult:
    """Whether there is room for more, in bytes and in files, before reading pauses."""
    if told.status is None or told.status["store"] is None:
        return skipped("the archive does not say what room its store has")
    store = told.status["store"]
    free, files, floor = (store[name] for name in ("free_bytes", "free_files", "floor_bytes"))
    said = f"{free / GIB:.1f} GiB are free in the store"
    if free - floor < SOON_BYTES:
        return warning(
            f"{said}, and below {floor / GIB:.1f} (ARCHIVE_MIN_FREE, and what Kafka may still take) reading pauses",
            LESS,
        )
    if files is None:
        return ok(said)
    # Small pictures run out of inodes before they run out of bytes.
    frames, size_bytes = told.status["frames"], told.status["bytes"]
    if files < FILES_SOON or (frames and files * (size_bytes / frames) < floor):
        return warning(f"{said}, and inodes for {files:,} more files", f"df -i; {LESS}")
    return ok(f"{said}, and inodes for {files:,} more files")


def quarantine(told: Told) -> CheckResult:
    """Whether something could not be used."""
    if told.status is None:
        return skipped("the archive cannot be asked")
    counts: Mapping[str, int] = told.status["quarantined"]
    if not counts:
        return ok("nothing is in quarantine")
    worst = sorted(counts, key=lambda name: (-counts[name], name))
    each = ", ".join(f"{name} {counts[name]:,}" for name in worst[:3])
    more = f" and {len(worst) - 3} more" if len(worst) > 3 else ""
    return warning(
        f"{sum(counts.values()):,} messages that could not be used are kept in quarantine: {each}{more}",
        "docker compose exec archive shutterbus-archive quarantine list",
    )
