"""Who did what: logins, refusals and downloads, counted by the hour so that no flood of them fills the disk."""

import asyncio
import logging
import sqlite3
from enum import StrEnum
from typing import Any

from shutterbus_runtime.clock import Clock
from shutterbus_viewer.accounts.database import Database

log = logging.getLogger(__name__)

HOUR_US = 3_600_000_000
KEPT_US = 90 * 24 * HOUR_US
ROWS_MAX = 100_000
PENDING_MAX = 1_000
"""Different rows between two writes; what an attacker with many addresses adds beyond is counted under no address."""

WRITE_INTERVAL_S = 2.0
TEXT_MAX = 100


class Event(StrEnum):
    """What is written down."""

    LOGIN = "login"
    LOGOUT = "logout"
    WRONG_PASSWORD = "wrong-password"  # noqa: S105  # a word, not a password
    TOO_MANY_TRIES = "too-many-tries"
    TOO_BUSY = "too-busy"
    FORBIDDEN = "forbidden"
    DOWNLOAD = "download"
    STREAM = "stream"
    GROUP = "group"


_Times = tuple[int, int, int]
_Row = tuple[int, str, str, str, str, int, int, int]
"""As in the table: hour, event, user, address, camera, first and last time (us since 1970), count."""


class AccessLog:
    """Takes events on the loop and writes them every two seconds in a thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._pending: dict[tuple[int, str, str, str, str], _Times] = {}

    def note(self, event: Event, *, user: str = "", address: str = "", camera: str = "") -> None:
        """Count *event*; what somebody typed is cut to a bearable length."""
        now_us = self._clock.utc_us()
        key = (now_us - now_us % HOUR_US, event.value, user[:TEXT_MAX], address[:TEXT_MAX], camera)
        if key not in self._pending and len(self._pending) >= PENDING_MAX:
            key = (*key[:2], "", "", "")
        first_us, _, count = self._pending.get(key, (now_us, now_us, 0))
        self._pending[key] = first_us, now_us, count + 1

    async def keep_writing(self) -> None:
        """Write what was noted, until cancelled; then what is left."""
        try:
            while True:
                await asyncio.sleep(WRITE_INTERVAL_S)
                await asyncio.to_thread(self._write, self._take())
        finally:
            self._write(self._take())

    async def newest(self, limit: int) -> list[dict[str, Any]]:
        """Return the *limit* rows that changed last, newest first."""
        return await asyncio.to_thread(self._newest, self._take(), limit)

    def _newest(self, rows: list[_Row], limit: int) -> list[dict[str, Any]]:
        self._write(rows)
        return newest_rows(self._database, limit)

    def _take(self) -> list[_Row]:
        pending, self._pending = self._pending, {}
        return [(*key, *times) for key, times in pending.items()]

    def _write(self, rows: list[_Row]) -> None:
        if not rows:
            return
        try:
            with self._database.transaction() as connection:
                connection.executemany(_ADD, rows)
                connection.execute(
                    "DELETE FROM access_log WHERE hour_us < ?", (self._clock.utc_us() - KEPT_US,)
                )
                connection.execute(_TRIM, (ROWS_MAX - 1,))
        except sqlite3.Error as error:
            log.warning("%d rows of the access log are lost: %s: %s", len(rows), self._database.path, error)


def newest_rows(database: Database, limit: int) -> list[dict[str, Any]]:
    """Return the *limit* rows that changed last, newest first; times in us since 1970."""
    with database.transaction() as connection:
        rows = connection.execute(_SELECT, (limit,)).fetchall()
    names = ("event", "user", "address", "camera", "first_at_us", "last_at_us", "count")
    return [dict(zip(names, row, strict=True)) for row in rows]


_ADD = (
    "INSERT INTO access_log (hour_us, event, user, address, camera, first_at_us, last_at_us, count) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET last_at_us = excluded.last_at_us, "
    "count = count + excluded.count"
)
_TRIM = (
    "DELETE FROM access_log WHERE last_at_us < "
    "(SELECT last_at_us FROM access_log ORDER BY last_at_us DESC LIMIT 1 OFFSET ?)"
)
_SELECT = "SELECT event, user, address, camera, first_at_us, last_at_us, count FROM access_log ORDER BY last_at_us DESC LIMIT ?"
