"""The picamera2 adapter on the real picamera2 and libcamera, with libcamera's own software camera."""

import json
import subprocess
from pathlib import Path

import pytest

import testrun
from edge.camera_promises import PROMISES
from machine import needs_docker
from stack.brokers import docker

# The first run on a machine builds the image.
pytestmark = [pytest.mark.stack(minutes=0.5), pytest.mark.timeout(600)]

IMAGE = f"shutterbus-virtual-camera:{testrun.name()}"
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests/stack/virtual_camera"
CHECKS = [
    *PROMISES,
    "the_sensor_says_when",
    "colours_are_right",
    "what_it_cannot_do_is_named",
    "text_is_drawn",
    "every_format_has_its_colours",
    "a_killed_capture_process_is_replaced",
    "numpy_is_all_it_loads",
]


@pytest.fixture(scope="module")
def results() -> dict[str, str]:
    """Build the image, which Docker caches, and run every check in one container; return failures by check."""
    needs_docker()
    docker("build", "-q", "-t", IMAGE, str(FOLDER), timeout_s=400)
    sources = {"wire/src": "/wire", "runtime/src": "/runtime", "edge/src": "/edge", "tests": "/tests"}
    mounts = [part for path, place in sources.items() for part in ("-v", f"{ROOT / path}:{place}:ro")]
    done = subprocess.run(
        [
            *(
                "docker",
                "run",
                "--rm",
                *testrun.labelled(),
                "--read-only",
                "--tmpfs",
                "/tmp",
                "--cap-drop",
                "ALL",
                *mounts,
            ),
            *("-e", "PYTHONPATH=/wire:/runtime:/edge:/tests", IMAGE),
            *("/opt/venv/bin/python", "/tests/stack/virtual_camera/examine.py"),
        ],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    printed_results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert printed_results, done.stderr[-2000:]
    return {result["check"]: result["failure"] for result in printed_results}


@pytest.mark.parametrize("check", CHECKS)
def test_the_real_picamera2_keeps_the_promise(check: str, results: dict[str, str]) -> None:
    """The virtual camera gives NV12 only, has few controls, no pacing and no exposure: all of which the adapter reads."""
    assert check in results, "the container ended before this check"
    assert not results[check], results[check]
