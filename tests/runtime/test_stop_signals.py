"""How a process stops in good order when a signal asks for it."""

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import signal, threading, time
from shutterbus_runtime.stop_signals import at_stop_signal

stop = threading.Event()
at_stop_signal(stop.set, signal.SIGHUP)
other = threading.Thread(target=lambda: time.sleep({keeps_s}), daemon=True)
other.start()
print("ready", flush=True)
{then}
{wait}
print("stopped")
"""
STOPPED = (0, "stopped\n")


def program(then: str = "", wait: str = "assert stop.wait(60)", keeps_s: int = 0) -> str:
    return PROGRAM.format(then=then, wait=wait, keeps_s=keeps_s)


def run(text: str, *numbers: signal.Signals) -> tuple[int, str]:
    """Run *text*, send *numbers* when it is ready, and return its exit code with what it says then."""
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for number in numbers:
            process.send_signal(number)
        try:
            said, _ = process.communicate(timeout=20)
        finally:
            process.kill()
    return process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_process_ends_in_good_order_at_a_signal(number: signal.Signals) -> None:
    assert run(program(), number) == STOPPED


def test_signal_that_another_thread_receives_ends_the_wait_of_the_main_thread() -> None:
    """The kernel may choose any thread, and a wait of the main thread is interrupted by its own signals alone."""
    late = "threading.Timer(0.5, lambda: signal.pthread_kill(other.ident, signal.SIGTERM)).start()"
    assert run(program(late, keeps_s=60)) == STOPPED


def test_signal_may_come_while_the_main_thread_holds_the_lock_that_stop_takes() -> None:
    held = "with stop._cond: signal.raise_signal(signal.SIGTERM); time.sleep(0.2)"
    assert run(program(held)) == STOPPED


def test_further_signals_change_nothing() -> None:
    assert run(program(wait="assert stop.wait(60); time.sleep(0.2)"), *[signal.SIGTERM] * 3) == STOPPED
