"""The wall for browsers that run no scripts: each camera's newest picture as a still, its time in words."""

import html
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from shutterbus_viewer.outages import Outage
from shutterbus_viewer.show.static_files import page

WIDTH_PX = 320


def stills(states: Iterable[dict[str, Any]], outages: Iterable[Outage], now_us: int, csrf: str) -> str:
    """Return the page that lists the cameras of these *states*; *csrf* is for its sign-out."""
    away = " ".join(
        f"{outage.sentence.removesuffix('.')}. Since {_utc(outage.since_us)} nothing is known of its cameras."
        for outage in outages
    )
    items = "\n".join(_item(state, now_us) for state in states)
    text = page("stills.html").replace("{{csrf}}", html.escape(csrf)).replace("{{now}}", _utc(now_us))
    text = text.replace("{{outages}}", f'<p class="strip broker">{html.escape(away)}</p>' if away else "")
    return text.replace("{{stills}}", items or "<li>No cameras yet.</li>")


def _item(state: dict[str, Any], now_us: int) -> str:
    camera, picture = state["id"], state["picture"]
    name = html.escape(state.get("title") or camera)
    if picture is None:
        return f'<li><a href="/cameras/{camera}"><b dir="auto">{name}</b></a> no picture yet</li>'
    source = f"/api/cameras/{camera}/latest.jpg?width={WIDTH_PX}"
    width, height = picture["width"], picture["height"]
    return (
        f'<li><a href="/cameras/{camera}"><img src="{source}" width="{WIDTH_PX}" '
        f'height="{round(WIDTH_PX * height / width)}" alt="newest picture"> <b dir="auto">{name}</b></a> '
        f"{_age(picture['captured_at_us'], now_us)}{_words(state)}</li>"
    )


def _age(us: int | None, now_us: int) -> str:
    if us is None:
        return "age unknown"
    seconds = max(0, now_us - us) // 1_000_000
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} old, {_utc(us)}"
    return f"{seconds} s old, {_utc(us)}"


def _words(state: dict[str, Any]) -> str:
    outage = state["outage"]
    if outage and outage["until_us"] is None:
        return ", unknown"
    return ", <strong>offline</strong>" if state["online"] is False else ""


def _utc(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
