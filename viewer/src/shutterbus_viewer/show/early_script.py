"""The script in the head of every page: it stands in the page itself, because it mends the loading of all others.

Chromium drops everything that it is loading when the network changes, such as when a phone finds another one. A script that is
loaded would be dropped together with those whose failure it waits for.
"""

import base64
import hashlib
from importlib.resources import files

PLACE = "<script></script>"
"""Where the pages in ``static`` have it."""

_TEXT = (files("shutterbus_viewer") / "show" / "early.js").read_text(encoding="utf-8")
SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(_TEXT.encode()).digest()).decode()}'"
"""How the content security policy names it: no other script in a page runs."""


def with_early_script(page: str) -> str:
    """Return *page* with the script in its place."""
    return page.replace(PLACE, f"<script>{_TEXT}</script>")
