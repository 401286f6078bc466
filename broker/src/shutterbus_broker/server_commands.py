"""The sub-commands that set up a server and look after it; each works on the folder that holds its state/ and .env.

What a sub-command needs is imported when it runs: most are called by make, one after the other, on a small machine.
"""

import argparse
import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shutterbus_broker.errors import SetupError
from shutterbus_runtime.command_line import Command, Commands, print_report, say
from shutterbus_wire.errors import WireError
from shutterbus_wire.identity import check_camera

if TYPE_CHECKING:
    from shutterbus_broker.installation import Installation

ServerCommand = Callable[[argparse.Namespace, "Installation"], int | None]


def add_server_commands(commands: Commands) -> None:
    def add(name: str, command: ServerCommand, text: str, *, json: bool = False) -> argparse.ArgumentParser:
        added = commands.add(name, _on_server(command), text, json=json)
        added.add_argument(
            "--project", type=Path, default=Path(), metavar="FOLDER", help="where state/ and .env are"
        )
        return added

    init = add("init", _init, "make certificates, a password and .env for a server, or complete them")
    init.add_argument("--host", metavar="NAMES", help="names and addresses the cameras reach the server by")
    add(
        "refresh",
        _refresh,
        "write what the brokers read anew, from .env and who is enrolled; make up does this first",
    )
    enroll = add("enroll", _enroll, "give a camera or reader an identity, and end the one it had")
    _add_who(enroll).add_argument(
        "--from", dest="file", metavar="CSV", help="many cameras, one a line; - reads them"
    )
    enroll.add_argument(
        "--image", type=Path, metavar="FILE", help="what docker save wrote of the edge's image, to go along"
    )
    _add_who(add("revoke", _revoke, "take all rights away from a camera or reader"))
    clear = add("clear", _clear, "have Mosquitto forget what a camera left in it; make revoke does")
    clear.add_argument("--camera", metavar="NAME", required=True)
    add("renew", _renew, "renew the certificates of the services; those of cameras by enrolling them again")
    add(
        "backup",
        _backup,
        "write what cannot be made again into one file, and the archive's catalog into another",
    )
    tune = add(
        "tune", _tune, "set how large a message may be, put it back, or verify that the largest passes"
    )
    tune.add_argument("size", choices=("4k", "default", "back", "verify"))
    doctor = add("doctor", _doctor, "check the server, and say how to fix what is wrong", json=True)
    doctor.add_argument(
        "--inside", action="store_true", help="we are on the network that Compose makes, as under make doctor"
    )
    doctor.add_argument(
        "--containers",
        type=Path,
        metavar="FILE",
        help="what docker inspect says of them, - for standard input",
    )
    add("tail", _tail, "print a line for each message on both brokers, until interrupted")
    keep = add(
        "reconcile",
        _keep,
        "apply who is enrolled to Kafka, now and at every change (what the set-up service runs)",
    )
    keep.add_argument("--done", type=Path, default=Path("/tmp/done"), help="made once Kafka agrees")  # noqa: S108  in its container nobody else writes there


def _add_who(command: argparse.ArgumentParser) -> "argparse._MutuallyExclusiveGroup":
    who = command.add_mutually_exclusive_group(required=True)
    who.add_argument("--camera", metavar="NAME")
    who.add_argument("--reader", metavar="NAME", help="a person or program that only looks")
    return who


def _on_server(command: ServerCommand) -> Command:
    """Return *command* with the server that it is about, its errors as sentences."""

    def run(chosen: argparse.Namespace) -> int:
        from shutterbus_broker.installation import Installation

        try:
            return command(chosen, Installation(chosen.project.absolute())) or 0
        except WireError as error:
            raise SetupError(str(error)) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise SetupError(f"{where}{(error.strerror or str(error)).lower()}") from error

    return run


def _init(chosen: argparse.Namespace, installation: "Installation") -> None:
    from shutterbus_broker import initialise

    initialise.run(installation.project, chosen.host, say, _now())


def _refresh(_: argparse.Namespace, installation: "Installation") -> None:
    from shutterbus_broker import initialise

    initialise.refresh(installation, say, _now())


def _enroll(chosen: argparse.Namespace, installation: "Installation") -> None:
    from shutterbus_broker import enroll

    if chosen.reader:
        enroll.enroll(installation, "readers", (chosen.reader,), say, _now())
        return
    names = _cameras_in(chosen.file) if chosen.file else (chosen.camera,)
    enroll.enroll(installation, "cameras", names, say, _now(), chosen.image)


def _revoke(chosen: argparse.Namespace, installation: "Installation") -> None:
    from shutterbus_broker import enroll

    if chosen.camera:
        enroll.revoke(installation, "cameras", chosen.camera, say)
    else:
        enroll.revoke(installation, "readers", chosen.reader, say)


def _clear(chosen: argparse.Namespace, installation: "Installation") -> None:
    from shutterbus_broker import retained

    retained.clear(installation, check_camera(chosen.camera), say)


def _renew(_: argparse.Namespace, installation: "Installation") -> None:
    from shutterbus_broker import renew

    renew.run(installation, say, _now())


def _backup(_: argparse.Namespace, installation: "Installation") -> None:
    from shutterbus_broker import backup

    now = _now()
    name = backup.run(installation, now).name
    say(f"Wrote {name}; it holds the authority's key: keep it where nobody reads it")
    if catalog := backup.copy_catalog(installation, now):
        say(
            f"Wrote {catalog.name}, the archive's catalog; its pictures are copied by other means: docs/archive.md"
        )


def _tune(chosen: argparse.Namespace, installation: "Installation") -> None:
    from shutterbus_broker import tune

    match chosen.size:
        case "verify":
            tune.verify(installation, say)
        case "back":
            tune.put_back(installation, say)
        case size:
            tune.set_size(installation, size, say)


def _doctor(chosen: argparse.Namespace, installation: "Installation") -> int:
    from shutterbus_broker.doctor import CheckContext, containers, run_doctor

    if chosen.containers:
        inspect_output = (
            sys.stdin.read() if str(chosen.containers) == "-" else chosen.containers.read_text("utf-8")
        )
        known = containers.read(inspect_output) if inspect_output.strip() else None
    else:
        known = None if chosen.inside else containers.ask(installation.project)
    context = CheckContext(installation, _now(), inside=chosen.inside, containers=known)
    return print_report(run_doctor(context), as_json=chosen.json)


def _tail(_: argparse.Namespace, installation: "Installation") -> None:
    from shutterbus_broker import tail

    tail.run(installation, say)


def _keep(chosen: argparse.Namespace, installation: "Installation") -> None:
    from shutterbus_broker import apply

    apply.reconcile(installation, chosen.done, say)


def _cameras_in(file: str) -> tuple[str, ...]:
    from shutterbus_broker.enroll import names_in

    if file == "-":
        return names_in(sys.stdin, "what came in")
    with Path(file).open(encoding="utf-8-sig") as lines:
        return names_in(lines, file)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
