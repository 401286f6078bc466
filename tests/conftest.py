"""What every test shares: the run it belongs to, and the report of what could not be run."""

import collections
import contextlib
import gc
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

import testrun

# A machine that is busy with other things is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


OWNER = pytest.StashKey[bool]()
SHARING_A_SERVER = {
    f"tests/stack/test_{name}.py" for name in ("archive_service", "doctor", "identities", "make", "server")
}
"""The files that use ``shared_server`` follow each other, so that it is started once."""


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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no worker is alone with it at the end.

    Of what runs alone, what keeps the disk busy after it comes last.
    """
    if not _is_worker(config):
        items.sort(key=_comes_last)
        return
    minutes: dict[str, float] = collections.defaultdict(float)
    for item in {item.path: item for item in items}.values():
        minutes[_share(item.nodeid)] += _minutes(item)
    items.sort(key=lambda item: (-minutes[_share(item.nodeid)], _share(item.nodeid), -_minutes(item)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Give a worker whole files, or all those that share a server."""
    return SharingFiles(config, log) if config.getvalue("dist") == "loadfile" else None


class SharingFiles(LoadFileScheduling):  # type: ignore[misc] # xdist publishes no types
    """xdist's distribution by file, but for what belongs together."""

    def _split_scope(self, nodeid: str) -> str:
        return _share(nodeid)

    def _reschedule(self, node: Any) -> None:
        """Give a worker its next file before its last test, which it does not begin without; xdist has it before the last two.

        A file that is given too early waits behind minutes of work while another worker has none.
        """
        if self._pending_of(self.assigned_work[node]) <= 1 or not self.workqueue:
            super()._reschedule(node)


def _share(nodeid: str) -> str:
    """Return what a worker is given whole: a file, or the files that share a server."""
    file = nodeid.partition("::")[0]
    return "a server" if file in SHARING_A_SERVER else file


def _minutes(item: pytest.Item) -> float:
    marker = item.get_closest_marker("stack")
    return float(marker.kwargs.get("minutes", 0.5)) if marker else 0.0


def _comes_last(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("alone")
    return bool(marker and marker.kwargs.get("last"))


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
