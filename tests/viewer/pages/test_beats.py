"""The bar of the last 24 hours under each tile: what was kept, and the way to it."""

import re
from urllib.parse import unquote

from playwright.sync_api import Locator, Page, expect

from shutterbus_wire import instant
from viewer.pages.fake_viewer import SLICE_US, SLICES, FakeViewer

SELDOM = {"expected_interval_s": 86_400.0}
HIDE = """hidden => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def bar(page: Page, camera: str) -> Locator:
    return page.locator(f".tile[data-camera={camera}] .beat")


def asked_us(url: str) -> int:
    """Return the instant that the address of a camera page names."""
    match = re.search(r"\?at=(.+)$", unquote(url))
    assert match, url
    at_us = instant.parse(match[1])
    assert at_us is not None
    return at_us


def test_bar_stands_where_pictures_were_kept_and_nothing_where_none_were(
    page: Page, viewer: FakeViewer
) -> None:
    viewer.kept = {"gate": [0, 10, 5, *[0] * 92, 10]}
    for camera in ("gate", "live-only"):
        viewer.tell(camera, **SELDOM)
    page.goto("/")

    expect(bar(page, "gate")).to_have_attribute(
        "aria-label", "gate, the last 24 hours: pictures in 3 of 96 parts of 15 minutes"
    )
    expect(bar(page, "live-only")).to_have_count(0)
    outline = bar(page, "gate").locator("path").get_attribute("d") or ""
    assert re.fullmatch(r"M1 10v-10h1V10zM2 10v-5h1V10zM95 10v-10h1V10z", outline)


def test_day_without_a_picture_is_an_empty_bar(page: Page, viewer: FakeViewer) -> None:
    viewer.kept = {"gate": [0] * SLICES}
    viewer.tell("gate")
    page.goto("/")
    expect(bar(page, "gate")).to_have_attribute("aria-label", re.compile(r"pictures in 0 of 96"))
    expect(bar(page, "gate").locator("path")).to_have_attribute("d", "")


def test_click_on_the_bar_opens_the_camera_at_that_time(page: Page, viewer: FakeViewer) -> None:
    viewer.kept = {"gate": [7] * SLICES}
    viewer.tell("gate", **SELDOM)
    page.goto("/")
    box = bar(page, "gate").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    expect(bar(page, "gate")).to_have_attribute("title", re.compile(r"\d\d:\d\d CES?T: 7 pictures kept$"))
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)

    page.wait_for_url(re.compile("/cameras/gate"))
    quarter_us = viewer.first_us() + SLICES * SLICE_US // 4
    assert abs(asked_us(page.url) - quarter_us) <= SLICE_US


def test_without_a_pointer_the_bar_leads_to_the_newest_picture(page: Page, viewer: FakeViewer) -> None:
    viewer.kept = {"gate": [0, 3, *[0] * 94]}
    viewer.tell("gate", **SELDOM)
    page.goto("/")
    bar(page, "gate").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/cameras/gate"))
    assert asked_us(page.url) == viewer.first_us() + SLICE_US


def test_arrows_walk_from_tile_to_tile_and_not_over_bars(page: Page, viewer: FakeViewer) -> None:
    for camera in ("gate", "yard"):
        viewer.kept[camera] = [1] * SLICES
        viewer.tell(camera, **SELDOM)
    page.goto("/")
    expect(page.locator(".beat")).to_have_count(2)
    for key in ("ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.getAttribute('href')") == "/cameras/yard"
    assert page.locator(".wall a[tabindex='0']").count() == 1


def test_wall_of_hundred_cameras_asks_once_and_draws_what_is_in_sight(page: Page, viewer: FakeViewer) -> None:
    for number in range(100):
        viewer.place(f"camera-{number}").state |= SELDOM
        viewer.kept[f"camera-{number}"] = [1] * SLICES
    page.goto("/")
    expect(bar(page, "camera-0")).to_have_count(1)
    expect(bar(page, "camera-99")).to_have_count(0)
    page.keyboard.press("End")
    page.keyboard.press("End")
    expect(bar(page, "camera-99")).to_have_count(1)
    assert viewer.counts == 1


def test_bars_are_asked_for_again_after_minutes_and_not_while_nobody_looks(
    page: Page, viewer: FakeViewer
) -> None:
    viewer.kept = {"gate": [1] * SLICES}
    viewer.tell("gate", **SELDOM)
    page.goto("/")
    expect(bar(page, "gate")).to_have_count(1)
    late = "() => { const now = performance.now(); performance.now = () => now + 301_000; }"
    page.evaluate(HIDE, True)
    page.evaluate(late)
    viewer.kept = {"gate": [0] * SLICES}
    assert viewer.counts == 1
    page.evaluate(HIDE, False)

    expect(bar(page, "gate")).to_have_attribute("aria-label", re.compile("pictures in 0 of 96"))
    assert viewer.counts == 2


def test_server_without_an_archive_is_not_asked_and_keeps_no_room_for_bars(
    page: Page, viewer: FakeViewer
) -> None:
    viewer.has_archive = False
    viewer.tell("gate", **SELDOM)
    picture = viewer.shoot("gate")
    page.goto("/")
    expect(page.locator("canvas")).to_have_attribute("data-frame", picture)
    tile, room = (page.locator(part).bounding_box() for part in (".tile", ".picture"))
    assert tile
    assert room
    assert tile["height"] - room["height"] == 44
    assert viewer.counts == 0
