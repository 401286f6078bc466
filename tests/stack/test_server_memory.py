"""What a server takes of a machine's memory while cameras of 1080p send and a page shows them."""

import contextlib
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from stack.browser import chromium, log_in
from stack.programs import BIN, Program, program
from stack.servers import Server, server

pytestmark = [pytest.mark.stack, pytest.mark.alone, pytest.mark.soak, pytest.mark.timeout(600)]

SECONDS = 30
BESIDE_AN_EDGE_BYTES = 400_000_000
MQTT_ALONE_BYTES = 450_000_000
BOTH_BROKERS_BYTES = 1_600_000_000


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Server]:
    """What COMPOSE_PROFILES=mqtt starts."""
    with server(tmp_path, env="COMPOSE_PROFILES=mqtt\n") as made:
        made.up()
        assert made.compose("ps", "--services").split() == ["archive", "mosquitto", "viewer"]
        yield made


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[Server]:
    """What is started where nothing is chosen."""
    with server(tmp_path) as made:
        made.up()
        assert made.compose("ps", "--services").split() == [
            "archive",
            "kafka",
            "mosquitto",
            "setup",
            "viewer",
        ]
        yield made


def test_mqtt_alone_fits_beside_an_edge_on_one_pi(small: Server, tmp_path: Path) -> None:
    peak_bytes = most_resident_bytes(small, ["mqtt"], tmp_path)
    print(f"Mosquitto, viewer and archive, one camera: at most {peak_bytes / 1e6:.0f} MB")
    assert peak_bytes <= BESIDE_AN_EDGE_BYTES


def test_mqtt_alone_with_four_cameras(small: Server, tmp_path: Path) -> None:
    peak_bytes = most_resident_bytes(small, ["mqtt"] * 4, tmp_path)
    print(f"Mosquitto, viewer and archive, four cameras: at most {peak_bytes / 1e6:.0f} MB")
    assert peak_bytes <= MQTT_ALONE_BYTES


def test_both_brokers_with_four_cameras(whole: Server, tmp_path: Path) -> None:
    peak_bytes = most_resident_bytes(whole, ["kafka", "kafka", "mqtt", "mqtt"], tmp_path)
    print(f"all services, four cameras: at most {peak_bytes / 1e6:.0f} MB")
    assert peak_bytes <= BOTH_BROKERS_BYTES


def most_resident_bytes(running: Server, transports: Sequence[str], folder: Path) -> int:
    """Return what the services together had resident at most, while a camera sent over each of *transports*, twice a second."""
    password = re.search(r"password (\S+)", running.init_said)
    assert password
    with ExitStack() as stack:
        edges = [
            stack.enter_context(edge(running, f"camera-{number}", transport, folder))
            for number, transport in enumerate(transports)
        ]
        page = stack.enter_context(chromium()).new_page(ignore_https_errors=True)
        log_in(page, f"https://{running.address}:8080", password[1])

        def newest_us() -> list[str | None]:
            shown = page.locator("[data-captured-at-us]")
            return [tile.get_attribute("data-captured-at-us") for tile in shown.all()]

        page.locator("[data-captured-at-us]").nth(len(edges) - 1).wait_for(state="attached", timeout=60_000)
        first_us = newest_us()
        peak_bytes = 0
        containers = running.compose("ps", "-q").split()
        deadline_s = time.monotonic() + SECONDS
        while time.monotonic() < deadline_s:
            peak_bytes = max(peak_bytes, sum(map(_resident_bytes, containers)))
            time.sleep(0.5)
        assert not set(first_us) & set(newest_us()), [each.said()[-500:] for each in edges]
    return peak_bytes


@contextlib.contextmanager
def edge(running: Server, name: str, transport: str, folder: Path) -> Iterator[Program]:
    """An edge on this machine with a camera of 1080p, enrolled at the server."""
    identity = running.enroll(name)
    environment = {
        "CAMERA_ID": name,
        "CAMERA_SOURCE": "testcard",
        "PICAMERA_RESOLUTION": "FHD",
        "PICAMERA_FRAMERATE": "2",
        "SPOOL_DIR": str(folder / f"spool-{name}"),
        "HEALTH_PORT": "0",
        "SS_TYPE": transport,
        "SS_BROKERS": f"{running.address}:{8883 if transport == 'mqtt' else 9093}",
        "SS_TLS__CA_CERTS": str(identity.tls.ca_certs),
        "SS_TLS__CERTFILE": str(identity.tls.certfile),
        "SS_TLS__KEYFILE": str(identity.tls.keyfile),
    }
    with program([BIN / "shutterbus-edge", "run"], environment, folder / f"{name}.log") as started:
        yield started


def _resident_bytes(container: str) -> int:
    """Return what this machine's kernel says of the processes in a container, without starting a further one in it."""
    resident = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if container in (process / "cgroup").read_text():
                resident += sum(map(int, re.findall(r"VmRSS:\s+(\d+) kB", (process / "status").read_text())))
    assert resident > 0, f"no process of {container} is on this machine"
    return resident * 1024
