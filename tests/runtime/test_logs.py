"""The log of a process."""

import subprocess
import sys

PROGRAM = """
import logging
from shutterbus_runtime.logs import log_remarks, start_logging
from shutterbus_runtime.settings import Loaded
from pydantic import BaseModel

class Nothing(BaseModel):
    pass

start_logging({level!r}, {line_format!r}, quiet=["chatty"])
logging.getLogger("chatty.deep").info("hello")
logging.getLogger("chatty.deep").warning("trouble")
log_remarks(logging.getLogger("lamp"), Loaded(Nothing(), ("in vain",), {{}}, ("decided",)))
"""


def logged(level: str, line_format: str | None = None) -> list[str]:
    """What a process with that level writes: its own, since the root logger of this one is pytest's."""
    program = PROGRAM.format(level=level, line_format=line_format)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == ""
    return ended.stderr.splitlines()


def test_a_line_carries_time_level_and_place_and_quiet_libraries_only_warn() -> None:
    """What a library says at INFO is no transition of ours."""
    lines = logged("INFO")

    assert [line.split(" ", 2)[2] for line in lines] == [
        "WARNING chatty.deep: trouble",
        "WARNING lamp: in vain",
        "INFO lamp: decided",
    ]


def test_level_and_format_are_the_settings() -> None:
    """A notice is left out above INFO, a warning is not."""
    assert logged("WARNING", "{levelname}|{message}") == ["WARNING|trouble", "WARNING|in vain"]
