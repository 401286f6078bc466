"""The pages and what they are made of, read and compressed once.

A browser keeps what a page refers to for good: its address holds a hash of all contents, and changes with them.
"""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, HTTPException, Request, Response

from shutterbus_viewer.show.early_script import with_early_script

FOR_GOOD = {"Cache-Control": "private, max-age=31536000, immutable", "Vary": "Accept-Encoding"}

ICON = '<link rel="icon" href="/static/favicon.svg" type="image/svg+xml">'
AS_APP = """
<link rel="manifest" href="/static/manifest.webmanifest">
<link rel="apple-touch-icon" href="/static/icon-192.png">
<meta name="theme-color" data-theme="dark" media="(prefers-color-scheme: dark)" content="#101316">
<meta name="theme-color" data-theme="light" media="(prefers-color-scheme: light)" content="#f3f4f6">"""
"""What every page says beside its icon, so that a phone can keep it among its apps; the colours are those of the page."""

_FOLDER = files("shutterbus_viewer") / "show" / "static"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file, and the same by gzip."""

    media_type: str
    content: bytes
    compressed: bytes


@cache
def static_files() -> Mapping[str, StaticFile]:
    """Return all files by their addresses."""
    contents = {entry.name: entry.read_bytes() for entry in _FOLDER.iterdir()}
    digest = hashlib.sha256()
    for name in sorted(contents):
        digest.update(f"{name} {len(contents[name])} ".encode() + contents[name])
    return {
        f"/static/{digest.hexdigest()[:16]}/{name}": StaticFile(
            mimetypes.guess_type(name)[0] or "application/octet-stream",
            content,
            gzip.compress(content, 9, mtime=0),
        )
        for name, content in contents.items()
        if not name.endswith(".html")
    }


@cache
def page(name: str) -> str:
    """Return the text of a page, which refers to everything by its address."""
    folder = next(iter(static_files())).rpartition("/")[0]
    text = (_FOLDER / name).read_text(encoding="utf-8").replace(ICON, ICON + AS_APP)
    return with_early_script(text).replace('="/static/', f'="{folder}/')


@router.api_route("/static/{file:path}", methods=["GET", "HEAD"])
async def static_file(request: Request, file: str) -> Response:
    """One file; an address of another version is none."""
    known = static_files().get(f"/static/{file}")
    if known is None:
        raise HTTPException(404, "there is no such file")
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            known.compressed, headers={**FOR_GOOD, "Content-Encoding": "gzip"}, media_type=known.media_type
        )
    return Response(known.content, headers=FOR_GOOD, media_type=known.media_type)
