"""The processes of the demo, each with a log of its own; even ``kill -9`` of the demo leaves none of them running."""

import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from shutterbus_runtime.child_process import ChildProcess

TAIL_LINES = 12
_TAIL_BYTES = 8192
_CAMERA_TROUBLE = re.compile(r"(?m) WARNING shutterbus_edge\.shoot: camera: (.+)$")


class DemoProcess:
    """One running process of the demo. What it says is in *log*."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self._process = ChildProcess(
                command,
                environment,
                stdout=subprocess.PIPE if name == "broker" else log,
                stderr=log,
                folder=folder,  # a .env of the folder the user stands in is none of the demo's business
                ends_with_parent=True,
            )

    def first_line(self) -> str:
        """Return the first line on its standard output, empty when it ended without one."""
        assert self._process.output is not None
        return self._process.output.readline().decode().strip()

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.exit_code

    def last_lines(self) -> str:
        """Return the end of what it said, indented."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])

    def camera_trouble(self) -> str:
        """Return what it last said about its camera that gives no pictures, empty where it said nothing."""
        said = _CAMERA_TROUBLE.findall(self.log.read_text(errors="replace"))
        return said[-1] if said else ""

    def end(self) -> None:
        """Ask it to stop."""
        self._process.terminate()

    def wait(self, deadline_s: float) -> None:
        """Return when it has ended, which is made sure of at *deadline_s* by the monotonic clock."""
        self._process.wait(deadline_s - time.monotonic())
        self._process.close_output()
