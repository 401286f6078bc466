"""The edge on a machine without Docker, by the one command that the documents give."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from machine import needs_tool

pytestmark = [pytest.mark.stack(minutes=0.5), pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]


def test_make_edge_installs_the_edge_alone_without_docker(tmp_path: Path) -> None:
    """It runs from there, and no other part is with it."""
    needs_tool("make", "make")
    shutil.copy(ROOT / "Makefile", tmp_path)
    for package in ("edge", "wire", "runtime", "transport", "broker", "viewer"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "docker").write_text("#!/bin/sh\necho docker was called >&2; exit 1\n")
    (programs / "docker").chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}

    said = subprocess.run(
        ["make", "edge"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert said.returncode == 0, said.stderr
    assert "docker was called" not in said.stderr
    assert "pip" not in said.stdout
    (tmp_path / ".env").write_text("CAMERA_SOURCE=testcard\nSS_BROKERS=kafka.example.org\nSPOOL_DIR=spool\n")
    check = [str(tmp_path / ".venv/bin/shutterbus-edge"), "check"]
    checked = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "The settings can be used: testcard" in checked.stdout, checked.stderr
    others = subprocess.run(
        [str(tmp_path / ".venv/bin/python"), "-c", "import cv2, shutterbus_edge; import shutterbus_viewer"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No module named 'shutterbus_viewer'" in others.stderr
    assert not (tmp_path / ".venv/bin/shutterbus-broker").exists()
