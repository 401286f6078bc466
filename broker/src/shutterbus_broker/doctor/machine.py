"""What is on this machine: the installation's files, its disk and its clock."""

import ctypes
import datetime as dt
import shutil
from collections.abc import Iterator, Mapping

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from shutterbus_broker import disk, hosts, kafka_settings, profiles, sizing
from shutterbus_broker.doctor import connection, containers
from shutterbus_broker.doctor.context import CheckContext
from shutterbus_broker.errors import SetupError
from shutterbus_broker.identities import counted
from shutterbus_broker.installation import CLIENTS, SERVERS, disk_max_bytes
from shutterbus_broker.topics import MIB
from shutterbus_runtime.checks import CheckResult, failure, ok, skipped, warning, worst_of

INIT = 'make init HOST="server.example.org 192.168.1.10"'
FREE_MIN = 0.05
FREE_SOON = 0.15
_TIME_ERROR = 5  # of adjtimex(2)


def settings(context: CheckContext) -> CheckResult:
    """Whether there is a server here, and what ``.env`` says has a meaning."""
    installation = context.installation
    try:
        env_settings = context.settings
        if not env_settings or not installation.state.is_dir():
            return failure("there is no server here yet", INIT)
        names = hosts.parse(env_settings.get("HOST", ""))
        identities = installation.identities()
        disk.of(identities, env_settings)
        about = [warning(sentence, "in .env") for sentence in profiles.warnings(env_settings)]
    except SetupError as error:
        return failure(str(error), "in .env, then docker compose up -d")
    if not context.server_name:
        return failure("SERVER_NAME is missing in .env", "make init")
    # Not below the brokers' data, where files come and go.
    keys = (path for folder in ("ca", "server") for path in (installation.state / folder).rglob("*.key"))
    if open_to_others := next((path for path in keys if path.stat().st_mode & 0o077), None):
        return failure(
            f"{open_to_others.relative_to(installation.project)} can be read by others", "chmod -R go= state"
        )
    about += [warning(sentence, INIT) for sentence in hosts.warnings(names)]
    about += [warning(sentence, "in .env") for sentence in kafka_settings.warnings(env_settings)]
    return worst_of(
        about
        or [
            ok(
                f"{names[0]}, {counted(len(identities.active_cameras))}, messages of up to {context.message_max_bytes} bytes"
            )
        ]
    )


def certificates(context: CheckContext) -> CheckResult:
    """Whether the certificates on disk are of our authority, and for how long."""
    try:
        result = worst_of(_certificates(context))
    except (OSError, ValueError) as error:
        return failure(f"a certificate in state/ cannot be read: {error}", "make init")
    return (
        ok("all in state/ are our authority's and good for 30 days and more")
        if result.status == "ok"
        else result
    )


def _certificates(context: CheckContext) -> Iterator[CheckResult]:
    state, now = context.installation.state, context.now
    authority = x509.load_pem_x509_certificate((state / "ca" / "ca.crt").read_bytes())
    yield connection.dates("the authority's certificate", authority, now, "docs/security.md")
    for service, role in [
        *((server, "server") for server in SERVERS),
        *((client, "client") for client in CLIENTS),
    ]:
        path = state / "server" / service / f"{role}.crt"
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        name = str(path.relative_to(context.installation.project))
        try:
            certificate.verify_directly_issued_by(authority)
        except (InvalidSignature, ValueError, TypeError):
            yield failure(f"{name} is not signed by this server's authority", connection.RENEW)
        yield connection.dates(name, certificate, now)


def room(context: CheckContext) -> CheckResult:
    """Whether the disk has room for what the brokers may fill."""
    folder = context.installation.state / "kafka" / "data"
    try:
        usage = shutil.disk_usage(folder)
        used = sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
    except OSError as error:
        return skipped(f"{error.filename} cannot be looked at: {(error.strerror or str(error)).lower()}")
    return disk_room(
        usage.total, usage.free, used, disk_max_bytes(context.settings) if "kafka" in context.profiles else 0
    )


def disk_room(total: int, free: int, used_by_kafka: int, kafka_max: int) -> CheckResult:
    """Whether a disk of *total* bytes has what Kafka may still take, and a little more."""
    text = f"{free / (1 << 30):.1f} GiB of the disk are free"
    if free < total * FREE_MIN:
        return failure(f"only {text}: Kafka stops when it is full", "df -h; make room")
    if kafka_max - used_by_kafka > free:
        return warning(
            f"{text}, and Kafka may still take {(kafka_max - used_by_kafka) / (1 << 30):.1f} GiB (KAFKA_DISK_MAX)",
            "in .env: a smaller KAFKA_DISK_MAX; docker compose up -d",
        )
    if free < total * FREE_SOON:
        return warning(f"only {text}", "df -h; make room")
    return ok(text)


def memory(context: CheckContext) -> CheckResult:
    """Whether the limits of all containers, else those in ``.env``, fit into this machine together."""
    if context.containers:
        limits = {
            containers.service(container): container["HostConfig"]["Memory"]
            for container in context.containers
        }
    else:
        limits = sizing.limits(context.settings, context.profiles)
    return memory_room(limits, sizing.machine_bytes(), context.profiles)


def memory_room(limits: Mapping[str, int], total_bytes: int, profiles: frozenset[str]) -> CheckResult:
    """Whether *limits* by service add up to no more than a machine of *total_bytes* has."""
    if sentence := sizing.shortage(limits, total_bytes):
        return warning(sentence, sizing.advice(total_bytes, profiles))
    return ok(
        f"the services may use {sum(limits.values()) // MIB} MiB together, of {total_bytes // MIB} that this machine has"
    )


def clock(now: dt.datetime) -> CheckResult:
    """Whether this machine's clock is set by others, as far as the kernel knows."""
    if now.year < 2025:
        return failure(f"this clock says {now:%Y-%m-%d %H:%M}", "timedatectl set-ntp true")
    asked = (ctypes.c_byte * 512)()  # struct timex, whose first field says that nothing is to be changed
    state = ctypes.CDLL(None, use_errno=True).adjtimex(asked)
    if state < 0:
        return skipped("the kernel does not tell whether its clock is set by a time server")
    if state == _TIME_ERROR:
        return warning(
            "no time server sets this clock: what it says is only as good as it was set",
            "timedatectl set-ntp true",
        )
    return ok("a time server sets this clock")
