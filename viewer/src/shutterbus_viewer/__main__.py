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

from shutterbus_runtime.settings import SettingsError
from shutterbus_runtime.settings.text import listing, verdict_json
from shutterbus_viewer.accounts import command as accounts
from shutterbus_viewer.accounts.users import Role
from shutterbus_viewer.errors import ViewerError
from shutterbus_viewer.load import load
from shutterbus_viewer.settings import ServeSettings
from shutterbus_wire import __version__

log = logging.getLogger("shutterbus_viewer")

HEALTH_TIMEOUT_S = 3.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; return 0, or 1 with the reason on standard error."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except SettingsError as error:
        print(*error.sentences, sep="\n", file=sys.stderr)
    except ViewerError as error:
        print(error, file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="shutterbus-viewer", description="Show the newest picture of every camera in a browser."
    )
    parser.add_argument("--version", action="version", version=f"shutterbus-viewer {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, command: Callable[[argparse.Namespace], int], description: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=description, description=description)
        added.set_defaults(command=command)
        return added

    add("run", _run, "Read the brokers and serve the pages until stopped.")
    shown = add(
        "settings", _settings, "Print the settings in force and where each came from; secrets stay hidden."
    )
    shown.add_argument("--all", action="store_true", help="also those without a value")
    checked = add("check", _check, "Check the settings; exit with 0 if the viewer could start, else 1.")
    for reporting in (shown, checked):
        reporting.add_argument("--json", action="store_true", help="for programs")
    add("hash-password", _hash_password, "Ask for a password and print what VIEWER_PASSWORD_HASH may hold.")
    user = add("user", _accounts(accounts.user), "List the users; with a NAME, create or change that one.")
    user.add_argument("name", nargs="?", metavar="NAME")
    user.add_argument(
        "--role", choices=[role.value for role in Role], help="look, operate or admin; look for a new user"
    )
    user.add_argument(
        "--cameras", metavar="NAMES", help="all this user may see, separated by spaces; all: every camera"
    )
    user.add_argument("--remove", action="store_true", help="remove the user, and end the sessions")
    password = add(
        "password",
        _accounts(accounts.password),
        "Set the password of a user, asked for or read from standard input.",
    )
    password.add_argument("name", nargs="?", metavar="NAME", help="without it VIEWER_USER")
    logged = add(
        "log",
        _accounts(accounts.access_log),
        "Print logins, refusals and downloads of the last 90 days, newest last.",
    )
    for reporting in (user, logged):
        reporting.add_argument("--json", action="store_true", help="for programs")
    add(
        "healthcheck",
        _healthcheck,
        "Ask the viewer on this machine whether it lives; exit with 0 if so, else 1.",
    )
    return parser


def _run(_: argparse.Namespace) -> int:
    loaded = load(os.environ)
    settings = loaded.settings
    logging.basicConfig(level=settings.log_level, format="{asctime} {levelname} {name}: {message}", style="{")
    for name in ("uvicorn", "asyncio", "websockets"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for sentence in loaded.warnings:
        log.warning("%s", sentence)
    from shutterbus_viewer import app

    return app.run(settings)


def _settings(options: argparse.Namespace) -> int:
    loaded = load(os.environ)
    print(listing(loaded.settings, loaded.origin, every=options.all, as_json=options.json))
    return 0


def _check(options: argparse.Namespace) -> int:
    try:
        loaded = load(os.environ)
    except SettingsError as error:
        if not options.json:
            raise
        print(verdict_json(error.sentences))
        return 1
    if options.json:
        print(verdict_json((), loaded.warnings))
        return 0
    print(*loaded.warnings, sep="\n", end="\n" if loaded.warnings else "", file=sys.stderr)
    settings = loaded.settings
    brokers = " and ".join(
        f"{one.type} at {', '.join(one.addresses)}" for one in (settings.kafka, settings.mqtt) if one
    )
    serve = settings.serve
    print(
        f"The settings can be used: {brokers}, shown at {serve.bind}:{serve.port}, TLS {serve.effective_tls}."
    )
    return 0


def _accounts(command: Callable[[argparse.Namespace], str]) -> Callable[[argparse.Namespace], int]:
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
