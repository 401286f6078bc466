"""The one door: whatever is asked of this server passes here first, also what routes do not know of.

Everything needs a login but the login itself, what its page is made of, and ``/livez``. That list is the
exception; a route added later is shut until somebody opens it on purpose.
"""

from collections.abc import Collection
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from shutterbus_viewer.show.auth import Login, Session, TooManyTriesError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
PAGES = ("/cameras/",)


@dataclass(frozen=True, slots=True)
class Place:
    """Where this server stands, as far as its door is concerned.

    Attributes:
        open_paths: What needs no login.
        cookie: Name of the session cookie; it holds the port, since browsers share cookies between ports.
        secure: Whether browsers reach it by HTTPS.
        behind_proxy: Whether a proxy passes on who asks, and for what host.
        loopback_only: Whether it can be reached from this machine only.
    """

    open_paths: Collection[str]
    cookie: str
    secure: bool
    behind_proxy: bool
    loopback_only: bool


def client_address(scope: Scope, place: Place) -> str:
    """Return the address of whoever asks; behind a proxy what the proxy itself added, which is last."""
    forwarded = Headers(scope=scope).getlist("x-forwarded-for")
    if place.behind_proxy and forwarded:
        return forwarded[-1].rsplit(",", 1)[-1].strip()
    return str(scope["client"][0]) if scope.get("client") else ""


def same_origin(scope: Scope, place: Place) -> bool:
    """Whether a browser says that one of our own pages asks; True where it says nothing, as scripts do."""
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "none") in {"same-origin", "none"}
    host = (
        headers.get("x-forwarded-host", headers.get("host", ""))
        if place.behind_proxy
        else headers.get("host", "")
    )
    return urlsplit(origin).scheme in {"http", "https"} and urlsplit(origin).netloc.lower() == host.lower()


class Gate:
    """See the module. Routes behind it find ``state.user``, ``state.session`` and ``state.still_valid()``."""

    def __init__(self, app: ASGIApp, login: Login, place: Place) -> None:
        self._app = app
        self._login = login
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = await self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(refusal)
        else:
            await refusal(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        """Return what to answer instead, or None to let the request in."""
        headers, place = Headers(scope=scope), self._place
        if place.loopback_only and _host(headers) not in LOOPBACK:
            # Else a name that an attacker points at 127.0.0.1 would make our answers his pages'.
            return _refuse(421, "this viewer answers to localhost only; behind a proxy set VIEWER_TLS=proxy")
        if (scope["type"] == "websocket" or scope["method"] not in {"GET", "HEAD"}) and not same_origin(
            scope, place
        ):
            return _refuse(403, "a page of another site asked for this")
        state = scope.setdefault("state", {})
        if session := self._session(headers):
            _admit(state, session.user, session, lambda: self._login.valid(session))
            return None
        state["session"] = None
        if scope["path"] in place.open_paths:
            return None
        try:
            user = await self._login.basic(headers.get("authorization", ""), client_address(scope, place))
        except TooManyTriesError as error:
            return _refuse(429, str(error), {"Retry-After": str(error.wait_s)})
        if user is not None:
            _admit(state, user, None, lambda: True)
            return None
        return _to_login(scope, headers)

    def _session(self, headers: Headers) -> Session | None:
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(self._place.cookie)
        except CookieError:
            return None
        return self._login.session(morsel.value) if morsel else None


def _admit(state: dict[str, Any], user: str, session: Session | None, still_valid: Any) -> None:
    state.update(user=user, session=session, still_valid=still_valid)


def _host(headers: Headers) -> str:
    return urlsplit(f"//{headers.get('host', '')}").hostname or ""


def _to_login(scope: Scope, headers: Headers) -> Response:
    is_page = scope["path"] == "/" or scope["path"].startswith(PAGES)
    if scope["type"] == "http" and is_page and scope["method"] in {"GET", "HEAD"}:
        return RedirectResponse(f"/login?next={quote(scope['path'])}", 303, {"Cache-Control": "no-store"})
    # A browser's own window for passwords must not open over a page whose session has ended.
    by_page = headers.get("sec-fetch-mode", "navigate") != "navigate"
    challenge = {} if by_page else {"WWW-Authenticate": 'Basic realm="Shutterbus", charset="UTF-8"'}
    return _refuse(401, "log in first: at /login, or with HTTP Basic", challenge)


def _refuse(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"detail": sentence}, status, {"Cache-Control": "no-store", **(headers or {})})
