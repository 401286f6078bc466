"""One server's own folder: ``state/`` beside the compose files, and the ``.env`` next to it.

::

    ca/          the authority; no service ever sees it
    server/      a folder for each service with its certificates, mounted into it alone
    devices/     who was enrolled
    viewer/      the viewer's users, sessions and access log; viewer/downloads, what it lets people download now, for the archive
    archive/catalog   the archive's index; archive/store, its pictures, unless ARCHIVE_DIR names another folder
    kafka/data, mosquitto/data   what the brokers keep; mosquitto/acl
"""

import contextlib
import datetime as dt
import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shutterbus_broker import authority, dotenv, legacy, mosquitto, profiles
from shutterbus_broker.authority import Certificate
from shutterbus_broker.errors import SetupError
from shutterbus_broker.files import private_folder, write_if_new, write_private
from shutterbus_broker.identities import ADMIN, ARCHIVE, DOCTOR, KAFKA, MOSQUITTO, VIEWER, Identities
from shutterbus_runtime.settings.values import read_bytes
from shutterbus_transport.settings import BrokerSettings, Tls

FOLDERS = (
    "ca",
    "server/kafka",
    "server/mosquitto",
    "server/viewer",
    "server/archive",
    "server/setup",
    "server/doctor",
    "devices",
    "viewer",
    "viewer/downloads",
)
DATA_FOLDERS = ("kafka/data", "mosquitto/data", "archive/catalog", "archive/store")
SERVERS = {"kafka": KAFKA, "mosquitto": MOSQUITTO, "viewer": "viewer"}
"""Services that cameras or people reach, and the names in their certificates."""
CLIENTS = {"setup": ADMIN, "viewer": VIEWER, "archive": ARCHIVE, "doctor": DOCTOR}
"""Services that reach the brokers. The viewer is both, with a certificate for each."""
INSIDE = ("localhost", "127.0.0.1", "::1")
BROKERS: dict[Literal["kafka", "mqtt"], tuple[str, int]] = {
    "kafka": ("kafka", 9094),
    "mqtt": ("mosquitto", 8883),
}
"""Where services reach the brokers, on the network that Compose makes, by profile."""
NO_SERVER = 'There is no server here yet: make init HOST="server.example.org 192.168.1.10"'

MESSAGE_MAX_BYTES = 2_097_164
DISK_MAX = "20GiB"


@dataclass(frozen=True, slots=True)
class Installation:
    """Where everything of one server is."""

    project: Path

    @property
    def state(self) -> Path:
        """All that is generated."""
        return self.project / "state"

    @property
    def env_file(self) -> Path:
        """What Compose reads."""
        return self.project / ".env"

    @property
    def identities_file(self) -> Path:
        """Who was enrolled."""
        return self.state / "devices" / "identities.json"

    def settings(self) -> dict[str, str]:
        """Return what is in ``.env``."""
        return dotenv.read(self.env_file)

    def profiles(self) -> frozenset[str]:
        """Return which brokers this server runs, and what else is named in COMPOSE_PROFILES."""
        return profiles.read(self.settings())

    def running(self, services: Iterable[str]) -> list[str]:
        """Return those of *services* that run here; the doctor is none that does."""
        needs = {"kafka": "kafka", "setup": "kafka", "mosquitto": "mqtt"}
        runs = {None, *self.profiles()}
        return [name for name in services if name != "doctor" and needs.get(name) in runs]

    def broker(self, kind: Literal["kafka", "mqtt"], client: str) -> BrokerSettings:
        """Return how *client*, one of ``CLIENTS``, reaches a broker from inside."""
        folder = self.state / "server" / client
        tls = Tls(ca_certs=folder / "ca.crt", certfile=folder / "client.crt", keyfile=folder / "client.key")
        return BrokerSettings(type=kind, tls=tls, brokers=(BROKERS[kind],))

    def make_folders(self) -> None:
        """Make what is missing, readable by its owner alone."""
        private_folder(self.state)
        for name in (*FOLDERS, *DATA_FOLDERS):
            path = self.state
            for part in Path(name).parts:
                path = private_folder(path / part)

    def hand_over_all(self, uid: int, gid: int) -> None:
        """Give all but what brokers and archive keep to the user that the services run as; needs to be root."""
        with_data = {str(self.state / Path(name).parent) for name in DATA_FOLDERS}
        for folder, folders, files in os.walk(self.state):
            for name in (".", *files):
                os.chown(Path(folder, name), uid, gid, follow_symlinks=False)
            if folder in with_data:
                for name in folders:
                    os.chown(Path(folder, name), uid, gid)
                folders.clear()
        if self.env_file.exists():
            os.chown(self.env_file, uid, gid)

    def hand_over(self, path: Path) -> None:
        """Give what root wrote to whom it is for: the services, or the person whose folder this is."""
        if os.getuid() == 0:
            for_services = path == self.env_file or path.is_relative_to(self.state)
            owner = (self.state / "devices" if for_services else self.project).stat()
            os.chown(path, owner.st_uid, owner.st_gid)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold off every other command that changes or applies identities."""
        if not (self.state / "devices").is_dir():
            raise SetupError(NO_SERVER)
        handle = os.open(self.state / "devices", os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def identities(self) -> Identities:
        """Return who was enrolled."""
        return Identities.load(self.identities_file)

    def save_identities(self, identities: Identities) -> None:
        """Write who was enrolled, and what that means for Mosquitto."""
        acl = self.state / "mosquitto" / "acl"
        identities.save(self.identities_file)
        text = mosquitto.acl(identities, legacy.listed(self.settings())).encode()
        write_if_new(acl, text)  # Mosquitto reads it again where it was written
        for path in (self.identities_file, acl):
            self.hand_over(path)

    def authority(self) -> Certificate:
        """Return the authority; raise SetupError when it is not here."""
        folder = self.state / "ca"
        try:
            return Certificate((folder / "ca.key").read_bytes(), (folder / "ca.crt").read_bytes())
        except FileNotFoundError as error:
            raise SetupError(
                f"{error.filename} is missing: without the authority nobody can be enrolled; restore it from a backup, "
                "or start anew with make init, after which every camera has to be enrolled again"
            ) from error

    def ensure_authority(self, name: str, now: dt.datetime) -> bool:
        """Make the authority if there is none; return whether it was made."""
        folder = self.state / "ca"
        if (folder / "ca.key").exists():
            return False
        made = authority.new_authority(name, now)
        write_private(folder / "ca.crt", made.certificate_pem)
        write_private(folder / "ca.key", made.key_pem)
        return True

    def services_with_certificate(self) -> set[str]:
        """Return the services that have been given one."""
        issued = (self.state / "server").glob("*/*.crt")
        return {path.parent.name for path in issued if path.name != "ca.crt"}

    def ensure_services(self, hosts: Sequence[str], now: dt.datetime, *, renew: bool = False) -> list[str]:
        """Issue what services lack, or all with *renew*; no key is ever overwritten. Return whose is new."""
        signer = self.authority()
        renewed = self.ensure_clients(now, renew=renew)
        for service, name in SERVERS.items():
            folder = self.state / "server" / service
            write_if_new(folder / "ca.crt", signer.certificate_pem)
            wanted = (*hosts, *(host for host in (service, *INSIDE) if host not in hosts))
            as_client = service == "kafka"  # which speaks to itself
            if _ensure(signer, folder, "server", name, wanted, now, as_client=as_client, renew=renew):
                renewed.append(service)
        kafka = self.state / "server" / "kafka"
        bundle = (
            (kafka / "server.key").read_bytes() + (kafka / "server.crt").read_bytes() + signer.certificate_pem
        )
        write_private(kafka / "server.pem", bundle)
        return sorted(set(renewed))

    def ensure_clients(self, now: dt.datetime, *, renew: bool = False) -> list[str]:
        """Issue what services lack that reach the brokers, or all with *renew*. Return whose is new."""
        signer = self.authority()
        renewed = []
        for service, name in CLIENTS.items():
            folder = self.state / "server" / service
            write_if_new(folder / "ca.crt", signer.certificate_pem)
            if _ensure(signer, folder, "client", name, (), now, as_client=True, renew=renew):
                renewed.append(service)
        return renewed


def _ensure(
    signer: Certificate,
    folder: Path,
    role: str,
    name: str,
    hosts: Sequence[str],
    now: dt.datetime,
    *,
    as_client: bool,
    renew: bool,
) -> bool:
    key, certificate = folder / f"{role}.key", folder / f"{role}.crt"
    present = key.exists() and certificate.exists()
    same = present and (not hosts or set(authority.hosts_of(certificate.read_bytes())) == set(hosts))
    if same and not renew:
        return False
    issued = authority.issue(
        signer,
        name,
        now,
        hosts=hosts,
        as_client=as_client,
        key_pem=key.read_bytes() if key.exists() else None,
    )
    write_private(key, issued.key_pem)
    write_private(certificate, issued.certificate_pem)
    return True


def message_max_bytes(settings: Mapping[str, str]) -> int:
    """Return the largest message that brokers take."""
    return _size(settings, "KAFKA_MESSAGE_MAX_BYTES", str(MESSAGE_MAX_BYTES))


def disk_max_bytes(settings: Mapping[str, str]) -> int:
    """Return how much of the disk Kafka may fill."""
    return _size(settings, "KAFKA_DISK_MAX", DISK_MAX)


def _size(settings: Mapping[str, str], name: str, default: str) -> int:
    text = settings.get(name, "").strip() or default
    try:
        return int(read_bytes(text))
    except ValueError as error:
        raise SetupError(f"{name}={text!r}: {error}") from error
