"""A screen on a wall: fills itself, turns its pages, stays awake, and comes back by itself."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from viewer.pages.fake_viewer import FakeViewer
from viewer.pages.scenes import scene
from viewer.pages.test_controls import names

BY_HAND = """
    const every = setInterval;
    window.due = [];
    window.setInterval = (run, ms, ...rest) => (ms === 20000 ? window.due.push(run) : every(run, ms, ...rest));
"""
INSIDE = """() => [...document.querySelectorAll(".tile")].every((tile) => {
    const { left, top, right, bottom } = tile.getBoundingClientRect();
    return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
})"""


@pytest.fixture
def window(page: Page) -> Iterator[Page]:
    """A window of its own, for what stays in one."""
    other = page.context.new_page()
    other.set_viewport_size({"width": 1280, "height": 800})
    yield other
    other.close()


def cameras(viewer: FakeViewer, many: int) -> None:
    for number in range(1, many + 1):
        width, height = ((640, 360), (640, 480), (360, 640))[number % 3]
        viewer.tell(f"camera-{number}", expected_interval_s=86_400.0)
        viewer.shoot(f"camera-{number}", jpeg=scene(width, height), width=width, height=height)


@pytest.mark.parametrize("many", [1, 3, 8])
@pytest.mark.parametrize("size", [(390, 844), (1280, 800), (3840, 2160)])
def test_tiles_fill_the_window_without_a_bar_and_without_scrolling(
    page: Page, viewer: FakeViewer, many: int, size: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    cameras(viewer, many)
    page.goto("/?kiosk=1")
    expect(page.locator(".tile").first).to_be_visible()
    expect(page.locator(".bar")).to_be_hidden()
    assert page.evaluate(INSIDE)
    assert page.evaluate(
        "[document.scrollingElement.scrollHeight <= innerHeight, document.scrollingElement.scrollWidth <= innerWidth]"
    ) == [True, True]
    wide, high = page.evaluate(
        """() => {
            const boxes = [...document.querySelectorAll(".tile")].map((tile) => tile.getBoundingClientRect());
            const over = (side) => Math.max(...boxes.map((box) => box[side]));
            return [over("right") - Math.min(...boxes.map((box) => box.left)), over("bottom") - boxes[0].top];
        }"""
    )
    assert wide > 0.9 * size[0] or high > 0.9 * size[1], "neither side is filled"


def test_pages_turn_by_themselves_and_begin_again(window: Page, viewer: FakeViewer) -> None:
    cameras(viewer, 40)
    window.add_init_script(BY_HAND)
    window.goto("/?kiosk=1")
    first, seen = window.locator(".tile .name").first, list[str]()
    while len(seen) < 40:
        expect(first).to_have_text(f"camera-{len(seen) + 1}")
        assert window.evaluate(INSIDE)
        shown = names(window)
        assert 4 <= len(shown) < 40
        seen += shown
        window.evaluate("due.forEach((run) => run())")
    assert seen == [f"camera-{number}" for number in range(1, 41)]
    expect(first).to_have_text("camera-1")


def test_kiosk_shows_a_group_and_escape_leads_to_the_wall_of_it(page: Page, viewer: FakeViewer) -> None:
    cameras(viewer, 3)
    viewer.groups = [{"name": "odd", "members": ["camera-1", "camera-3"], "fixed": True}]
    page.goto("/?group=odd")
    page.keyboard.press("?")
    page.get_by_role("link", name=re.compile("kiosk")).click()
    page.wait_for_url("**/?group=odd&kiosk=1")
    expect(page.locator(".tile")).to_have_count(2)
    page.keyboard.press("Escape")
    page.wait_for_url("**/?group=odd")
    expect(page.locator(".bar")).to_be_visible()


def test_screen_is_kept_awake_also_after_the_lock_was_taken_away(window: Page, viewer: FakeViewer) -> None:
    window.add_init_script(
        """
        window.locks = [];
        Object.defineProperty(navigator, "wakeLock", { value: {
            request: async (kind) => { const lock = { kind, released: false }; window.locks.push(lock); return lock; },
        } });
        """
    )
    cameras(viewer, 1)
    window.goto("/?kiosk=1")
    window.wait_for_function("() => locks.length === 1")
    window.evaluate("locks[0].released = true; document.dispatchEvent(new Event('visibilitychange'))")
    window.wait_for_function("() => locks.length === 2")
    assert window.evaluate("locks.map(({ kind }) => kind)") == ["screen", "screen"]


def test_pointer_hides_until_it_moves(page: Page, viewer: FakeViewer) -> None:
    cameras(viewer, 1)
    page.goto("/?kiosk=1")
    expect(page.locator(".tile")).to_have_count(1)
    cursor = "getComputedStyle(document.querySelector('.tile a')).cursor"
    page.wait_for_function(f"() => {cursor} === 'none'")
    page.mouse.move(300, 300)
    page.wait_for_function(f"() => {cursor} !== 'none'")


def test_lost_connection_is_said_over_the_pictures(page: Page, viewer: FakeViewer) -> None:
    cameras(viewer, 3)
    page.goto("/?kiosk=1")
    expect(page.locator(".tile")).to_have_count(3)
    before = page.locator(".tile").first.bounding_box()
    viewer.refuse = True
    viewer.hang_up()
    expect(page.locator("#connection")).to_be_in_viewport()
    assert page.locator(".tile").first.bounding_box() == before


def test_screen_loads_the_page_of_a_new_version_by_itself(
    page: Page, viewer: FakeViewer, on_purpose: list[str]
) -> None:
    on_purpose.append("404 (Not Found)")
    cameras(viewer, 1)
    page.goto("/?kiosk=1")
    expect(page.locator(".tile")).to_have_count(1)
    page.evaluate("window.old = true")
    viewer.hang_up()
    viewer.until(lambda: viewer.connected() == 1)
    expect(page.locator("#connection")).to_be_hidden()
    assert page.evaluate("window.old"), "the same version goes on"

    page.route("**/static/*/kiosk.js", lambda route: route.fulfill(status=404), times=1)
    viewer.hang_up()
    page.wait_for_function("() => !window.old")
    expect(page.locator(".tile")).to_have_count(1)


def test_screen_tries_again_by_itself_when_what_it_needs_did_not_arrive(
    page: Page, viewer: FakeViewer, on_purpose: list[str]
) -> None:
    on_purpose.append("Failed to load resource")
    cameras(viewer, 1)
    page.route("**/static/*/kiosk.js", lambda route: route.abort("internetdisconnected"), times=1)
    page.goto("/?kiosk=1")
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.locator(".bar")).to_be_hidden()


def test_tick_for_a_screen_is_sent_with_the_login(page: Page, viewer: FakeViewer) -> None:
    page.goto("/login")
    page.get_by_label("User").fill("screen")
    page.get_by_label("Password", exact=True).fill("secret")
    page.get_by_label("Stay signed in on this screen").check()
    page.get_by_role("button", name="Sign in").click()
    viewer.until(lambda: len(viewer.posts) == 1)
    assert viewer.posts[0][1]["kiosk"] == "yes"


def test_colour_around_the_page_goes_with_its_theme(page: Page, viewer: FakeViewer) -> None:
    page.goto("/")
    said = "[...document.querySelectorAll('meta[name=theme-color]')].map(({ media, content }) => [media, content])"
    assert page.evaluate(said) == [["all", "#101316"], ["not all", "#f3f4f6"]]
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate(said) == [["not all", "#101316"], ["all", "#f3f4f6"]]
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(243, 244, 246)"
