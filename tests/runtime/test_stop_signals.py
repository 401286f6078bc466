"""How a process is told to stop."""

import signal
import subprocess
import sys

import pytest

PROGRAM = (
    "import signal, threading; from shutterbus_runtime.stop_signals import at_stop_signal;"
    "stop = threading.Event(); at_stop_signal(stop.set, signal.SIGHUP); print('ready', flush=True);"
    "print('stopped' if stop.wait(60) else 'late')"
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_process_ends_by_itself_when_it_is_told_to(number: signal.Signals) -> None:
    """In good order, and not by the signal."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        said, _ = process.communicate(timeout=20)

    assert (process.returncode, said) == (0, "stopped\n")
