"""What every test shares: the report of what could not be run, and a fixture for what kafka-python leaves behind."""

import gc
import logging
from collections.abc import Iterator

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


@pytest.fixture
def sockets_left_to_the_collector() -> Iterator[None]:
    """kafka-python does not close the socket of a handshake that came to nothing: have it collected in this test.

    A log record would hold the error, its frames and so the socket until the test is reported.
    """
    logging.disable()
    yield
    logging.disable(logging.NOTSET)
    gc.collect()
