"""Groups on the wall: chosen, made and changed there."""

import re

import pytest
from playwright.sync_api import Page, expect

from viewer.pages.fake_viewer import FakeViewer
from viewer.pages.test_controls import names

NORTH = {"name": "north", "members": ["gate", "roof-*"], "fixed": True}
EMPTY = {"name": "empty", "members": ["nobody"], "fixed": True}


@pytest.fixture
def wall(page: Page, viewer: FakeViewer) -> Page:
    """A wall of five cameras and a group of three of them; of another one there is no camera."""
    for camera in ("gate", "quay", "roof-1", "roof-2", "yard"):
        viewer.tell(camera, expected_interval_s=86_400.0, online=camera != "quay")
        viewer.shoot(camera)
    viewer.groups = [NORTH, EMPTY]
    page.goto("/")
    expect(page.locator(".tile")).to_have_count(5)
    return page


def test_chooser_offers_groups_that_have_cameras(wall: Page, viewer: FakeViewer) -> None:
    expect(wall.locator("#group").locator("option")).to_have_text(["All cameras", "north"])
    expect(wall.locator("#edit-group")).to_be_hidden()

    viewer.tell("nobody")

    expect(wall.locator("#group").locator("option")).to_have_text(["All cameras", "north", "empty"])


def test_chosen_group_is_shown_counted_and_kept_in_the_address(wall: Page) -> None:
    wall.locator("#group").select_option("north")
    expect(wall.locator(".tile")).to_have_count(3)
    assert names(wall) == ["gate", "roof-1", "roof-2"]
    expect(wall.locator("[data-kind=live]")).to_have_text("3 live")
    expect(wall.locator("[data-kind=silent]")).to_have_text(re.compile("^0 silent"))
    expect(wall.locator("h1")).to_have_text("north")
    assert wall.url.endswith("/?group=north")
    wall.keyboard.press("Escape")
    assert wall.url.endswith("/?group=north"), "Escape ends the filter, not the group"

    wall.reload()
    expect(wall.locator(".tile")).to_have_count(3)
    wall.locator("#group").select_option("")
    expect(wall.locator(".tile")).to_have_count(5)


def test_new_camera_whose_name_matches_belongs_to_the_group_at_once(wall: Page, viewer: FakeViewer) -> None:
    wall.goto("/?group=north")
    expect(wall.locator(".tile")).to_have_count(3)
    viewer.tell("roof-9")
    viewer.tell("hall")
    expect(wall.locator(".tile")).to_have_count(4)
    assert names(wall)[-1] == "roof-9"


def test_wall_of_a_group_never_shows_the_others_meanwhile(wall: Page, viewer: FakeViewer) -> None:
    wall.route("**/api/groups", lambda route: None)
    wall.goto("/?group=north")
    expect(wall.locator(".choices")).to_be_visible()
    expect(wall.locator(".tile")).to_have_count(0)
    assert wall.locator("#no-match").is_hidden()
    wall.unroute("**/api/groups")


def test_group_that_is_not_there_says_so_and_offers_the_way_back(wall: Page) -> None:
    wall.goto("/?group=south")
    expect(wall.locator("#no-match")).to_contain_text("There is no group south.")
    wall.get_by_role("button", name="Show all").click()
    expect(wall.locator(".tile")).to_have_count(5)
    assert wall.url.endswith("/")


def test_operator_makes_a_group_of_what_the_filter_shows(wall: Page, viewer: FakeViewer) -> None:
    viewer.may_edit = True
    wall.goto("/")
    wall.get_by_label("Filter").fill("roof")
    wall.get_by_role("button", name="Make a group").click()
    dialog = wall.get_by_role("dialog", name="A new group")
    expect(dialog.get_by_label("Cameras")).to_have_value("*roof*")
    expect(dialog.get_by_text("2 of 5 cameras belong to it now.")).to_be_visible()
    dialog.get_by_label("Name").fill("Roofs & towers")
    dialog.get_by_label("Cameras").fill("roof-* yard, gate")
    expect(dialog.get_by_text("4 of 5 cameras")).to_be_visible()
    dialog.get_by_role("button", name="Save").click()

    expect(dialog).to_be_hidden()
    assert viewer.groups[-1] == {
        "name": "Roofs & towers",
        "members": ["roof-*", "yard", "gate"],
        "fixed": False,
    }
    expect(wall.locator("#group")).to_have_value("Roofs & towers")
    wall.get_by_label("Filter").fill("")
    expect(wall.locator(".tile")).to_have_count(4)


def test_operator_renames_and_removes_a_group(wall: Page, viewer: FakeViewer) -> None:
    viewer.may_edit = True
    viewer.groups = [NORTH, {"name": "docks", "members": ["quay"], "fixed": False}]
    wall.goto("/?group=docks")
    wall.get_by_role("button", name="Change this group").click()
    dialog = wall.get_by_role("dialog", name="The group docks")
    dialog.get_by_label("Name").fill("harbour")
    dialog.get_by_role("button", name="Save").click()
    expect(wall.locator("#group").locator("option")).to_have_text(["All cameras", "north", "harbour"])
    expect(wall.locator(".tile")).to_have_count(1)

    wall.get_by_role("button", name="Change this group").click()
    wall.get_by_role("dialog", name="The group harbour").get_by_role("button", name="Remove").click()
    expect(wall.locator(".tile")).to_have_count(5)
    assert viewer.groups == [NORTH]


def test_group_of_the_settings_is_not_changed_and_a_refusal_is_quoted(
    wall: Page, viewer: FakeViewer, on_purpose: list[str]
) -> None:
    on_purpose.append("422")
    viewer.may_edit = True
    wall.goto("/?group=north")
    wall.get_by_role("button", name="Make a group").click()
    dialog = wall.get_by_role("dialog", name="A new group")
    expect(dialog.get_by_role("button", name="Remove")).to_be_hidden()
    dialog.get_by_label("Name").fill("refused")
    dialog.get_by_label("Cameras").fill("gate")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_have_text("'refused' is no name for a group")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    assert viewer.groups == [NORTH, EMPTY]
