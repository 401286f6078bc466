"""What pages are made of: kept by browsers for good, and small on the way."""

import gzip
import re
from collections.abc import Iterator

import pytest

from shutterbus_viewer.show.static_files import static_files
from viewer.fakes_viewer import PASSWORD, Viewer, viewer


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
