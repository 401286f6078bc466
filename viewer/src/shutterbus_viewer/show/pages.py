"""The pages, and the way in and out."""

import asyncio
import html
import json
import re
import secrets
from dataclasses import asdict
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from shutterbus_viewer.accounts.access_log import Event
from shutterbus_viewer.accounts.sessions import SESSION_S
from shutterbus_viewer.errors import ArchiveUnreadableError
from shutterbus_viewer.show.access import KIOSK_ROLES, Action
from shutterbus_viewer.show.exposure import Exposure, client_address
from shutterbus_viewer.show.login import LoginRefusedError
from shutterbus_viewer.show.not_found import no_camera
from shutterbus_viewer.show.services import Accounts, get_principal, get_services
from shutterbus_viewer.show.static_files import page, static_files
from shutterbus_viewer.show.stills import stills
from shutterbus_viewer.state import camera_state
from shutterbus_wire.identity import CAMERA_PATTERN

FORM_MAX_BYTES = 16_384
LOGIN_COOKIE = "shutterbus_login"
CSRF_COOKIE = "csrf"
"""Our pages hold it too, and send it back in their form: a page of another site cannot."""

CSRF_MAX_LENGTH = 100
USERNAME_MAX_LENGTH = 200
KIOSK_COOKIE_S = 400 * 86_400
NO_KIOSK = (
    "Only a user with the role look stays signed in on a screen; {} has the role {}. Sign in without the tick, or "
    "with a user made for the screen: make user NAME=screen"
)
NO_STORE = {"Cache-Control": "no-store"}


def public_paths() -> frozenset[str]:
    """Return what needs no login: the login, what its page refers to, and whether the process lives.

    Browsers fetch a manifest, and the icons that it names, without any cookie. It says no more than the login does.
    """
    addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', page("login.html"))
    manifest = next(address for address in addresses if address.endswith(".webmanifest"))
    named = json.loads(static_files()[manifest].content)["icons"]
    icons = {f"{manifest.rpartition('/')[0]}/{icon['src']}" for icon in named}
    return frozenset({"/login", "/livez", *addresses, *icons})


def routes(accounts: Accounts, exposure: Exposure) -> APIRouter:
    """Return the routes of all pages."""
    router = APIRouter(include_in_schema=False)
    login, sessions, log = accounts.login, accounts.sessions, accounts.log

    @router.get("/")
    async def wall(request: Request) -> Response:
        services = get_services(request)
        archive = "no" if services.past is None else "yes"
        answer = _page(request, "index.html", archive=archive, **asdict(services.first_camera))
        session = request.state.session
        if session and session.kiosk:
            # No browser keeps a cookie for longer than 400 days; a screen loads its page more often.
            _give_cookie(answer, exposure, exposure.cookie, request.cookies[exposure.cookie], KIOSK_COOKIE_S)
            _give_cookie(answer, exposure, CSRF_COOKIE, _csrf(request), KIOSK_COOKIE_S)
        return answer

    @router.get("/stills")
    async def show_stills(request: Request) -> Response:
        services = get_services(request)
        visible = services.policy.visible(get_principal(request), services.cameras.ids())
        states = (camera_state(services.cameras, name, 0) for name in visible)
        text = stills(
            filter(None, states), services.cameras.outages(), services.clock.utc_us(), _csrf(request)
        )
        return HTMLResponse(text, headers=NO_STORE)

    @router.get("/cameras/{name}")
    async def camera(request: Request, name: str) -> Response:
        services = get_services(request)
        visible = services.policy.visible(get_principal(request), services.cameras.ids())
        if name not in visible and not await _has_past(request, name):
            return no_camera(name, visible)
        return _page(request, "camera.html", camera=name)

    @router.get("/login")
    async def show_login(request: Request) -> Response:
        if request.state.session:
            return RedirectResponse(_next(request), 303)
        return _form(exposure, "", 200)

    @router.post("/login")
    async def log_in(request: Request) -> Response:
        fields = await _fields(request)
        if not _csrf_matches(request, LOGIN_COOKIE, fields):
            return _form(exposure, "The form was too old. Try again.", 403)
        name, address = fields.get("username", ""), client_address(request.scope, exposure)
        kiosk = fields.get("kiosk") == "yes"
        try:
            user = await login.check(name, fields.get("password", ""), address)
        except LoginRefusedError as error:
            log.note(Event.TOO_MANY_TRIES if error.status == 429 else Event.TOO_BUSY, address=address)
            wait = {"Retry-After": str(error.wait_s)}
            return _form(exposure, str(error), error.status, wait, username=name, kiosk=kiosk)
        if user is None:
            log.note(Event.WRONG_PASSWORD, address=address)
            return _form(exposure, "User or password is wrong.", 401, username=name, kiosk=kiosk)
        if kiosk and user.role not in KIOSK_ROLES:
            return _form(exposure, NO_KIOSK.format(user.name, user.role), 403, username=name)
        if request.state.session:
            await sessions.end(request.state.session)
        log.note(Event.LOGIN, user=user.name, address=address)
        answer = RedirectResponse(_next(request), 303, NO_STORE)
        token = await sessions.begin(user.name, address=address, kiosk=kiosk)
        age_s = KIOSK_COOKIE_S if kiosk else SESSION_S
        _give_cookie(answer, exposure, exposure.cookie, token, age_s)
        _give_cookie(answer, exposure, CSRF_COOKIE, secrets.token_urlsafe(24), age_s)
        answer.delete_cookie(LOGIN_COOKIE, path="/login")
        return answer

    @router.post("/logout")
    async def log_out(request: Request) -> Response:
        if not _csrf_matches(request, CSRF_COOKIE, await _fields(request)):
            return PlainTextResponse("The page was too old: go back, reload it and try again.", 403, NO_STORE)
        if session := request.state.session:
            await sessions.end(session)
            log.note(Event.LOGOUT, user=session.user, address=client_address(request.scope, exposure))
        answer = RedirectResponse("/login", 303, NO_STORE)
        answer.delete_cookie(exposure.cookie)
        return answer

    return router


async def _has_past(request: Request, name: str) -> bool:
    """Whether the archive has pictures of a camera that is not heard of now, which this user may see."""
    services, principal = get_services(request), get_principal(request)
    if services.past is None or not services.policy.allows(principal, Action.LOOK, name):
        return False
    try:
        return await asyncio.to_thread(services.past.history.knows, name)
    except ArchiveUnreadableError:
        return False


def _page(request: Request, file: str, **values: str) -> HTMLResponse:
    return HTMLResponse(_filled(file, csrf=_csrf(request), **values), headers=NO_STORE)


def _filled(file: str, **values: str) -> str:
    """Return a page with *values* in their places; what looks like a place in a value is none."""
    return re.sub(r"{{(\w+)}}", lambda place: html.escape(values[place[1]]), page(file))


def _csrf(request: Request) -> str:
    """Return what a form sends back to prove that it is ours."""
    return request.cookies.get(CSRF_COOKIE, "")


def _give_cookie(answer: Response, exposure: Exposure, name: str, value: str, age_s: int) -> None:
    """Give the browser a cookie that comes back also with a link of another site: a page that this leads to has a sign-out too."""
    answer.set_cookie(name, value, max_age=age_s, httponly=True, samesite="lax", secure=exposure.secure)


def _form(
    exposure: Exposure,
    message: str,
    status: int,
    headers: dict[str, str] | None = None,
    *,
    username: str = "",
    kiosk: bool = False,
) -> HTMLResponse:
    token = secrets.token_urlsafe(24)
    name, ticked = username[:USERNAME_MAX_LENGTH], "checked" if kiosk else ""
    text = _filled("login.html", csrf=token, message=message, username=name, kiosk=ticked)
    answer = HTMLResponse(text, status, {**NO_STORE, **(headers or {})})
    answer.set_cookie(
        LOGIN_COOKIE, token, path="/login", httponly=True, samesite="strict", secure=exposure.secure
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
    return (
        asked
        if re.fullmatch(rf"/(?:cameras/{CAMERA_PATTERN})?(?:\?[\w%=&.:,+~-]*)?", asked, re.ASCII)
        else "/"
    )
