"""Checks this edge: one line a check, each with how to fix what is wrong.

It asks and measures by itself, since the client libraries say at best that there was no connection. It sends nothing
that anybody sees: at most one byte on a topic without readers, and the beginning of a message that is never finished.
"""

from collections.abc import Iterator, Mapping

from shutterbus_edge.doctor import by_transport, machine, pictures, reach, spool, uplink
from shutterbus_edge.doctor.context import CheckContext
from shutterbus_edge.errors import EdgeError, SettingsError
from shutterbus_edge.settings.load import load
from shutterbus_edge.spool import camera_name
from shutterbus_runtime.checks import Check, CheckResult, Line, failure, ok, run_checks, skipped, warning
from shutterbus_runtime.clock import SystemClock

__all__ = ["run_doctor"]

NAMES = ("clock", "name", "port", "TLS", "login", "camera", "spool", "memory", "container")
"""What is looked at; all of it hangs on the settings."""


def run_doctor(environ: Mapping[str, str]) -> Iterator[Line]:
    """Carry out every check, and yield its line as soon as it is known."""
    try:
        loaded = load(environ)
    except SettingsError as error:
        yield Line(1, "settings", failure(" ".join(error.sentences), "docs/settings.md"))
        for number, name in enumerate(NAMES, 2):
            yield Line(number, name, skipped("because of 1"))
        return
    settings, clock = loaded.settings, SystemClock()
    try:
        name = settings.camera_id or camera_name(settings.spool.dir)
    except (OSError, EdgeError):
        name = "camera"  # the spool has a line of its own
    yield from _look_at(CheckContext(settings, name, clock, loaded.warnings))


def _look_at(context: CheckContext) -> Iterator[Line]:
    broker = by_transport.checks_of(context).checks(context)
    asked_first = [check for check in broker if check.name in {"login", "anonymous", "advertised", "topics"}]
    return run_checks(
        [
            Check("settings", lambda: _settings(context)),
            Check("clock", lambda: machine.clock(context)),
            Check("name", lambda: reach.look_up(context), within_s=6),
            Check("port", lambda: reach.connect(context), needs=("name",), within_s=6),
            Check("TLS", lambda: reach.encrypt(context), needs=("port",)),
            *asked_first,
            Check("camera", lambda: pictures.camera(context), within_s=24, early=True),
            *(check for check in broker if check not in asked_first),
            Check("line", lambda: uplink.look(context), needs=("login",)),
            Check("spool", lambda: spool.disk(context)),
            Check("room", lambda: spool.room(context), needs=("spool",)),
            Check("outage", lambda: spool.outage(context), needs=("spool",)),
            Check("memory", lambda: machine.memory(context)),
            Check("checksums", lambda: machine.checksums(context)),
            Check("container", lambda: machine.container(context)),
        ]
    )


def _settings(context: CheckContext) -> CheckResult:
    settings = context.settings
    if context.warnings:
        return warning(" ".join(context.warnings), "in .env; settings.md explains each name")
    return ok(
        f"{context.camera}, {settings.camera_source}, {settings.broker.type} at {', '.join(settings.broker.addresses)}"
    )
