"""What several modules are given: the viewer's commands, and a small archive."""

import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest

from shutterbus_viewer.__main__ import main
from viewer.fakes_viewer import CHEAP_HASH
from viewer.kept_frames import Kept


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Run ``shutterbus-viewer`` as in the container; return what it says."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "VIEWER_MQTT_BROKERS": "m",
        "VIEWER_PASSWORD_HASH": CHEAP_HASH,
        "VIEWER_STATE_DIR": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, typed: str = "") -> str:
        monkeypatch.setattr(sys, "stdin", StringIO(typed))
        code = main(arguments)
        said = capsys.readouterr()
        assert (code == 0) == (said.err == ""), said
        return said.out + said.err

    return run


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """An archive that has nothing yet."""
    made = Kept(tmp_path)
    yield made
    made.catalog.close()
