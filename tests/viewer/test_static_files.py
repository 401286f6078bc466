"""What pages are made of: kept by browsers for good, and small on the way."""

import gzip
import json
import re
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from shutterbus_viewer.show.static_files import static_files
from viewer.fakes_viewer import BASE, PASSWORD, Viewer, viewer


@pytest.fixture
def running() -> Iterator[Viewer]:
    with viewer() as running_viewer:
        running_viewer.http.auth = ("admin", PASSWORD)
        yield running_viewer


@pytest.mark.parametrize("path", ["/", "/cameras/gate", "/login"])
def test_everything_that_a_page_refers_to_may_be_kept_for_good(running: Viewer, path: str) -> None:
    addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', running.http.get(path).text)

    assert len(addresses) >= 3
    for address in addresses:
        answer = running.http.get(address)
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert answer.headers["vary"] == "Accept-Encoding"


def test_files_travel_compressed_where_the_browser_says_that_it_can(running: Viewer) -> None:
    address = next(address for address in static_files() if address.endswith("app.css"))
    plain = running.http.get(address, headers={"Accept-Encoding": "identity"})
    compressed = running.http.get(address, headers={"Accept-Encoding": "br, gzip"})

    assert plain.headers["content-type"].startswith("text/css")
    assert "content-encoding" not in plain.headers
    assert compressed.headers["content-encoding"] == "gzip"
    assert int(compressed.headers["content-length"]) < len(plain.content) / 3
    assert compressed.content == plain.content == gzip.decompress(static_files()[address].compressed)


def test_address_of_another_version_is_not_answered_with_this_one(running: Viewer) -> None:
    """Its answer would be kept for good under the wrong name."""
    assert running.http.get("/static/0123456789abcdef/app.css").status_code == 404
    assert running.http.get("/static/app.css").status_code == 404


@pytest.mark.parametrize("path", ["/", "/cameras/gate", "/login", "/stills", "/nothing"])
def test_every_page_can_become_an_app_whose_parts_need_no_login(running: Viewer, path: str) -> None:
    """Browsers fetch them without a cookie."""
    text = running.http.get(path, headers={"Accept": "text/html"}).text
    manifest, touch_icon = (
        re.findall(rf'rel="{name}" href="([^"]+)"', text)[0] for name in ("manifest", "apple-touch-icon")
    )
    assert re.findall(r'name="theme-color" data-theme="(\w+)"', text) == ["dark", "light"]
    stranger = TestClient(running.app, base_url=BASE)

    answer = stranger.get(manifest)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/manifest+json")
    said = json.loads(answer.text)
    assert (said["id"], said["start_url"], said["display"]) == ("/", "/", "standalone")
    purposes = {(icon["sizes"], icon.get("purpose", "any")) for icon in said["icons"]}
    assert purposes >= {(size, purpose) for size in ("192x192", "512x512") for purpose in ("any", "maskable")}
    for icon in said["icons"]:
        answer = stranger.get(f"{manifest.rpartition('/')[0]}/{icon['src']}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, icon["type"])
        if icon["type"] == "image/png":
            image = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
            assert image is not None
            assert "x".join(map(str, image.shape[1::-1])) == icon["sizes"]
            assert len(answer.content) < 10_000
    assert stranger.get(touch_icon).status_code == 200


def test_icon_for_launchers_keeps_its_mark_where_no_launcher_cuts() -> None:
    """Within a circle of 80 % of its side; behind that the ground goes to the edge."""
    content = next(
        file.content for address, file in static_files().items() if address.endswith("icon-512.png")
    )
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    across, down = np.meshgrid(np.arange(512) - 255.5, np.arange(512) - 255.5)
    outside = np.hypot(across, down) > 0.4 * 512
    assert int(image[outside].max()) < 60
    assert int(image[~outside].max()) > 200
