"""What every test shares: the run it belongs to, and the report of what could not be run."""

import collections
import contextlib
import gc
import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings

import testrun

# A machine that is busy with other things is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


OWNER = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Begin a run, unless this process is a part of one, and keep all temporary folders in its folder."""
    if _is_worker(config):
        return  # its controller sees to all of that
    testrun.interrupt_on_signals()
    stack = contextlib.ExitStack()
    config.add_cleanup(stack.close)
    config.stash[OWNER] = stack.enter_context(testrun.owned())
    if config.option.basetemp is None:
        config.option.basetemp = testrun.temporary()


@pytest.hookimpl(tryfirst=True)  # xdist writes the group into the test's id
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give a worker whole files, or all that share something; what takes longest begins first, so that nobody waits for it."""
    if not _is_worker(config):
        return
    minutes: dict[str, float] = collections.defaultdict(float)
    for item in {item.path: item for item in items}.values():
        minutes[_group(item)] += _minutes(item)
    items.sort(key=lambda item: (-minutes[_group(item)], _group(item), -_minutes(item)))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item: pytest.Item) -> str:
    """Return what *item* shares with other files, or its own file."""
    marker = item.get_closest_marker("stack")
    file = item.nodeid.partition("::")[0]
    return str(marker.kwargs.get("shares", file)) if marker else file


def _minutes(item: pytest.Item) -> float:
    marker = item.get_closest_marker("stack")
    return float(marker.kwargs.get("minutes", 0.5)) if marker else 0.0


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep the folders of tests that failed."""
    if exitstatus == pytest.ExitCode.TESTS_FAILED and not _is_worker(session.config):
        testrun.keep_temporary()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say last what this machine could not run, and why; where this is a part of a run, the whole says so."""
    if terminalreporter.stats.keys() & {"failed", "error"}:
        terminalreporter.write_line(f"The temporary folders of these tests are in {config.option.basetemp}")
    reports = terminalreporter.stats.get("skipped", [])
    reasons = collections.Counter(report.longrepr[2].removeprefix("Skipped: ") for report in reports)
    if not config.stash[OWNER]:
        testrun.note_skipped(reasons)
    elif reasons:
        terminalreporter.section("not run on this machine")
        for line in testrun.lines_of(reasons):
            terminalreporter.write_line(line)


@pytest.fixture
def sockets_left_to_the_collector() -> Iterator[None]:
    """kafka-python does not close the socket of a handshake that came to nothing: have it collected in this test.

    A log record would hold the error, its frames and so the socket until the test is reported.
    """
    logging.disable()
    yield
    logging.disable(logging.NOTSET)
    gc.collect()
