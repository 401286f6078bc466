"""What every test shares: the report of what could not be run."""

import pytest
from hypothesis import settings

from machine import MISSING

# A machine that is busy with other things is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say last what this machine could not run, and why."""
    if MISSING:
        terminalreporter.section("not run on this machine")
        for sentence, count in sorted(MISSING.items()):
            terminalreporter.write_line(f"{count} tests: {sentence}")
