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
    _add_erase(commands)
    _add_keep(commands)
    _add_adopt(commands)


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


def _add_erase(commands: Commands) -> None:
    parser = commands.add(
        "erase",
        _later("erase"),
        "Say what would be removed for good; with --yes remove it, and keep out what of it still comes. The archive may run.",
        json=True,
    )
    parser.add_argument(
        "ids", metavar="ID", nargs="*", help="<epoch>-<number>, or <epoch>-<first>..<last> for several"
    )
    parser.add_argument("--camera", help="all of this camera, or what it took within --from and --to")
    _add_times(parser)
    parser.add_argument("--reason", required=True, help="why; it is recorded")
    parser.add_argument("--yes", action="store_true", help="remove it")


def _add_keep(commands: Commands) -> None:
    listing = _later("keep", "list_keeps")
    parser = commands.add(
        "keep", listing, "List what retention leaves alone, or add to it. The archive may run.", json=True
    )
    actions = parser.add_subparsers(metavar="ACTION")
    _action(actions, "list", listing, "Print a line for each, oldest first.")
    added = _action(actions, "add", _later("keep", "add"), "Leave alone what a camera took within a time.")
    added.add_argument("--camera", required=True)
    _add_times(added, required=True)
    added.add_argument("--reason", default="", help="why; it is recorded")
    dropped = _action(actions, "drop", _later("keep", "drop"), "Leave it to retention again.")
    dropped.add_argument("ids", metavar="ID", nargs="+")


def _add_times(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    form = "2026-11-27T22:04:00Z, or a day, which begins at midnight UTC"
    parser.add_argument("--from", dest="from_us", metavar="TIME", type=_instant, required=required, help=form)
    parser.add_argument(
        "--to",
        dest="to_us",
        metavar="TIME",
        type=_instant,
        required=required,
        help="up to, and without, that time",
    )


def _instant(text: str) -> int:
    from shutterbus_wire import instant
    from shutterbus_wire.store_layout import is_day, start_of_day_us

    at_us = start_of_day_us(text) if is_day(text) else instant.parse(text)
    if at_us is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: 2026-11-27T22:04:00Z (with a zone) or 2026-11-27 is expected"
        )
    return at_us


def _add_adopt(commands: Commands) -> None:
    parser = commands.add(
        "adopt",
        _later("adopt"),
        "Take over a store that was copied, or that belongs to another catalog. The archive must not run.",
    )
    parser.add_argument("--yes", action="store_true", help="do it")


def _action(actions: Actions, name: str, command: Command, description: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=description, description=description)
    parser.set_defaults(command=command)
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser


def _day(text: str) -> str:
    from shutterbus_wire.store_layout import is_day

    if not is_day(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no day: 2026-11-27 is expected")
    return text


def _later(module: str, function: str = "run") -> Command:
    def run(options: argparse.Namespace) -> int:
        command: Command = getattr(import_module(f"{__name__}.{module}"), function)
        return command(options)

    return run
