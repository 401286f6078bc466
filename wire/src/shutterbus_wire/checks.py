"""What a doctor found, said alike by every doctor: a numbered line for each check, JSON for programs, an exit code."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

Outcome = Literal["ok", "warning", "failure", "skipped"]

_COLOURS: dict[Outcome, str] = {"ok": "32", "warning": "33", "failure": "31", "skipped": "2"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. *name* stays the same between versions; *fix* is a command where there is one.

    A skipped check's sentence says because of which other one, by its number.
    """

    name: str
    outcome: Outcome
    sentence: str
    fix: str = ""


def line(number: int, check: Check, *, colour: bool = False) -> str:
    """Return the line that a person reads; *number* counts from 1."""
    word = f"{check.outcome:7}"
    if colour:
        word = f"\x1b[{_COLOURS[check.outcome]}m{word}\x1b[0m"
    fix = f"  -> {check.fix}" if check.fix else ""
    return f"{number:2}  {word}  {check.name}: {check.sentence}{fix}"


def as_json(checks: Sequence[Check]) -> str:
    """Return the same for a program: whether all is well, and every check."""
    numbered = [{"number": number, **asdict(check)} for number, check in enumerate(checks, start=1)]
    return json.dumps({"ok": not exit_code(checks), "checks": numbered}, indent=2)


def exit_code(checks: Sequence[Check]) -> int:
    """Return 1 where anything failed; a warning alone is no failure."""
    return int(any(check.outcome == "failure" for check in checks))
