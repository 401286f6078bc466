"""Whether somebody is who he says: passwords for people, HTTP Basic for scripts."""

import asyncio
import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from shutterbus_runtime.clock import Clock
from shutterbus_viewer.accounts.users import User, verify
from shutterbus_viewer.errors import ViewerError
from shutterbus_viewer.show.rate_limit import LoginRateLimiter

CHECKS_QUEUED_MAX = 8
"""A check takes a processor for about 0.1 s and 64 MiB, so they are made one by one; who comes later is told at once."""

REMEMBERED_MAX = 256
SECRET_MAX_LENGTH = 1_024


class LoginRefusedError(ViewerError):
    """Not now, whether or not the password is right.

    Attributes:
        status: Of the answer over HTTP.
        wait_s: How many seconds to wait before the next try.
    """

    def __init__(self, sentence: str, status: int, wait_s: int) -> None:
        super().__init__(sentence)
        self.status = status
        self.wait_s = wait_s


class TooManyTriesError(LoginRefusedError):
    """An address has to wait."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"Too many tries. Try again in {wait_s} seconds.", 429, wait_s)


class TooBusyError(LoginRefusedError):
    """Too many passwords wait to be checked."""

    def __init__(self) -> None:
        super().__init__("Too many passwords are being checked. Try again in 5 seconds.", 503, 5)


class Login:
    """Checks passwords of *users*, which are those at the start of the process. Only on the loop."""

    def __init__(
        self, users: Mapping[str, User], clock: Clock, check: Callable[[str, str], bool] = verify
    ) -> None:
        self.users = users
        self._verify = check
        self._limiter = LoginRateLimiter(clock)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="argon2")
        self._queued = 0
        self._pepper = secrets.token_bytes(32)
        self._remembered: dict[bytes, User] = {}
        self._checking: dict[bytes, asyncio.Task[User | None]] = {}

    async def check(self, name: str, password: str, address: str) -> User | None:
        """Return the user whose name and password these are, or None.

        Raises:
            LoginRefusedError: *address* has tried too often, or too many others wait.
        """
        if wait_s := self._limiter.wait_s(address):
            raise TooManyTriesError(wait_s)
        if self._queued >= CHECKS_QUEUED_MAX:
            raise TooBusyError
        self._limiter.begin(address)
        if len(name) > SECRET_MAX_LENGTH or len(password) > SECRET_MAX_LENGTH:
            return None
        user = self.users.get(name)
        # Who has no account waits as long as who has one: a stranger does not learn which names there are.
        password_hash = (user or next(iter(self.users.values()))).password_hash
        self._queued += 1
        try:
            right = await asyncio.get_running_loop().run_in_executor(
                self._pool, self._verify, password_hash, password
            )
        finally:
            self._queued -= 1
        if not right or user is None:
            return None
        self._limiter.succeeded(address)
        return user

    async def basic(self, header: str, address: str) -> User | None:
        """Return the user that an ``Authorization`` header proves to be there, or None.

        A right one is remembered as long as the process runs: so are the users and their passwords.

        Raises:
            LoginRefusedError: See ``check``; never for one that is remembered.
        """
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic" or len(encoded) > 4 * SECRET_MAX_LENGTH:
            return None
        # Keyed BLAKE2b is a MAC too, and to begin HMAC with OpenSSL takes longer than all else here, on each request.
        secret = encoded.strip().encode("latin-1", "replace")
        digest = hashlib.blake2b(secret, key=self._pepper, digest_size=32).digest()
        if user := self._remembered.get(digest):
            return user
        if digest not in self._checking:
            self._checking[digest] = asyncio.create_task(self._check_basic(encoded, address))
            self._checking[digest].add_done_callback(lambda task: self._checked(digest, task))
        # A dashboard that opens ten pictures at once makes one try, not ten.
        return await asyncio.shield(self._checking[digest])

    def close(self) -> None:
        """Check nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _check_basic(self, encoded: str, address: str) -> User | None:
        try:
            name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return await self.check(name, password, address) if colon else None

    def _checked(self, digest: bytes, task: asyncio.Task[User | None]) -> None:
        del self._checking[digest]
        if task.cancelled() or task.exception() or (user := task.result()) is None:
            return
        self._remembered[digest] = user
        if len(self._remembered) > REMEMBERED_MAX:
            del self._remembered[next(iter(self._remembered))]
