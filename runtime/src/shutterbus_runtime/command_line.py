"""What the commands of all our programs have in common.

A program has sub-commands. Each returns its exit code; what stands in its way is a sentence on standard error and exit
code 1, never a traceback. ``--json`` prints the same for programs.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence

from shutterbus_runtime.checks import Line, exit_code, report_json
from shutterbus_runtime.settings import Loaded, SettingsError
from shutterbus_runtime.settings.loaded import Settings
from shutterbus_runtime.settings.text import listing, verdict_json

Command = Callable[[argparse.Namespace], int]


class Commands:
    """The sub-commands of one program."""

    def __init__(self, program: str, description: str, version: str) -> None:
        self._parser = argparse.ArgumentParser(prog=program, description=description)
        self._parser.add_argument("--version", action="version", version=f"{program} {version}")
        self._commands = self._parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        self, name: str, command: Command, description: str, *, json: bool = False
    ) -> argparse.ArgumentParser:
        """Add a sub-command, with ``--json`` where it has an answer for programs; return its parser for more options."""
        parser = self._commands.add_parser(name, help=description, description=description)
        parser.set_defaults(command=command)
        if json:
            parser.add_argument("--json", action="store_true", help="for programs")
        return parser

    def run(
        self, arguments: Sequence[str] | None, *expected: type[Exception], before_errors: str = ""
    ) -> int:
        """Run the sub-command that *arguments* name; return the exit code.

        Args:
            arguments: None for those of the process.
            expected: Errors whose text is a sentence for people; every other one ends the process.
            before_errors: Begins each such sentence.
        """
        options = self._parser.parse_args(arguments)
        command: Command = options.command
        try:
            return command(options)
        except SettingsError as error:
            print(*error.sentences, sep="\n", file=sys.stderr)
        except expected as error:
            print(f"{before_errors}{error}", file=sys.stderr)
        except BrokenPipeError:
            # The reader of the list has seen enough. Python would complain once more while closing.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def add_settings_commands(
    commands: Commands,
    who: str,
    load: Callable[[], Loaded[Settings]],
    summary: Callable[[Settings], str],
    obstacles: Callable[[Settings], Sequence[str]] = lambda _: (),
) -> None:
    """Add ``settings`` and ``check``.

    Args:
        commands: Of the program.
        who: What starts with these settings, such as ``edge``.
        load: Returns them; raises SettingsError where they cannot be used.
        summary: Returns the sentence about settings that can be used.
        obstacles: Returns a sentence for each thing that this machine lacks for them.
    """

    def settings(options: argparse.Namespace) -> int:
        loaded = load()
        print(listing(loaded.settings, loaded.origin, every=options.all, as_json=options.json))
        if not options.json:
            _print_remarks(loaded)
        return 0

    def check(options: argparse.Namespace) -> int:
        try:
            loaded = load()
        except SettingsError as error:
            if not options.json:
                raise
            print(verdict_json(error.sentences))
            return 1
        problems = obstacles(loaded.settings)
        if options.json:
            print(verdict_json(problems, loaded.warnings))
            return 1 if problems else 0
        _print_remarks(loaded)
        if problems:
            raise SettingsError(*problems)
        print(summary(loaded.settings))
        return 0

    shown = commands.add(
        "settings",
        settings,
        "Print the settings in force and where each came from; secrets stay hidden.",
        json=True,
    )
    shown.add_argument("--all", action="store_true", help="also those without a value")
    commands.add(
        "check", check, f"Check the settings; exit with 0 if the {who} could start, else 1.", json=True
    )


def _print_remarks(loaded: Loaded[Settings]) -> None:
    for sentence in (*loaded.warnings, *loaded.notes):
        print(sentence, file=sys.stderr)


def say(sentence: str) -> None:
    """Tell the person at the terminal, at once also where it is a pipe."""
    print(sentence, flush=True)


def print_report(lines: Iterable[Line], *, as_json: bool) -> int:
    """Print the lines of a doctor, each as soon as it is known, or all at the end as JSON; return the exit code."""
    known: list[Line] = []
    for line in lines:
        known.append(line)
        if not as_json:
            say(line.text(colour=sys.stdout.isatty()))
    if as_json:
        say(report_json(known))
    return exit_code(known)
