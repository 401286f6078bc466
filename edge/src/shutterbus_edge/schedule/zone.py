"""The zone whose wall clock a schedule follows."""

import io
import re
import struct
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from tzlocal import get_localzone

from shutterbus_runtime.settings.values import did_you_mean

_FIXED = re.compile(
    r"(?P<name>[A-Za-z]{3,}|<[A-Za-z0-9+-]+>)(?P<sign>[+-]?)(?P<hours>[0-9]{1,2})(?::(?P<minutes>[0-9]{2}))?"
)

_UTC = re.compile(r"(Etc/)?(UTC|UCT|GMT|Universal|Zulu|Greenwich|GMT[+-]?0)")


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
        return _fixed(name, match)
    if zone := _by_rule(name):
        return zone
    raise ValueError(f"a zone such as Asia/Tokyo is expected{did_you_mean(name, by_folded.values())}")


def name_of(zone: tzinfo) -> str:
    """Return the name by which others know *zone*; empty for rules and offsets that have none.

    Empty for UTC, too: it is what a machine or container has that was never told where it is.
    """
    name = getattr(zone, "key", "") or ""
    return name if name in available_timezones() and not _UTC.fullmatch(name) else ""


def _from_file(path: Path) -> tzinfo:
    try:
        with path.open("rb") as file:
            return ZoneInfo.from_file(file, key=str(path).rpartition("zoneinfo/")[2])
    except (OSError, ValueError) as error:
        raise ValueError("a zone such as Asia/Tokyo is expected; there is no zone in that file") from error


class FixedZone(tzinfo):
    """A zone that is nothing but an offset.

    Attributes:
        key: What a person is told it is.
    """

    def __init__(self, offset: timedelta, key: str) -> None:
        self.key = key
        self._zone = timezone(offset)

    def utcoffset(self, at: datetime | None, /) -> timedelta:
        return self._zone.utcoffset(at)

    def dst(self, _at: datetime | None, /) -> timedelta:
        return timedelta()

    def tzname(self, at: datetime | None, /) -> str:
        return self._zone.tzname(at)


def _fixed(name: str, match: re.Match[str]) -> tzinfo:
    # POSIX counts westward: JST-9 is nine hours ahead of UTC, and UTC+9 nine hours behind.
    offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
    if not offset:
        return FixedZone(offset, "UTC")
    if match["sign"] == "-":
        return FixedZone(offset, f"{timezone(offset)} (TZ={name})")
    amount = match["hours"] + (f":{match['minutes']}" if match["minutes"] else "")
    hint = f"TZ={name} counts westward; what is ahead of UTC by as much is {match['name']}-{amount}"
    return FixedZone(-offset, f"{timezone(-offset)} ({hint})")


def _by_rule(rule: str) -> tzinfo | None:
    """Return the zone of a rule as POSIX has it (``CET-1CEST,M3.5.0,M10.5.0/3``), which routers are set to; else None."""
    if not rule.isascii() or "," not in rule:
        return None
    # A zone file (RFC 9636) without any past, whose last line says what holds from now on.
    header = struct.pack(">4sc15x6I", b"TZif", b"2", 0, 0, 0, 0, 1, 4)
    file = 2 * (header + struct.pack(">iBB4s", 0, 0, 0, b"UTC\0")) + f"\n{rule}\n".encode()
    try:
        return ZoneInfo.from_file(io.BytesIO(file), key=rule)
    except (ValueError, OverflowError):
        return None
