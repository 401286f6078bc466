"""``enroll`` and ``revoke``: who may send pictures, and who may look at them."""

import csv
import datetime as dt
from collections.abc import Callable, Iterable
from pathlib import Path

from shutterbus_broker import apply, authority, disk, enrollment_bundle, memory, reader_bundle
from shutterbus_broker.errors import SetupError, UnreachableError
from shutterbus_broker.identities import Kind
from shutterbus_broker.installation import Installation
from shutterbus_wire.identity import check_camera

Say = Callable[[str], None]


def enroll(
    installation: Installation,
    kind: Kind,
    names: tuple[str, ...],
    say: Say,
    now: dt.datetime,
    image: Path | None = None,
) -> list[Path]:
    """Give each of *names* a new identity, end the one it had, and return the files with all that they need.

    A camera's file also holds *image*, what ``docker save`` wrote of the edge, where one is given. Unpacked over what an
    earlier one became, it would replace the settings made there; what is said names the command that keeps them.
    """
    image_name = enrollment_bundle.image_name(image) if image else None
    with installation.lock():
        signer = installation.authority()
        identities = installation.identities()
        for name in names:
            identities = identities.enrolled(kind, name)
        settings = installation.settings()
        if "kafka" in installation.profiles():
            disk.of(identities, settings)  # refused before anything has changed
        memory.check(identities, settings)
        server = enrollment_bundle.Server.of(installation)
        installation.save_identities(identities)
        written = []
        for name in names:
            issued = authority.issue(signer, identities.certificate_name(kind, name), now, as_client=True)
            contents = enrollment_bundle.keys(name, issued, signer)
            target = installation.project / f"{name}.tar"
            if kind == "cameras":
                contents |= enrollment_bundle.camera_files(installation, server, name, image_name)
                enrollment_bundle.pack(target, name, contents, image, now, enrollment_bundle.FOLDERS)
            else:
                contents |= reader_bundle.files(installation, server, name)
                enrollment_bundle.pack(target, name, contents, None, now)
            installation.hand_over(target)
            written.append(target)
            say(
                f"{identities.certificate_name(kind, name)} is enrolled; {target.name} holds its private key: "
                "keep it only where it is used"
            )
            if kind == "cameras" and identities.cameras[name].number > 1:
                sources = " ".join(f"{name}/{source}" for source in enrollment_bundle.SOURCES)
                say(
                    f"Where {name} has its folder already, this renews the source and keeps the settings in it: "
                    f"rm -rf {sources} && tar -xpf {target.name} --exclude {name}/.env"
                )
        if image and kind == "cameras":
            say(
                f"Where it is unpacked, once before the first start: docker load -i {enrollment_bundle.IMAGE_FILE} "
                f"(an .env that is kept needs EDGE_IMAGE={image_name})"
            )
        _tell_kafka(installation, say)
    return written


def revoke(installation: Installation, kind: Kind, name: str, say: Say) -> None:
    """Take all rights away from *name*, on connections that are open as well."""
    with installation.lock():
        identities = installation.identities().revoked(kind, name)
        installation.save_identities(identities)
        _tell_kafka(installation, say)
    say(f"{identities.certificate_name(kind, name)} may do nothing any more")


def _tell_kafka(installation: Installation, say: Say) -> None:
    if "kafka" not in installation.profiles():
        return
    try:
        apply.to_kafka(installation, say, timeout_s=10)
    except UnreachableError as error:
        say(f"Kafka does not run now ({error}); it will follow when it starts")


def names_in(lines: Iterable[str], where: str) -> tuple[str, ...]:
    """Return the cameras in a CSV file: its column ``camera``, or its first where none is called so."""
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{where} cannot be read: {error}") from error
    rows = [row for row in rows if row and row[0] and not row[0].startswith("#")]
    column = rows[0].index("camera") if rows and "camera" in rows[0] else None
    names = [row[column or 0] for row in rows[(column is not None) :] if len(row) > (column or 0)]
    if not names:
        raise SetupError(f"{where} names no camera; write one a line")
    # All before the first is enrolled, so that a misspelt line leaves nothing half done.
    return tuple(dict.fromkeys(check_camera(name) for name in names))
