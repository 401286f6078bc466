"""The page of one camera in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from viewer.pages.fake_viewer import FakeViewer, now_us
from viewer.pages.scenes import scene, thumbnail


def drawn(page: Page, picture: str) -> None:
    expect(page.locator("#picture")).to_have_attribute("data-frame", picture)


def test_three_times_one_delay_and_the_facts_of_the_picture(page: Page, viewer: FakeViewer) -> None:
    viewer.tell("gate", expected_interval_s=1.0)
    page.goto("/cameras/gate")
    viewer.until(lambda: bool(viewer.watches))
    facts = {"ExposureTime": 8333, "AnalogueGain": 2.0}
    picture = viewer.shoot(
        "gate", age_s=3.2, jpeg=scene(1920, 1080), width=1920, height=1080, bytes=412_000, metadata=facts
    )
    drawn(page, picture)
    for row in ("#captured", "#arrived", "#drawn"):
        expect(page.locator(row)).to_have_text(re.compile(r"\d\d:\d\d:\d\d\.\d{3} CES?T$"))
    iso = page.locator("#captured").get_attribute("title") or ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", iso)
    expect(page.locator("#delay")).to_have_text(re.compile(r"^3\.\d s from capture to screen$"))
    expect(page.locator("#size")).to_have_text("1920 × 1080, 412 kB JPEG")  # noqa: RUF001 - as it is printed
    expect(page.locator("#exposure")).to_have_text("1/120 s")
    expect(page.locator("#gain")).to_have_text("2 ×")  # noqa: RUF001
    expect(page.locator("#frame")).to_have_text(picture)


def test_delay_of_a_picture_that_was_there_before_is_not_that_of_the_visitor(
    page: Page, viewer: FakeViewer
) -> None:
    """A picture of last night is not slow because somebody looks at it this morning."""
    viewer.tell("gate", expected_interval_s=86_400.0)
    at = now_us() - 8 * 3600 * 1_000_000
    viewer.shoot("gate", captured_at_us=at, arrived_at_us=at + 90_000)
    page.goto("/cameras/gate")
    expect(page.locator("#delay")).to_have_text("90 ms from capture to server")


def test_frame_id_can_be_copied(page: Page, viewer: FakeViewer) -> None:
    picture = viewer.shoot("gate")
    page.goto("/cameras/gate")
    page.get_by_role("button", name="Copy the frame id").click()
    expect(page.locator("[data-copy-from=frame]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == picture


def test_what_is_held_back_dropped_and_wrong_is_said_in_words(page: Page, viewer: FakeViewer) -> None:
    viewer.tell(
        "gate",
        held={"frames": 214, "bytes": 38_400_000, "oldest_age_s": 740},
        reported_at_us=now_us(),
        counters={"captured": 500, "published": 240, "missed": 1, "dropped": {"overwritten": 45}},
        problems=["The limit is 8.4 MB; `make 4k` raises it."],
    )
    page.goto("/cameras/gate")
    expect(page.locator("#held")).to_have_text("214 pictures (38.4 MB) held back; the oldest for 12 min.")
    assert page.evaluate("document.querySelector('#kept').nextElementSibling.id") == "facts", (
        "it stands first"
    )
    expect(page.locator("#account li")).to_have_text(
        [
            "500 pictures taken, 240 delivered.",
            "1 shot missed: the camera was not ready in time.",
            "45 pictures overwritten by newer ones, because the spool was full.",
        ]
    )
    expect(page.locator("#reported")).to_have_text(re.compile(r"^By its report of \d\d:\d\d:\d\d"))
    expect(page.locator("#problems li")).to_have_text("The limit is 8.4 MB; make 4k raises it.")
    expect(page.locator("#problems code")).to_have_text("make 4k")


def test_what_is_said_of_a_camera_whose_broker_is_away_is_dated(page: Page, viewer: FakeViewer) -> None:
    viewer.tell("gate", since_us=now_us() - 3_600_000_000, heard_at_us=now_us(), frames_per_second=0.5)
    page.goto("/cameras/gate")
    expect(page.locator("#online")).to_have_text(re.compile(r"^online since (yesterday )?\d\d:\d\d"))
    viewer.outage("Kafka cannot be reached")
    expect(page.locator("#online")).to_have_text(re.compile(r"^online when last heard of, \d\d:\d\d:\d\d"))
    expect(page.locator("#rate")).to_be_hidden()
    expect(page.locator("#connection")).to_contain_text("Kafka cannot be reached")


def test_what_the_archive_keeps_of_a_camera_is_a_line(page: Page, viewer: FakeViewer) -> None:
    kept = {"frames": 12_345, "bytes": 1_234_000_000, "newest_us": now_us()}
    viewer.archived = [
        {"id": "gate", "oldest_us": now_us() - 400 * 86_400_000_000, **kept},
        {"id": "yard", "oldest_us": now_us(), **kept},
    ]
    for camera in ("gate", "roof"):
        viewer.tell(camera)
    page.goto("/cameras/gate")
    expect(page.locator("#archived")).to_have_text(
        re.compile(r"^12,345 pictures since \d+ \w+ 20\d\d \d\d:\d\d CES?T, 1\.2 GB$")
    )
    with page.expect_response("**/api/archive?camera=roof"):
        page.goto("/cameras/roof")
    expect(page.locator("#name")).to_be_attached()
    expect(page.locator("#archived")).to_be_hidden()


def test_readings_have_a_line_that_grows(page: Page, viewer: FakeViewer) -> None:
    start = now_us() - 60_000_000
    reading = {"sensor": "outside", "name": "temperature", "unit": "°C", "value": 20.5, "at_us": start}
    viewer.tell("gate", readings=[{**reading, "recent": [[start, 20.5]]}])
    page.goto("/cameras/gate")
    expect(page.locator(".reading .value")).to_have_text("20.5 °C")

    viewer.read("gate", **{**reading, "value": 21.5, "at_us": now_us()})

    expect(page.locator(".reading .value")).to_have_text("21.5 °C")
    expect(page.locator(".reading .range")).to_have_text(re.compile(r"^20\.5 to 21\.5 since"))
    expect(page.locator(".reading .line")).to_have_attribute("d", "M0.0 35.0L240.0 13.0")  # of 2 °C at least
    expect(page.locator(".reading .high")).to_have_text("22.0")
    expect(page.locator(".reading .low")).to_have_text("20.0")
    page.locator(".reading svg").hover(position={"x": 2, "y": 2})
    expect(page.locator(".reading .range")).to_have_text(re.compile(r"^20\.5 °C at \d\d:\d\d:\d\d CES?T$"))


def test_values_are_written_and_drawn_by_their_unit(page: Page, viewer: FakeViewer) -> None:
    viewer.tell("gate")
    page.goto("/cameras/gate")
    results = page.evaluate(
        """async () => {
            const { numberForm, scaleOf } = await import(document.querySelector("link[href$='scale.js']").href);
            const look = (values, unit) => {
                const { low, high } = scaleOf(values, unit);
                return [numberForm(unit, values[0]).format(values[0]), low, high];
            };
            return [
                look([1015.6, 1016.2], "hPa"), look([99.4, 100], "%"), look([20, 31], "°C"), look([0, 0], ""),
                look([3.14159], "furlong"),
            ];
        }"""
    )
    assert [written for written, _, _ in results] == ["1,015.6", "99", "20.0", "0", "3.142"]
    pressure, load, heat, nothing, _ = ((low, high) for _, low, high in results)
    assert pressure == pytest.approx((1013.9, 1017.9))
    assert load == pytest.approx((97.2, 102.2))
    assert heat == (20, 31)
    assert nothing == (-0.5, 0.5)


def test_brackets_go_to_the_neighbours_and_escape_to_the_wall(page: Page, viewer: FakeViewer) -> None:
    for camera in ("barn", "gate", "yard"):
        viewer.tell(camera)
    page.goto("/cameras/gate")
    expect(page.locator("a[rel=next]")).to_have_attribute("href", "/cameras/yard")
    page.keyboard.press("]")
    page.wait_for_url("**/cameras/yard")
    expect(page.locator("a[rel=prev]")).to_have_attribute("href", "/cameras/gate")
    expect(page.locator("a[rel=next]")).not_to_have_attribute("href", re.compile(""))
    page.keyboard.press("[")
    expect(page.locator("a[rel=next]")).to_have_attribute("href", "/cameras/yard")
    page.keyboard.press("Escape")
    page.wait_for_url(viewer.url + "/")


def test_key_1_asks_for_the_original_and_shows_its_real_pixels(page: Page, viewer: FakeViewer) -> None:
    viewer.tell("gate")
    picture = viewer.shoot("gate", jpeg=scene(2560, 1440), width=2560, height=1440)
    page.goto("/cameras/gate")
    drawn(page, picture)
    assert 640 < viewer.watches[-1]["gate"] < 1280

    page.keyboard.press("1")

    viewer.until(lambda: viewer.watches[-1] == {"gate": 0})
    expect(page.locator("#picture")).to_have_js_property("width", 2560)
    box = page.locator("#picture").bounding_box()
    assert box
    assert (box["width"], box["height"]) == (2560, 1440)
    page.keyboard.press("1")
    viewer.until(lambda: viewer.watches[-1]["gate"] > 0)


def test_portrait_fits_into_the_window(page: Page, viewer: FakeViewer) -> None:
    picture = viewer.shoot("lift", jpeg=scene(1080, 1920), width=1080, height=1920)
    page.goto("/cameras/lift")
    drawn(page, picture)
    box = page.locator("#stage").bounding_box()
    assert box
    assert box["y"] + box["height"] <= 800


def test_download_is_the_picture_on_the_screen_and_the_link_names_its_instant(
    page: Page, viewer: FakeViewer, on_purpose: list[str]
) -> None:
    on_purpose.append("404 (Not Found)")
    at_us = 1_764_279_769_631_204  # 22:42:49 in Berlin
    shown = viewer.shoot("gate", jpeg=scene(2560, 1440), width=2560, height=1440, captured_at_us=at_us)
    page.goto("/cameras/gate")
    drawn(page, shown)
    page.keyboard.press("p")
    viewer.until(lambda: viewer.watches[-1] == {})
    viewer.shoot("gate", jpeg=scene(2560, 1440, 7), width=2560, height=1440)

    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "gate 2025-11-27 22.42.49.jpg"
    assert download.value.path().read_bytes() == scene(2560, 1440)
    expect(page.locator("#saved")).to_be_hidden()

    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#copy-link")).to_have_text("Copied")
    link = f"{viewer.url}/cameras/gate?at=2025-11-27T21:42:49.631204Z"
    assert page.evaluate("navigator.clipboard.readText()") == link

    viewer.frames.clear()
    with page.expect_download() as download:
        page.keyboard.press("d")
    width = max(watched["gate"] for watched in viewer.watches if watched)
    assert download.value.path().read_bytes() == thumbnail(scene(2560, 1440), width)
    expect(page.locator("#saved")).to_contain_text(f"Saved as it is shown, {width} ")


def test_unknown_camera_is_said_to_be_unknown_and_appears_by_itself(
    page: Page, viewer: FakeViewer, on_purpose: list[str]
) -> None:
    on_purpose.append("404 (Not Found)")
    page.goto("/cameras/later")
    expect(page.get_by_role("heading")).to_have_text("No camera later is known")
    expect(page.get_by_role("link", name="All cameras")).to_be_visible()
    drawn(page, viewer.shoot("later"))


def test_clock_that_runs_ahead_is_explained(page: Page, viewer: FakeViewer) -> None:
    viewer.shoot("gate", age_s=-250)
    page.goto("/cameras/gate")
    expect(page.locator("#explained")).to_contain_text("Its clock is 4 min or more ahead")
    expect(page.locator("#delay")).to_have_text("unknown: the clocks differ by 4 min or more")


def test_phone_needs_no_scrolling_sideways(page: Page, viewer: FakeViewer) -> None:
    name = "building-7-north-entrance-loading-bay-camera-021"
    page.set_viewport_size({"width": 390, "height": 844})
    picture = viewer.shoot(name)
    page.goto(f"/cameras/{name}")
    drawn(page, picture)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_wheel_pinch_and_double_tap_come_nearer_and_ask_for_the_pixels_that_this_needs(
    page: Page, viewer: FakeViewer
) -> None:
    viewer.tell("gate")
    picture = viewer.shoot("gate", jpeg=scene(2560, 1440), width=2560, height=1440)
    page.goto("/cameras/gate")
    drawn(page, picture)
    whole = page.locator("#picture").bounding_box()
    assert whole
    corner = whole["x"] + whole["width"] * 0.25, whole["y"] + whole["height"] * 0.25

    page.mouse.move(*corner)
    page.mouse.wheel(0, -200)

    viewer.until(lambda: whole["width"] * 1.4 < viewer.watches[-1]["gate"] < whole["width"] * 1.6)
    nearer = page.locator("#picture").bounding_box()
    assert nearer
    assert abs(nearer["x"] + nearer["width"] * 0.25 - corner[0]) < 2, "what was under the pointer stays there"
    assert abs(nearer["y"] + nearer["height"] * 0.25 - corner[1]) < 2
    page.mouse.dblclick(*corner)
    expect(page.locator(".stage.zoomed")).to_have_count(0)
    page.mouse.dblclick(*corner)
    viewer.until(lambda: viewer.watches[-1] == {"gate": 0})
    page.keyboard.press("Escape")
    expect(page.locator(".stage.zoomed")).to_have_count(0)

    page.locator("#stage").evaluate(
        """stage => {
            const touch = (type, pointerId, clientX) => stage.dispatchEvent(
                new PointerEvent(type, { pointerId, clientX, clientY: 300, pointerType: "touch" }));
            stage.setPointerCapture = () => {};  // of fingers that are not there
            touch("pointerdown", 5, 300);
            touch("pointerdown", 6, 400);
            touch("pointermove", 6, 600);
        }"""
    )
    viewer.until(lambda: viewer.watches[-1] == {"gate": 0})  # three times as large: all of its pixels


def test_picture_that_was_paused_is_seen_in_all_its_pixels(page: Page, viewer: FakeViewer) -> None:
    picture = viewer.shoot("gate", jpeg=scene(2560, 1440), width=2560, height=1440)
    page.goto("/cameras/gate")
    drawn(page, picture)
    page.keyboard.press("p")
    viewer.until(lambda: viewer.watches[-1] == {})
    viewer.shoot("gate")
    page.keyboard.press("1")
    expect(page.locator("#picture")).to_have_js_property("width", 2560)
    drawn(page, picture)


def test_full_screen_is_the_picture_with_its_name_and_age(page: Page, viewer: FakeViewer) -> None:
    viewer.tell("gate")
    drawn_picture = viewer.shoot("gate", age_s=3_700)
    page.goto("/cameras/gate")
    drawn(page, drawn_picture)
    page.keyboard.press("f")
    expect(page.locator("#about")).to_be_hidden()
    expect(page.locator(".bar")).to_be_hidden()
    expect(page.locator(".over")).to_have_text("gate 1 h old")
    width, height = page.evaluate("[innerWidth, innerHeight]")
    box = page.locator("#stage").bounding_box()
    assert box == {"x": 0, "y": 0, "width": width, "height": height}
    page.get_by_role("button", name="Leave full screen").click()
    expect(page.locator(".bar")).to_be_visible()
