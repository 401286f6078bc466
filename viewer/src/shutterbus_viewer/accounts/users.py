"""Users: a name, a role, a password of which only the hash is kept, and where wanted a set of cameras."""

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from shutterbus_viewer.accounts.database import Database
from shutterbus_viewer.errors import ViewerError
from shutterbus_viewer.settings import LoginSettings

NAME_MAX_LENGTH = 200


class Role(StrEnum):
    """What a user may do; each may do what those before it may.

    Attributes:
        LOOK: See cameras and their pictures.
        OPERATE: Give cameras orders.
        ADMIN: Read who did what.
    """

    LOOK = "look"
    OPERATE = "operate"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody, or some program, with a password.

    Attributes:
        cameras: What this user may know of; None: all, also those to come.
        password_hash: As argon2 spells it.
    """

    name: str
    role: Role
    cameras: frozenset[str] | None
    password_hash: str


class Users:
    """The users in a database. Every change holds for viewers that start afterwards."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, User]:
        """Return all users by name."""
        with self._database.transaction() as connection:
            return {user.name: user for user in map(_user, connection.execute(f"{_SELECT} ORDER BY name"))}

    def save(self, user: User) -> None:
        """Create or change *user*. Another password ends the sessions that the old one began.

        Raises:
            ViewerError: Nobody would be left who has the role admin.
        """
        with self._database.transaction() as connection:
            _save(connection, user)
            _check_admin(connection)

    def remove(self, name: str) -> None:
        """Remove a user and end the sessions.

        Raises:
            ViewerError: There is no such user, or nobody would be left who has the role admin.
        """
        with self._database.transaction() as connection:
            if not connection.execute("DELETE FROM users WHERE name = ?", (name,)).rowcount:
                raise ViewerError(f"There is no user {name}.")
            _check_admin(connection)

    def apply_settings(self, login: LoginSettings) -> None:
        """Make the user an admin whom VIEWER_USER and VIEWER_PASSWORD (or its hash) describe.

        A setting is applied once, and again when it changes: a password that `make password` set later stays. Whom
        VIEWER_USER named before is no user any more.
        """
        name = login.user
        password = login.password.get_secret_value() if login.password else ""
        password_hash = login.password_hash.get_secret_value() if login.password_hash else None
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM users WHERE settings_hash IS NOT NULL AND name <> ?", (name,))
            row = connection.execute("SELECT settings_hash FROM users WHERE name = ?", (name,)).fetchone()
            applied = row and row[0]
            if applied and (applied == password_hash or (password and verify(applied, password))):
                return
            new = password_hash or argon2.PasswordHasher().hash(password)
            _save(connection, User(name, Role.ADMIN, None, new))
            connection.execute("UPDATE users SET settings_hash = ? WHERE name = ?", (new, name))


_SELECT = "SELECT name, role, cameras, password_hash FROM users"


def verify(password_hash: str, password: str) -> bool:
    """Return whether *password* has this hash; takes a good part of a second and 64 MiB."""
    try:
        return argon2.PasswordHasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _user(row: tuple[str, str, str | None, str]) -> User:
    name, role, cameras, password_hash = row
    return User(name, Role(role), None if cameras is None else frozenset(cameras.split()), password_hash)


def _save(connection: sqlite3.Connection, user: User) -> None:
    before = connection.execute(f"{_SELECT} WHERE name = ?", (user.name,)).fetchone()
    if before and _user(before).password_hash != user.password_hash:
        connection.execute("DELETE FROM sessions WHERE user = ?", (user.name,))
    cameras = None if user.cameras is None else " ".join(sorted(user.cameras))
    connection.execute(
        "INSERT INTO users (name, role, cameras, password_hash) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
        "role = excluded.role, cameras = excluded.cameras, password_hash = excluded.password_hash",
        (user.name, user.role, cameras, user.password_hash),
    )


def _check_admin(connection: sqlite3.Connection) -> None:
    if not connection.execute("SELECT 1 FROM users WHERE role = ? LIMIT 1", (Role.ADMIN,)).fetchone():
        raise ViewerError("Nobody would be left who has the role admin: give it to somebody else first.")
