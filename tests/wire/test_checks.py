"""How a doctor says what it found."""

import json

from shutterbus_wire.checks import Check, as_json, exit_code, lines

FOUND = [
    Check("kafka-reach", "ok", "kafka:9094 accepts connections"),
    Check("kafka-tls", "failure", "kafka:9094: its certificate has expired", "make renew"),
    Check("kafka-sizes", "skipped", "what Kafka is set to", because_of="kafka-tls"),
]


def test_each_check_is_one_line_with_its_fix_below() -> None:
    """A skipped one names the line that it waits for."""
    assert list(lines(FOUND)) == [
        "  1 ok       kafka:9094 accepts connections",
        "  2 failure  kafka:9094: its certificate has expired",
        "             to fix: make renew",
        "  3 skipped  what Kafka is set to (because of 2)",
        "1 ok, 1 failure, 1 skipped",
    ]


def test_colour_is_added_around_the_word_only() -> None:
    """So that a line cut by a terminal stays readable."""
    assert next(lines(FOUND, colour=True)).startswith("  1 \x1b[32mok     \x1b[0m  kafka")


def test_only_a_failure_makes_the_exit_code_1() -> None:
    """An amber light is no reason to stop a script."""
    assert exit_code(FOUND) == 1
    assert exit_code([Check("disk", "warning", "the disk is nearly full"), FOUND[0]]) == 0


def test_programs_read_the_same_as_json() -> None:
    """With names that stay."""
    told = json.loads(as_json(FOUND))
    assert told["ok"] is False
    assert [check["name"] for check in told["checks"]] == ["kafka-reach", "kafka-tls", "kafka-sizes"]
    assert told["checks"][1]["fix"] == "make renew"
