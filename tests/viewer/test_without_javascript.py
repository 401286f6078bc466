"""The pages for browsers that run no scripts, such as those of e-readers and old television sets."""

import re
from collections.abc import Iterator

import pytest

from viewer.fakes_viewer import Viewer, picture, status, viewer


@pytest.fixture
def running() -> Iterator[Viewer]:
    with viewer() as running_viewer:
        running_viewer.cameras.show(picture(1), "kafka")
        running_viewer.log_in()
        yield running_viewer


def test_wall_leads_to_a_list_of_stills_that_is_made_anew(running: Viewer) -> None:
    noscript = re.search("<noscript>(.*?)</noscript>", running.http.get("/").text)
    assert noscript
    assert 'content="0; url=/stills"' in noscript[1]

    running.cameras.note(status(camera="yard", state="offline"), "mqtt")
    page = running.http.get("/stills").text

    assert 'http-equiv="refresh" content="60"' in page
    assert re.search(r'<a href="/cameras/gate">.*<b dir="auto">gate</b></a> \d+ (s|min|h|days) old, 20', page)
    assert '<a href="/cameras/yard"><b dir="auto">yard</b></a> no picture yet' in page
    source = re.search(r'<img src="([^"]+)"', page)
    assert source
    assert running.http.get(source[1]).content == picture(1).frame.data


def test_stills_say_that_a_broker_is_away_or_a_camera_offline(running: Viewer) -> None:
    running.cameras.note(status(state="offline"), "kafka")
    assert "<strong>offline</strong>" in running.http.get("/stills").text
    running.cameras.outage("kafka", "Kafka cannot be reached", of="kafka")
    page = running.http.get("/stills").text
    assert re.search(r"Kafka cannot be reached\. Since 20.* UTC nothing is known of its cameras\.", page)
    assert ", unknown</li>" in page


def test_camera_is_shown_as_a_still(running: Viewer) -> None:
    page = running.http.get("/cameras/gate").text
    assert '<img src="/api/cameras/gate/latest.jpg?width=1024" alt="newest picture of gate">' in page


@pytest.mark.parametrize("path", ["/", "/stills", "/cameras/gate"])
def test_sign_out_works(running: Viewer, path: str) -> None:
    """Its token stands in the page, and no script has to put it there."""
    token = re.search(r'name="csrf" value="([^"]+)"', running.http.get(path).text)
    assert token
    assert running.http.post("/logout", data={"csrf": token[1]}).status_code == 303
    assert running.http.get("/api/cameras").status_code == 401


def test_login_has_no_empty_message(running: Viewer) -> None:
    running.http.cookies.clear()
    assert '<p id="message" class="problems" role="alert"></p>' in running.http.get("/login").text
