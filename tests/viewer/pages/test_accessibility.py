"""What axe-core finds on the pages, and what it cannot see."""

from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from viewer.pages import look
from viewer.pages.fake_viewer import FakeViewer

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def complaints(page: Page) -> list[str]:
    """Return what axe-core has to say of the page as it is."""
    page.evaluate(AXE)
    results: dict[str, Any] = page.evaluate("axe.run()")
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in results["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(page: Page, viewer: FakeViewer, on_purpose: list[str], theme: Any) -> None:
    on_purpose.append("404 (Not Found)")
    page.emulate_media(color_scheme=theme)
    page.goto("/")
    expect(page.locator("#empty")).to_be_visible()
    assert complaints(page) == [], "empty wall"

    look.populate(viewer, 12)
    viewer.may_edit = True
    viewer.groups = [{"name": "all", "members": ["*"], "fixed": False}]
    viewer.outage("Kafka at broker:9093 cannot be reached: timed out")
    viewer.outage("")
    page.goto("/?group=all")
    expect(page.locator(".tile[data-camera=gate] .beat")).to_be_visible()
    expect(page.locator(".tile[data-camera=gate] canvas")).to_have_attribute(
        "data-frame", "0000000000000001-1"
    )
    assert complaints(page) == [], "wall"
    page.keyboard.press("?")
    assert complaints(page) == [], "keys"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Change this group").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert complaints(page) == [], "group"
    page.goto("/?kiosk=1")
    expect(page.locator(".tile").first).to_be_visible()
    assert complaints(page) == [], "kiosk"

    page.goto("/cameras/gate")
    expect(page.locator("#picture")).to_have_attribute("data-frame", "0000000000000001-1")
    assert complaints(page) == [], "camera"
    viewer.outage("Kafka at broker:9093 cannot be reached: timed out")
    expect(page.locator("#connection")).to_be_visible()
    assert complaints(page) == [], "outage"

    viewer.login_message = "User or password is wrong."
    for address in ("/login", "/cameras/gatee"):
        page.goto(address)
        assert complaints(page) == [], address


def test_controls_stand_out_three_to_one_in_both_themes(page: Page, viewer: FakeViewer) -> None:
    """WCAG 1.4.11, of which axe-core says nothing."""
    viewer.tell("gate", online=False)
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        page.goto("/")
        expect(page.locator(".tile")).to_have_count(1)
        ratios = page.evaluate(
            """() => {
                const light = (color) => {
                    const [red, green, blue] = color.match(/[\\d.]+/g).map((part) => part / 255)
                        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
                    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
                };
                const ratio = (...colors) => {
                    const [low, high] = colors.map(light).sort((one, other) => one - other);
                    return (high + 0.05) / (low + 0.05);
                };
                const page = getComputedStyle(document.body).backgroundColor;
                const edge = (selector, pseudo) =>
                    getComputedStyle(document.querySelector(selector), pseudo).borderTopColor;
                return {
                    filter: ratio(edge("#filter"), page), order: ratio(edge("#order"), page),
                    copy: ratio(edge("button.text"), page), ring: ratio(edge(".tile", "::after"), page),
                };
            }"""
        )
        assert {name: ratio for name, ratio in ratios.items() if ratio < 3} == {}, theme


def test_states_keep_their_signs_in_forced_colours(page: Page, viewer: FakeViewer) -> None:
    viewer.tell("gate", online=False)
    viewer.shoot("gate")
    page.emulate_media(forced_colors="active")
    page.goto("/")
    expect(page.locator(".tile[data-state=silent]")).to_have_count(1)
    colours = page.evaluate(
        """() => [[".sign.silent", null], [".wrong", "::before"]].map(([selector, pseudo]) =>
            getComputedStyle(document.querySelector(selector), pseudo).backgroundColor)"""
    )
    page.emulate_media(forced_colors="none")
    assert colours in (["rgb(0, 0, 0)"] * 2, ["rgb(255, 255, 255)"] * 2)


def test_bars_of_the_day_are_drawn_in_forced_colours(page: Page, viewer: FakeViewer) -> None:
    viewer.tell("gate")
    viewer.kept = {"gate": [0, *[9] * 95]}
    page.emulate_media(forced_colors="active")
    page.goto("/")
    expect(page.locator(".beat")).to_have_count(1)
    fill, ground = page.evaluate(
        """() => ["path", "svg"].map((part, at) =>
            getComputedStyle(document.querySelector(`.beat ${part}`))[["fill", "backgroundColor"][at]])"""
    )
    page.emulate_media(forced_colors="none")
    assert {fill, ground} == {"rgb(0, 0, 0)", "rgb(255, 255, 255)"}


def test_paper_is_white_dated_and_without_controls(page: Page, viewer: FakeViewer) -> None:
    viewer.shoot("gate")
    page.goto("/")
    expect(page.locator(".tile .age")).not_to_have_text("")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    expect(page.locator(".printed")).to_contain_text("Printed ")
    expect(page.locator(".tools")).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    time = page.locator(".tile .age").evaluate("age => getComputedStyle(age, '::after').content")
    page.emulate_media(media="screen")
    assert "attr(" in time or ":" in time
