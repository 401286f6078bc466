"""The command ``shutterbus-viewer``."""

import argparse
import logging
import os
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence

from argon2 import PasswordHasher

from shutterbus_runtime.command_line import Command, Commands, add_settings_commands
from shutterbus_runtime.logs import log_remarks, start_logging
from shutterbus_viewer.accounts import command as accounts
from shutterbus_viewer.accounts import session_command
from shutterbus_viewer.accounts.users import Role
from shutterbus_viewer.errors import ViewerError
from shutterbus_viewer.load import load
from shutterbus_viewer.settings import ServeSettings, ViewerSettings
from shutterbus_wire import __version__

log = logging.getLogger("shutterbus_viewer")

HEALTH_TIMEOUT_S = 3.0
QUIET = ("uvicorn", "asyncio", "websockets")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; return 0, or 1 with the reason on standard error."""
    return _commands().run(arguments, ViewerError)


def _commands() -> Commands:
    commands = Commands(
        "shutterbus-viewer", "Show the newest picture of every camera in a browser.", __version__
    )
    commands.add("run", _run, "Read the brokers and serve the pages until stopped.")
    add_settings_commands(commands, "viewer", lambda: load(os.environ), _summary)
    commands.add(
        "hash-password", _hash_password, "Ask for a password and print what VIEWER_PASSWORD_HASH may hold."
    )
    user = commands.add(
        "user",
        _accounts(accounts.user),
        "List the users; with a NAME, create or change that one.",
        json=True,
    )
    user.add_argument("name", nargs="?", metavar="NAME")
    user.add_argument(
        "--role", choices=[role.value for role in Role], help="look, operate or admin; look for a new user"
    )
    user.add_argument(
        "--cameras", metavar="NAMES", help="all this user may see, separated by spaces; all: every camera"
    )
    user.add_argument("--remove", action="store_true", help="remove the user, and end the sessions")
    password = commands.add(
        "password",
        _accounts(accounts.password),
        "Set the password of a user, asked for or read from standard input.",
    )
    password.add_argument("name", nargs="?", metavar="NAME", help="without it VIEWER_USER")
    sessions = commands.add(
        "sessions",
        _accounts(session_command.sessions),
        "List who is logged in, from where and for how long, or end sessions by their ids, also those of screens.",
        json=True,
    )
    sessions.add_argument("action", nargs="?", choices=["list", "end"], default="list")
    sessions.add_argument("ids", nargs="*", metavar="ID", help="of those to end")
    commands.add(
        "log",
        _accounts(accounts.access_log),
        "Print logins, refusals and downloads of the last 90 days, newest last.",
        json=True,
    )
    commands.add(
        "healthcheck",
        _healthcheck,
        "Ask the viewer on this machine whether it lives; exit with 0 if so, else 1.",
    )
    return commands


def _run(_: argparse.Namespace) -> int:
    loaded = load(os.environ)
    start_logging(loaded.settings.log_level, quiet=QUIET)
    log_remarks(log, loaded)
    from shutterbus_viewer import app

    return app.run(loaded.settings)


def _summary(settings: ViewerSettings) -> str:
    brokers = " and ".join(f"{broker.type} at {', '.join(broker.addresses)}" for broker in settings.brokers)
    serve = settings.serve
    return (
        f"The settings can be used: {brokers}, shown at {serve.bind}:{serve.port}, TLS {serve.effective_tls}."
    )


def _accounts(command: Callable[[argparse.Namespace], str]) -> Command:
    def run(options: argparse.Namespace) -> int:
        print(command(options))
        return 0

    return run


def _hash_password(_: argparse.Namespace) -> int:
    print(PasswordHasher().hash(accounts.new_password()))
    return 0


def _healthcheck(_: argparse.Namespace) -> int:
    serve = load(os.environ).settings.serve
    context = ssl.create_default_context()
    # It asks itself, by an address that no certificate is for, and sends nothing secret.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        with opener.open(f"{_own_address(serve)}/livez", timeout=HEALTH_TIMEOUT_S):
            return 0
    except urllib.error.HTTPError as error:
        raise ViewerError(f"The viewer answers {error.code}.") from error
    except OSError as error:
        raise ViewerError(f"The viewer does not answer: {error}.") from error


def _own_address(serve: ServeSettings) -> str:
    scheme = "https" if serve.effective_tls in {"own", "files"} else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(serve.bind, serve.bind)  # noqa: S104  # compared, not bound
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{serve.port}"


if __name__ == "__main__":
    sys.exit(main())
