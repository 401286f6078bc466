"""What the commands of all programs have in common."""

import argparse
import json
import os
import subprocess
import sys
from typing import Annotated

import pytest
from pydantic import BaseModel

from shutterbus_runtime.checks import Line, failure, ok
from shutterbus_runtime.command_line import Commands, add_settings_commands, print_report
from shutterbus_runtime.settings import FieldPath, Given, Loaded, Name, SettingsError


class LampSettings(BaseModel, frozen=True):
    """A lamp."""

    watts: Annotated[int, Name("LAMP_WATTS")] = 60


class BulbError(Exception):
    """A sentence about a bulb."""


def lamp(load: object = None, obstacles: tuple[str, ...] = ()) -> Commands:
    """A program with every kind of sub-command."""

    def loaded() -> Loaded[LampSettings]:
        if isinstance(load, Exception):
            raise load
        origin: dict[FieldPath, Given] = {("watts",): Given("LAMP_WATTS", "40", "environment")}
        return Loaded(LampSettings(watts=40), ("LAMP_COLOUR is ignored.",), origin, ("It is evening.",))

    def burn(options: argparse.Namespace) -> int:
        if options.hours > 1000:
            raise BulbError("the bulb has burnt out: put in another")
        return 0

    commands = Commands("lamp", "Lights a room.", "1.2.3")
    commands.add("burn", burn, "Give light.").add_argument("--hours", type=int, default=1)
    add_settings_commands(
        commands, "lamp", loaded, lambda settings: f"{settings.watts} W can be used.", lambda _: obstacles
    )
    return commands


def test_a_command_returns_its_exit_code_and_what_is_foreseen_is_a_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No traceback for what a person can put right; an unknown error is none of these."""
    assert lamp().run(["burn"], BulbError) == 0
    assert lamp().run(["burn", "--hours", "2000"], BulbError, before_errors="lamp: ") == 1
    assert capsys.readouterr().err == "lamp: the bulb has burnt out: put in another\n"
    with pytest.raises(BulbError):
        lamp().run(["burn", "--hours", "2000"])


def test_settings_are_listed_with_their_sources_and_remarks_beside_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On standard error, so that the list can be piped."""
    assert lamp().run(["settings"]) == 0

    printed = capsys.readouterr()
    assert printed.out.split() == ["LAMP_WATTS", "40", "environment"]
    assert printed.err.splitlines() == ["LAMP_COLOUR is ignored.", "It is evening."]


def test_check_says_what_would_start_or_everything_that_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    """Also what is wrong with the machine and not with the settings."""
    assert lamp().run(["check"]) == 0
    assert capsys.readouterr().out == "40 W can be used.\n"

    assert lamp(SettingsError("LAMP_WATTS=-1 cannot be used.", "LAMP is empty.")).run(["check"]) == 1
    assert capsys.readouterr().err == "LAMP_WATTS=-1 cannot be used.\nLAMP is empty.\n"

    assert lamp(obstacles=("There is no socket.",)).run(["check"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[-1] == "There is no socket."


def test_check_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """One object, whatever was found."""
    answers = []
    for program in (lamp(), lamp(SettingsError("LAMP is empty.")), lamp(obstacles=("There is no socket.",))):
        code = program.run(["check", "--json"])
        answer = json.loads(capsys.readouterr().out)
        assert answer["ok"] == (code == 0)
        answers.append(answer["problems"])

    assert answers == [[], ["LAMP is empty."], ["There is no socket."]]


def test_a_report_is_printed_line_by_line_or_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """A doctor takes half a minute: each line comes when it is known."""

    def lines() -> "list[Line]":
        return [Line(1, "bulb", ok("it glows")), Line(2, "socket", failure("no current", "plug it in"))]

    assert print_report(lines()[:1], as_json=False) == 0
    assert print_report(lines(), as_json=False) == 1
    assert capsys.readouterr().out.splitlines()[-1].endswith("socket: no current  -> plug it in")

    assert print_report(lines(), as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_a_reader_that_has_seen_enough_causes_no_traceback() -> None:
    """``shutterbus-edge settings | head -1`` ends without noise."""
    program = (
        "from shutterbus_runtime.command_line import Commands\n"
        "commands = Commands('lamp', '', '1')\n"
        "def burn(_):\n    raise BrokenPipeError\n"
        "commands.add('burn', burn, '')\n"
        "raise SystemExit(commands.run(['burn']))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=dict(os.environ), check=False
    )
    assert (ended.returncode, ended.stderr) == (1, "")


@pytest.mark.parametrize(("argument", "words"), [("--version", "lamp 1.2.3"), ("--help", "Give light.")])
def test_help_and_version(argument: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As every command has them."""
    with pytest.raises(SystemExit) as ended:
        lamp().run([argument])

    assert ended.value.code == 0
    assert words in capsys.readouterr().out
