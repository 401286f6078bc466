"""What a doctor found, said alike by every doctor: numbered lines for people, JSON for programs, an exit code."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

Outcome = Literal["ok", "warning", "failure", "skipped"]

_WORD_WIDTH = len("failure")
_COLOURS: dict[Outcome, str] = {"ok": "32", "warning": "33", "failure": "31", "skipped": "2"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. *name* is for programs and stays the same between versions.

    *fix* is a command where there is one, else what to do. Of a skipped check *because_of* is the name of the one
    that failed before it.
    """

    name: str
    outcome: Outcome
    sentence: str
    fix: str = ""
    because_of: str = ""


def lines(checks: Sequence[Check], *, colour: bool = False) -> Iterator[str]:
    """Yield a line for each check, and one below it for its fix; the last says how many were not in order."""
    numbers = {check.name: number for number, check in enumerate(checks, start=1)}
    for number, check in enumerate(checks, start=1):
        word = f"{check.outcome:{_WORD_WIDTH}}"
        if colour:
            word = f"\x1b[{_COLOURS[check.outcome]}m{word}\x1b[0m"
        why = f" (because of {numbers[check.because_of]})" if check.because_of in numbers else ""
        yield f"{number:>3} {word}  {check.sentence}{why}"
        if check.fix:
            yield f"{'':{_WORD_WIDTH + 6}}to fix: {check.fix}"
    counts = {outcome: sum(check.outcome == outcome for check in checks) for outcome in _COLOURS}
    yield ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count) or "nothing to check"


def as_json(checks: Sequence[Check]) -> str:
    """Return the same for a program: whether all is well, and every check."""
    return json.dumps({"ok": not exit_code(checks), "checks": [asdict(check) for check in checks]}, indent=2)


def exit_code(checks: Sequence[Check]) -> int:
    """Return 1 where anything failed; a warning alone is no failure."""
    return int(any(check.outcome == "failure" for check in checks))
