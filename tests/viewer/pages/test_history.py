"""The past of a camera on its page, in a real browser."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from viewer.pages.fake_past import instant_us
from viewer.pages.fake_viewer import FakeViewer
from viewer.pages.test_accessibility import complaints

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOON = instant_us("2026-11-26T12:00:00+01:00")
NOW = NOON + DAY + 3 * HOUR


def at(us: int) -> str:
    """Return what an address calls that instant."""
    return datetime.fromtimestamp(us / 1e6, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def shows(page: Page, frame: str) -> None:
    expect(page.locator("#picture")).to_have_attribute("data-frame", frame)


def stands_at(page: Page, us: int) -> None:
    page.wait_for_url(f"**/cameras/gate?at={at(us)}*")


@pytest.fixture
def frames(viewer: FakeViewer) -> dict[int, str]:
    """Ids by instant: from noon of one day to a little before 15:00 of the next a picture a minute, but from 20:00 to 21:00."""
    viewer.clock_us = lambda: NOW
    instants = [us for us in range(NOON, NOW - MINUTE, MINUTE) if not NOON + 8 * HOUR <= us < NOON + 9 * HOUR]
    viewer.tell("gate", zone="Europe/Berlin", expected_interval_s=60.0, title="North gate")
    viewer.shoot("gate", captured_at_us=NOW - 10 * SECOND)
    return dict(zip(instants, viewer.past.keep("gate", instants), strict=True))


@pytest.fixture
def past(page: Page, frames: dict[int, str]) -> Page:
    """The page at noon of the first day, with its picture."""
    page.goto(f"/cameras/gate?at={at(NOON)}")
    shows(page, frames[NOON])
    return page


def drag(page: Page, track: str, shares: list[float]) -> None:
    """Press on a track and move from one share of its width to the next; it is not let go."""
    box = page.locator(track).bounding_box()
    assert box
    y = box["y"] + 10
    page.mouse.move(box["x"] + shares[0] * box["width"], y)
    page.mouse.down()
    for share in shares[1:]:
        page.mouse.move(box["x"] + share * box["width"], y, steps=4)


def test_link_to_an_instant_shows_its_picture_with_its_facts(past: Page, frames: dict[int, str]) -> None:
    expect(past.locator("#age")).to_have_text("yesterday 12:00:00 CET")
    expect(past.locator("#captured")).to_have_text("yesterday 12:00:00.000 CET")
    expect(past.locator("#frame")).to_have_text(frames[NOON])
    expect(past.locator("#delay")).to_have_text("300 ms from capture to server")
    expect(past.locator("#drawn")).to_be_hidden()
    expect(past.locator("#exposure")).to_have_text("1/120 s")
    expect(past).to_have_title("yesterday 12:00 CET · North gate · Shutterbus")


def test_live_page_goes_into_the_past_and_back_without_loading_anew(
    page: Page, viewer: FakeViewer, frames: dict[int, str]
) -> None:
    page.goto("/cameras/gate")
    live = viewer.places["gate"].told()["picture"]["id"]
    shows(page, live)
    expect(page.locator("#past")).to_be_visible()
    page.evaluate("window.same = true")
    newest = max(frames)

    page.keyboard.press("ArrowLeft")
    shows(page, frames[newest])
    stands_at(page, newest)
    viewer.until(lambda: viewer.watches[-1] == {})

    page.keyboard.press("ArrowRight")
    shows(page, live)
    page.wait_for_url("**/cameras/gate")
    page.go_back()
    shows(page, frames[newest])
    page.go_back()
    shows(page, live)
    assert page.evaluate("window.same") is True


def test_arrows_lead_from_picture_to_picture_with_shift_a_minute_and_with_ctrl_a_day(
    past: Page, frames: dict[int, str]
) -> None:
    for key, us in [
        ("ArrowRight", NOON + MINUTE),
        ("ArrowRight", NOON + 2 * MINUTE),
        ("ArrowLeft", NOON + MINUTE),
        ("Shift+ArrowRight", NOON + 2 * MINUTE),
        ("Shift+ArrowLeft", NOON + MINUTE),
        ("Control+ArrowRight", NOON + DAY + MINUTE),
        ("Control+ArrowLeft", NOON + MINUTE),
    ]:
        past.keyboard.press(key)
        shows(past, frames[us])
        stands_at(past, us)


def test_arrows_pass_over_midnight_and_home_and_end_stay_within_the_day(
    past: Page, frames: dict[int, str]
) -> None:
    midnight = NOON + 12 * HOUR
    past.keyboard.press("End")
    shows(past, frames[midnight - MINUTE])
    past.keyboard.press("ArrowRight")
    shows(past, frames[midnight])
    expect(past.locator("#day")).to_have_text("Fri, 27 Nov 2026")
    past.keyboard.press("End")
    shows(past, frames[max(frames)])
    past.keyboard.press("Home")
    shows(past, frames[midnight])


def test_every_key_has_a_button_that_a_thumb_can_hit(past: Page, frames: dict[int, str]) -> None:
    past.set_viewport_size({"width": 390, "height": 844})
    for name, us in [
        ("Picture after", NOON + MINUTE),
        ("A minute after", NOON + 2 * MINUTE),
        ("A minute before", NOON + MINUTE),
        ("Picture before", NOON),
        ("The day after", NOON + DAY),
        ("The day before", NOON),
        ("Last picture of the day", NOON + 12 * HOUR - MINUTE),
        ("First picture of the day", NOON),
    ]:
        past.get_by_role("button", name=name, exact=True).click()
        shows(past, frames[us])
    for button in past.locator("#past button").all():
        box = button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 44, button.inner_html()
    assert past.evaluate("document.documentElement.scrollWidth") == 390


def test_dragging_shows_the_small_picture_of_the_minute_and_then_the_frame(
    past: Page, viewer: FakeViewer, frames: dict[int, str]
) -> None:
    held: list[Route] = []
    holding = True

    def hold(route: Route) -> None:
        if holding:
            held.append(route)
        else:
            route.continue_()

    past.route(re.compile(r"direction=nearest"), hold)
    drag(past, "#scrubber", [0.5, 0.6])
    small = past.locator("#minute")
    expect(small).to_be_visible()
    minute = small.get_attribute("data-frame")
    expect(small).to_have_js_property("width", 160)
    assert minute in frames.values()
    assert minute != frames[NOON]
    holding = False
    for route in held:
        route.continue_()
    past.mouse.up()
    expect(small).to_be_hidden()
    past.unroute(re.compile(r"direction=nearest"))
    shown = past.locator("#picture").get_attribute("data-frame")
    assert shown != frames[NOON]
    us = next(us for us, frame in frames.items() if frame == shown)
    stands_at(past, us)


def test_newest_request_wins_and_the_others_are_given_up(past: Page, frames: dict[int, str]) -> None:
    slow, later = NOON + 2 * HOUR, NOON + 3 * HOUR
    held: list[Route] = []
    past.route(re.compile(f"frames/{frames[slow]}"), lambda route: held.append(route))  # noqa: PLW0108
    go_to(past, "2026-11-26T14:00:00")
    expect(past.locator("#when")).to_have_text("14:00:00")
    with past.expect_event("requestfailed", lambda request: frames[slow] in request.url):
        go_to(past, "2026-11-26T15:00:00")
    shows(past, frames[later])
    expect(past.locator("#frame")).to_have_text(frames[later])
    assert held, "the first was never answered"
    past.unroute(re.compile(f"frames/{frames[slow]}"))


def go_to(page: Page, text: str) -> None:
    page.keyboard.press("g")
    page.get_by_label("By the camera’s clock").fill(text)  # noqa: RUF001 - as it is printed
    page.get_by_role("button", name="Go", exact=True).click()


def test_g_goes_to_a_time_of_the_cameras_clock(past: Page, frames: dict[int, str]) -> None:
    go_to(past, "2026-11-27T07:30:00")
    shows(past, frames[NOON + 19 * HOUR + 30 * MINUTE])
    expect(past.locator("#zone")).to_have_text("Europe/Berlin")
    past.go_back()
    shows(past, frames[NOON])


def test_gap_is_said_and_stays_empty(past: Page, frames: dict[int, str]) -> None:
    go_to(past, "2026-11-26T20:25:00")
    shows(past, frames[NOON + 8 * HOUR - MINUTE])
    expect(past.locator("#at")).to_have_text(
        "There is no picture of yesterday 20:25:00 CET. The nearest is of yesterday 19:59:00 CET, 26 min before."
    )
    expect(past.locator("#when")).to_have_text("20:25:00")
    expect(past.locator("#age")).to_have_text("yesterday 19:59:00 CET")
    past.keyboard.press("ArrowRight")
    shows(past, frames[NOON + 9 * HOUR])
    expect(past.locator("#at")).to_be_hidden()


def test_frame_that_is_gone_is_said_and_not_replaced_by_another(
    page: Page, viewer: FakeViewer, frames: dict[int, str], on_purpose: list[str]
) -> None:
    on_purpose.append("410 (Gone)")
    viewer.past.gone.add(frames[NOON + MINUTE])
    page.goto(f"/cameras/gate?at={at(NOON)}")
    shows(page, frames[NOON])
    page.keyboard.press("ArrowRight")
    expect(page.locator("#at")).to_have_text(
        "This picture is gone: it was older than the archive keeps pictures."
    )
    expect(page.locator("#picture")).not_to_have_attribute("data-frame", re.compile(""))
    expect(page.locator("#facts")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    shows(page, frames[NOON + 2 * MINUTE])
    expect(page.locator("#facts")).to_be_visible()


def test_live_button_counts_what_came_since_and_leads_back(
    past: Page, viewer: FakeViewer, frames: dict[int, str]
) -> None:
    for _ in range(3):
        newest = viewer.shoot("gate", captured_at_us=NOW)
    expect(past.locator("#since")).to_have_text("+3")
    shows(past, frames[NOON])
    past.keyboard.press("l")
    shows(past, newest)
    past.wait_for_url("**/cameras/gate")
    expect(past.locator("#since")).to_be_hidden()
    past.go_back()
    shows(past, frames[NOON])


def test_server_without_an_archive_is_the_live_page_and_says_so(page: Page, viewer: FakeViewer) -> None:
    viewer.past.problem = "this server has no archive: it shows what is live and keeps nothing"
    live = viewer.shoot("gate")
    page.goto("/cameras/gate")
    shows(page, live)
    expect(page.locator("#past")).to_be_hidden()
    expect(page.locator("#only-live")).to_have_text(
        "No earlier pictures: this server has no archive: it shows what is live and keeps nothing."
    )
    page.keyboard.press("ArrowLeft")
    page.goto("/cameras/gate?at=2025-11-27T21:42:49Z")
    shows(page, live)
    expect(page.locator("#at")).to_have_text(
        re.compile("^This is the live picture, not that of 27 Nov 2025 22:42:49 CET: this server has no")
    )


def test_archive_that_cannot_be_read_now_is_said(
    past: Page, viewer: FakeViewer, on_purpose: list[str]
) -> None:
    on_purpose.append("503 (Service Unavailable)")
    viewer.past.unreadable = "the catalog is locked"
    go_to(past, "2026-11-27T07:30:00")
    expect(past.locator("#at")).to_have_text("The archive cannot be read now: the catalog is locked.")


def test_address_with_nonsense_for_an_instant_is_the_live_page(page: Page, viewer: FakeViewer) -> None:
    live = viewer.shoot("gate")
    page.goto("/cameras/gate?at=yesterday")
    shows(page, live)
    expect(page.locator("#at")).to_have_text(
        "This is the live picture: “yesterday” in the address is no time."
    )


def test_day_of_25_hours_is_drawn_whole_and_its_two_hours_lead_to_two_pictures(
    page: Page, viewer: FakeViewer
) -> None:
    start = instant_us("2026-10-25T00:00:00+02:00")
    viewer.clock_us = lambda: NOW
    instants = range(start, start + 25 * HOUR, 30 * MINUTE)
    ids = dict(zip(instants, viewer.past.keep("gate", instants), strict=True))
    viewer.tell("gate", zone="Europe/Berlin", expected_interval_s=1800.0)
    page.goto(f"/cameras/gate?at={at(start + 12 * HOUR)}")
    shows(page, ids[start + 12 * HOUR])
    expect(page.locator("#day-length")).to_have_text("25 hours")
    for hours in (2, 3):  # both are 02:00
        drag(page, "#strip", [(hours + 0.02) / 25])
        page.mouse.up()
        shows(page, ids[start + hours * HOUR])
        expect(page.locator("#when")).to_have_text("02:00:00")
    expect(page.locator("#age")).to_have_text("25 Oct 02:00:00 CET")
    page.keyboard.press("End")
    shows(page, ids[start + 24 * HOUR + 30 * MINUTE])
    page.keyboard.press("Home")
    shows(page, ids[start])


def test_time_between_two_days_is_that_of_the_clock(page: Page, viewer: FakeViewer) -> None:
    """On the day of 23 hours too."""
    noon = instant_us("2026-03-28T12:00:00+01:00")
    viewer.clock_us = lambda: NOW
    ids = viewer.past.keep("gate", [noon, noon + 23 * HOUR, noon + DAY])
    viewer.tell("gate", zone="Europe/Berlin", expected_interval_s=600.0)
    page.goto(f"/cameras/gate?at={at(noon)}")
    shows(page, ids[0])
    page.keyboard.press("Control+ArrowRight")
    shows(page, ids[1])
    expect(page.locator("#when")).to_have_text("12:00:00")
    expect(page.locator("#day-length")).to_have_text("23 hours")


def test_times_are_those_of_the_cameras_zone_which_is_named(page: Page, viewer: FakeViewer) -> None:
    viewer.clock_us = lambda: NOW
    (frame,) = viewer.past.keep("gate", [NOON])
    viewer.tell("gate", zone="Asia/Tokyo")
    page.goto(f"/cameras/gate?at={at(NOON)}")
    shows(page, frame)
    expect(page.locator("#when")).to_have_text("20:00:00")
    expect(page.locator("#age")).to_have_text("yesterday 20:00:00 GMT+9")
    expect(page.locator("#zone")).to_have_text("Asia/Tokyo")
    with page.expect_download() as download:
        page.keyboard.press("d")
    assert download.value.suggested_filename == "gate 2026-11-26 20.00.00.jpg"


def test_download_is_this_frame_and_the_link_leads_to_it(
    past: Page, viewer: FakeViewer, frames: dict[int, str]
) -> None:
    with past.expect_download() as download:
        past.keyboard.press("d")
    assert download.value.path().read_bytes() == viewer.past.jpeg("gate", frames[NOON])
    past.get_by_role("button", name="Copy link").click()
    assert past.evaluate("navigator.clipboard.readText()").endswith(f"/cameras/gate?at={at(NOON)}")


def test_neighbours_are_fetched_ahead(past: Page, frames: dict[int, str]) -> None:
    ahead = [frames[NOON + step * MINUTE] for step in (1, 2, 3)]
    past.wait_for_function(
        """ids => ids.every(id => performance.getEntriesByType("resource").some(({ name }) => name.includes(`${id}.jpg`)))""",
        arg=ahead,
    )


def test_key_that_is_held_down_shows_each_picture_on_the_way(past: Page, frames: dict[int, str]) -> None:
    past.evaluate(
        """() => {
            window.seen = [];
            const picture = document.querySelector("#picture");
            const note = () => seen.push(picture.dataset.frame);
            new MutationObserver(note).observe(picture, { attributeFilter: ["data-frame"] });
        }"""
    )
    while len(past.evaluate("window.seen")) < 10:
        past.keyboard.down("ArrowRight")  # again and again, as a key that is held down does
    past.keyboard.up("ArrowRight")
    assert past.evaluate("window.seen")[:10] == list(frames.values())[1:11]


def test_camera_beside_is_shown_at_the_same_instant(
    past: Page, viewer: FakeViewer, frames: dict[int, str]
) -> None:
    viewer.tell("yard", zone="Europe/Berlin")
    (there,) = viewer.past.keep("yard", [NOON + 2 * SECOND])
    expect(past.locator("a[rel=next]")).to_have_attribute("href", f"/cameras/yard?at={at(NOON)}")
    past.keyboard.press("]")
    past.wait_for_url("**/cameras/yard?at=*")
    shows(past, there)


def test_scrubber_is_a_slider_that_says_its_place_and_comes_nearer_by_keys_wheel_and_fingers(
    past: Page, frames: dict[int, str]
) -> None:
    slider = past.get_by_role("slider", name="Time")
    expect(slider).to_have_attribute("aria-valuetext", "picture of yesterday 12:00:00 CET")
    expect(past.locator("#span")).to_have_text("2 h")
    past.keyboard.press("+")
    expect(past.locator("#span")).to_have_text("1 h")
    for _ in range(20):
        past.keyboard.press("+")
    expect(past.locator("#span")).to_have_text("10 s")
    for _ in range(20):
        past.keyboard.press("-")
    expect(past.locator("#span")).to_have_text("7 days")
    past.wait_for_function(
        "() => performance.getEntriesByType('resource').filter(({ name }) => name.includes('/buckets?')).length >= 5"
    )
    slider.hover()
    past.mouse.wheel(0, -2000)
    expect(past.locator("#span")).to_have_text("3 h")
    slider.evaluate(
        """slider => {
            slider.setPointerCapture = () => {};
            const { left, top } = slider.getBoundingClientRect();
            const touch = (type, pointerId, x) => slider.dispatchEvent(
                new PointerEvent(type, { pointerId, clientX: left + x, clientY: top + 9, pointerType: "touch" }));
            touch("pointerdown", 5, 300);
            touch("pointerdown", 6, 400);
            touch("pointermove", 6, 600);
            touch("pointerup", 5, 300);
            touch("pointerup", 6, 600);
        }"""
    )
    expect(past.locator("#span")).to_have_text("1 h")
    shows(past, frames[NOON])


def test_click_on_the_day_goes_there_and_to_the_days_beside(past: Page, frames: dict[int, str]) -> None:
    drag(past, "#strip", [18 / 24])
    past.mouse.up()
    shows(past, frames[NOON + 6 * HOUR])
    past.go_back()
    shows(past, frames[NOON])


def test_playing_shows_one_picture_after_the_other_until_a_key_stops_it(
    past: Page, frames: dict[int, str]
) -> None:
    past.get_by_role("button", name="60×").click()  # noqa: RUF001
    past.keyboard.press("Space")
    expect(past.get_by_role("button", name="Stop")).to_be_visible()
    shows(past, frames[NOON + MINUTE])
    shows(past, frames[NOON + 2 * MINUTE])
    past.keyboard.press("ArrowLeft")
    expect(past.get_by_role("button", name="Play")).to_be_visible()
    shows(past, frames[NOON + MINUTE])


def test_zoom_asks_for_the_pixels_it_needs(page: Page, viewer: FakeViewer) -> None:
    viewer.clock_us = lambda: NOW
    (frame,) = viewer.past.keep("gate", [NOON], size=(2560, 1440))
    viewer.tell("gate", zone="Europe/Berlin")
    page.goto(f"/cameras/gate?at={at(NOON)}")
    shows(page, frame)
    expect(page.locator("#picture")).to_have_js_property("width", 960)
    expect(page.locator("#size")).to_contain_text("2560 × 1440")  # noqa: RUF001
    page.keyboard.press("1")
    expect(page.locator("#picture")).to_have_js_property("width", 2560)


def test_calendar_has_a_square_a_day_with_its_noon_and_count(
    past: Page, viewer: FakeViewer, frames: dict[int, str]
) -> None:
    past.get_by_role("button", name="Thu, 26 Nov 2026").click()
    days = past.locator("#calendar-days")
    expect(days.locator("li")).to_have_count(30)
    expect(days.locator("a")).to_have_count(2)
    friday = days.get_by_role("link", name="Fri, 27 Nov 2026, 899 pictures")
    src = friday.locator("img").get_attribute("src") or ""
    assert src.endswith(f"/frames/{frames[NOON + DAY]}.jpg?width=160")
    assert complaints(past) == []
    past.locator("#calendar-days [aria-current]").focus()
    past.keyboard.press("ArrowRight")
    expect(friday).to_be_focused()
    past.keyboard.press("Enter")
    shows(past, frames[NOON + DAY])
    expect(past.locator("#calendar")).to_be_hidden()
    past.go_back()
    shows(past, frames[NOON])
    past.get_by_role("button", name="Thu, 26 Nov 2026").click()
    past.get_by_role("button", name="The month before").click()
    expect(past.locator("#month")).to_have_text("October 2026")
    expect(days.locator("a")).to_have_count(0)


def test_same_time_on_14_days_leads_from_day_to_day(
    past: Page, viewer: FakeViewer, frames: dict[int, str]
) -> None:
    past.get_by_text("The same time on 14 days").click()
    row = past.locator("#same-minute")
    expect(row.locator("li")).to_have_count(14)
    expect(row.locator("img")).to_have_count(2)
    expect(row.locator("[aria-current]")).to_contain_text("26 Nov")
    row.get_by_role("link", name="Fri, 27 Nov 2026 12:00").click()
    shows(past, frames[NOON + DAY])
    expect(row.locator("[aria-current]")).to_contain_text("27 Nov")


def test_before_and_after_by_a_divider_in_turn_and_by_their_difference(
    past: Page, frames: dict[int, str]
) -> None:
    past.keyboard.press("Control+ArrowRight")
    shows(past, frames[NOON + DAY])
    past.keyboard.press("c")
    expect(past.locator("#other")).to_have_attribute("data-frame", frames[NOON])
    past.wait_for_url(f"**?at={at(NOON + DAY)}&with={at(NOON)}")
    expect(past.locator("#compared span")).to_have_text(["yesterday 12:00:00 CET", "12:00:00 CET"])
    cut = "getComputedStyle(document.querySelector('#other')).clipPath"
    half = past.evaluate(cut)
    past.get_by_role("slider", name="Divider").press("ArrowRight")
    past.wait_for_function(f"half => {cut} !== half", arg=half)

    past.get_by_role("button", name="Difference").click()
    blend = "getComputedStyle(document.querySelector('#other')).mixBlendMode"
    assert past.evaluate(blend) == "difference"
    expect(past.get_by_role("slider", name="Divider")).to_be_hidden()
    past.get_by_role("button", name="Blink").click()
    expect(past.locator("#other.away")).to_have_count(1)
    expect(past.locator("#other.away")).to_have_count(0)

    past.keyboard.press("c")
    expect(past.locator("#other")).to_be_hidden()
    past.wait_for_url(f"**?at={at(NOON + DAY)}")


def test_link_to_a_comparison_reopens_it_with_one_zoom_for_both(page: Page, frames: dict[int, str]) -> None:
    page.goto(f"/cameras/gate?at={at(NOON + DAY)}&with={at(NOON + HOUR)}")
    shows(page, frames[NOON + DAY])
    expect(page.locator("#other")).to_have_attribute("data-frame", frames[NOON + HOUR])
    page.get_by_role("button", name="1 day").click()
    expect(page.locator("#other")).to_have_attribute("data-frame", frames[NOON])
    page.locator("#stage").dblclick(position={"x": 100, "y": 100})
    expect(page.locator(".stage.zoomed")).to_have_count(1)
    assert page.locator("#other").bounding_box() == page.locator("#picture").bounding_box()
    page.get_by_role("button", name="Swap").click()
    shows(page, frames[NOON])
    expect(page.locator("#other")).to_have_attribute("data-frame", frames[NOON + DAY])


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_in_the_past(past: Page, theme: Any) -> None:
    past.emulate_media(color_scheme=theme)
    past.keyboard.press("c")
    expect(past.locator("#compare")).to_be_visible()
    past.get_by_text("The same time on 14 days").click()
    expect(past.locator("#same-minute img")).to_have_count(2)
    assert complaints(past) == [], "past"
    past.keyboard.press("g")
    assert complaints(past) == [], "go to"


def test_picture_is_handed_to_another_app_where_the_browser_can(past: Page, frames: dict[int, str]) -> None:
    expect(past.locator("#send")).to_be_hidden()
    past.evaluate(
        """() => {
            window.matchMedia = () => ({ matches: true });
            navigator.canShare = () => true;
            navigator.share = async ({ files }) => (window.shared = [files[0].name, files[0].size]);
        }"""
    )
    past.keyboard.press("ArrowRight")
    shows(past, frames[NOON + MINUTE])
    past.get_by_role("button", name="Share").click()
    past.wait_for_function("() => window.shared")
    name, size = past.evaluate("window.shared")
    assert name == "North gate 2026-11-26 12.01.00.jpg"
    assert size > 1000


def test_picture_that_could_not_be_fetched_is_shown_once_the_server_is_back(
    page: Page, frames: dict[int, str], on_purpose: list[str]
) -> None:
    on_purpose.append("ERR_FAILED")
    page.goto(f"/cameras/gate?at={at(NOON)}")
    shows(page, frames[NOON])
    page.route(re.compile("/frames"), lambda route: route.abort())
    page.keyboard.press("Control+ArrowRight")
    expect(page.locator("#at")).to_have_text(
        "The server cannot be reached: this picture cannot be shown now."
    )
    page.unroute(re.compile("/frames"))
    page.evaluate("dispatchEvent(new Event('offline'))")
    shows(page, frames[NOON + DAY])
    expect(page.locator("#at")).to_be_hidden()


def test_blink_without_motion_changes_when_it_is_asked_to(past: Page) -> None:
    past.emulate_media(reduced_motion="reduce")
    past.keyboard.press("c")
    for many in (0, 1, 0, 1):
        past.get_by_role("button", name="Blink").click()
        expect(past.locator("#other.away")).to_have_count(many)
    past.emulate_media(reduced_motion="no-preference")


def test_thumb_drags_time_on_a_phone(past: Page, frames: dict[int, str]) -> None:
    past.set_viewport_size({"width": 390, "height": 844})
    past.locator("#strip").evaluate(
        """strip => {
            strip.setPointerCapture = () => {};  // of a thumb that is not there
            const { left, top, width } = strip.getBoundingClientRect();
            const touch = (type, share) => strip.dispatchEvent(new PointerEvent(
                type, { pointerId: 7, clientX: left + share * width, clientY: top + 9, pointerType: "touch" }));
            touch("pointerdown", 0.5);
            for (const share of [0.55, 0.6, 0.7, 0.75]) touch("pointermove", share);
            touch("pointerup", 0.75);
        }"""
    )
    shows(past, frames[NOON + 6 * HOUR])
    stands_at(past, NOON + 6 * HOUR)
    past.go_back()
    assert "?at=" not in past.url, "what lay under the thumb on the way is no place to go back to"


def test_pictures_that_come_are_counted_while_one_watches_and_once_only(
    page: Page, viewer: FakeViewer, frames: dict[int, str]
) -> None:
    page.goto("/cameras/gate")
    expect(page.locator("#past")).to_be_visible()
    counted = page.evaluate(
        """async () => {
            const { Density } = await import(document.querySelector("link[href$='/density.js']").href);
            const { nowUs } = await import(document.querySelector("link[href$='/clock.js']").href);
            const minute = 60e6, now = nowUs(), start = Math.floor(now / (5 * minute)) * 5 * minute;
            const told = { bucket_us: 5 * minute, start_us: [start], frames: [7], bytes: [1] };
            const density = new Density({ buckets: async () => told, frames: async () => [] });
            const more = () => new Promise(resolve => density.addEventListener("more", resolve, { once: true }));
            const many = () => density.bars(start, now + minute).map(({ frames }) => frames);
            density.seen(now - 1e6);  // before the server was asked, so it is among the seven
            many();
            await more();
            const before = many();
            density.seen(nowUs() + 1e6);
            return [before, many(), density.instants(now - minute, now)];
        }"""
    )
    assert counted == [[7], [8], None]


def test_marks_of_the_axis_stand_at_round_times_on_days_of_any_length(page: Page, viewer: FakeViewer) -> None:
    viewer.tell("gate")
    page.goto("/cameras/gate")
    labels = page.evaluate(
        """async () => {
            const load = name => import(document.querySelector(`link[href$='/${name}.js']`).href);
            const [{ marks }, { dayStart, setZone }] = [await load("axis"), await load("zone")];
            const ofDay = (zone, date, next, apart) => {
                setZone(zone);
                return marks(dayStart(date), dayStart(next), apart).map(({ label }) => label);
            };
            const labels = [
                ofDay("Europe/Berlin", "2026-10-25", "2026-10-26", 0.035).slice(0, 5),
                ofDay("Europe/Berlin", "2026-03-29", "2026-03-30", 0.035).slice(0, 5),
                ofDay("Asia/Kolkata", "2026-11-27", "2026-11-28", 0.2),
                ofDay("Asia/Tokyo", "2026-11-27", "2026-11-30", 0.3),
            ];
            setZone("Europe/Berlin");
            return labels;
        }"""
    )
    assert labels == [
        ["25 Oct", "01:00", "02:00", "02:00", "03:00"],
        ["29 Mar", "01:00", "03:00", "04:00", "05:00"],
        ["27 Nov", "06:00", "12:00", "18:00"],
        ["27 Nov", "28 Nov", "29 Nov"],
    ]


def test_full_screen_is_the_picture_of_the_past_and_keys_go_on(past: Page, frames: dict[int, str]) -> None:
    past.keyboard.press("f")
    width, height = past.evaluate("[innerWidth, innerHeight]")
    expect(past.locator("#past")).to_be_hidden()
    assert past.locator("#stage").bounding_box() == {"x": 0, "y": 0, "width": width, "height": height}
    past.keyboard.press("ArrowRight")
    shows(past, frames[NOON + MINUTE])
    expect(past.locator(".over")).to_have_text("North gate yesterday 12:01:00 CET")
    past.keyboard.press("f")


@pytest.mark.parametrize("size", [(390, 844), (1024, 768), (1280, 800), (3840, 2160)])
@pytest.mark.parametrize("shape", [(640, 360), (360, 640)])
def test_picture_and_scrubber_are_in_the_window_at_once(
    page: Page, viewer: FakeViewer, size: tuple[int, int], shape: tuple[int, int]
) -> None:
    viewer.clock_us = lambda: NOW
    (frame,) = viewer.past.keep("gate", [NOON], size=shape)
    viewer.tell("gate", zone="Europe/Berlin")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"/cameras/gate?at={at(NOON)}")
    shows(page, frame)
    expect(page.locator("#frame")).to_have_text(frame)
    box = page.locator("#scrubber").bounding_box()
    assert box
    assert box["y"] + box["height"] <= size[1]
    assert page.evaluate("document.documentElement.scrollWidth") == size[0]
