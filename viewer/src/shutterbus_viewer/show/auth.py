"""Who may look: one user, a password known only by its argon2 hash, sessions, HTTP Basic for scripts."""

import asyncio
import base64
import binascii
import hmac
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256

import argon2
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import hash_secret_raw
from itsdangerous import BadSignature, URLSafeSerializer

from shutterbus_runtime.clock import Clock
from shutterbus_viewer.show.tries import Tries

SESSION_S = 12 * 3_600
BASIC_REMEMBERED_S = 300.0
"""How long a script's password is taken without computing its hash again, which takes a good part of a second."""

REMEMBERED_MAX = 16
ENDED_MAX = 10_000
SECRET_MAX_LENGTH = 1_024
SESSION_SALT = b"shutterbus viewer session"


class TooManyTriesError(Exception):
    """An address has to wait.

    Attributes:
        wait_s: How many seconds.
    """

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"Too many tries. Try again in {wait_s} seconds.")
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Session:
    """A person who logged in; *token* is what the browser keeps."""

    user: str
    id: str
    ends_at_s: float
    token: str


class Login:
    """Checks passwords and hands out sessions. Only on the loop.

    With *own_secret*, something that this viewer alone knows and keeps (the key of its certificate), sessions outlive
    a restart also where only the password's hash is known.
    """

    def __init__(
        self,
        user: str,
        password: str | None,
        password_hash: str | None,
        clock: Clock,
        own_secret: bytes | None = None,
    ) -> None:
        self._user = user
        self._hash = password_hash or argon2.PasswordHasher().hash(password or secrets.token_urlsafe(32))
        self._clock = clock
        self._tries = Tries(clock)
        # One at a time: a flood of tries must not take the processor, nor 64 MiB of memory each.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="argon2")
        self._serializer = URLSafeSerializer(_session_key(password, password_hash, own_secret))
        self._ended: dict[str, None] = {}
        self._pepper = secrets.token_bytes(32)
        self._remembered: dict[bytes, float] = {}
        self._checking: dict[bytes, asyncio.Task[bool]] = {}

    async def check(self, user: str, password: str, address: str) -> bool:
        """Return whether these are the user's name and password.

        Raises:
            TooManyTriesError: *address* has tried too often.
        """
        if wait_s := self._tries.wait_s(address):
            raise TooManyTriesError(wait_s)
        self._tries.begin(address)
        if len(user) > SECRET_MAX_LENGTH or len(password) > SECRET_MAX_LENGTH:
            return False
        right_password = await asyncio.get_running_loop().run_in_executor(self._pool, self._verify, password)
        right_user = hmac.compare_digest(user.encode(), self._user.encode())
        if right_password and right_user:
            self._tries.succeeded(address)
        return right_password and right_user

    async def basic(self, header: str, address: str) -> str | None:
        """Return the user that an ``Authorization`` header proves to be there, or None.

        Raises:
            TooManyTriesError: See ``check``.
        """
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic" or len(encoded) > 4 * SECRET_MAX_LENGTH:
            return None
        digest = hmac.digest(self._pepper, encoded.strip().encode("latin-1", "replace"), "sha256")
        now_s = self._clock.monotonic_s()
        if self._remembered.get(digest, now_s) > now_s:
            return self._user
        if digest not in self._checking:
            self._checking[digest] = asyncio.create_task(self._check_basic(encoded, address))
            self._checking[digest].add_done_callback(lambda _: self._checking.pop(digest))
        # A dashboard that opens ten pictures at once makes one try, not ten.
        if not await asyncio.shield(self._checking[digest]):
            return None
        self._remembered[digest] = now_s + BASIC_REMEMBERED_S
        if len(self._remembered) > REMEMBERED_MAX:
            del self._remembered[next(iter(self._remembered))]
        return self._user

    async def _check_basic(self, encoded: str, address: str) -> bool:
        try:
            user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return bool(colon) and await self.check(user, password, address)

    def begin(self, user: str) -> Session:
        """Return a new session for *user*, who has just proved who he is."""
        session_id = secrets.token_urlsafe(16)
        ends_at_s = self._clock.utc_us() / 1e6 + SESSION_S
        token = str(self._serializer.dumps({"user": user, "id": session_id, "ends": ends_at_s}))
        return Session(user, session_id, ends_at_s, token)

    def session(self, token: str) -> Session | None:
        """Return the session that *token* belongs to, if it has not ended."""
        try:
            match self._serializer.loads(token[:SECRET_MAX_LENGTH]):
                case {"user": str() as user, "id": str() as session_id, "ends": float() as ends_at_s}:
                    session = Session(user, session_id, ends_at_s, token)
                case _:
                    return None
        except BadSignature:
            return None
        return session if user == self._user and self.valid(session) else None

    def valid(self, session: Session) -> bool:
        """Whether *session* has neither run out nor been ended."""
        return session.id not in self._ended and self._clock.utc_us() / 1e6 < session.ends_at_s

    def end(self, session: Session) -> None:
        """End *session*, in every tab."""
        self._ended[session.id] = None
        if len(self._ended) > ENDED_MAX:
            del self._ended[next(iter(self._ended))]

    def _verify(self, password: str) -> bool:
        try:
            return argon2.PasswordHasher().verify(self._hash, password)
        except (VerificationError, InvalidHashError):
            return False


def _session_key(password: str | None, password_hash: str | None, own_secret: bytes | None) -> bytes:
    """Return the key that signs sessions, the same after a restart where that is possible, another with a new password.

    Made from the password at argon2's cost, or from its hash and the viewer's own secret. A hash alone is no secret
    to make a key of: who reads it in a configuration must still not get in.
    """
    if password is not None:
        salt = sha256(SESSION_SALT).digest()[:16]
        return hash_secret_raw(password.encode(), salt, 3, 65_536, 4, 32, argon2.Type.ID)
    if password_hash is not None and own_secret:
        return hmac.digest(own_secret, SESSION_SALT + password_hash.encode(), "sha256")
    return secrets.token_bytes(32)
