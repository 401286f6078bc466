"""Checks a server: one line a check, each with how to fix what is wrong.

It looks for itself at names, ports and certificates, since the client libraries hide the cause, and sends pictures of
the largest size to itself, on a topic that no viewer reads.
"""

from collections.abc import Iterator

from shutterbus_broker import legacy
from shutterbus_broker.doctor import (
    archive,
    cameras,
    connection,
    containers,
    kafka,
    machine,
    mosquitto,
    old_clients,
)
from shutterbus_broker.doctor.context import CheckContext
from shutterbus_broker.errors import SetupError
from shutterbus_runtime.checks import Check, CheckResult, Line, run_checks

__all__ = ["CheckContext", "run_doctor"]


def run_doctor(context: CheckContext) -> Iterator[Line]:
    """Carry out every check, and yield its line as soon as it is known."""
    return run_checks(checks(context))


def checks(context: CheckContext) -> list[Check]:
    """Return what is looked at, what it hangs on first."""
    first_checks = [
        Check("settings", lambda: machine.settings(context)),
        Check("certificates", lambda: machine.certificates(context), needs=("settings",)),
        Check("clock", lambda: machine.clock(context.now)),
        Check("disk", lambda: machine.room(context), needs=("settings",)),
        Check("memory", lambda: machine.memory(context), needs=("settings",)),
    ]
    try:
        profiles = context.profiles
    except SetupError:
        profiles = frozenset()  # said by the line about settings
    if "kafka" in profiles:
        first_checks += kafka.checks(context)
    if "mqtt" in profiles:
        first_checks += mosquitto.checks(context)
    told = archive.Told()
    return [
        *first_checks,
        *archive.checks(context, profiles, told),
        *cameras.checks(context, profiles, told.cameras),
        Check("viewer", lambda: _viewer(context), needs=("settings", "certificates")),
        Check("old clients", lambda: old_clients.look(context), needs=("settings",)),
        Check("containers", lambda: containers.healthy(context.containers, profiles)),
        Check(
            "hardening",
            lambda: containers.hardened(
                context.containers, with_legacy=bool(legacy.address(context.settings))
            ),
            needs=("settings",),
        ),
        Check("versions", lambda: containers.versions(context.containers, _compose_file(context))),
    ]


def _viewer(context: CheckContext) -> CheckResult:
    at = context.address("viewer")
    if (port_result := connection.port(at)).status == "failure":
        return port_result
    if context.settings.get("VIEWER_TLS", "own") != "own":
        return port_result
    return connection.certificate(at, context.tls, context.now)


def _compose_file(context: CheckContext) -> str:
    return (context.installation.project / "compose.server.yml").read_text("utf-8")
