"""What a person sees whose address leads nowhere: what is wrong with it, and a way on."""

import html
import re
from collections.abc import Collection
from difflib import get_close_matches

from fastapi.responses import HTMLResponse

from shutterbus_viewer.show.static_files import page
from shutterbus_wire.identity import CAMERA_PATTERN

SUGGESTED_MAX = 3


def no_page() -> HTMLResponse:
    """Return the page for an address that none of ours has."""
    return _page("There is no such page", "")


def no_camera(name: str, visible: Collection[str]) -> HTMLResponse:
    """Return the page of a camera that is not known, with those of *visible* whose names are like it."""
    links = [
        f'<a href="/cameras/{camera}">{camera}</a>'
        for camera in get_close_matches(name.lower(), visible, SUGGESTED_MAX)
    ]
    meant = f"Did you mean {' or '.join(links)}?" if links else ""
    if not re.fullmatch(CAMERA_PATTERN, name):
        return _page(f"No camera is named {name[:60]}", f"{meant} Names are of a-z, 0-9 and -.")
    text = f"{meant} A camera is known from its first message on; this page then shows it."
    return _page(f"No camera {name} is known", text, waits=True)


def _page(title: str, text: str, *, waits: bool = False) -> HTMLResponse:
    """Return the page; *text* is HTML."""
    filled = page("not-found.html").replace("{{title}}", html.escape(title)).replace("{{text}}", text.strip())
    filled = filled.replace("{{waits}}", "yes" if waits else "no")
    return HTMLResponse(filled, 404, {"Cache-Control": "no-store"})
