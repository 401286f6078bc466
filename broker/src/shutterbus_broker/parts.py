"""The processes of the demo: started alone, watched, and gone when the demo is gone.

Each leads a process group of its own, so that ending it ends what it has started, and asks the kernel to be
killed when its parent dies, so that even ``kill -9`` of the demo leaves nothing running.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

TAIL_LINES = 12
_TAIL_BYTES = 8192
_PR_SET_PDEATHSIG = 1


def _follow_parent() -> Callable[[], None] | None:
    """Return what a child calls before it becomes its program, or None where the kernel has no such thing."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # loaded here: between fork and exec little is safe
    parent = os.getpid()

    def follow() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return follow


class ChildProcess:
    """One running process of the demo. What it says is in *log*."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=folder,  # a .env of the folder the user stands in is none of the demo's business
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if name == "broker" else log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_follow_parent(),  # noqa: PLW1509  the demo has one thread
            )

    def first_line(self) -> str:
        """Return the first line on its standard output, empty when it ended without one."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def last_lines(self) -> str:
        """Return the end of what it said, indented."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])

    def end(self) -> None:
        """Ask it to stop."""
        if self.exit_code is None:
            self._process.terminate()

    def wait(self, deadline_s: float) -> None:
        """Return when it has ended, which is made sure of at *deadline_s* by the monotonic clock."""
        try:
            self._process.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        finally:
            # Also what it left behind: its group is its own.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            if self._process.stdout:
                self._process.stdout.close()
