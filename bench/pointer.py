"""The small picture of the minute under the pointer, while that is dragged through a day of 1080p on the camera's page in Chromium.

The sheets are in the viewer's cache, not in the browser. Each time from the pointer's move until the next frame in which its picture
stands, in a page that is new every ``PLACES`` places.
"""

import random
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.request import Request, urlopen

from bench.kept import BEGIN_US, HOUR_US, MINUTE_US, keep
from bench.rows import Row
from bench.screen import full_hd_bytes
from bench.viewer_load import BASIC, PASSWORD, load, percentile
from playwright.sync_api import Browser, Page

from shutterbus_wire import instant
from stack.browser import chromium, log_in

HOURS, NOON_US = 24, BEGIN_US + 12 * HOUR_US
PAGES, PLACES = 6, 40
FARTHER = 3
"""Steps away from the two hours that the page shows at first: 16 hours."""
EDGE, APART = 0.05, 0.03
"""Shares of the scrubber's width: so near to its ends it moves along, and so far apart are a place and the next."""
FAR_S = 120

# Notes after how many ms the place has a picture of its minute, of each move; `takenS` says when each frame was taken. On a slow
# machine it may be the frame itself, which is asked for where the pointer rests.
OBSERVE = """
({takenS, farS}) => {
  window.cameMs = [];
  let since = null;
  const [scrubber, small, large] = ['#scrubber', '#minute', '#picture'].map((name) => document.querySelector(name));
  const came = (s) => {
    if (since === null || Math.abs(s - Number(scrubber.getAttribute('aria-valuenow'))) > farS) return;
    const began = since;
    since = null;
    requestAnimationFrame(() => window.cameMs.push(performance.now() - began));
  };
  const observe = (element, attribute, seen) =>
    new MutationObserver(seen).observe(element, {attributes: true, attributeFilter: [attribute]});
  scrubber.addEventListener('pointermove', (event) => (since = event.timeStamp), true);
  observe(small, 'data-frame', () => came(takenS[small.dataset.frame]));
  observe(large, 'data-captured-at-us', () => came(large.dataset.capturedAtUs / 1e6));
}
"""


def drag(page: Page, chance: random.Random, taken_s: Mapping[str, float]) -> list[float]:
    """Drag to one place after the other; return how many ms each small picture took."""
    box = page.locator("#scrubber").bounding_box()
    assert box is not None
    share, y = 0.5, box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + share * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + (share + APART) * box["width"], y)  # past what would be a tap
    page.wait_for_timeout(500)
    page.evaluate(OBSERVE, {"takenS": taken_s, "farS": FAR_S})
    for place in range(PLACES):
        while abs((to := chance.uniform(EDGE, 1 - EDGE)) - share) < APART:
            pass
        share = to
        page.mouse.move(box["x"] + share * box["width"], y)
        page.wait_for_function("many => window.cameMs.length === many", arg=place + 1)
        page.wait_for_timeout(chance.uniform(20, 250))
    page.mouse.up()
    took_ms: list[float] = page.evaluate("window.cameMs")
    return took_ms


def one_page(browser: Browser, url: str, chance: random.Random, taken_s: Mapping[str, float]) -> list[float]:
    """Return how many ms the small pictures of a page took that knows nothing yet."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="UTC")
    page = context.new_page()
    log_in(page, url, PASSWORD)
    page.goto(f"{url}/cameras/gate?at={instant.rfc3339(NOON_US)}")
    page.wait_for_selector("[data-captured-at-us]", state="attached")
    for _ in range(FARTHER):
        page.click("#farther")
    took_ms = drag(page, chance, taken_s)
    context.close()
    return took_ms


def make_sheets(port: int) -> None:
    """Have the viewer make the day's sheets."""
    for hour in range(HOURS):
        name = f"{instant.at(BEGIN_US + hour * HOUR_US):%Y-%m-%dT%H}"
        address = f"http://127.0.0.1:{port}/api/cameras/gate/sheets/{name}.json"
        with urlopen(Request(address, headers=BASIC), timeout=60) as answer:
            answer.read()


def measure() -> Iterator[Row]:
    """Yield median and p95."""
    chance = random.Random(100)
    took_ms: list[float] = []
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name) / "archive"
        kept = keep(folder, full_hd_bytes(), HOURS * 60, MINUTE_US)["gate"]
        taken_s = {str(frame.id): frame.captured_us / 1e6 for frame in kept}
        with load("serve", 0, 1.0, [], archive=folder) as running:
            make_sheets(running.port)
            for _ in range(PAGES):
                took_ms += one_page(browser, f"http://127.0.0.1:{running.port}", chance, taken_s)
    for percent, goal in ((50, ""), (95, "<= 100 ms")):
        yield Row(
            name=f"small picture under the pointer, p{percent}",
            ours=percentile(took_ms, percent),
            unit="ms",
            goal=goal,
        )
