"""What a doctor looks at, in order, each check within its time, and how it says what it found: lines, JSON, exit code."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "failure", "skipped"]
_WORST: tuple[Status, ...] = ("failure", "warning", "ok", "skipped")
_COLOURS: dict[Status, str] = {"ok": "32", "warning": "33", "failure": "31", "skipped": "2"}

ALL_WITHIN_S = 28.0


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One sentence about how things are; *fix* is what to do about it, which a failure and a warning always have."""

    status: Status
    sentence: str
    fix: str | None = None


def ok(sentence: str, fix: str | None = None) -> CheckResult:
    return CheckResult("ok", sentence, fix)


def warning(sentence: str, fix: str) -> CheckResult:
    return CheckResult("warning", sentence, fix)


def failure(sentence: str, fix: str) -> CheckResult:
    return CheckResult("failure", sentence, fix)


def skipped(sentence: str, fix: str | None = None) -> CheckResult:
    return CheckResult("skipped", sentence, fix)


def worst_of(findings: Iterable[CheckResult]) -> CheckResult:
    """Return one finding for several: the worst first, with its fix; what is in order is not repeated beside it."""
    ordered = sorted(findings, key=lambda finding: _WORST.index(finding.status))
    shown = [finding for finding in ordered if finding.status == ordered[0].status]
    return CheckResult(
        shown[0].status,
        "; ".join(dict.fromkeys(finding.sentence for finding in shown)),
        next((finding.fix for finding in shown if finding.fix), None),
    )


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a doctor.

    Attributes:
        needs: Names of checks without which this one would only fail too.
        early: Starts before all others, because it takes long and touches nothing that they do.
    """

    name: str
    look: Callable[[], CheckResult]
    needs: tuple[str, ...] = ()
    within_s: float = 8.0
    early: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A check that has been carried out."""

    number: int
    name: str
    finding: CheckResult

    def __str__(self) -> str:
        return self.text()

    def text(self, *, colour: bool = False) -> str:
        """Return what a person reads."""
        word = f"{self.finding.status:7}"
        if colour:
            word = f"\x1b[{_COLOURS[self.finding.status]}m{word}\x1b[0m"
        fix = f"  -> {self.finding.fix}" if self.finding.fix else ""
        return f"{self.number:2}  {word}  {self.name}: {self.finding.sentence}{fix}"

    def as_json(self) -> dict[str, int | str | None]:
        """Return the same for programs."""
        return {
            "number": self.number,
            "check": self.name,
            "status": self.finding.status,
            "sentence": self.finding.sentence,
            "fix": self.finding.fix,
        }


def run_checks(checks: Sequence[Check], within_s: float = ALL_WITHIN_S) -> Iterator[Line]:
    """Yield a line for each of *checks* as soon as it is known; the last one within *within_s*."""
    until_s = time.monotonic() + within_s
    running = {check.name: _start(check.look) for check in checks if check.early}
    missing: dict[str, int] = {}
    for number, check in enumerate(checks, 1):
        because = next((missing[name] for name in check.needs if name in missing), None)
        if because is not None:
            finding = skipped(f"because of {because}")
            missing[check.name] = because
        else:
            patience_s = max(0.1, min(check.within_s, until_s - time.monotonic()))
            try:
                finding = (running.get(check.name) or _start(check.look)).result(patience_s)
            except TimeoutError:
                finding = failure(
                    f"no answer within {patience_s:.0f} s", "ask again, when the machine has less to do"
                )
            if finding.status == "failure":
                missing[check.name] = number
        yield Line(number, check.name, finding)


def report_json(lines: Sequence[Line]) -> str:
    """Return all lines for a program, and whether nothing failed."""
    return json.dumps({"ok": not exit_code(lines), "checks": [line.as_json() for line in lines]}, indent=2)


def exit_code(lines: Sequence[Line]) -> int:
    """Return 1 where anything failed; a warning alone is no failure."""
    return int(any(line.finding.status == "failure" for line in lines))


def _start(look: Callable[[], CheckResult]) -> Future[CheckResult]:
    """Begin to *look* in a thread that may be left behind: a name server that is away cannot be hurried."""
    future: Future[CheckResult] = Future()

    def work() -> None:
        try:
            future.set_result(look())
        except BaseException as error:  # noqa: BLE001 (raised again in the thread that waits for it)
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future
