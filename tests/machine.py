"""What this machine can and cannot test, said in one place.

A test that needs something asks for it with ``needs``. Where it is missing, the test is left out and the last
lines of the run say so; under CI=true nothing may be left out, so there it fails.
"""

import functools
import os
import shutil
import subprocess

import pytest

SOAK = os.environ.get("SHUTTERBUS_SOAK") == "1"
"""Whether tests that have a long form take it: ``make soak``."""


def needs(have: bool, sentence: str) -> None:
    """Leave the running test out, or fail it under CI, unless the machine has what *sentence* says is missing."""
    if have:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI has to run everything, but {sentence}")
    pytest.skip(sentence)


def needs_tool(name: str, package: str) -> str:
    """Return the path of the program *name*; without it see ``needs``."""
    path = shutil.which(name)
    needs(path is not None, f"{name} is not installed (Debian package {package})")
    assert path is not None
    return path


@functools.cache
def has_docker() -> bool:
    """Whether a Docker engine answers."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def needs_docker() -> None:
    """See ``needs``."""
    needs(has_docker(), "no Docker engine answers")


def needs_chromium() -> str:
    """Return the path of Debian's Chromium; without it see ``needs``."""
    return needs_tool("chromium", "chromium")
