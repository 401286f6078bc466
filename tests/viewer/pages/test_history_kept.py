"""The camera page's past on a real archive: three cameras, two days, of which the second has 25 hours."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from fakes import FakeClock
from machine import needs_chromium
from shutterbus_wire.instant import parse, rfc3339
from viewer import kept_past, kept_viewer
from viewer.fakes_viewer import PASSWORD
from viewer.kept_past import KeptFrame
from viewer.kept_viewer import KeptViewer
from viewer.pages.conftest import FLAGS, NETWORK_CHANGED

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
SLOW_MS = 10_000


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptViewer]:
    """The viewer, at half an hour before the end of the second day."""
    past = kept_past.make(tmp_path_factory.mktemp("archive"))
    clock = FakeClock(utc_offset_us=kept_past.END_US, monotonic_now_s=0)
    with kept_viewer.running(past, clock) as made:
        for camera in past.frames:
            made.speak(camera)
        yield made


@pytest.fixture(scope="module")
def _window(kept: KeptViewer) -> Iterator[Page]:
    """A browser of somebody in Tokyo who is signed in."""
    chromium = needs_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(
            base_url=kept.url, timezone_id="Asia/Tokyo", viewport={"width": 1280, "height": 900}
        )
        page = context.new_page()
        page.set_default_timeout(SLOW_MS)
        page.goto("/login")
        page.fill("[name=username]", "admin")
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url(f"{kept.url}/")
        yield page
        browser.close()


@pytest.fixture
def page(_window: Page, kept: KeptViewer) -> Iterator[Page]:
    """A window whose page may not complain, nor ask any other host."""
    complaints: list[str] = []
    _window.on(
        "console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None
    )
    _window.on(
        "request",
        lambda sent: None if sent.url.startswith((kept.url, "blob:")) else complaints.append(sent.url),
    )
    yield _window
    _window.goto("about:blank")
    assert [said for said in complaints if NETWORK_CHANGED not in said and "WebSocket" not in said] == []


def picture(page: Page) -> Locator:
    return page.locator("#picture")


def shows(page: Page, frame: KeptFrame) -> None:
    """The picture on the screen is that frame, whole, and the address names its instant."""
    expect(picture(page)).to_have_attribute("data-frame", frame.id, timeout=SLOW_MS)


def at(kept: KeptViewer, camera: str, us: int) -> KeptFrame:
    """Return the frame of *camera* nearest to an instant."""
    return min(kept.past.frames[camera], key=lambda frame: abs(frame.captured_us - us))


def us(text: str) -> int:
    instant = parse(text)
    assert instant is not None
    return instant


NOON = us("2026-10-24T12:00:00+02:00")


def open_at(page: Page, camera: str, instant_us: int) -> None:
    page.goto(f"/cameras/{camera}?at={rfc3339(instant_us)}")


def test_link_opens_the_picture_of_its_instant_and_times_are_the_cameras(
    page: Page, kept: KeptViewer
) -> None:
    """Somebody in Tokyo sees what the clock of the camera in Berlin showed."""
    open_at(page, "yard", NOON)
    shows(page, at(kept, "yard", NOON))
    expect(page.locator("#zone")).to_contain_text("Europe/Berlin")
    expect(page.locator("#when")).to_contain_text("12:00")
    expect(page.locator("#day")).to_contain_text("24 Oct")


def test_arrows_go_from_frame_to_frame_also_across_midnight(page: Page, kept: KeptViewer) -> None:
    midnight = us("2026-10-25T00:00:00+02:00")
    frames = kept.past.frames["yard"]
    before = max(frame for frame in frames if frame.captured_us < midnight)
    after = min(frame for frame in frames if frame.captured_us >= midnight)
    open_at(page, "yard", before.captured_us)
    shows(page, before)
    page.keyboard.press("ArrowRight")
    shows(page, after)
    expect(page.locator("#day")).to_contain_text("25 Oct")
    page.keyboard.press("ArrowLeft")
    shows(page, before)


def test_gap_is_passed_over_by_a_step_and_said_where_one_goes_into_it(page: Page, kept: KeptViewer) -> None:
    off_us, back_us = kept.past.days.street_off_us
    frames = kept.past.frames["street"]
    last = max(frame for frame in frames if frame.captured_us < off_us)
    first = min(frame for frame in frames if frame.captured_us >= back_us)
    open_at(page, "street", last.captured_us)
    shows(page, last)
    page.keyboard.press("ArrowRight")
    shows(page, first)
    open_at(page, "street", (off_us + back_us) // 2)
    expect(page.locator("#at")).to_contain_text("There is no picture")


def test_same_time_a_day_away_is_by_the_clock_though_the_day_has_25_hours(
    page: Page, kept: KeptViewer
) -> None:
    evening = us("2026-10-25T20:00:00+01:00")
    open_at(page, "yard", evening)
    shows(page, at(kept, "yard", evening))
    page.keyboard.press("Control+ArrowLeft")
    shows(page, at(kept, "yard", us("2026-10-24T20:00:00+02:00")))


def test_home_and_end_are_the_first_and_last_picture_of_the_day(page: Page, kept: KeptViewer) -> None:
    open_at(page, "street", NOON)
    day = [
        frame for frame in kept.past.frames["street"] if frame.captured_us < us("2026-10-25T00:00:00+02:00")
    ]
    shows(page, at(kept, "street", NOON))
    page.keyboard.press("Home")
    shows(page, day[0])
    page.keyboard.press("End")
    shows(page, day[-1])


def test_dragging_shows_a_small_picture_at_once_and_the_frame_at_rest(page: Page, kept: KeptViewer) -> None:
    open_at(page, "yard", NOON)
    shows(page, at(kept, "yard", NOON))
    box = page.locator("#scrubber").bounding_box()
    assert box
    y = box["y"] + 10
    middle = box["x"] + box["width"] / 2
    page.mouse.move(middle, y)
    expect(page.locator("#bubble canvas")).to_be_visible()
    page.mouse.down()
    page.mouse.move(middle - 150, y, steps=5)
    page.mouse.up()
    moved = int(picture(page).get_attribute("data-captured-at-us") or 0)
    expect(picture(page)).not_to_have_attribute("data-frame", at(kept, "yard", NOON).id)
    moved = int(picture(page).get_attribute("data-captured-at-us") or 0)
    assert moved < NOON
    shows(page, at(kept, "yard", moved))


def test_calendar_has_both_days_and_leads_to_one(page: Page, kept: KeptViewer) -> None:
    open_at(page, "tower", us("2026-10-25T12:00:00+01:00"))
    page.locator("[data-past=calendar]").click()
    days = page.locator("dialog[open] img")
    expect(days).to_have_count(2)
    days.first.click()
    expect(page.locator("#day")).to_contain_text("24 Oct")


def test_back_returns_to_the_view_before(page: Page, kept: KeptViewer) -> None:
    open_at(page, "yard", NOON)
    shows(page, at(kept, "yard", NOON))
    page.keyboard.press("l")
    expect(picture(page)).to_have_attribute("data-frame", kept.past.frames["yard"][-1].id)
    page.go_back()
    shows(page, at(kept, "yard", NOON))


def test_comparison_is_an_address_that_opens_the_same_two_pictures(page: Page, kept: KeptViewer) -> None:
    earlier = us("2026-10-24T08:00:00+02:00")
    page.goto(f"/cameras/yard?at={rfc3339(NOON)}&with={rfc3339(earlier)}")
    shows(page, at(kept, "yard", NOON))
    expect(page.locator("#other")).to_be_visible()
    expect(page.locator("#other")).to_have_attribute("data-frame", at(kept, "yard", earlier).id)


def test_download_is_the_file_and_a_range_is_a_zip_of_the_files(
    page: Page, kept: KeptViewer, tmp_path: Path
) -> None:
    frame = at(kept, "yard", NOON)
    open_at(page, "yard", NOON)
    shows(page, frame)
    with page.expect_download() as download:
        page.locator("#save").click()
    assert Path(download.value.path()).read_bytes() == frame.path.read_bytes()

    page.locator("[data-past=zip]").click()
    size = page.locator("#zip-size")
    expect(size).to_contain_text("pictures")
    wanted = [
        other
        for other in kept.past.frames["yard"]
        if NOON - HOUR_US <= other.captured_us < NOON + HOUR_US + 5 * MINUTE_US
    ]
    expect(size).to_contain_text(f"about {len(wanted)} pictures")
    with page.expect_download() as download:
        page.locator("#zip-get").click()
    with zipfile.ZipFile(download.value.path()) as zipped:
        assert len(zipped.namelist()) == len(wanted)
        assert [zipped.read(name) for name in zipped.namelist()] == [
            other.path.read_bytes() for other in wanted
        ]
    page.locator("[data-past=zip]").click()
    page.locator("#zip-every").select_option(label="one an hour")
    expect(size).to_contain_text("about 3 pictures")
    page.keyboard.press("Escape")


def test_readings_stand_under_the_scrubber_keep_their_hole_and_lead_to_a_picture(
    page: Page, kept: KeptViewer
) -> None:
    begin_us, end_us = kept.past.days.no_readings_us
    open_at(page, "yard", begin_us - 30 * MINUTE_US)
    graphs = page.locator("#graphs .plot")
    expect(graphs).to_have_count(2)
    expect(graphs.last.locator("h3")).to_have_text("temperature (outside)")
    expect(graphs.last.locator(".value")).to_contain_text("°C")

    graphs.last.locator(".chart").click(position={"x": 100, "y": 20})
    expect(picture(page)).not_to_have_attribute("data-frame", at(kept, "yard", begin_us - 30 * MINUTE_US).id)

    page.locator("#graphs summary").click()
    rows = page.locator("#graphs tbody tr")
    expect(rows.first).to_contain_text("CEST")
    with page.expect_download() as download:
        page.locator("#graphs a[download]").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0].startswith("time,")
    read = [us(line.partition(",")[0]) for line in lines[1:]]
    assert read
    assert not [at_us for at_us in read if begin_us <= at_us < end_us], "nothing was read then"


def test_camera_without_readings_has_no_graphs(page: Page, kept: KeptViewer) -> None:
    open_at(page, "tower", NOON)
    shows(page, at(kept, "tower", NOON))
    expect(page.locator("#graphs")).to_be_hidden()


def test_portrait_picture_stands_upright_and_zooms_to_its_real_pixels(page: Page, kept: KeptViewer) -> None:
    open_at(page, "tower", NOON)
    shows(page, at(kept, "tower", NOON))
    size = picture(page).evaluate("canvas => [canvas.width, canvas.height]")
    assert size[1] > size[0]
    page.keyboard.press("1")
    expect(page.locator("#real")).to_have_attribute("aria-pressed", "true")
