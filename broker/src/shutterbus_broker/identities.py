"""Who has ever been given a certificate, and who of them still has rights.

A name is never used twice: ``gate.2`` follows ``gate.1``, whatever happened to that, so what is stolen stays worthless when the
camera is enrolled again. Cameras' names have no dot, so none of them can be spelt like a service or a reader.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from shutterbus_broker.errors import SetupError
from shutterbus_broker.files import write_private
from shutterbus_wire.identity import check_camera
from shutterbus_wire.names import (
    MQTT_PREFIX,
    MqttRight,
    Rights,
    archive_rights,
    device_rights,
    doctor_rights,
    reader_rights,
)

Kind = Literal["cameras", "readers"]
ADMIN = "admin.service"
KAFKA = "kafka.service"
MOSQUITTO = "mosquitto.service"
VIEWER = "viewer.service"
ARCHIVE = "archive.service"
DOCTOR = "doctor.service"
NO_RIGHTS = Rights(kafka=(), mqtt=())


def counted(cameras: int) -> str:
    """Return how many *cameras* there are, in words."""
    return f"{cameras} camera{'' if cameras == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The newest certificate of a camera or reader."""

    number: int
    active: bool


@dataclass(frozen=True, slots=True)
class Identities:
    """All enrolments, by name."""

    cameras: Mapping[str, Enrolment]
    readers: Mapping[str, Enrolment]

    @classmethod
    def load(cls, path: Path) -> "Identities":
        """Return what the file says; nobody when it is missing."""
        if not path.exists():
            return cls({}, {})
        try:
            document = json.loads(path.read_text("utf-8"))
            kinds = ("cameras", "readers")
            return cls(
                *({name: Enrolment(**entry) for name, entry in document[kind].items()} for kind in kinds)
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SetupError(f"{path} is damaged ({error}); restore it from a backup") from error

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        document = {
            kind: {
                name: {"number": entry.number, "active": entry.active}
                for name, entry in sorted(entries.items())
            }
            for kind, entries in (("cameras", self.cameras), ("readers", self.readers))
        }
        write_private(path, (json.dumps(document, indent=1) + "\n").encode())

    def enrolled(self, kind: Kind, name: str) -> "Identities":
        """Return these with a new enrolment of *name* in place of the one it had."""
        check_camera(name)
        before = self._of(kind).get(name)
        return self._with(kind, name, Enrolment(before.number + 1 if before else 1, active=True))

    def revoked(self, kind: Kind, name: str) -> "Identities":
        """Return these without rights for *name*; raise SetupError when there is none of that name."""
        before = self._of(kind).get(name)
        if before is None:
            known = ", ".join(sorted(self._of(kind))) or "none"
            raise SetupError(f"There is no {kind[:-1]} {name!r}; enrolled: {known}")
        return self._with(kind, name, replace(before, active=False))

    def certificate_name(self, kind: Kind, name: str) -> str:
        """Return the name in the newest certificate: ``gate.2``, or ``nas.reader.1``."""
        number = self._of(kind)[name].number
        return f"{name}.{number}" if kind == "cameras" else f"{name}.reader.{number}"

    @property
    def active_cameras(self) -> tuple[str, ...]:
        """The cameras that may send."""
        return tuple(sorted(name for name, entry in self.cameras.items() if entry.active))

    def rights(self) -> Iterator[tuple[str, Rights]]:
        """Yield who may do what: services, then cameras, then readers. Who is not here may do nothing."""
        # On Kafka it is a super user. On Mosquitto it clears what a revoked camera left.
        yield ADMIN, Rights(kafka=(), mqtt=(*reader_rights().mqtt, MqttRight("write", f"{MQTT_PREFIX}#")))
        yield VIEWER, reader_rights()
        yield ARCHIVE, archive_rights()
        yield DOCTOR, doctor_rights()
        for name in self.active_cameras:
            yield self.certificate_name("cameras", name), device_rights(name)
        for name, entry in sorted(self.readers.items()):
            if entry.active:
                yield self.certificate_name("readers", name), reader_rights(group_prefix=f"{name}.")

    def _of(self, kind: Kind) -> Mapping[str, Enrolment]:
        return self.cameras if kind == "cameras" else self.readers

    def _with(self, kind: Kind, name: str, entry: Enrolment) -> "Identities":
        entries = {**self._of(kind), name: entry}
        return replace(self, cameras=entries) if kind == "cameras" else replace(self, readers=entries)
