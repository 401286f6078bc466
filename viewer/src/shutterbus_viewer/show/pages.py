"""The pages, and the way in and out."""

import html
import re
import secrets
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from shutterbus_viewer.show.auth import SESSION_S, Login, TooManyTriesError
from shutterbus_viewer.show.gate import Place, client_address
from shutterbus_wire.identity import CAMERA_PATTERN

STATIC = Path(str(files("shutterbus_viewer") / "show" / "static"))
FORM_MAX_BYTES = 16_384
LOGIN_COOKIE = "shutterbus_login"
CSRF_COOKIE = "csrf"
"""Read by our pages' scripts, which send it back in the form: a page of another site cannot."""

CSRF_MAX_LENGTH = 100
NO_STORE = {"Cache-Control": "no-store"}

CameraName = Annotated[str, PathParameter(pattern=f"^{CAMERA_PATTERN}$")]


@cache
def page(name: str) -> str:
    """Return the text of a page in ``static``."""
    return (STATIC / name).read_text(encoding="utf-8")


def open_paths() -> frozenset[str]:
    """Return what needs no login: the login, what its page refers to, and whether the process lives."""
    return frozenset({"/login", "/livez", *re.findall(r'(?:src|href)="(/static/[^"]+)"', page("login.html"))})


def routes(login: Login, place: Place) -> APIRouter:
    """Return the routes of all pages."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def wall() -> Response:
        return HTMLResponse(page("index.html"), headers=NO_STORE)

    @router.get("/cameras/{camera}")
    async def camera(camera: CameraName) -> Response:  # noqa: ARG001  # only checked; the page reads its address
        return HTMLResponse(page("camera.html"), headers=NO_STORE)

    @router.get("/login")
    async def show_login(request: Request) -> Response:
        if request.state.session:
            return RedirectResponse(_next(request), 303)
        return _form(place, "", 200)

    @router.post("/login")
    async def log_in(request: Request) -> Response:
        fields = await _fields(request)
        if not _csrf_matches(request, LOGIN_COOKIE, fields):
            return _form(place, "The form was too old. Try again.", 403)
        try:
            right = await login.check(
                fields.get("username", ""), fields.get("password", ""), client_address(request.scope, place)
            )
        except TooManyTriesError as error:
            return _form(place, str(error), 429, {"Retry-After": str(error.wait_s)})
        if not right:
            return _form(place, "User or password is wrong.", 401)
        if request.state.session:
            login.end(request.state.session)
        answer = RedirectResponse(_next(request), 303, NO_STORE)
        session = login.begin(fields["username"])
        answer.set_cookie(
            place.cookie, session.token, max_age=SESSION_S, httponly=True, samesite="lax", secure=place.secure
        )
        answer.set_cookie(
            CSRF_COOKIE, secrets.token_urlsafe(24), max_age=SESSION_S, samesite="strict", secure=place.secure
        )
        answer.delete_cookie(LOGIN_COOKIE, path="/login")
        return answer

    @router.post("/logout")
    async def log_out(request: Request) -> Response:
        if not _csrf_matches(request, CSRF_COOKIE, await _fields(request)):
            return PlainTextResponse("The page was too old: go back, reload it and try again.", 403, NO_STORE)
        if request.state.session:
            login.end(request.state.session)
        answer = RedirectResponse("/login", 303, NO_STORE)
        answer.delete_cookie(place.cookie)
        return answer

    return router


def _form(place: Place, message: str, status: int, headers: dict[str, str] | None = None) -> HTMLResponse:
    token = secrets.token_urlsafe(24)
    text = page("login.html").replace("{{csrf}}", token).replace("{{message}}", html.escape(message))
    answer = HTMLResponse(text, status, {**NO_STORE, **(headers or {})})
    answer.set_cookie(
        LOGIN_COOKIE, token, path="/login", httponly=True, samesite="strict", secure=place.secure
    )
    return answer


def _csrf_matches(request: Request, cookie: str, fields: dict[str, str]) -> bool:
    sent = fields.get("csrf", "")
    return 0 < len(sent) <= CSRF_MAX_LENGTH and secrets.compare_digest(
        sent.encode(), request.cookies.get(cookie, "").encode()
    )


async def _fields(request: Request) -> dict[str, str]:
    """Return the fields of a small form; none of a large one."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_MAX_BYTES:
            return {}
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _next(request: Request) -> str:
    """Return where to go after the login: a page of ours, whatever the address says."""
    asked = request.query_params.get("next", "/")
    return asked if re.fullmatch(rf"/(?:cameras/{CAMERA_PATTERN})?", asked) else "/"
