"""A process that we have started: it ends when we say so, with whatever it has started itself, and does not outlive us."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
# Loaded here and not in the child: between fork and exec little is safe.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """Have the kernel kill the calling process when the thread that started it ends; outside Linux nothing happens."""
    if _LIBC:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class ChildProcess:
    """One running process, which leads a group of its own: Ctrl-C in a terminal is for its parent.

    Attributes:
        pid: Its number.
        output: What it prints, where ``stdout`` was ``subprocess.PIPE``.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        stdout: int | IO[bytes],
        stderr: int | IO[bytes],
        folder: Path | None = None,
        pass_fds: Sequence[int] = (),
        ends_with_parent: bool = False,
    ) -> None:
        """Start *command*; raise OSError where that cannot be.

        Args:
            command: The program and its arguments.
            environment: All that it finds there.
            stdout: As ``subprocess`` takes it; so is *stderr*.
            stderr: Likewise.
            folder: The working directory; None: ours.
            pass_fds: File descriptors that it inherits.
            ends_with_parent: Whether it is killed when we die, for a program that does not call ``end_with_parent``
                itself. Only for a parent with one thread.
        """
        parent = os.getpid()

        def follow() -> None:
            end_with_parent()
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

        self._process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=pass_fds,
            start_new_session=True,
            preexec_fn=follow if ends_with_parent else None,  # noqa: PLW1509  the caller has one thread
        )
        self.pid = self._process.pid
        self.output = self._process.stdout

    @property
    def exit_code(self) -> int | None:
        """How it ended, minus the signal where one ended it; None while it runs."""
        return self._process.poll()

    def terminate(self) -> None:
        """Ask it to stop."""
        self._process.terminate()

    def kill(self) -> None:
        """End it now; ``wait`` takes what it leaves behind."""
        self._process.kill()

    def wait(self, within_s: float) -> int:
        """Return its exit code when it has ended and all that it had started too; kill what has not within *within_s*."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, within_s))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return self._process.wait()

    def close_output(self) -> None:
        """Read no more of what it prints."""
        if self.output is not None:
            self.output.close()
