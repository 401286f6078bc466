"""Commands as a person runs them: ours with settings in their environment, ended by signal, and others to their end."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

BIN = Path(sys.executable).parent
KEPT = ("PATH", "HOME", "LANG", "TZ", "LD_LIBRARY_PATH", "TMPDIR")


class Program:
    """A running process whose output goes to a file, shown when something fails."""

    def __init__(self, command: Sequence[str | Path], environment: dict[str, str], output: Path) -> None:
        self.output = output
        with output.open("ab") as file:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                env={name: os.environ[name] for name in KEPT if name in os.environ} | environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=output.parent,
            )

    def terminate(self, within_s: float = 20) -> int:
        """Send SIGTERM and return the exit code; a process that stays is a failure."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s)

    def said(self) -> str:
        """Return everything it has printed."""
        return self.output.read_text(errors="replace")


@contextlib.contextmanager
def program(command: Sequence[str | Path], environment: dict[str, str], output: Path) -> Iterator[Program]:
    """*command* for the length of the context; killed at the end if it is still there."""
    running = Program(command, environment, output)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGTERM)
            try:
                running.process.wait(15)
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait(5)


def typed_in() -> dict[str, str]:
    """Return the environment of a shell in which nothing is set that Compose or our compose files would read."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("COMPOSE_", "KAFKA_"))}


def run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], timeout_s: float, **who: Any
) -> str:
    """Run a command in *folder* and return all it said; raise with that when it fails.

    *who* is user and groups, as subprocess takes them.
    """
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=timeout_s,
        check=False,
        **who,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def wait_for_http(url: str, running: Program, within_s: float = 30) -> None:
    """Return when *url* answers; say what *running* printed if it does not."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            with urlopen(url, timeout=2):
                return
        except (URLError, OSError) as error:
            if time.monotonic() > deadline or running.process.poll() is not None:
                raise AssertionError(f"{url}: {error}\n{running.said()}") from error
            time.sleep(0.1)
