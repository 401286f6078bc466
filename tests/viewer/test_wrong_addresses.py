"""Addresses that lead nowhere say so, and where to go on."""

from collections.abc import Iterator

import pytest

from shutterbus_viewer.accounts.users import Role
from viewer.fakes_viewer import PASSWORD, Viewer, picture, user, viewer

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def running() -> Iterator[Viewer]:
    with viewer(users=(user("guard", Role.LOOK, "gate"),)) as running_viewer:
        running_viewer.http.auth = ("admin", PASSWORD)
        running_viewer.cameras.show(picture(camera="gate"), "kafka")
        running_viewer.cameras.show(picture(camera="yard"), "kafka")
        yield running_viewer


@pytest.mark.parametrize("path", ["/nothing", "/cameras/", "/cameras/gate/more", "/ledgers"])
def test_page_that_does_not_exist_is_a_page_with_a_way_on(running: Viewer, path: str) -> None:
    answer = running.http.get(path, headers=BROWSER)

    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    assert '<a class="text" href="/">All cameras</a>' in answer.text


def test_script_is_told_in_json(running: Viewer) -> None:
    answer = running.http.get("/nothing")
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such page")


def test_name_typed_wrongly_leads_to_the_one_that_was_meant(running: Viewer) -> None:
    answer = running.http.get("/cameras/Gate", headers=BROWSER)

    assert answer.status_code == 404
    assert "No camera is named Gate" in answer.text
    assert 'Did you mean <a href="/cameras/gate">gate</a>?' in answer.text


def test_name_in_an_address_is_never_code(running: Viewer) -> None:
    answer = running.http.get("/cameras/<script>alert(1)<%2Fscript>".replace("%2F", "-"), headers=BROWSER)
    assert answer.status_code == 404
    assert "&lt;script&gt;alert" in answer.text
    assert "<script>alert" not in answer.text


def test_page_of_a_camera_that_is_not_known_yet_waits_for_it(running: Viewer) -> None:
    assert 'data-waits="yes"' in running.http.get("/cameras/later", headers=BROWSER).text
    running.cameras.show(picture(camera="later"), "kafka")
    assert running.http.get("/cameras/later", headers=BROWSER).status_code == 200


def test_camera_of_others_is_neither_shown_nor_suggested(running: Viewer) -> None:
    running.http.auth = ("guard", PASSWORD)

    answer = running.http.get("/cameras/yart", headers=BROWSER)

    assert answer.status_code == 404
    assert "/cameras/yard" not in answer.text
    assert running.http.get("/cameras/yard", headers=BROWSER).status_code == 404
    assert running.http.get("/cameras/gate", headers=BROWSER).status_code == 200


def test_stranger_who_types_a_wrong_address_is_sent_to_the_login(running: Viewer) -> None:
    answer = running.http.get("/nothing", headers=BROWSER, auth=None)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/nothing")
