"""The whole stack in Docker, from a fresh clone to the picture on the screen, and what becomes of it when things break.

Who may do what on the brokers is in test_identities.py; what a server alone promises is in test_server.py. Here cameras
in containers send to a server in containers, on one machine: ``gate`` is the real picamera2 on libcamera's virtual camera,
over Kafka, and ``yard`` plays street footage over MQTT.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page

from stack.browser import chromium, log_in
from stack.installation import SERVER_NAME, Camera, Installation, installation
from stack.test_first_light import footage, wait_for_picture_after

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

VIRTUAL_CAMERA = Path(__file__).parent / "virtual_camera"
CAMERAS = ("gate", "yard")


@pytest.fixture(scope="module")
def server() -> Iterator[Installation]:
    """A server after ``make init``, its images built and all of it up."""
    with installation() as made:
        made.init()
        made.compose("build", "-q", timeout_s=600)
        assert made.up() < 60
        yield made


def edge_up(camera: Camera, **settings: str) -> None:
    """Edit .env as its owner would, build from what was in the tar, and start."""
    camera.set(EDGE_TARGET="debian", EDGE_IMAGE=camera.image, SPOOL_MODE="durable", SCHEDULE="1", **settings)
    camera.compose("up", "-d", "--build", timeout_s=600)


@pytest.fixture(scope="module")
def gate(server: Installation) -> Camera:
    """The real picamera2, on libcamera's virtual camera."""
    camera = server.enroll("gate")
    camera.set(EDGE_TARGET="debian", EDGE_IMAGE=f"{camera.image}-plain")
    camera.compose("build", "-q", timeout_s=600)
    for name in ("Overlay.Dockerfile", "dma_heap.c", "virtual.yaml", "virtual.py", "sitecustomize.py"):
        shutil.copy(VIRTUAL_CAMERA / name, camera.folder / name)
    (camera.folder / "compose.virtual.yml").write_text(
        f"services: {{edge: {{build: !override {{context: ., dockerfile: Overlay.Dockerfile, args: {{EDGE_IMAGE: {camera.image}-plain}}}}}}}}\n"
    )
    edge_up(camera, COMPOSE_FILE="compose.edge.yml:compose.virtual.yml", PICAMERA_RESOLUTION="1920x1080")
    return camera


@pytest.fixture(scope="module")
def yard(server: Installation, tmp_path_factory: pytest.TempPathFactory) -> Camera:
    """Street footage, over MQTT."""
    camera = server.enroll("yard")
    shutil.copy(footage(tmp_path_factory.mktemp("film")), camera.folder / "vtest.avi")
    (camera.folder / "compose.film.yml").write_text(
        "services: {edge: {volumes: ['./vtest.avi:/film/vtest.avi:ro']}}\n"
    )
    edge_up(
        camera,
        COMPOSE_FILE="compose.edge.yml:compose.film.yml",
        CAMERA_SOURCE="file:/film/vtest.avi",
        SS_TYPE="mqtt",
        SS_BROKERS=f"{SERVER_NAME}:8883",
    )
    return camera


@pytest.fixture(scope="module")
def pages(server: Installation, gate: Camera, yard: Camera) -> Iterator[dict[str, Page]]:
    """A tab for each camera, that stays open through all that happens."""
    del gate, yard
    with chromium() as browser:
        yield open_pages(browser, server)


def open_pages(browser: Browser, server: Installation) -> dict[str, Page]:
    """Log in, and open the page of every camera."""
    context = browser.new_context(
        ignore_https_errors=True
    )  # that it is our authority's is asserted elsewhere
    patiently(lambda: log_in(context.new_page(), server.web, server.password))
    pages = {}
    for camera in CAMERAS:
        page = pages[camera] = context.new_page()
        patiently(lambda page=page, camera=camera: page.goto(f"{server.web}/cameras/{camera}"))  # type: ignore[misc]
    return pages


def patiently(load: Callable[[], object], within_s: float = 30) -> None:
    """Do it again while containers come and go: Chromium drops every load when an interface appears."""
    deadline_s = time.monotonic() + within_s
    while True:
        try:
            load()
        except Error:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.5)
        else:
            return


def wait_all_live(pages: dict[str, Page], since_us: int, within_s: float) -> None:
    """Return when every page has drawn a picture taken after *since_us*."""
    deadline_s = time.monotonic() + within_s
    for page in pages.values():
        wait_for_picture_after(page, since_us, max(1.0, deadline_s - time.monotonic()))


def test_both_cameras_are_live_in_the_browser(pages: dict[str, Page]) -> None:
    """Over HTTPS, with pictures taken from now on."""
    wait_all_live(pages, time.time_ns() // 1000, 60)
