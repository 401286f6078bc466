"""Stands before all routes: says who asks, and asks the policy whether they may, also what no route knows of.

Everything needs a login but the login itself, what its page is made of, and ``/livez``.
"""

from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from shutterbus_viewer.accounts.access_log import Event
from shutterbus_viewer.accounts.sessions import Session
from shutterbus_viewer.accounts.users import User
from shutterbus_viewer.show.access import KIOSK_ROLES, AccessPolicy, Principal
from shutterbus_viewer.show.exposure import LOOPBACK, Exposure, asked_host, client_address, same_origin
from shutterbus_viewer.show.login import LoginRefusedError, TooManyTriesError
from shutterbus_viewer.show.not_found import no_page
from shutterbus_viewer.show.services import Accounts

PAGES = ("/cameras/", "/stills")
NOT_FOUND = "no camera {} is known; a camera appears with its first message"


class AuthMiddleware:
    """See the module. Routes find ``state.principal``, ``state.session`` and ``state.still_valid()``."""

    def __init__(self, app: ASGIApp, accounts: Accounts, policy: AccessPolicy, exposure: Exposure) -> None:
        self._app = app
        self._accounts = accounts
        self._policy = policy
        self._exposure = exposure

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
        headers = Headers(scope=scope)
        host = asked_host(headers)
        if host is None:
            return _refuse(400, f"Host: {headers['host'][:100]} is no host; a name or an address is expected")
        if self._exposure.loopback_only and host not in LOOPBACK:
            # Else a name that an attacker points at 127.0.0.1 would make our answers his pages'.
            return _refuse(421, "this viewer answers to localhost only; behind a proxy set VIEWER_TLS=proxy")
        by_form = scope["type"] == "websocket" or scope["method"] not in {"GET", "HEAD"}
        if by_form and not same_origin(scope, self._exposure):
            return _refuse(403, "a page of another site asked for this")
        state = scope.setdefault("state", {})
        session = state["session"] = self._session(headers)
        if scope["path"] in self._exposure.public_paths:
            return None
        try:
            user = await self._user(session, headers, scope)
        except LoginRefusedError as error:
            return _refuse(error.status, str(error), {"Retry-After": str(error.wait_s)})
        if user is None:
            return self._to_login(scope, headers)
        principal = state["principal"] = Principal.of(user)
        state["still_valid"] = lambda: session is None or self._accounts.sessions.valid(session)
        return self._forbidden(principal, scope)

    async def _user(self, session: Session | None, headers: Headers, scope: Scope) -> User | None:
        login = self._accounts.login
        if session:
            return login.users[session.user]
        header = headers.get("authorization", "")
        if not header:
            return None
        address = client_address(scope, self._exposure)
        try:
            user = await login.basic(header, address)
        except LoginRefusedError as error:
            event = Event.TOO_MANY_TRIES if isinstance(error, TooManyTriesError) else Event.TOO_BUSY
            self._accounts.log.note(event, address=address)
            raise
        if user is None:
            self._accounts.log.note(Event.WRONG_PASSWORD, address=address)
        return user

    def _forbidden(self, principal: Principal, scope: Scope) -> Response | None:
        asked = self._policy.of_path(scope["path"])
        if asked is None:
            return no_page() if _by_browser(scope) else _refuse(404, "there is no such page")
        action, camera = asked
        if self._policy.allows(principal, action, camera):
            return None
        address = client_address(scope, self._exposure)
        self._accounts.log.note(Event.FORBIDDEN, user=principal.user, address=address, camera=camera or "")
        if self._policy.allows(principal, action):
            return _refuse(404, NOT_FOUND.format(camera))  # as for one that does not exist
        return _refuse(403, f"{principal.user} has the role {principal.role}, which may not {action}")

    def _to_login(self, scope: Scope, headers: Headers) -> Response:
        is_page = scope["path"] == "/" or scope["path"].startswith(PAGES)
        # A wrong address says that it is wrong only to who may come in.
        is_wrong = self._policy.of_path(scope["path"]) is None and _by_browser(scope)
        if scope["type"] == "http" and (is_page or is_wrong) and scope["method"] in {"GET", "HEAD"}:
            query = scope.get("query_string", b"").decode("latin-1")
            target = quote(f"{scope['path']}?{query}" if query else scope["path"])
            return RedirectResponse(f"/login?next={target}", 303, {"Cache-Control": "no-store"})
        # A browser's own window for passwords must not open over a page whose session has ended.
        by_page = headers.get("sec-fetch-mode", "navigate") != "navigate"
        challenge = {} if by_page else {"WWW-Authenticate": 'Basic realm="Shutterbus", charset="UTF-8"'}
        return _refuse(401, "log in first: at /login, or with HTTP Basic", challenge)

    def _session(self, headers: Headers) -> Session | None:
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(self._exposure.cookie)
        except CookieError:
            return None
        session = self._accounts.sessions.find(morsel.value) if morsel else None
        user = self._accounts.login.users.get(session.user) if session else None
        if user is None or session is None or (session.kiosk and user.role not in KIOSK_ROLES):
            return None
        return session


def _by_browser(scope: Scope) -> bool:
    """Whether somebody typed the address or followed a link, and will read the answer."""
    return scope["type"] == "http" and "text/html" in Headers(scope=scope).get("accept", "")


def _refuse(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    state: dict[str, Any] = {"detail": sentence}
    return JSONResponse(state, status, {"Cache-Control": "no-store", **(headers or {})})
