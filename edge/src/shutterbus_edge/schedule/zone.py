"""The zone whose wall clock a schedule follows."""

import re
from datetime import timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from tzlocal import get_localzone

from shutterbus_runtime.settings.values import did_you_mean

_FIXED = re.compile(
    r"(?P<name>[A-Za-z]{3,}|<[A-Za-z0-9+-]+>)(?P<sign>[+-]?)(?P<hours>[0-9]{1,2})(?::(?P<minutes>[0-9]{2}))?"
)


def find(text: str | None) -> tzinfo:
    """Return the zone that ``TZ`` names; without it the machine's own.

    Raises:
        ValueError: There is no such zone.
    """
    name = (text or "").removeprefix(":")
    if name in {"", "/etc/localtime"}:
        return get_localzone()
    if name.startswith("/"):
        return _from_file(Path(name))
    by_folded = {zone.casefold(): zone for zone in available_timezones()}
    try:
        return ZoneInfo(by_folded.get(name.casefold(), name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    if (match := _FIXED.fullmatch(name)) and int(match["hours"]) <= 14:
        # POSIX counts westward: JST-9 is nine hours ahead of UTC.
        offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
        return timezone(offset if match["sign"] == "-" else -offset, match["name"].strip("<>"))
    raise ValueError(f"a zone such as Asia/Tokyo is expected{did_you_mean(name, by_folded.values())}")


def _from_file(path: Path) -> tzinfo:
    try:
        with path.open("rb") as file:
            return ZoneInfo.from_file(file, key=str(path).rpartition("zoneinfo/")[2])
    except (OSError, ValueError) as error:
        raise ValueError("a zone such as Asia/Tokyo is expected; there is no zone in that file") from error
