"""``enroll`` and ``revoke``: who may send pictures, and who may look at them."""

import csv
import datetime as dt
import io
import ipaddress
import os
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

from shutterbus_broker import apply, authority, hosts
from shutterbus_broker.authority import Certificate
from shutterbus_broker.errors import SetupError, UnreachableError
from shutterbus_broker.files import write_private
from shutterbus_broker.identities import Identities, Kind
from shutterbus_broker.installation import Installation
from shutterbus_wire.identity import check_camera

Say = Callable[[str], None]
SOURCES = ("edge", "wire")
"""What an edge's image is built from; goes to the camera as it is."""
COMPOSE_FILE = "compose.edge.yml"
_NOT_SOURCE = {"__pycache__", ".venv", ".mypy_cache", ".ruff_cache"}


def enroll(there: Installation, kind: Kind, name: str, say: Say, now: dt.datetime) -> Path:
    """Give *name* a new identity, end the one it had, and return the file with all that it needs."""
    with there.lock():
        signer = there.authority()
        identities = there.identities().enrolled(kind, name)
        certificate_name = identities.certificate_name(kind, name)
        issued = authority.issue(signer, certificate_name, now, as_client=True)
        _save(there, identities, say)
        if kind == "cameras":
            contents = {**_camera_files(there, name), **_keys(name, issued, signer)}
        else:
            contents = {**_reader_files(there, name), **_keys(name, issued, signer)}
        target = there.project / f"{name}.tar"
        write_private(target, _tar(name, contents, now))
        hand_over(there, target)
    say(f"{certificate_name} is enrolled; {target.name} holds its private key: keep it only where it is used")
    return target


def revoke(there: Installation, kind: Kind, name: str, say: Say) -> None:
    """Take all rights away from *name*, on connections that are open as well."""
    with there.lock():
        identities = there.identities().revoked(kind, name)
        _save(there, identities, say)
    say(f"{identities.certificate_name(kind, name)} may do nothing any more")


def _save(there: Installation, identities: Identities, say: Say) -> None:
    there.save_identities(identities)
    if os.getuid() == 0:
        hand_over(there, there.identities_file)
        hand_over(there, there.state / "mosquitto" / "acl")
    if not apply.uses_kafka(there):
        return
    try:
        apply.to_kafka(there, say, timeout_s=10)
    except UnreachableError as error:
        say(f"Kafka does not run now ({error}); it will follow when it starts")


def hand_over(there: Installation, path: Path) -> None:
    """What root writes belongs to whom it is for: the services, or the person whose folder this is."""
    if os.getuid() == 0:
        for_services = path == there.env_file or path.is_relative_to(there.state)
        owner = (there.state / "devices" if for_services else there.project).stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _keys(name: str, issued: Certificate, signer: Certificate) -> dict[str, bytes]:
    return {
        "secrets/ca.crt": signer.certificate_pem,
        f"secrets/{name}.crt": issued.certificate_pem,
        f"secrets/{name}.key": issued.key_pem,
    }


def _address(settings: Mapping[str, str]) -> tuple[str, str]:
    """Return the server's own name, and an address for those who cannot look it up (empty if there is none)."""
    if not (name := settings.get("SERVER_NAME", "")):
        raise SetupError("SERVER_NAME is missing in .env; make init writes it")
    known = settings.get("HOST", name).split()
    return name, next((host for host in known if hosts.is_address(host)), "")


def _camera_files(there: Installation, camera: str) -> dict[str, bytes]:
    settings = there.settings()
    server, address = _address(settings)
    transport = "kafka" if apply.uses_kafka(there) else "mqtt"
    lines = [
        f"# {camera}, enrolled at {server}. See docs/settings.md for all that can be set here.",
        "CAMERA_SOURCE=picamera2",
        "SCHEDULE=10",
        f"TZ={settings.get('TZ') or os.environ.get('TZ') or 'UTC'}",
        "",
        f"CAMERA_ID={camera}",
        f"COMPOSE_FILE={COMPOSE_FILE}",
        f"SS_TYPE={transport}",
        f"SS_BROKERS={_bracketed(server)}:{9093 if transport == 'kafka' else 8883}",
        "SS_TLS__CA_CERTS=/run/secrets/ca.crt",
        f"SS_TLS__CERTFILE=/run/secrets/{camera}.crt",
        f"SS_TLS__KEYFILE=/run/secrets/{camera}.key",
    ]
    if address and not hosts.is_address(server):
        lines += [
            "# For a network whose name servers do not know the server.",
            f"SERVER_NAME={server}",
            f"SERVER_ADDRESS={address}",
        ]
    files = {".env": ("\n".join(lines) + "\n").encode()}
    if (compose := there.project / COMPOSE_FILE).exists():
        files[COMPOSE_FILE] = compose.read_bytes()
    for source in SOURCES:
        for path in sorted((there.project / source).rglob("*")):
            inner = path.relative_to(there.project)
            if path.is_file() and not _NOT_SOURCE & set(inner.parts):
                files[str(inner)] = path.read_bytes()
    return files


def names_in(path: Path) -> list[str]:
    """Return the cameras in a CSV file: its column ``camera``, or its first where none is called so."""
    try:
        rows = [
            [cell.strip() for cell in row] for row in csv.reader(path.read_text("utf-8-sig").splitlines())
        ]
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error
    rows = [row for row in rows if row and row[0] and not row[0].startswith("#")]
    column = rows[0].index("camera") if rows and "camera" in rows[0] else None
    names = [row[column or 0] for row in rows[(column is not None) :] if len(row) > (column or 0)]
    # All before the first is enrolled, so that a misspelt line leaves nothing half done.
    return [check_camera(name) for name in names]


def _reader_files(there: Installation, reader: str) -> dict[str, bytes]:
    server, _ = _address(there.settings())
    tls = f"-X security.protocol=ssl -X ssl.ca.location=secrets/ca.crt -X ssl.certificate.location=secrets/{reader}.crt"
    text = f"""Read-only access to all pictures of {server}. Run these in this folder.

kcat -b {_bracketed(server)}:9093 {tls} -X ssl.key.location=secrets/{reader}.key \\
    -t shutterbus.gate.frames -C -o -1 -c 1 > picture.jpg

mosquitto_sub -h {server} -p 8883 --cafile secrets/ca.crt --cert secrets/{reader}.crt --key secrets/{reader}.key \\
    -V 5 -q 1 -t 'shutterbus/gate/frames' -C 1 -N > picture.jpg

SINETStream, .sinetstream_config.yml (consumer groups must begin with "{reader}."):

camera:
  type: kafka
  brokers: {server}:9093
  topic: shutterbus.gate.frames
  group_id: {reader}.viewer
  consistency: AT_LEAST_ONCE
  tls:
    ca_certs: secrets/ca.crt
    certfile: secrets/{reader}.crt
    keyfile: secrets/{reader}.key
"""
    return {"README.txt": text.encode()}


def _bracketed(host: str) -> str:
    return f"[{host}]" if hosts.is_address(host) and ipaddress.ip_address(host).version == 6 else host


def _tar(folder: str, files: Mapping[str, bytes], now: dt.datetime) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in ("", *sorted({str(parent) for path in files for parent in Path(path).parents} - {"."})):
            entry = tarfile.TarInfo(f"{folder}/{name}".rstrip("/"))
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, int(now.timestamp())
            entry.mode = 0o700 if name in {"", "secrets"} else 0o755
            tar.addfile(entry)
        for name, data in files.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime = len(data), int(now.timestamp())
            entry.mode = 0o600 if name.startswith("secrets/") or name == ".env" else 0o644
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()
