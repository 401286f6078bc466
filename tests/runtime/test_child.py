"""A child process: started, listened to, ended, and started again."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakes import FakeClock
from shutterbus_runtime.child_process import ChildProcess
from shutterbus_runtime.restarts import Backoff, Restarts
from shutterbus_runtime.supervised_child import Ended, Limits, Message, Program, SupervisedChild

CHILD = str(Path(__file__).with_name("misbehaving_child.py"))
PATIENT_S = 20.0
"""Longer than anything takes that goes well, on a busy machine."""

Starter = Callable[..., SupervisedChild]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def start(said: list[str]) -> Iterator[Starter]:
    """Start a child that does as told; all are closed at the end."""
    started: list[SupervisedChild] = []

    def start_one(fault: str, **limits: float) -> SupervisedChild:
        program = Program(
            "the lamp process", "the lamp", [sys.executable, CHILD, fault], os.environ, r"\d+:\d+ "
        )
        started.append(SupervisedChild(program, Limits(**limits), FakeClock(), said.append))
        return started[-1]

    yield start_one
    for each in started:
        each.close()


def answer(child: SupervisedChild) -> Message:
    got = child.answers.get(timeout=PATIENT_S)
    assert isinstance(got, Message), got
    return got


def end(child: SupervisedChild) -> Ended:
    while not isinstance(got := child.answers.get(timeout=PATIENT_S), Ended):
        pass
    return got


def is_gone(pid: int) -> bool:
    """Whether the process has ended; one that is no more than an entry for its parent to read has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def wait_until(condition: Callable[[], bool]) -> None:
    until_s = time.monotonic() + PATIENT_S
    while not condition():
        assert time.monotonic() < until_s
        threading.Event().wait(0.01)


def test_a_child_says_that_it_is_ready_and_answers_with_bytes_behind(start: Starter) -> None:
    """Whatever the bytes are; its beats are no answers."""
    child = start("none")
    child.send("ask", {"number": 7}, b"\n\x00\xff")

    ready, echo = answer(child), answer(child)

    assert child.opened is ready
    assert ready.kind == "ready"
    assert (echo.kind, echo.metadata, echo.body) == ("echo", {"number": 7}, b"\n\x00\xff")


def test_a_child_that_is_closed_ends_by_itself(start: Starter) -> None:
    """In good order, and its end is the last answer."""
    child = start("none")
    answer(child)
    child.close()

    assert end(child).sentence == "the lamp process ended with exit code 0"
    child.send("ask")  # to nobody, which is no error: the end has been told


def test_what_a_child_says_of_its_error_is_the_reason(start: Starter) -> None:
    """By a word for us and a sentence for people, not by its exit code."""
    ended = end(start("refuses"))

    assert (ended.error, ended.sentence) == ("no-lamp", "there is no lamp; screw one in")


def test_a_death_is_told_with_the_last_line_without_colour_and_prefix(
    start: Starter, said: list[str]
) -> None:
    """The exit code alone would not say why."""
    child = start("dies")
    child.send("ask")
    ended = end(child)

    assert ended.sentence == "the lamp process ended with exit code 3: the lamp broke"
    assert (ended.error, said) == ("", ["the lamp broke"])


def test_a_child_that_is_not_ready_in_time_is_killed(start: Starter) -> None:
    """It beats, so only the limit for opening ends it."""
    assert end(start("never-ready", opening_s=0.5)).sentence == "the lamp hangs: not open after 0.5 s"


def test_a_child_that_is_stopped_is_killed_for_its_silence(start: Starter) -> None:
    """Frozen from outside, or stuck in a library that holds the interpreter."""
    child = start("none", silence_s=0.5)
    answer(child)
    assert child._process is not None
    os.kill(child._process.pid, signal.SIGSTOP)

    assert end(child).sentence == "the lamp hangs: no sign of life for 0.5 s"


def test_what_a_child_has_started_ends_with_it(start: Starter, said: list[str]) -> None:
    """An encoder that a killed child leaves behind would keep its device."""
    child = start("grandchild")
    answer(child)
    wait_until(lambda: bool(said))
    child.kill("enough")

    assert end(child).sentence == "enough"
    wait_until(lambda: is_gone(int(said[0])))


def test_a_program_that_is_not_there_is_an_end_with_a_reason(said: list[str]) -> None:
    """As when a package was removed under a running process."""
    program = Program("the lamp process", "the lamp", ["/nonexistent/lamp"], {})
    child = SupervisedChild(program, Limits(), FakeClock(), said.append)

    assert end(child).sentence.startswith("the lamp process does not start: ")
    child.close()


def test_a_process_that_does_not_stop_when_asked_is_killed_in_time(tmp_path: Path) -> None:
    """The end of the parent waits for nobody."""
    program = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print(1, flush=True); time.sleep(3600)"
    )
    process = ChildProcess(
        [sys.executable, "-c", program], {}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, folder=tmp_path
    )
    assert process.output is not None
    process.output.readline()
    process.terminate()

    assert process.exit_code is None
    assert process.wait(0.05) == -signal.SIGKILL
    assert process.exit_code == -signal.SIGKILL
    process.close_output()


def test_a_program_that_knows_nothing_of_it_ends_with_its_parent() -> None:
    """Killed without a word, the parent leaves nothing running."""
    program = (
        "import subprocess, sys, time; from shutterbus_runtime.child_process import ChildProcess;"
        "c = ChildProcess(['sleep', '3600'], {'PATH': '/usr/bin:/bin'}, stdout=subprocess.DEVNULL,"
        " stderr=subprocess.DEVNULL, ends_with_parent=True);"
        "print(c.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not is_gone(pid)
        parent.kill()
    wait_until(lambda: is_gone(pid))


def test_restarts_come_less_and_less_often_and_are_counted() -> None:
    """Until one has worked for a while: then the next failure is a new one."""
    restarts = Restarts(Backoff(first_s=1, max_s=3, sound_s=10))
    pauses = []
    for worked_s in (0, 0, 0, 0, 10):
        restarts.ended(100.0, worked_s)
        pauses.append(next(pause_s for pause_s in range(9) if restarts.is_due(100.0 + pause_s)))
        restarts.started()

    assert pauses == [1, 2, 3, 3, 1]
    assert restarts.count == 5
