"""``shutterbus-viewer user``, ``password`` and ``log``: what `make user` and `make password` run."""

import argparse
import getpass
import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from argon2 import PasswordHasher

from shutterbus_viewer.accounts.access_log import newest_rows
from shutterbus_viewer.accounts.database import Database
from shutterbus_viewer.accounts.users import NAME_MAX_LENGTH, Role, User, Users
from shutterbus_viewer.errors import ViewerError
from shutterbus_viewer.load import load
from shutterbus_wire.errors import IdentityError
from shutterbus_wire.identity import check_camera

EVERY_CAMERA = "all"
ROWS_PRINTED = 1_000
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike


def user(options: argparse.Namespace) -> str:
    """List, create, change or remove users; return what to say."""
    with opened_database() as (database, _):
        users = Users(database)
        if options.name is None:
            return _listed(users, as_json=options.json)
        if options.remove:
            users.remove(options.name)
            return f"{options.name} is removed."
        return _save(users, options)


def password(options: argparse.Namespace) -> str:
    """Give a user another password, which ends the sessions; return what to say."""
    with opened_database() as (database, first_user):
        users, name = Users(database), options.name or first_user
        known = users.all().get(name)
        if known is None:
            raise ViewerError(f"There is no user {name}; `make user NAME={name}` creates one.")
        users.save(replace(known, password_hash=PasswordHasher().hash(new_password())))
        return f"The password of {name} is changed."


def access_log(options: argparse.Namespace) -> str:
    """Return who did what."""
    with opened_database() as (database, _):
        rows = newest_rows(database, ROWS_PRINTED)
    return json.dumps(rows) if options.json else "\n".join(map(_line, reversed(rows)))


def _line(row: dict[str, Any]) -> str:
    at = datetime.fromtimestamp(row["last_at_us"] / 1e6, UTC)
    who = f"{row['user'] or '-'} from {row['address'] or '-'}"
    return f"{at:%Y-%m-%d %H:%M:%SZ}  {row['event']:<14} {row['count']:>6} x  {who}  {row['camera']}".rstrip()


def new_password() -> str:
    """Return what somebody types twice, or the first line of standard input.

    Raises:
        ViewerError: Nothing came, or two different things.
    """
    if sys.stdin.isatty():
        typed = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != typed:
            raise ViewerError("The two were not the same.")
    else:
        typed = sys.stdin.readline().rstrip("\r\n")
    if not typed:
        raise ViewerError("No password was given: type it, or pass it as a line on standard input.")
    return typed


@contextmanager
def opened_database() -> Iterator[tuple[Database, str]]:
    """Open the database of the settings; yield it and the name of the first user.

    Raises:
        ViewerError: There is none, or it cannot be used.
    """
    settings = load(os.environ).settings
    if settings.state_dir is None:
        raise ViewerError("VIEWER_STATE_DIR is not set, so there is no place for users.")
    database = Database(settings.state_dir)
    try:
        Users(database).apply_settings(settings.login)
        yield database, settings.login.user
    finally:
        database.close()


def _save(users: Users, options: argparse.Namespace) -> str:
    name = options.name
    if not name.isprintable() or ":" in name or not 0 < len(name) <= NAME_MAX_LENGTH:
        raise ViewerError(
            f"{name!r} is no name for a user: 1 to {NAME_MAX_LENGTH} characters without : are expected."
        )
    known = users.all().get(name)
    shown = ""
    if known is None:
        shown = "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))
        known = User(name, Role.LOOK, None, PasswordHasher().hash(shown))
    cameras = known.cameras if options.cameras is None else _cameras(options.cameras)
    role = Role(options.role or known.role)
    users.save(replace(known, role=role, cameras=cameras))
    password = f"\npassword {shown}   (shown once; only its hash is kept)" if shown else ""
    return f"{name}: role {role}, {_said(cameras)}{password}"


def _cameras(text: str) -> frozenset[str] | None:
    if text.strip() == EVERY_CAMERA:
        return None
    try:
        return frozenset(check_camera(name) for name in text.replace(",", " ").split())
    except IdentityError as error:
        raise ViewerError(f"--cameras {text}: {error}") from error


def _said(cameras: frozenset[str] | None) -> str:
    return "all cameras" if cameras is None else f"cameras {' '.join(sorted(cameras)) or 'none'}"


def _listed(users: Users, *, as_json: bool) -> str:
    every = users.all().values()
    if as_json:
        rows = [
            {
                "name": account.name,
                "role": account.role,
                "cameras": account.cameras and sorted(account.cameras),
            }
            for account in every
        ]
        return json.dumps(rows)
    return "\n".join(f"{account.name}: role {account.role}, {_said(account.cameras)}" for account in every)
