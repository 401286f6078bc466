"""Everything by keyboard, and what the visitor chose."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from viewer.pages.fake_viewer import FakeViewer


@pytest.fixture
def wall(page: Page, viewer: FakeViewer) -> Page:
    """A wall of twelve cameras, four beside each other; ``gate-3`` is offline."""
    for number in range(1, 13):
        viewer.tell(f"gate-{number}", expected_interval_s=86_400.0, online=number != 3)
        viewer.shoot(f"gate-{number}")
    page.goto("/")
    expect(page.locator(".tile")).to_have_count(12)
    return page


def names(page: Page) -> list[str]:
    return page.locator(".tile .name").all_inner_texts()


def test_cameras_stand_in_the_order_people_count(wall: Page) -> None:
    assert names(wall) == [f"gate-{number}" for number in range(1, 13)]


def test_silent_first_is_remembered(wall: Page) -> None:
    wall.locator("#order").select_option("silent")
    expect(wall.locator(".tile .name").first).to_have_text("gate-3")
    wall.goto("/")
    expect(wall.locator(".tile .name").first).to_have_text("gate-3")


def test_slash_filters_by_name_and_escape_shows_all_again(wall: Page) -> None:
    wall.keyboard.press("/")
    wall.keyboard.type("gate-1")
    expect(wall.locator(".tile")).to_have_count(4)
    assert names(wall) == ["gate-1", "gate-10", "gate-11", "gate-12"]
    wall.keyboard.press("Escape")
    expect(wall.locator(".tile")).to_have_count(12)


def test_what_is_shown_stands_in_the_address_and_back_leads_to_it(wall: Page) -> None:
    wall.set_viewport_size({"width": 640, "height": 300})
    wall.keyboard.press("/")
    wall.keyboard.type("gate-1")
    wall.locator("#order").select_option("silent")
    wall.locator("#size").select_option("large")
    address = wall.url
    assert address.endswith("/?q=gate-1&order=silent&size=large")
    wall.locator(".tile[data-camera=gate-11]").scroll_into_view_if_needed()
    scrolled = wall.evaluate("scrollY")
    assert scrolled > 0

    wall.locator(".tile[data-camera=gate-11] a").click()
    expect(wall.locator("a[rel=prev]")).to_have_attribute("href", "/cameras/gate-10")
    expect(wall.locator("a[rel=next]")).to_have_attribute("href", "/cameras/gate-12")
    wall.go_back()

    assert wall.url == address
    expect(wall.locator(".tile")).to_have_count(4)
    expect(wall.locator("#filter")).to_have_value("gate-1")
    wall.wait_for_function("scrolled => scrollY === scrolled", arg=scrolled)
    wall.locator(".tile[data-camera=gate-11] a").click()
    expect(wall.locator("a[rel=prev]")).to_have_attribute("href", "/cameras/gate-10")
    wall.keyboard.press("Escape")
    wall.wait_for_url(address)


def test_address_says_which_cameras_are_shown(wall: Page) -> None:
    wall.goto("/?show=silent")
    expect(wall.locator(".tile .name")).to_have_text(["gate-3"])
    wall.get_by_role("button", name="1 silent").click()
    expect(wall.locator(".tile")).to_have_count(12)
    wall.wait_for_url("**/")


def test_filter_that_matches_nothing_offers_the_way_back(wall: Page) -> None:
    wall.keyboard.press("/")
    wall.keyboard.type("nothing")
    expect(wall.get_by_text("No camera matches.")).to_be_visible()
    wall.get_by_role("button", name="Show all").click()
    expect(wall.locator(".tile")).to_have_count(12)


def test_count_shows_only_its_cameras_and_then_all_again(wall: Page) -> None:
    wall.get_by_role("button", name="1 silent").click()
    expect(wall.locator(".tile")).to_have_count(1)
    wall.get_by_role("button", name="1 silent").click()
    expect(wall.locator(".tile")).to_have_count(12)


def test_tiles_out_of_the_filter_are_not_asked_for(wall: Page, viewer: FakeViewer) -> None:
    wall.keyboard.press("/")
    wall.keyboard.type("gate-7")
    viewer.until(lambda: [list(watched) for watched in viewer.watches[-1:]] == [["gate-7"]])


def test_arrows_walk_the_wall_and_enter_opens_the_camera(wall: Page) -> None:
    focused = "document.activeElement.closest('.tile')?.dataset.camera"
    for key, camera in [
        ("ArrowRight", "gate-1"),
        ("ArrowRight", "gate-2"),
        ("ArrowDown", "gate-6"),
        ("ArrowLeft", "gate-5"),
        ("ArrowUp", "gate-1"),
        ("End", "gate-12"),
        ("ArrowDown", "gate-12"),
        ("Home", "gate-1"),
        ("ArrowRight", "gate-2"),
    ]:
        wall.keyboard.press(key)
        assert wall.evaluate(focused) == camera, key
    assert wall.locator(".tile a[tabindex='0']").count() == 1, "Tab reaches one tile, not a thousand"
    wall.keyboard.press("Enter")
    wall.wait_for_url("**/cameras/gate-2")


def test_first_stop_of_tab_leads_past_the_bar(wall: Page) -> None:
    wall.keyboard.press("Tab")
    wall.keyboard.press("Enter")
    assert wall.evaluate("document.activeElement.closest('.tile')?.dataset.camera") == "gate-1"


def test_focus_stays_on_its_camera_when_the_order_changes(wall: Page, viewer: FakeViewer) -> None:
    wall.locator("#order").select_option("silent")
    wall.locator(".tile[data-camera=gate-9] a").focus()
    viewer.tell("gate-9", online=False, since_us=1)
    expect(wall.locator(".tile .name").nth(1)).to_have_text("gate-9")
    assert wall.evaluate("document.activeElement.closest('.tile')?.dataset.camera") == "gate-9"


def test_pause_keeps_what_is_there_and_draws_only_cameras_that_are_new(
    wall: Page, viewer: FakeViewer
) -> None:
    def frame(camera: str) -> Locator:
        return wall.locator(f".tile[data-camera={camera}] canvas")

    before = viewer.places["gate-1"].told()["picture"]["id"]
    expect(frame("gate-1")).to_have_attribute("data-frame", before)
    wall.keyboard.press("p")
    expect(wall.get_by_text("Paused.")).to_be_visible()
    viewer.until(lambda: viewer.watches[-1] == {})
    after = viewer.shoot("gate-1")

    expect(frame("arch")).to_have_attribute("data-frame", viewer.shoot("arch"))
    expect(frame("gate-1")).to_have_attribute("data-frame", before)

    wall.keyboard.press("p")
    expect(wall.get_by_text("Paused.")).to_be_hidden()
    expect(frame("gate-1")).to_have_attribute("data-frame", after)


def test_f_fills_the_screen_and_question_mark_lists_the_keys(wall: Page) -> None:
    wall.keyboard.press("f")
    expect(wall.locator(":fullscreen")).to_have_count(1)
    wall.keyboard.press("f")
    expect(wall.locator(":fullscreen")).to_have_count(0)
    wall.keyboard.press("?")
    expect(wall.get_by_role("dialog", name="Keys and settings")).to_be_visible()
    wall.keyboard.press("Enter")
    expect(wall.get_by_role("dialog", name="Keys and settings")).to_be_hidden()


def test_keys_of_one_character_can_be_switched_off(wall: Page) -> None:
    wall.keyboard.press("?")
    wall.get_by_label("Keys that are a letter").uncheck()
    wall.keyboard.press("Escape")
    expect(wall.get_by_role("dialog")).to_be_hidden()
    wall.keyboard.press("p")
    wall.keyboard.press("ArrowRight")
    expect(wall.locator(".tile[data-camera=gate-1]:focus, .tile[data-camera=gate-1] :focus")).to_have_count(1)
    expect(wall.locator("#paused")).to_be_hidden()
    wall.reload()
    wall.keyboard.press("?")
    expect(wall.get_by_role("dialog")).to_be_hidden()


def test_tile_asks_for_one_picture_a_second_unless_every_one_is_wanted(wall: Page) -> None:
    asked = wall.evaluate(
        """async () => {
            const { Pace } = await import(document.querySelector("link[href$='pace.js']").href);
            let now = 50_000, sent = [];
            const due = [];
            performance.now = () => now;
            window.setTimeout = (run, ms) => due.push([now + ms, run]);
            const pace = new Pace({ ack: ({ camera, id }) => sent.push(`${camera} ${id} ${now}`) });
            const draw = (camera, id, drawn = true) => pace.ack({ camera, id }, drawn);
            const pass = (ms) => {
                now += ms;
                while (due.length && due[0][0] <= now) due.shift()[1]();
            };
            draw("gate", 1);
            draw("yard", 1);
            pass(200);
            draw("gate", 2);
            draw("gate", "overtaken", null);
            pass(799);
            pass(1);
            pass(1500);
            draw("gate", 3);
            localStorage.setItem("every-picture", "yes");
            draw("gate", 4);
            return sent;
        }"""
    )
    assert asked == [
        "gate 1 50000",
        "yard 1 50000",
        "gate overtaken 50200",
        "gate 2 51000",
        "gate 3 52500",
        "gate 4 52500",
    ]


def test_theme_is_the_systems_until_the_visitor_chooses(wall: Page) -> None:
    theme = "document.documentElement.dataset.theme"
    wall.emulate_media(color_scheme="light")
    expect(wall.locator("html")).to_have_attribute("data-theme", "light")
    wall.get_by_role("button", name="Light or dark").click()
    assert wall.evaluate(theme) == "dark"
    wall.goto("/")
    assert wall.evaluate(theme) == "dark"


def test_size_of_tiles_is_remembered(wall: Page) -> None:
    wall.locator("#size").select_option("large")
    wall.goto("/")
    expect(wall.locator(".tile")).to_have_count(12)
    box = wall.locator(".tile").first.bounding_box()
    assert box
    assert box["width"] > 480


def test_command_of_the_empty_wall_can_be_copied_where_there_is_no_clipboard_api(
    page: Page, viewer: FakeViewer
) -> None:
    """On plain http to another machine navigator.clipboard does not exist."""
    page.goto("/")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.locator("#filter").evaluate("field => field.closest('[hidden]').hidden = false")
    page.locator("#filter").focus()
    page.keyboard.press("Control+V")
    expect(page.locator("#filter")).to_have_value("make enroll CAMERA=gate")


def test_sign_out_posts_the_token_of_the_page(wall: Page, viewer: FakeViewer) -> None:
    with wall.expect_navigation():
        wall.get_by_role("button", name="Sign out").click()
    viewer.until(lambda: viewer.posts == [("/logout", {"csrf": "token-of-the-fake"})])


def test_login_sends_name_password_and_token(page: Page, viewer: FakeViewer) -> None:
    page.goto("/login")
    expect(page.locator("#message")).to_be_hidden()
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    page.keyboard.type("secret")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    viewer.until(
        lambda: (
            viewer.posts
            == [("/login", {"csrf": "token-of-the-fake", "username": "admin", "password": "secret"})]
        )
    )


def test_refused_login_keeps_the_name_and_asks_for_the_password(page: Page, viewer: FakeViewer) -> None:
    viewer.login_message, viewer.login_name = "User or password is wrong.", "ann"
    page.goto("/login")
    expect(page.get_by_role("alert")).to_have_text("User or password is wrong.")
    expect(page.get_by_label("User")).to_have_value("ann")
    expect(page.get_by_label("Password", exact=True)).to_be_focused()


def test_login_counts_the_wait_down(page: Page, viewer: FakeViewer) -> None:
    viewer.login_message = "Too many tries. Wait 2 s."
    page.goto("/login")
    expect(page.get_by_role("alert")).to_have_text(re.compile(r"Too many tries\. Wait [12] s\."))
    expect(page.get_by_role("button", name="Sign in")).to_be_disabled()
    expect(page.get_by_role("alert")).to_have_text("You can try again now.")
    expect(page.get_by_role("button", name="Sign in")).to_be_enabled()


def test_without_javascript_nothing_is_dead(page: Page, viewer: FakeViewer) -> None:
    """Only what a script would have to work is left out; the theme is what a script sets first."""
    viewer.shoot("gate")
    browser = page.context.browser
    assert browser
    with browser.new_context(base_url=viewer.url, java_script_enabled=False) as context:
        plain = context.new_page()
        for address in ("/cameras/gate", "/login"):
            plain.goto(address)
            shown = [button.inner_text() for button in plain.get_by_role("button").all()]
            names = [button.get_attribute("aria-label") or "" for button in plain.get_by_role("button").all()]
            assert set(shown + names) - {""} <= {"Sign out", "Sign in"}
        expect(plain.locator("#message")).to_be_hidden()
        plain.goto("/cameras/gate")
        expect(plain.get_by_role("img", name="newest picture of gate")).to_be_visible()


@pytest.mark.parametrize("width", [1024, 1440])
def test_tools_stand_at_the_right_end_of_the_first_line(page: Page, viewer: FakeViewer, width: int) -> None:
    """Also before there is a camera: nothing jumps when the first one comes."""

    def end() -> tuple[float, float]:
        box = page.get_by_role("button", name="Sign out").bounding_box()
        assert box
        return box["x"] + box["width"], box["y"]

    page.set_viewport_size({"width": width, "height": 768})
    page.goto("/")
    expect(page.locator("#empty")).to_be_visible()
    right, top = end()
    assert width - 20 < right <= width
    assert top < 20
    for number in range(3):
        viewer.tell(f"gate-{number}", online=number > 1 or None)
    expect(page.locator(".tile")).to_have_count(3)
    assert end() == (right, top)
