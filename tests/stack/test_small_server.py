"""A server of Mosquitto, viewer and archive alone, small enough to run beside an edge on one Pi."""

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.browser import chromium, log_in
from stack.programs import BIN, program
from stack.servers import Server, server

pytestmark = [pytest.mark.stack, pytest.mark.alone, pytest.mark.soak, pytest.mark.timeout(600)]

RESIDENT_MAX_BYTES = 400_000_000
SECONDS = 15


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What COMPOSE_PROFILES=mqtt starts."""
    with server(tmp_path_factory.mktemp("server"), env="COMPOSE_PROFILES=mqtt\n") as made:
        made.up()
        yield made


def test_server_fits_beside_an_edge_on_one_pi(running: Server, tmp_path: Path) -> None:
    """With a 1080p camera that sends and a page that shows it; resident is what the kernel counts of each process."""
    assert running.compose("ps", "--services").split() == ["archive", "mosquitto", "viewer"]
    gate = running.enroll("gate")
    environment = {
        "CAMERA_ID": "gate",
        "CAMERA_SOURCE": "testcard",
        "PICAMERA_RESOLUTION": "FHD",
        "PICAMERA_FRAMERATE": "2",
        "SPOOL_DIR": str(tmp_path / "spool"),
        "SS_TYPE": "mqtt",
        "SS_BROKERS": f"{running.address}:8883",
        "SS_TLS__CA_CERTS": str(gate.secrets / "ca.crt"),
        "SS_TLS__CERTFILE": str(gate.secrets / "gate.crt"),
        "SS_TLS__KEYFILE": str(gate.secrets / "gate.key"),
    }
    password = re.search(r"password (\S+)", running.init_said)
    assert password
    with (
        program([BIN / "shutterbus-edge", "run"], environment, tmp_path / "edge.log") as edge,
        chromium() as browser,
    ):
        page = browser.new_page(ignore_https_errors=True)
        log_in(page, f"https://{running.address}:8080", password[1])
        shown = "[data-captured-at-us]"
        page.wait_for_selector(shown, state="attached", timeout=60_000)
        first_us = page.get_attribute(shown, "data-captured-at-us")
        peak_bytes = 0
        containers = running.compose("ps", "-q").split()
        deadline_s = time.monotonic() + SECONDS
        while time.monotonic() < deadline_s:
            peak_bytes = max(peak_bytes, sum(map(_resident_bytes, containers)))
            time.sleep(0.5)
        assert page.get_attribute(shown, "data-captured-at-us") != first_us, edge.said()
    print(f"at most {peak_bytes / 1e6:.0f} MB")
    assert peak_bytes < RESIDENT_MAX_BYTES


def _resident_bytes(container: str) -> int:
    """Return what this machine's kernel says of the processes in a container, without starting a further one in it."""
    resident = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if container in (process / "cgroup").read_text():
                resident += sum(map(int, re.findall(r"VmRSS:\s+(\d+) kB", (process / "status").read_text())))
    assert resident > 0, f"no process of {container} is on this machine"
    return resident * 1024
