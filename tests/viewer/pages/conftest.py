"""A browser, a viewer without cameras, and a page whose every complaint is a failure.

Server and page are opened once: a new browser process for each test costs more than all that the tests do in it.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Error, Page, Request, sync_playwright

from machine import needs_chromium
from viewer.pages.fake_viewer import FakeViewer

FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]
SIZE = {"width": 1280, "height": 800}
NETWORK_CHANGED = "ERR_NETWORK_CHANGED"
"""Chromium drops what it is loading when a container anywhere on the machine starts or stops."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here shows a page."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.page)
            item.add_marker(pytest.mark.stack)


@pytest.fixture(scope="module")
def _served() -> Iterator[FakeViewer]:
    with FakeViewer().running() as running:
        yield running


@pytest.fixture(scope="module")
def _window(_served: FakeViewer) -> Iterator[Page]:
    chromium = needs_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(base_url=_served.url, timezone_id="Europe/Berlin")
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.set_default_timeout(10_000)
        yield page
        browser.close()


@pytest.fixture
def viewer(_served: FakeViewer) -> FakeViewer:
    """A viewer that knows no camera yet."""
    _served.forget()
    return _served


@pytest.fixture
def on_purpose() -> list[str]:
    """What the browser may complain of: connections that a test ends or refuses; a test may add more."""
    return ["WebSocket connection", NETWORK_CHANGED]


@pytest.fixture
def page(
    _window: Page, viewer: FakeViewer, on_purpose: list[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Page]:
    """An empty window.

    The page in it may not complain (a breach of the content security policy is an error on its console), nor ask
    any other host for anything.
    """
    complaints: list[str] = []

    def console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(text in message.text for text in on_purpose):
            complaints.append(message.text)

    torn: list[str] = []

    def failed(request: Request) -> None:
        if NETWORK_CHANGED in (request.failure or ""):
            torn.append(request.url)

    load = _window.goto

    def goto(url: str) -> None:
        """Load the page *url*, again if the network of the machine changed meanwhile."""
        torn.append("")
        while torn:
            torn.clear()
            try:
                load(url)
            except Error as error:
                if NETWORK_CHANGED not in error.message:
                    raise

    def request(sent: Request) -> None:
        if not sent.url.startswith((viewer.url, "blob:")):
            complaints.append(f"asked {sent.url}")

    storage = {"origin": viewer.url, "storageTypes": "local_storage"}
    _window.context.new_cdp_session(_window).send("Storage.clearDataForOrigin", storage)
    _window.set_viewport_size({"width": SIZE["width"], "height": SIZE["height"]})
    _window.emulate_media(color_scheme="dark")
    monkeypatch.setattr(_window, "goto", goto)
    _window.on("requestfailed", failed)
    _window.on("console", console)
    _window.on("request", request)
    yield _window
    load("about:blank")
    _window.remove_listener("requestfailed", failed)
    _window.remove_listener("console", console)
    _window.remove_listener("request", request)
    assert complaints == []
