"""``init``: everything a server needs before its first start, made once; again at any time to see or change it."""

import datetime as dt
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from argon2 import PasswordHasher

from shutterbus_broker import authority, disk, dotenv, hosts, kafka_settings, memory, profiles, sizing
from shutterbus_broker.errors import SetupError
from shutterbus_broker.files import write_private
from shutterbus_broker.identities import Identities
from shutterbus_broker.installation import (
    DISK_MAX,
    MESSAGE_MAX_BYTES,
    Installation,
)

UID_INSTEAD_OF_ROOT = 10001
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike

_SIZED = {
    "KAFKA_MEMORY": "How much memory Kafka may use; all of these fit together into what the machine had at make init.",
    "KAFKA_HEAP_OPTS": "Of that, its Java heap.",
    "KAFKA_QUEUED_MAX_REQUEST_BYTES": "Of the heap, requests that wait.",
    "MOSQUITTO_MEMORY": "How much memory Mosquitto may use.",
    "VIEWER_MEMORY": "How much memory the viewer may use.",
    "ARCHIVE_MEMORY": "How much memory the archive may use.",
}

Say = Callable[[str], None]


def run(
    project: Path, host_text: str | None, say: Say, now: dt.datetime, memory_bytes: int | None = None
) -> None:
    """Make or complete the installation in *project*; raise SetupError with what stands in the way.

    *memory_bytes* is what the machine has; None: it is asked.
    """
    installation = Installation(project)
    before = installation.settings()
    names = hosts.parse(host_text or before.get("HOST") or before.get("BROKER_HOSTNAME") or _ask())
    uid, gid = _owner(before)
    total_bytes = sizing.machine_bytes() if memory_bytes is None else memory_bytes
    # A server that exists is not given another share of its disk.
    disk_max = DISK_MAX if "SERVER_NAME" in before else disk.fitting(shutil.disk_usage(project).free)
    settings = _settings(before, names, uid, gid, total_bytes, disk_max)
    # Before anything is written: a disk that is too small is better known now.
    after = {**before, **{name: value for name, (value, _) in settings.items()}}
    settings_warnings = [*_warnings(after)]
    installation.make_folders()
    identities = installation.identities()
    disk.of(identities, after)
    for warning in (*hosts.warnings(names), *settings_warnings):
        say(f"Careful: {warning}.")
    _warn_of_memory(identities, after, total_bytes, say)

    with installation.lock():
        if installation.ensure_authority(f"Shutterbus {secrets.token_hex(4)}", now):
            say(
                f"Made the authority; its SHA-256 is {authority.fingerprint(installation.authority().certificate_pem)}"
            )
        had_one = installation.services_with_certificate()
        renewed = installation.ensure_services(names, now)
        installation.save_identities(identities)
        changed = dotenv.merge(installation.env_file, settings)
        password = _ensure_password(installation)
        if os.getuid() == 0:
            installation.hand_over_all(uid, gid)

    if replaced := [service for service in renewed if service in had_one]:
        say(
            f"New certificates for {', '.join(replaced)}; to use them: "
            f"docker compose restart {' '.join(installation.running(replaced))}"
        )
    name = hosts.bracketed(names[0])
    if had_one and before.get("SERVER_NAME") not in (None, name):
        _tell_cameras(identities.active_cameras, before["SERVER_NAME"], name, say)
    if changed:
        say(f"Wrote {', '.join(changed)} to .env")
    if password:
        say(f"Viewer: user admin  password {password}   (shown once; only its hash is kept)")
    say("Ready: docker compose up -d")


def refresh(installation: Installation, say: Say, now: dt.datetime) -> None:
    """Bring what an older version wrote up to date: rights, and what services lack that it did not have.

    It names settings that have no effect.
    """
    settings = installation.settings()
    for warning in _warnings(settings):
        say(f"Careful: {warning}.")
    with installation.lock():
        installation.make_folders()
        new = installation.ensure_clients(now)
        identities = installation.identities()
        installation.save_identities(identities)
        if os.getuid() == 0:
            installation.hand_over_all(*_owner(settings))
    if new:
        say(f"Made a certificate for the {', the '.join(new)}")
    _warn_of_memory(identities, settings, sizing.machine_bytes(), say)


def _warnings(settings: Mapping[str, str]) -> Iterator[str]:
    for warning in (*profiles.warnings(settings), *kafka_settings.warnings(settings)):
        yield warning.rstrip(".")


def _warn_of_memory(identities: Identities, settings: Mapping[str, str], total_bytes: int, say: Say) -> None:
    # A warning and no more: a server of an older version runs with it.
    try:
        memory.check(identities, settings)
    except SetupError as error:
        say(f"Careful: {error}.")
    running = profiles.read(settings)
    if sentence := sizing.shortage(sizing.limits(settings, running), total_bytes):
        say(f"Careful: {sentence}; {sizing.advice(total_bytes, running)}.")


def _settings(
    before: Mapping[str, str], names: tuple[str, ...], uid: int, gid: int, memory_bytes: int, disk_max: str
) -> dict[str, tuple[str, str]]:
    """Return what ``.env`` must say, each with its comment; what it already says stays, but for the server's names."""
    ours = {
        "HOST": (
            " ".join(names),
            "Names and addresses the cameras reach this server by; change them with make init.",
        ),
        "SERVER_NAME": (
            hosts.bracketed(names[0]),
            "The first of them: what Kafka gives out as its address. Every camera must resolve it.",
        ),
    }
    if (bind := before.get("BIND_ADDR", "")) != hosts.bracketed(bind):
        ours["BIND_ADDR"] = (hosts.bracketed(bind), "")
    defaults = {
        "COMPOSE_FILE": ("compose.server.yml", "What docker compose means without -f."),
        "COMPOSE_PROFILES": ("kafka,mqtt", "Which brokers run: kafka, mqtt or both."),
        "SERVER_UID": (str(uid), "The user that the services run as."),
        "SERVER_GID": (str(gid), "And its group."),
        "BIND_ADDR": ("0.0.0.0", "The address of this machine that is listened on."),  # noqa: S104  cameras are elsewhere
        "VIEWER_PORT": ("8080", "Where the viewer is, over HTTPS."),
        "KAFKA_MESSAGE_MAX_BYTES": (
            str(MESSAGE_MAX_BYTES),
            "Largest message, a picture and 4096 bytes; make 4k raises it.",
        ),
        "KAFKA_DISK_MAX": (disk_max, "What Kafka may fill of the disk."),
    }
    if "SERVER_NAME" not in before:  # a server that runs is not resized; its doctor adds up what it has
        fitting = sizing.plan(memory_bytes, profiles.read(before)).settings()
        if any(before.get(name) for name in fitting if name.startswith("KAFKA_")):
            fitting = {
                name: value for name, value in fitting.items() if not name.startswith("KAFKA_")
            }  # they go together
        defaults |= {name: (value, _SIZED[name]) for name, value in fitting.items()}
    return {**ours, **{name: entry for name, entry in defaults.items() if not before.get(name)}}


def _owner(before: Mapping[str, str]) -> tuple[int, int]:
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        uid = gid = UID_INSTEAD_OF_ROOT
    try:
        return int(before.get("SERVER_UID") or uid), int(before.get("SERVER_GID") or gid)
    except ValueError as error:
        raise SetupError("SERVER_UID and SERVER_GID in .env must be numbers") from error


def _ask() -> str:
    if not sys.stdin.isatty():
        return ""
    return input("Names and addresses the cameras reach this server by, the best first: ")


def _ensure_password(installation: Installation) -> str | None:
    """Return the viewer's new password, or None when it has one."""
    path = installation.state / "server" / "viewer" / "VIEWER_PASSWORD_HASH"
    if path.exists():
        return None
    password = "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))
    write_private(path, PasswordHasher().hash(password).encode())
    return password


def _tell_cameras(cameras: tuple[str, ...], old: str, new: str, say: Say) -> None:
    say(
        f"The server's own name was {old} and is now {new}. Kafka gives it out, so every camera must resolve it:"
    )
    for camera in cameras:
        say(f"  {camera}: in its .env replace {old} by {new}, then docker compose up -d")
