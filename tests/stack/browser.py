"""Debian's Chromium, driven by playwright, on a machine whose network is closed."""

import contextlib
import os
from collections.abc import Iterator

from playwright.sync_api import Browser, Page, sync_playwright

from machine import needs_chromium

FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser for the length of the context."""
    path = needs_chromium()
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()


def log_in(page: Page, base: str, password: str, user: str = "admin") -> None:
    """Log in at *base* and return when the wall is there."""
    page.goto(f"{base}/login")
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(f"{base}/")


def wait_for_picture_after(page: Page, us: int, within_s: float) -> None:
    """Return when the page has drawn a picture taken after *us*."""
    page.wait_for_function(
        "us => Number(document.querySelector('[data-captured-at-us]')?.dataset.capturedAtUs ?? 0) > us",
        arg=us,
        timeout=within_s * 1000,
    )
