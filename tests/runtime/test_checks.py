"""How a doctor goes through its checks, and says what it found."""

import json
import threading

import pytest

from shutterbus_runtime.checks import (
    Check,
    CheckResult,
    exit_code,
    failure,
    ok,
    report_json,
    run_checks,
    warning,
    worst_of,
)

CHECKS = [
    Check("kafka address", lambda: ok("kafka:9094 accepts connections")),
    Check("kafka certificate", lambda: failure("it has expired", "make renew"), needs=("kafka address",)),
    Check("kafka sizes", lambda: ok("never asked"), needs=("kafka certificate",)),
    Check("kafka record", lambda: ok("never asked"), needs=("kafka sizes",)),
]


def test_each_check_is_one_line_with_its_fix() -> None:
    """What needs a failed one is skipped, however far behind it is."""
    assert list(map(str, run_checks(CHECKS))) == [
        " 1  ok       kafka address: kafka:9094 accepts connections",
        " 2  failure  kafka certificate: it has expired  -> make renew",
        " 3  skipped  kafka sizes: because of 2",
        " 4  skipped  kafka record: because of 2",
    ]


def test_colour_is_around_the_word_only() -> None:
    """So that a line cut by a terminal stays readable."""
    first = next(run_checks(CHECKS))
    assert first.text(colour=True).startswith(" 1  \x1b[32mok     \x1b[0m  kafka")


def test_only_a_failure_makes_the_exit_code_1() -> None:
    """An amber light is no reason to stop a script."""
    assert exit_code(list(run_checks(CHECKS))) == 1
    assert exit_code(list(run_checks([Check("disk", lambda: warning("nearly full", "make room"))]))) == 0


def test_programs_read_the_same_as_json() -> None:
    """With names that stay."""
    told = json.loads(report_json(list(run_checks(CHECKS))))
    assert told["ok"] is False
    assert told["checks"][1] == {
        "number": 2,
        "check": "kafka certificate",
        "status": "failure",
        "sentence": "it has expired",
        "fix": "make renew",
    }


def test_check_that_hangs_fails_within_its_time() -> None:
    """A name server that is away cannot be hurried; the checks after it go on."""
    never = threading.Event()

    def hang() -> CheckResult:
        never.wait()
        return ok("too late")

    said = list(map(str, run_checks([Check("name", hang, within_s=0.1), Check("disk", lambda: ok("fine"))])))
    never.set()
    assert said[0].startswith(" 1  failure  name: no answer within")
    assert said[1].endswith("disk: fine")


def test_mistake_in_a_check_is_not_taken_for_a_finding() -> None:
    """It is ours, and seen as such."""

    def wrong() -> CheckResult:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(run_checks([Check("broken", wrong)]))


def test_several_findings_make_one_that_says_the_worst() -> None:
    """With the first fix among those."""
    assert worst_of([ok("a"), failure("b", "fix b"), failure("c", "fix c")]) == failure("b; c", "fix b")
