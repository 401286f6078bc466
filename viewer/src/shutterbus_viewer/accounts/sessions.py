"""Who is logged in. A session and its end outlive a restart; a browser keeps a token, the database only its hash."""

import logging
import secrets
import sqlite3
from asyncio import to_thread
from dataclasses import dataclass
from hashlib import sha256

from shutterbus_runtime.clock import Clock
from shutterbus_viewer.accounts.database import Database

log = logging.getLogger(__name__)

SESSION_S = 12 * 3_600
SESSIONS_PER_USER = 100
"""A script that logs in anew each time must not fill the database; the oldest session goes."""

TOKEN_MAX_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Session:
    """A user who logged in."""

    user: str
    token_hash: bytes
    ends_at_us: int


class Sessions:
    """All sessions; looked up in memory, so that a known one never waits for anything. Only on the loop."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        with database.transaction() as connection:
            connection.execute("DELETE FROM sessions WHERE ends_at_us <= ?", (clock.utc_us(),))
            rows = connection.execute(
                "SELECT user, token_hash, ends_at_us FROM sessions ORDER BY ends_at_us"
            ).fetchall()
        self._sessions = {session.token_hash: session for session in (Session(*row) for row in rows)}

    async def begin(self, user: str) -> str:
        """Begin a session of *user*, who has just proved who he is; return its token."""
        token = secrets.token_urlsafe(32)
        session = Session(user, _hash(token), self._clock.utc_us() + SESSION_S * 1_000_000)
        of_user = [open_session for open_session in self._sessions.values() if open_session.user == user]
        for oldest in of_user[: max(0, len(of_user) + 1 - SESSIONS_PER_USER)]:
            await self.end(oldest)
        self._sessions[session.token_hash] = session
        await self._write(
            "INSERT INTO sessions (user, token_hash, ends_at_us) VALUES (?, ?, ?)",
            (session.user, session.token_hash, session.ends_at_us),
        )
        return token

    def find(self, token: str) -> Session | None:
        """Return the session that *token* belongs to, if it has not ended."""
        session = self._sessions.get(_hash(token)) if len(token) <= TOKEN_MAX_LENGTH else None
        return session if session and self.valid(session) else None

    def valid(self, session: Session) -> bool:
        """Whether *session* has neither run out nor been ended."""
        return session.token_hash in self._sessions and self._clock.utc_us() < session.ends_at_us

    async def end(self, session: Session) -> None:
        """End *session*, in every tab, for good once this returns."""
        self._sessions.pop(session.token_hash, None)
        await self._write("DELETE FROM sessions WHERE token_hash = ?", (session.token_hash,))

    async def _write(self, statement: str, values: tuple[str | bytes | int, ...]) -> None:
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


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()
