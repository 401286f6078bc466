"""The real SINETStream, in an environment of its own: its kafka-python-ng and old paho would overwrite the libraries of ours."""

import hashlib
import subprocess
import sys
from pathlib import Path

from machine import needs

LOCK = Path(__file__).with_suffix(".txt")
STATE = Path(__file__).parents[1] / ".state"


def environment() -> Path:
    """Return the folder of an environment with SINETStream 1.10; made once, and anew when its lock changes."""
    folder = STATE / f"sinetstream-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    if not (folder / "made").exists():
        uv, python = str(Path(sys.executable).with_name("uv")), str(folder / "bin/python")
        subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)], check=True)
        install = [uv, "pip", "install", "-q", "--python", python, "--require-hashes", "-r", str(LOCK)]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        needs(done.returncode == 0, f"SINETStream cannot be installed: {done.stderr.strip()[-200:]}")
        (folder / "made").touch()
    return folder
