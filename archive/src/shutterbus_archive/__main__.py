"""The command ``shutterbus-archive``."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException

from shutterbus_archive.commands import register
from shutterbus_archive.errors import ArchiveError
from shutterbus_archive.load import load
from shutterbus_archive.settings import ArchiveSettings
from shutterbus_runtime.command_line import Commands, add_settings_commands
from shutterbus_runtime.logs import log_remarks, start_logging
from shutterbus_wire import __version__

log = logging.getLogger("shutterbus_archive")

HEALTH_TIMEOUT_S = 3.0
QUIET = ("alembic",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; return 0, or 1 with the reason on standard error."""
    return _commands().run(arguments, ArchiveError)


def _commands() -> Commands:
    commands = Commands("shutterbus-archive", "Keep every frame once, as a file, with an index.", __version__)
    commands.add("run", _run, "Read the brokers and keep what comes until stopped.")
    retain = commands.add(
        "retain",
        _retain,
        "Say what ARCHIVE_MAX_BYTES and ARCHIVE_MAX_AGE would remove; with --yes agree to it.",
    )
    retain.add_argument("--yes", action="store_true", help="remove it, also if it is much at once")
    register(commands)
    add_settings_commands(commands, "archive", lambda: load(os.environ), _summary)
    commands.add(
        "healthcheck",
        _healthcheck,
        "Ask the archive on this machine whether it lives; exit with 0 if so, else 1.",
    )
    return commands


def _run(_: argparse.Namespace) -> int:
    loaded = load(os.environ)
    start_logging(loaded.settings.log_level, quiet=QUIET)
    log_remarks(log, loaded)
    from shutterbus_archive import app

    return app.run(loaded.settings)


def _retain(options: argparse.Namespace) -> int:
    from shutterbus_archive import retain

    settings = load(os.environ).settings
    print(retain.agree(settings) if options.yes else retain.preview(settings))
    return 0


def _summary(settings: ArchiveSettings) -> str:
    brokers = " and ".join(f"{broker.type} at {', '.join(broker.addresses)}" for broker in settings.brokers)
    return f"The settings can be used: {brokers}, kept in {settings.store_dir or settings.state_dir}."


def _healthcheck(_: argparse.Namespace) -> int:
    port = load(os.environ).settings.health_port
    connection = HTTPConnection("127.0.0.1", port, timeout=HEALTH_TIMEOUT_S)
    try:
        connection.request("GET", "/livez")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        print(f"no archive answers on 127.0.0.1:{port}: {error}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    return 0 if status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
