"""What every test shares: the report of what could not be run."""

import pytest

from machine import MISSING


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say last what this machine could not run, and why."""
    if MISSING:
        terminalreporter.section("not run on this machine")
        for sentence, count in sorted(MISSING.items()):
            terminalreporter.write_line(f"{count} tests: {sentence}")
