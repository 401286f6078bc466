"""The wall in a real browser: what a person sees of cameras, without touching anything."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from viewer.pages.fake_viewer import FakeViewer, now_us
from viewer.pages.scenes import scene

SOON = {"expected_interval_s": 1.0}
SELDOM = {"expected_interval_s": 86_400.0}


@pytest.fixture
def tile(page: Page) -> Callable[[str], Locator]:
    return lambda camera: page.locator(f".tile[data-camera={camera}]")


def drawn(page: Page, camera: str, picture: str) -> None:
    expect(page.locator(f".tile[data-camera={camera}] canvas")).to_have_attribute("data-frame", picture)


def test_empty_wall_says_what_to_type_and_notices_a_camera_by_itself(page: Page, viewer: FakeViewer) -> None:
    page.goto("/")
    expect(page.locator("#first")).to_have_text("make enroll CAMERA=gate")

    picture = viewer.shoot("gate")

    drawn(page, "gate", picture)
    expect(page.locator("#empty")).to_be_hidden()


def test_empty_wall_says_that_the_broker_cannot_be_reached(page: Page, viewer: FakeViewer) -> None:
    """Else somebody looks for the fault at the cameras."""
    viewer.problems = ["Kafka at 127.0.0.1:9092 cannot be reached."]
    page.goto("/")
    expect(page.get_by_role("alert")).to_have_text("Kafka at 127.0.0.1:9092 cannot be reached.")


def test_server_that_has_no_room_is_quoted(page: Page, viewer: FakeViewer) -> None:
    viewer.full = "100 pages are open already; close one"
    page.goto("/")
    expect(page.locator("#connection")).to_contain_text("100 pages are open already; close one")


def test_each_drawn_picture_is_acknowledged_and_the_next_one_follows(page: Page, viewer: FakeViewer) -> None:
    first = viewer.shoot("gate")
    page.goto("/")
    drawn(page, "gate", first)
    viewer.until(lambda: ("gate", first) in viewer.acks)

    second = viewer.shoot("gate")

    drawn(page, "gate", second)
    viewer.until(lambda: viewer.acks == [("gate", first), ("gate", second)])


def test_newest_picture_wins_and_none_stays_unacknowledged(page: Page, viewer: FakeViewer) -> None:
    page.goto("/")
    drawn(page, "gate", viewer.shoot("gate"))
    viewer.acks.clear()

    burst = [viewer.shoot("gate", force=True) for _ in range(20)]

    drawn(page, "gate", burst[-1])
    viewer.until(lambda: set(viewer.acks) >= {("gate", picture) for picture in burst})


def test_pixels_on_screen_are_those_of_the_picture(page: Page, viewer: FakeViewer) -> None:
    page.goto("/")
    drawn(page, "gate", viewer.shoot("gate", jpeg=scene(640, 360, 4, 1)))
    pixel = "canvas => [...canvas.getContext('2d').getImageData(canvas.width / 2, 8, 1, 1).data.slice(0, 3)]"
    sky = page.locator("canvas").evaluate(pixel)
    assert sky[2] > 100, "the sky of scene 4 is blue"


def test_age_is_counted_on_from_the_capture_time(
    page: Page, viewer: FakeViewer, tile: Callable[[str], Locator]
) -> None:
    viewer.tell("gate", **SELDOM)
    page.goto("/")
    viewer.shoot("gate", age_s=57)
    expect(tile("gate").locator(".age")).to_have_text(re.compile(r"5[789] s"))
    expect(tile("gate").locator(".age")).to_have_text("1 min")
    expect(tile("gate").locator("canvas")).to_have_attribute(
        "aria-label", re.compile(r"^gate, live, captured \d\d:\d\d:\d\d CES?T, 1 min ago$")
    )


def test_age_is_right_though_the_clock_of_the_visitor_is_hours_wrong(
    page: Page, viewer: FakeViewer, tile: Callable[[str], Locator]
) -> None:
    viewer.clock_us = lambda: now_us() - 5 * 3600 * 1_000_000
    viewer.tell("gate", **SELDOM)
    viewer.shoot("gate", age_s=150)
    page.goto("/")
    expect(tile("gate").locator(".age")).to_have_text("2 min")


def test_camera_turns_late_by_itself_and_is_live_again_with_its_next_picture(
    page: Page, viewer: FakeViewer, tile: Callable[[str], Locator]
) -> None:
    """Late is older than 10 s, or twice the time between its shots if that is longer."""
    viewer.tell("gate", **SOON)
    viewer.tell("slow", expected_interval_s=60.0)
    page.goto("/")
    viewer.shoot("gate", age_s=9)
    viewer.shoot("slow", age_s=115)
    expect(tile("gate")).to_have_attribute("data-state", "live")
    expect(tile("gate")).to_have_attribute("data-state", "late")
    expect(tile("gate").locator(".wrong")).to_have_text("late")
    expect(page.locator("[data-kind=late]")).to_have_text("1 late")
    expect(page.locator("#announcements")).to_have_text("gate is late")
    expect(tile("slow")).to_have_attribute("data-state", "live")
    assert page.title() == "1 late · Shutterbus"

    viewer.shoot("gate")

    expect(tile("gate")).to_have_attribute("data-state", "live")
    expect(page.locator("#announcements")).to_have_text("gate is live")


def test_camera_that_says_it_is_offline_is_silent_since_then_and_keeps_its_picture(
    page: Page, viewer: FakeViewer, tile: Callable[[str], Locator]
) -> None:
    page.goto("/")
    picture = viewer.shoot("gate")
    drawn(page, "gate", picture)

    viewer.tell("gate", online=False, since_us=now_us() - 60_000_000)

    expect(tile("gate")).to_have_attribute("data-state", "silent")
    expect(tile("gate").locator(".wrong")).to_have_text(re.compile(r"^offline since \d\d:\d\d CES?T$"))
    drawn(page, "gate", picture)
    look = "canvas => [getComputedStyle(canvas).opacity, getComputedStyle(canvas).filter]"
    assert tile("gate").locator("canvas").evaluate(look) == ["1", "grayscale(1)"], "dusk must be seen"
    page.goto("/cameras/gate")
    expect(page.locator("body")).to_have_attribute("data-state", "silent")
    assert page.locator("#picture").evaluate(look) == ["1", "none"]


def test_camera_that_never_spoke_of_itself_is_silent_when_nothing_comes_for_long(
    page: Page, viewer: FakeViewer, tile: Callable[[str], Locator]
) -> None:
    viewer.tell("foreign", online=None)
    viewer.shoot("foreign", age_s=3600)
    page.goto("/")
    expect(tile("foreign").locator(".wrong")).to_have_text(re.compile("^silent since"))


def test_camera_without_a_picture_says_so(
    page: Page, viewer: FakeViewer, tile: Callable[[str], Locator]
) -> None:
    viewer.tell("gate")
    page.goto("/")
    expect(tile("gate")).to_contain_text("no picture yet")
    expect(page.locator("[data-kind=waiting]")).to_have_text("1 waiting")


def test_picture_from_the_future_says_so_instead_of_being_fresh(
    page: Page, viewer: FakeViewer, tile: Callable[[str], Locator]
) -> None:
    page.goto("/")
    viewer.tell("gate", **SELDOM)
    viewer.shoot("gate", age_s=-250)
    expect(tile("gate").locator(".wrong")).to_have_text("clock 4 min ahead")
    expect(tile("gate").locator(".age")).to_have_text(re.compile(r"^came \d s ago$"))


def test_picture_that_a_broker_kept_from_nobody_knows_when_is_not_called_fresh(
    page: Page, viewer: FakeViewer, tile: Callable[[str], Locator]
) -> None:
    page.goto("/")
    viewer.tell("gate")
    shown = viewer.shoot("gate", captured_at_us=None, captured_at_source="unknown")
    drawn(page, "gate", shown)
    expect(tile("gate").locator(".age")).to_have_text("age unknown")
    expect(tile("gate").locator(".wrong")).to_have_text("age unknown")
    expect(tile("gate")).to_have_attribute("data-state", "unknown")
    expect(tile("gate").locator("canvas")).to_have_attribute("aria-label", "gate, age unknown")


def test_picture_that_cannot_be_decoded_is_acknowledged_and_the_one_before_stays(
    page: Page, viewer: FakeViewer, tile: Callable[[str], Locator]
) -> None:
    page.goto("/")
    good = viewer.shoot("gate")
    drawn(page, "gate", good)

    bad = viewer.shoot("gate", jpeg=b"not a picture")

    viewer.until(lambda: ("gate", bad) in viewer.acks)
    expect(tile("gate").locator(".wrong")).to_have_text("cannot be drawn")
    drawn(page, "gate", good)
    viewer.shoot("gate")
    expect(tile("gate").locator(".wrong")).to_be_hidden()


def test_picture_is_turned_upright_by_its_exif_orientation(page: Page, viewer: FakeViewer) -> None:
    page.goto("/")
    drawn(page, "gate", viewer.shoot("gate", jpeg=scene(320, 180, orientation=6)))
    assert page.locator("canvas").evaluate("canvas => [canvas.width, canvas.height]") == [180, 320]


def test_problem_is_shown_on_the_tile_and_told_on_hover(
    page: Page, viewer: FakeViewer, tile: Callable[[str], Locator]
) -> None:
    viewer.tell("gate", problems=["The disk is nearly full."], **SELDOM)
    viewer.shoot("gate")
    page.goto("/")
    expect(tile("gate").locator(".wrong")).to_have_text("1 problem")
    expect(tile("gate").locator(".wrong")).to_have_attribute("title", "The disk is nearly full.")


def test_what_is_held_back_or_dropped_stands_on_the_tile(
    page: Page, viewer: FakeViewer, tile: Callable[[str], Locator]
) -> None:
    held = {"frames": 214, "bytes": 1, "oldest_age_s": 740}
    viewer.tell("gate", held=held, **SELDOM)
    viewer.tell("yard", held=held, counters={"dropped": {}, "dropped_within_a_day": 49}, **SELDOM)
    viewer.tell("roof", held={**held, "oldest_age_s": 2}, **SELDOM)
    for camera in ("gate", "yard", "roof"):
        viewer.shoot(camera)
    page.goto("/")
    expect(tile("gate").locator(".wrong.quietly")).to_have_text("214 behind")
    expect(tile("yard").locator(".wrong:not(.quietly)")).to_have_text("49 dropped · 214 behind")
    expect(tile("roof").locator(".wrong")).to_have_text("")


def test_title_is_shown_wherever_people_read_a_name(
    page: Page, viewer: FakeViewer, tile: Callable[[str], Locator]
) -> None:
    title = "屋上 北"
    viewer.tell("alpha")
    viewer.tell("roof-1", title=title, **SELDOM)
    viewer.shoot("roof-1")
    page.goto("/?q=屋上")
    expect(tile("roof-1").locator(".name")).to_have_text(title)
    expect(tile("roof-1").locator("canvas")).to_have_attribute("aria-label", re.compile(f"^{title}, live"))
    expect(tile("alpha")).to_have_count(0)
    page.locator("#filter").fill("roof")
    expect(tile("roof-1")).to_have_count(1)
    viewer.tell("roof-1", online=False)
    expect(page.locator("#announcements")).to_have_text(re.compile(f"^{title} is offline"))

    page.goto("/cameras/alpha")
    expect(page.locator("a[rel=next]")).to_have_attribute("title", title)
    page.goto("/cameras/roof-1")
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page).to_have_title(re.compile(f" · {title} · Shutterbus$"))
    expect(page.locator("#name")).to_have_text("roof-1")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.startswith(f"{title} 20")


BOXES = """() => [...document.querySelectorAll(".tile, .picture, canvas")].map((part) => {
    const { x, y, width, height } = part.getBoundingClientRect();
    return [x, y, width, height];
})"""


def test_nothing_moves_when_pictures_come(page: Page, viewer: FakeViewer) -> None:
    shapes = {"gate": (1080, 1920), "yard": (2048, 512), "roof": (640, 360), "quay": (640, 480)}
    for camera, (width, height) in shapes.items():
        viewer.tell(camera, **SELDOM)
        viewer.shoot(camera, jpeg=scene(width, height), width=width, height=height)
    page.goto("/")
    expect(page.locator(".tile")).to_have_count(4)
    before = page.evaluate(BOXES)
    for camera, (width, height) in shapes.items():
        drawn(page, camera, viewer.shoot(camera, jpeg=scene(height, width), width=height, height=width))
    assert page.evaluate(BOXES) == before, "nor when a later picture is of another shape"


def test_tile_has_the_shape_of_its_pictures_and_those_of_a_row_one_height(
    page: Page, viewer: FakeViewer, tile: Callable[[str], Locator]
) -> None:
    shapes = [(1080, 1920), (640, 360), (640, 480), (1920, 540), (640, 640)] * 4
    for number, (width, height) in enumerate(shapes):
        viewer.tell(f"camera-{number}", **SELDOM)
        viewer.shoot(f"camera-{number}", jpeg=scene(width, height), width=width, height=height)
    viewer.tell("new", **SELDOM)
    page.goto("/")
    expect(page.locator(".tile")).to_have_count(21)
    boxes = page.evaluate(
        "[...document.querySelectorAll('.tile')].map((tile) => [tile.offsetTop, tile.offsetLeft + tile.offsetWidth,"
        " ...['width', 'height'].map((side) => tile.querySelector('.picture').getBoundingClientRect()[side])])"
    )
    for (width, height), (_, _, wide, high) in zip(shapes, boxes, strict=False):
        assert wide / high == pytest.approx(width / height, rel=0.01)
    rows: dict[float, list[list[float]]] = {}
    for box in boxes:
        rows.setdefault(box[0], []).append(box)
    for row in list(rows.values())[:-1]:
        assert len({round(high, 1) for _, _, _, high in row}) == 1
        assert row[-1][1] == pytest.approx(1280 - 12, abs=1), "no hole at the end of a row"

    tile("new").scroll_into_view_if_needed()
    drawn(page, "new", viewer.shoot("new", jpeg=scene(1080, 1920), width=1080, height=1920))
    box = tile("new").locator(".picture").bounding_box()
    assert box
    assert box["width"] < box["height"], "its first picture shapes it"


def test_thousand_cameras_ask_only_for_what_is_in_sight(page: Page, viewer: FakeViewer) -> None:
    for number in range(1000):
        viewer.place(f"camera-{number}").state |= SELDOM
    page.goto("/")
    expect(page.locator("[data-kind=waiting]")).to_have_text("1000 waiting")
    # What is in sight is known a moment after the page has connected.
    viewer.until(lambda: any(viewer.watches))
    assert 0 < len(viewer.watches[-1]) < 40
    assert "camera-0" in viewer.watches[-1]

    page.keyboard.press("End")
    page.keyboard.press("End")

    viewer.until(lambda: "camera-999" in viewer.watches[-1])
    assert "camera-0" not in viewer.watches[-1]
    assert len(viewer.watches[-1]) < 40
    drawn(page, "camera-999", viewer.shoot("camera-999"))


def test_width_asked_for_is_that_of_the_picture_on_the_tile(page: Page, viewer: FakeViewer) -> None:
    for number in range(6):
        viewer.tell(f"camera-{number}")
    viewer.shoot("camera-5", jpeg=scene(1080, 1920), width=1080, height=1920)
    page.goto("/")
    viewer.until(lambda: len(viewer.watches) > 0)
    for name in ("camera-0", "camera-5"):
        box = page.locator(f".tile[data-camera={name}] .picture").bounding_box()
        assert box
        wide = min(box["width"], box["height"] * 1080 / 1920) if name == "camera-5" else box["width"]
        assert wide <= viewer.watches[-1][name] < wide + 64


def test_hidden_tab_asks_for_nothing_and_goes_on_when_seen_again(page: Page, viewer: FakeViewer) -> None:
    page.goto("/")
    drawn(page, "gate", viewer.shoot("gate"))
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    viewer.until(lambda: viewer.watches[-1] == {})
    missed = viewer.shoot("gate")

    page.evaluate(hide, False)

    drawn(page, "gate", missed)


def test_lost_connection_is_said_ages_go_on_and_the_page_finds_its_way_back(
    page: Page, viewer: FakeViewer, tile: Callable[[str], Locator]
) -> None:
    viewer.tell("gate", **SELDOM)
    page.goto("/")
    drawn(page, "gate", viewer.shoot("gate", age_s=58))

    viewer.refuse = True
    viewer.hang_up()

    expect(page.locator("#connection")).to_contain_text("No connection to the server since")
    expect(tile("gate").locator(".age")).to_have_text("1 min")
    expect(page.locator("[data-kind=unknown]")).to_have_text("1 unknown")
    assert page.title() == "No connection · Shutterbus"
    viewer.refuse = False
    page.get_by_role("button", name="Try now").click()
    expect(page.locator("#connection")).to_be_hidden()
    expect(tile("gate")).to_have_attribute("data-state", "live")
    drawn(page, "gate", viewer.shoot("gate"))


def test_broker_that_is_away_is_one_sentence_at_the_top_and_blamed_on_no_camera(
    page: Page, viewer: FakeViewer, tile: Callable[[str], Locator]
) -> None:
    viewer.tell("gate", expected_interval_s=60.0)
    viewer.tell("yard")
    page.goto("/")
    drawn(page, "gate", viewer.shoot("gate", age_s=3_700))
    expect(tile("gate")).to_have_attribute("data-state", "silent")
    viewer.outage("Kafka at broker:9093 cannot be reached: timed out", for_s=3_690)

    expect(page.locator("#connection")).to_have_text(
        re.compile(
            r"cannot be reached: timed out\. Since (yesterday )?[\d:]{8} CES?T nothing is known of its cameras\."
        )
    )
    expect(page.get_by_role("button", name="Try now")).to_be_hidden()
    expect(page.locator("[data-kind=unknown]")).to_have_text("2 unknown")
    expect(tile("gate").locator(".wrong")).to_have_text("unknown")
    expect(tile("gate").locator(".age")).to_have_text("1 h")
    assert page.title() == "2 unknown · Shutterbus"

    viewer.outage("")

    expect(page.locator("#connection")).to_be_hidden()
    expect(tile("gate")).to_have_attribute("data-state", "live")  # 10 s without a picture, not an hour


def test_server_that_hangs_is_noticed_though_it_never_had_to_fill_a_pause(
    page: Page, viewer: FakeViewer
) -> None:
    """A wall with regular pictures is never sent a ``time``."""
    page.goto("/")
    drawn(page, "gate", viewer.shoot("gate"))
    page.evaluate(
        """() => {
            const wait = setTimeout;
            window.setTimeout = (run, ms, ...rest) => wait(run, ms === 40000 ? 1 : ms, ...rest);
        }"""
    )
    viewer.shoot("gate")
    expect(page.locator("#connection")).to_contain_text("No connection to the server since")


def test_camera_stays_on_the_wall_when_a_restarted_server_does_not_know_it_yet(
    page: Page, viewer: FakeViewer, tile: Callable[[str], Locator]
) -> None:
    page.goto("/")
    picture = viewer.shoot("gate")
    drawn(page, "gate", picture)
    viewer.places.clear()
    viewer.hang_up()
    viewer.until(lambda: len(viewer.watches) > 1)
    drawn(page, "gate", picture)
    expect(page.locator("#empty")).to_be_hidden()


def test_page_tries_again_by_itself_when_a_script_did_not_arrive(
    page: Page, viewer: FakeViewer, on_purpose: list[str]
) -> None:
    on_purpose.append("404 (Not Found)")
    picture = viewer.shoot("gate")
    page.route("**/static/*/times.js", lambda route: route.fulfill(status=404), times=1)
    page.goto("/")
    drawn(page, "gate", picture)


def test_ended_session_leads_to_the_login(page: Page, viewer: FakeViewer, on_purpose: list[str]) -> None:
    on_purpose.append("401 (Unauthorized)")
    page.goto("/")
    drawn(page, "gate", viewer.shoot("gate"))
    viewer.signed_in = False
    viewer.hang_up()
    page.wait_for_url("**/login?next=%2F")


def test_phone_needs_no_scrolling_sideways(page: Page, viewer: FakeViewer) -> None:
    viewer.tell("a" * 48)
    viewer.tell("building-7-north-entrance-loading-bay-camera-021", online=False, since_us=1)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/")
    expect(page.locator(".tile")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_first_view_is_under_100_kilobytes(page: Page, viewer: FakeViewer) -> None:
    page.goto("/")
    drawn(page, "gate", viewer.shoot("gate"))
    sizes = page.evaluate(
        """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
            .map((entry) => entry.decodedBodySize)"""
    )
    assert 20_000 < sum(sizes) < 100_000


def test_page_of_which_nothing_but_itself_arrived_loads_the_rest_again(
    page: Page, viewer: FakeViewer, on_purpose: list[str]
) -> None:
    """As when a phone changes its network while it loads: all that is on its way is dropped."""
    on_purpose.append("Failed to load resource")
    picture = viewer.shoot("gate")
    lost = []

    def lose(route: Route) -> None:
        lost.append(route.request.url)
        route.abort("internetdisconnected")

    page.route("**/static/**", lose)
    page.goto("/")
    page.unroute("**/static/**", lose)

    drawn(page, "gate", picture)
    assert any("wall.js" in url for url in lost)


def test_page_without_its_style_is_loaded_again(page: Page, on_purpose: list[str]) -> None:
    on_purpose.append("Failed to load resource")
    page.route("**/static/*/app.css", lambda route: route.abort("internetdisconnected"), times=1)
    page.goto("/")
    with page.expect_response("**/static/*/app.css"):
        pass  # a response, which the first request has not had
