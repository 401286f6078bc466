"""How a doctor says what it found."""

import json

from shutterbus_wire.checks import Check, as_json, exit_code, line

FOUND = [
    Check("kafka address", "ok", "kafka:9094 accepts connections"),
    Check("kafka certificate", "failure", "it has expired", "make renew"),
    Check("kafka sizes", "skipped", "because of 2"),
]


def test_each_check_is_one_line_with_its_fix() -> None:
    """A skipped one names the line that it waits for."""
    assert [line(number, check) for number, check in enumerate(FOUND, start=1)] == [
        " 1  ok       kafka address: kafka:9094 accepts connections",
        " 2  failure  kafka certificate: it has expired  -> make renew",
        " 3  skipped  kafka sizes: because of 2",
    ]


def test_colour_is_around_the_word_only() -> None:
    """So that a line cut by a terminal stays readable."""
    assert line(1, FOUND[0], colour=True).startswith(" 1  \x1b[32mok     \x1b[0m  kafka")


def test_only_a_failure_makes_the_exit_code_1() -> None:
    """An amber light is no reason to stop a script."""
    assert exit_code(FOUND) == 1
    assert exit_code([Check("disk", "warning", "it is nearly full"), FOUND[0]]) == 0


def test_programs_read_the_same_as_json() -> None:
    """With names that stay."""
    told = json.loads(as_json(FOUND))
    assert told["ok"] is False
    assert [check["number"] for check in told["checks"]] == [1, 2, 3]
    assert told["checks"][1] == {
        "number": 2,
        "name": "kafka certificate",
        "outcome": "failure",
        "sentence": "it has expired",
        "fix": "make renew",
    }
