"""The sub-commands that look after an archive: what each takes stands here, what it does in a module of its name.

Those modules are loaded when they are asked for: a health check every few seconds has no use for a database.
"""

import argparse
from importlib import import_module
from typing import TypeAlias

from shutterbus_runtime.command_line import Command, Commands

Actions: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 (it has no public name)


def register(commands: Commands) -> None:
    """Add them to *commands*."""
    _add_audit(commands)
    _add_rebuild(commands)
    _add_quarantine(commands)


def _add_audit(commands: Commands) -> None:
    parser = commands.add(
        "audit",
        _later("audit"),
        "Compare catalog and store; exit with 1 if a picture is missing or damaged. Changes nothing; the archive may run.",
        json=True,
    )
    depth = parser.add_mutually_exclusive_group()
    for name, description in (
        ("sizes", "also compare the size of each file"),
        ("content", "read every file: compare its checksum, and the identity in its EXIF"),
    ):
        depth.add_argument(f"--{name}", dest="depth", action="store_const", const=name, help=description)
    parser.set_defaults(depth="presence")


def _add_rebuild(commands: Commands) -> None:
    parser = commands.add(
        "rebuild",
        _later("rebuild"),
        "Make the catalog anew from the files of the store; the old one is set aside. The archive must not run.",
    )
    parser.add_argument(
        "--since",
        metavar="DATE",
        type=_day,
        help="only add files of that UTC day and later ones, 2026-11-27, to the catalog that is there",
    )


def _add_quarantine(commands: Commands) -> None:
    listing = _later("quarantine", "list_messages")
    parser = commands.add(
        "quarantine",
        listing,
        "List the messages that could not be used, or see to one. The archive may run.",
        json=True,
    )
    parser.set_defaults(camera=None)
    actions = parser.add_subparsers(metavar="ACTION")
    listed = _action(actions, "list", listing, "Print a line for each, oldest first.")
    listed.add_argument("--camera", help="only those of this camera")
    shown = _action(actions, "show", _later("quarantine", "show"), "Print all that is known of one.")
    shown.add_argument("number", metavar="ID", type=int)
    released = _action(
        actions,
        "release",
        _later("quarantine", "release_messages"),
        "Put messages through again, without the check that refused them.",
    )
    released.add_argument("numbers", metavar="ID", type=int, nargs="+")
    dropped = _action(actions, "drop", _later("quarantine", "drop"), "Remove messages for good.")
    dropped.add_argument("numbers", metavar="ID", type=int, nargs="+")


def _action(actions: Actions, name: str, command: Command, description: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=description, description=description)
    parser.set_defaults(command=command)
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser


def _day(text: str) -> str:
    from shutterbus_archive.store.layout import is_day

    if not is_day(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no day: 2026-11-27 is expected")
    return text


def _later(module: str, function: str = "run") -> Command:
    def run(options: argparse.Namespace) -> int:
        command: Command = getattr(import_module(f"{__name__}.{module}"), function)
        return command(options)

    return run
