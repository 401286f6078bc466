"""How browsers reach this server, and what follows from that for a request."""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Exposure:
    """How browsers reach this server.

    Attributes:
        public_paths: What needs no login.
        cookie: Name of the session cookie; it holds the port, since browsers share cookies between ports.
        secure: Whether browsers reach it by HTTPS.
        behind_proxy: Whether a proxy passes on who asks, and for what host.
        loopback_only: Whether it can be reached from this machine only.
    """

    public_paths: Collection[str]
    cookie: str
    secure: bool
    behind_proxy: bool
    loopback_only: bool


def client_address(scope: Scope, exposure: Exposure) -> str:
    """Return the address of the client; behind a proxy what the proxy itself added, which is last."""
    forwarded = Headers(scope=scope).getlist("x-forwarded-for")
    if exposure.behind_proxy and forwarded:
        return forwarded[-1].rsplit(",", 1)[-1].strip()
    return str(scope["client"][0]) if scope.get("client") else ""


def same_origin(scope: Scope, exposure: Exposure) -> bool:
    """Whether a browser says that one of our own pages asks; True where it says nothing, as scripts do."""
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "none") in {"same-origin", "none"}
    host = headers.get("host", "")
    if exposure.behind_proxy:
        host = headers.get("x-forwarded-host", host)
    try:
        scheme, netloc, *_ = urlsplit(origin)
    except ValueError:  # half an address of IPv6
        return False
    return scheme in {"http", "https"} and netloc.lower() == host.lower()


def asked_host(headers: Headers) -> str | None:
    """Return the name in ``Host``, "" where none is sent, None where it is none."""
    try:
        parts = urlsplit(f"//{headers.get('host', '')}")
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    return parts.hostname or ""
