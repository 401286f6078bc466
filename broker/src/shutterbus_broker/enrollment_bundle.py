"""The file that ``enroll`` writes for a camera: all that its machine needs beside Docker."""

import datetime as dt
import json
import os
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from shutterbus_broker import hosts
from shutterbus_broker.authority import Certificate
from shutterbus_broker.errors import SetupError
from shutterbus_broker.files import private_file
from shutterbus_broker.installation import Installation

SOURCES = ("edge", "wire", "runtime", "transport")
"""What an edge's image is built from; goes to the camera as it is."""
FILES = {
    "compose.edge.yml": "compose.yml",
    ".dockerignore": ".dockerignore",
    "docs/settings.md": "settings.md",
}
"""What else goes along, and what it is called there: ``compose.yml`` is what Compose reads, with its override, unasked."""
IMAGE_FILE = "edge-image.tar.gz"
FOLDERS = ("media",)
"""Empty, and the user's own: what Docker makes for a mount is root's."""
_NOT_SOURCE = {"__pycache__", ".venv", ".mypy_cache", ".ruff_cache"}


@dataclass(frozen=True, slots=True)
class Server:
    """Where the device finds its server.

    Attributes:
        name: The server's own, in brackets if it is an IPv6 address.
        address: For those who cannot look the name up; empty if there is none.
    """

    name: str
    address: str

    @classmethod
    def of(cls, installation: Installation) -> "Server":
        """Return what ``.env`` says."""
        settings = installation.settings()
        if not (name := settings.get("SERVER_NAME", "")):
            raise SetupError("SERVER_NAME is missing in .env; make init writes it")
        known = hosts.parse(settings.get("HOST") or name)
        return cls(name, next((host for host in known if hosts.is_address(host)), ""))


def keys(name: str, issued: Certificate, signer: Certificate) -> dict[str, bytes]:
    """Return what proves who the device is."""
    return {
        "secrets/ca.crt": signer.certificate_pem,
        f"secrets/{name}.crt": issued.certificate_pem,
        f"secrets/{name}.key": issued.key_pem,
    }


def camera_files(
    installation: Installation, server: Server, camera: str, image_name: str | None
) -> dict[str, bytes]:
    """Return settings, compose file and sources for *camera*."""
    transport = "kafka" if "kafka" in installation.profiles() else "mqtt"
    lines = [
        f"# {camera}, enrolled at {server.name}. See settings.md for all that can be set here.",
        "CAMERA_SOURCE=picamera2",
        "SCHEDULE=10",
        f"TZ={installation.settings().get('TZ') or os.environ.get('TZ') or 'UTC'}",
        "",
        f"CAMERA_ID={camera}",
        f"SS_TYPE={transport}",
        f"SS_BROKERS={server.name}:{9093 if transport == 'kafka' else 8883}",
        "SS_TLS__CA_CERTS=/run/secrets/ca.crt",
        f"SS_TLS__CERTFILE=/run/secrets/{camera}.crt",
        f"SS_TLS__KEYFILE=/run/secrets/{camera}.key",
    ]
    if server.address and not hosts.is_address(server.name.strip("[]")):
        lines += [
            "# For a network whose name servers do not know the server.",
            f"SERVER_NAME={server.name}",
            f"SERVER_ADDRESS={server.address}",
        ]
    if image_name:
        lines += [f"# Once, before the first start: docker load -i {IMAGE_FILE}", f"EDGE_IMAGE={image_name}"]
    files = {
        ".env": ("\n".join(lines) + "\n").encode(),
        "README.txt": _camera_readme(camera, image_name).encode(),
    }
    for ours, theirs in FILES.items():
        if (path := installation.project / ours).exists():
            files[theirs] = path.read_bytes()
    for source in SOURCES:
        for path in sorted((installation.project / source).rglob("*")):
            inner = path.relative_to(installation.project)
            if path.is_file() and not _NOT_SOURCE & set(inner.parts):
                files[str(inner)] = path.read_bytes()
    return files


def _camera_readme(camera: str, image_name: str | None) -> str:
    load = f"docker load -i {IMAGE_FILE}            once, before the first start\n" if image_name else ""
    return f"""The folder of one camera, {camera}. On its machine, in this folder:

{load}docker compose up -d                         start it; also after a change of .env
docker compose run --rm edge doctor          check it, and say how to fix what is wrong
docker compose logs -f                       follow what it says
docker compose down                          stop it; the pictures that wait stay

.env       its settings; settings.md explains all of them
secrets    its certificate and private key: keep them here only
media      films and pictures to play as a camera: CAMERA_SOURCE=file:/media/film.mp4
"""


def image_name(image: Path) -> str:
    """Return what the image in *image* is called; raise SetupError if there is none in it."""
    try:
        with tarfile.open(image) as tar:
            manifest = tar.extractfile("manifest.json")
            assert manifest is not None
            name: str = json.load(manifest)[0]["RepoTags"][0]
    except (OSError, tarfile.TarError, KeyError, ValueError, IndexError, TypeError) as error:
        raise SetupError(f"{image} is no image that docker save wrote: {error}") from error
    return name


def pack(
    target: Path,
    folder: str,
    files: Mapping[str, bytes],
    image: Path | None,
    now: dt.datetime,
    extra_folders: Iterable[str] = (),
) -> None:
    """Write *files*, and *image* if there is one, into a tar that unpacks into *folder*, with empty *extra_folders*."""

    def entry(name: str, mode: int, size_bytes: int = 0) -> tarfile.TarInfo:
        made = tarfile.TarInfo(f"{folder}/{name}".rstrip("/"))
        made.mode, made.size, made.mtime = mode, size_bytes, int(now.timestamp())
        return made

    folders = {str(parent) for path in files for parent in Path(path).parents} - {"."}
    folders.update(extra_folders)
    with private_file(target) as file, tarfile.open(fileobj=file, mode="w") as tar:
        for name in ("", *sorted(folders)):
            made = entry(name, 0o700 if name in {"", "secrets"} else 0o755)
            made.type = tarfile.DIRTYPE
            tar.addfile(made)
        for name, data in files.items():
            secret = name.startswith("secrets/") or name == ".env"
            tar.addfile(entry(name, 0o600 if secret else 0o644, len(data)), BytesIO(data))
        if image:
            with image.open("rb") as saved:
                tar.addfile(entry(IMAGE_FILE, 0o644, image.stat().st_size), saved)
