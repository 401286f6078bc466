"""Says what keeps a server from its work: one line a check, each with what puts it right.

It looks for itself at names, ports and certificates, since the client libraries hide the cause, and sends pictures of
the largest size to itself, on a topic that no viewer reads.
"""

from collections.abc import Iterator

from shutterbus_broker import legacy
from shutterbus_broker.doctor import connection, containers, kafka, machine, mosquitto, old_clients
from shutterbus_broker.doctor.patient import Patient
from shutterbus_runtime.checks import Check, Finding, Line, carry_out

__all__ = ["Patient", "examine"]


def examine(patient: Patient) -> Iterator[Line]:
    """Carry out every check, and yield its line as soon as it is known."""
    return carry_out(checks(patient))


def checks(patient: Patient) -> list[Check]:
    """Return what is looked at, what it hangs on first."""
    found = [
        Check("settings", lambda: machine.settings(patient)),
        Check("certificates", lambda: machine.certificates(patient), needs=("settings",)),
        Check("clock", lambda: machine.clock(patient.now)),
        Check("disk", lambda: machine.room(patient), needs=("settings",)),
    ]
    if "kafka" in patient.profiles:
        found += kafka.checks(patient)
    if "mqtt" in patient.profiles:
        found += mosquitto.checks(patient)
    return [
        *found,
        Check("viewer", lambda: _viewer(patient), needs=("settings", "certificates")),
        Check("old clients", lambda: old_clients.look(patient), needs=("settings",)),
        Check("containers", lambda: containers.healthy(patient.containers, patient.profiles)),
        Check(
            "hardening",
            lambda: containers.hardened(
                patient.containers, with_legacy=bool(legacy.address(patient.settings))
            ),
        ),
        Check("versions", lambda: containers.versions(patient.containers, _compose_file(patient))),
    ]


def _viewer(patient: Patient) -> Finding:
    at = patient.address("viewer")
    if (found := connection.port(at)).status == "failure":
        return found
    if patient.settings.get("VIEWER_TLS", "own") != "own":
        return found
    return connection.certificate(at, patient.tls, patient.now)


def _compose_file(patient: Patient) -> str:
    return (patient.there.project / "compose.server.yml").read_text("utf-8")
