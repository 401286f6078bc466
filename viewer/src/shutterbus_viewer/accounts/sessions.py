"""Who is logged in. A session and its end outlive a restart; a browser keeps a token, the database only its hash."""

import logging
import secrets
import sqlite3
from asyncio import sleep, to_thread
from dataclasses import dataclass
from hashlib import sha256

from shutterbus_runtime.clock import Clock
from shutterbus_viewer.accounts.database import Database
from shutterbus_wire.instant import LAST_US

log = logging.getLogger(__name__)

SESSION_S = 12 * 3_600
SESSIONS_PER_USER = 100
"""A script that logs in anew each time must not fill the database; the oldest session goes."""

ID_LENGTH = 8
TOKEN_MAX_LENGTH = 200
LOOK_AGAIN_S = 2.0
"""How soon what another process ended is noticed."""


@dataclass(frozen=True, slots=True)
class Session:
    """A user who logged in.

    Attributes:
        kiosk: Whether it lasts until somebody ends it: a screen on a wall has nobody who could log in again.
        began_at_us: 0 where an earlier version began it.
        address: Where from.
    """

    user: str
    token_hash: bytes
    ends_at_us: int
    kiosk: bool = False
    began_at_us: int = 0
    address: str = ""

    @property
    def id(self) -> str:
        """What people call it by; says nothing of its token."""
        return self.token_hash.hex()[:ID_LENGTH]


class Sessions:
    """All sessions; looked up in memory, so that a known one never waits for anything. Only on the loop."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        with database.transaction() as connection:
            connection.execute("DELETE FROM sessions WHERE ends_at_us <= ?", (clock.utc_us(),))
        self._sessions = {session.token_hash: session for session in all_sessions(database)}
        self._written = set(self._sessions)

    async def begin(self, user: str, *, address: str = "", kiosk: bool = False) -> str:
        """Begin a session of *user*, who has just proved who he is; return its token."""
        token, now_us = secrets.token_urlsafe(32), self._clock.utc_us()
        ends_at_us = LAST_US if kiosk else now_us + SESSION_S * 1_000_000
        session = Session(user, _hash(token), ends_at_us, kiosk, now_us, address)
        # A script that logs in and in again does not end the session of a screen.
        of_user = [known for known in self._sessions.values() if (known.user, known.kiosk) == (user, kiosk)]
        for oldest in of_user[: max(0, len(of_user) + 1 - SESSIONS_PER_USER)]:
            await self.end(oldest)
        self._sessions[session.token_hash] = session
        if await self._write(
            _INSERT,
            (user, session.token_hash, ends_at_us, int(kiosk), now_us, address),
        ):
            self._written.add(session.token_hash)
        return token

    async def keep_current(self) -> None:
        """Forget what another process has ended, such as `sessions end` and `make password`; until cancelled."""
        seen = self._database.foreign_changes()
        while True:
            await sleep(LOOK_AGAIN_S)
            try:
                number = await to_thread(self._database.foreign_changes)
                if number != seen:
                    # One that begins meanwhile may not be in the file yet.
                    known = frozenset(self._written)
                    kept = {session.token_hash for session in await to_thread(all_sessions, self._database)}
                    for token_hash in known - kept:
                        self._forget(token_hash)
                seen = number
            except sqlite3.Error as error:
                log.warning("Whether sessions were ended cannot be read: %s: %s", self._database.path, error)

    def find(self, token: str) -> Session | None:
        """Return the session that *token* belongs to, if it has not ended."""
        session = self._sessions.get(_hash(token)) if len(token) <= TOKEN_MAX_LENGTH else None
        return session if session and self.valid(session) else None

    def valid(self, session: Session) -> bool:
        """Whether *session* has neither run out nor been ended."""
        return session.token_hash in self._sessions and self._clock.utc_us() < session.ends_at_us

    async def end(self, session: Session) -> None:
        """End *session*, in every tab, for good once this returns."""
        self._forget(session.token_hash)
        await self._write("DELETE FROM sessions WHERE token_hash = ?", (session.token_hash,))

    def _forget(self, token_hash: bytes) -> None:
        self._sessions.pop(token_hash, None)
        self._written.discard(token_hash)

    async def _write(self, statement: str, values: tuple[str | bytes | int, ...]) -> bool:
        def write() -> None:
            with self._database.transaction() as connection:
                connection.execute(statement, values)

        try:
            await to_thread(write)
        except sqlite3.Error as error:
            # In memory it holds all the same: a full disk must not lock people out, or keep them in.
            log.warning(
                "A login or logout is forgotten at the next start: %s: %s", self._database.path, error
            )
            return False
        return True


_INSERT = "INSERT INTO sessions (user, token_hash, ends_at_us, kiosk, began_at_us, address) VALUES (?, ?, ?, ?, ?, ?)"
_SELECT = "SELECT user, token_hash, ends_at_us, kiosk, began_at_us, address FROM sessions ORDER BY ends_at_us, began_at_us"


def all_sessions(database: Database) -> list[Session]:
    """Return the sessions in *database*, those that last longest last."""
    with database.transaction() as connection:
        rows = connection.execute(_SELECT).fetchall()
    return [Session(user, token, ends, bool(kiosk), *more) for user, token, ends, kiosk, *more in rows]


def end_in(database: Database, identity: str) -> Session | None:
    """End in *database* the session with this id, which a viewer that runs notices by itself; return it, None: there is none."""
    for session in all_sessions(database):
        if session.id == identity:
            with database.transaction() as connection:
                connection.execute("DELETE FROM sessions WHERE token_hash = ?", (session.token_hash,))
            return session
    return None


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()
