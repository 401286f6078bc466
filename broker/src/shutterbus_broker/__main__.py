"""Sets up the brokers, and runs the demo."""

import argparse
import datetime as dt
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from shutterbus_broker.errors import SetupError
from shutterbus_transport.settings import BrokerSettings, Tls
from shutterbus_wire.errors import WireError
from shutterbus_wire.identity import check_camera

if TYPE_CHECKING:
    from shutterbus_broker.installation import Installation


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; what stands in its way is said in a sentence, with exit code 1."""
    parser = argparse.ArgumentParser(prog="shutterbus-broker", description=__doc__)
    parser.add_argument("--version", action="version", version=version("shutterbus-broker"))
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("demo", help="a broker, three cameras and the viewer on this machine")
    topics = commands.add_parser("topics", help="create the Kafka topics of cameras, or correct them")
    topics.add_argument("cameras", nargs="+", metavar="CAMERA")
    topics.add_argument(
        "--brokers", required=True, metavar="HOST:PORT", help="the Kafka broker, several with commas"
    )
    topics.add_argument(
        "--ca", type=Path, metavar="FILE", help="who may vouch for the broker (PEM); means TLS"
    )
    topics.add_argument("--cert", type=Path, metavar="FILE", help="our certificate (PEM)")
    topics.add_argument("--key", type=Path, metavar="FILE", help="its private key (PEM)")
    _add_server_commands(commands)
    chosen = parser.parse_args(arguments)
    try:
        match chosen.command:
            case "demo":
                from shutterbus_broker import demo

                return demo.run(os.environ, say)
            case "topics":
                return _topics(chosen)
            case _:
                return _server(chosen)
    except SetupError as error:
        print(f"shutterbus-broker: {error}", file=sys.stderr)
        return 1


def _add_server_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    def add(name: str, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "--project", type=Path, default=Path(), metavar="FOLDER", help="where state/ and .env are"
        )
        return command

    init = add("init", "make certificates, a password and .env for a server, or complete them")
    init.add_argument("--host", metavar="NAMES", help="names and addresses the cameras reach the server by")
    add("refresh", "write what the brokers read anew, from .env and who is enrolled; make up does this first")
    for name, text in (
        ("enroll", "give a camera or reader an identity, and end the one it had"),
        ("revoke", "take all rights away from a camera or reader"),
    ):
        command = add(name, text)
        who = command.add_mutually_exclusive_group(required=True)
        who.add_argument("--camera", metavar="NAME")
        who.add_argument("--reader", metavar="NAME", help="a person or program that only looks")
        if name == "enroll":
            who.add_argument(
                "--from", dest="file", metavar="CSV", help="many cameras, one a line; - reads them"
            )
            command.add_argument(
                "--image",
                type=Path,
                metavar="FILE",
                help="what docker save wrote of the edge's image, to go along",
            )
    add("clear", "have Mosquitto forget what a camera left in it; make revoke does").add_argument(
        "--camera", metavar="NAME", required=True
    )
    add("renew", "renew the certificates of the services; those of cameras by enrolling them again")
    add("backup", "write what cannot be made again into one file")
    tune = add("tune", "set how large a message may be, put it back, or verify that the largest passes")
    tune.add_argument("size", choices=("4k", "default", "back", "verify"))
    doctor = add("doctor", "say what keeps the server from its work, and what puts it right")
    doctor.add_argument("--json", action="store_true", help="the same for programs")
    doctor.add_argument(
        "--inside", action="store_true", help="we are on the network that Compose makes, as under make doctor"
    )
    doctor.add_argument(
        "--containers",
        type=Path,
        metavar="FILE",
        help="what docker inspect says of them, - for standard input",
    )
    add("tail", "print a line for each message on both brokers, until interrupted")
    keep = add(
        "keep", "apply who is enrolled to Kafka, now and at every change (what the set-up service runs)"
    )
    keep.add_argument("--done", type=Path, default=Path("/tmp/done"), help="made once Kafka agrees")  # noqa: S108  in its container nobody else writes there


def _server(chosen: argparse.Namespace) -> int:
    from shutterbus_broker import apply, backup, enroll, initialise, renew, retained, tail, tune
    from shutterbus_broker.installation import Installation

    installation = Installation(chosen.project.absolute())
    now = dt.datetime.now(dt.UTC)
    try:
        match chosen.command:
            case "init":
                initialise.run(installation.project, chosen.host, say, now)
            case "refresh":
                initialise.refresh(installation, say)
            case "enroll" if chosen.reader:
                enroll.enroll(installation, "readers", (chosen.reader,), say, now)
            case "enroll":
                names = _cameras_in(chosen.file) if chosen.file else (chosen.camera,)
                enroll.enroll(installation, "cameras", names, say, now, chosen.image)
            case "revoke" if chosen.camera:
                enroll.revoke(installation, "cameras", chosen.camera, say)
            case "revoke":
                enroll.revoke(installation, "readers", chosen.reader, say)
            case "clear":
                retained.clear(installation, check_camera(chosen.camera), say)
            case "renew":
                renew.run(installation, say, now)
            case "backup":
                say(
                    f"Wrote {backup.run(installation, now).name}; it holds the authority's key: keep it where nobody reads it"
                )
            case "tune" if chosen.size == "verify":
                tune.verify(installation, say)
            case "tune" if chosen.size == "back":
                tune.put_back(installation, say)
            case "tune":
                tune.set_size(installation, chosen.size, say)
            case "doctor":
                return _doctor(chosen, installation, now)
            case "tail":
                tail.run(installation, say)
            case "keep":
                apply.keep(installation, chosen.done, say)
            case _:
                raise AssertionError(chosen.command)
    except WireError as error:
        raise SetupError(str(error)) from error
    except OSError as error:
        raise SetupError(f"{error.filename}: {(error.strerror or str(error)).lower()}") from error
    return 0


def _doctor(chosen: argparse.Namespace, installation: "Installation", now: dt.datetime) -> int:
    from shutterbus_broker.doctor import CheckContext, containers, run_doctor
    from shutterbus_runtime.checks import exit_code, report_json

    if chosen.containers:
        found = sys.stdin.read() if str(chosen.containers) == "-" else chosen.containers.read_text("utf-8")
        known = containers.read(found) if found.strip() else None
    else:
        known = None if chosen.inside else containers.ask(installation.project)
    lines = []
    for line in run_doctor(CheckContext(installation, now, inside=chosen.inside, containers=known)):
        lines.append(line)
        if not chosen.json:
            say(line.text(colour=sys.stdout.isatty()))
    if chosen.json:
        say(report_json(lines))
    return exit_code(lines)


def _cameras_in(file: str) -> tuple[str, ...]:
    from shutterbus_broker.enroll import names_in

    if file == "-":
        return names_in(sys.stdin, "what came in")
    with Path(file).open(encoding="utf-8-sig") as lines:
        return names_in(lines, file)


def _topics(chosen: argparse.Namespace) -> int:
    from shutterbus_broker.kafka_admin import kafka_admin
    from shutterbus_broker.topics import ensure_topics

    tls = (
        Tls(ca_certs=chosen.ca, certfile=chosen.cert, keyfile=chosen.key)
        if chosen.ca or chosen.cert
        else None
    )
    try:
        cameras = [check_camera(name) for name in chosen.cameras]
        settings = BrokerSettings.model_validate({"type": "kafka", "tls": tls, "brokers": chosen.brokers})
        with kafka_admin(settings) as admin:
            for sentence in ensure_topics(admin, cameras):
                say(sentence)
    except ValidationError as error:
        raise SetupError(
            "; ".join(f"--{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors())
        ) from error
    except WireError as error:
        raise SetupError(str(error)) from error
    return 0


def say(sentence: str) -> None:
    """Tell the person at the terminal, at once also where it is a pipe."""
    print(sentence, flush=True)


if __name__ == "__main__":
    sys.exit(main())
