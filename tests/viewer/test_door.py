"""Nobody sees anything without a login."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount, WebSocketRoute
from starlette.testclient import WebSocketDenialResponse

from shutterbus_viewer.show.auth_middleware import AuthMiddleware
from viewer.fakes_viewer import PASSWORD, Viewer, picture, viewer

BASIC = ("admin", PASSWORD)
OPEN = {"/login", "/livez"}


@pytest.fixture
def running() -> Iterator[Viewer]:
    with viewer() as running_viewer:
        running_viewer.cameras.show(picture(), "kafka")
        yield running_viewer


def routes(app: object) -> Iterator[tuple[str, str]]:
    """Yield method and path of everything that is served, with a camera's name where one belongs."""
    while not hasattr(app, "routes"):
        app = app._app  # type: ignore[attr-defined]  # through the layers around FastAPI
    for route in _flat(app.routes):
        path = re.sub(r"{[^}]*}", "gate", getattr(route, "path", ""))
        if isinstance(route, WebSocketRoute):
            yield "WEBSOCKET", path
        elif isinstance(route, Mount):
            yield "GET", f"{path}/app.css"
            yield "GET", f"{path}/wall.js"
        else:
            for method in sorted(getattr(route, "methods", None) or ()):
                yield method, path


def _flat(mounted: list[object]) -> Iterator[object]:
    for route in mounted:
        inner = getattr(route, "original_router", None)
        if inner is not None and not isinstance(route, APIRoute):
            yield from _flat(inner.routes)
        else:
            yield route


def test_every_route_is_known_here(running: Viewer) -> None:
    """The sweep below is worth what it finds."""
    paths = {path for _, path in routes(running.app)}

    assert {
        "/",
        "/cameras/gate",
        "/login",
        "/logout",
        "/api/cameras",
        "/api/cameras/gate",
        "/api/cameras/gate/latest.jpg",
        "/api/cameras/gate/stream.mjpg",
        "/api/archive",
        "/api/live",
        "/livez",
        "/readyz",
        "/metrics",
        "/openapi.json",
    } <= paths


def test_every_route_wants_a_login(running: Viewer) -> None:
    """Scripts are told 401, people are sent to the login; /livez and what the login is made of are the exception."""
    for method, path in routes(running.app):
        if method == "WEBSOCKET":
            with (
                pytest.raises(WebSocketDenialResponse) as refused,
                running.http.websocket_connect(f"ws://127.0.0.1:8080{path}"),
            ):
                pass
            assert refused.value.status_code == 401
            continue
        answer = running.http.request(method, path)
        if path in OPEN or path in running.services.exposure.public_paths:
            assert answer.status_code < 500
        elif method in {"GET", "HEAD"} and (path in {"/", "/stills"} or path.startswith("/cameras/")):
            assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")
        else:
            assert answer.status_code == 401, (method, path)


def test_what_does_not_exist_is_not_told_to_strangers(running: Viewer) -> None:
    assert running.http.get("/nothing/here").status_code == 401
    assert running.http.get("/static/../app.py").status_code == 401
    assert running.http.get("/static/%2e%2e/app.py").status_code == 401


def test_login_page_gets_all_it_is_made_of(running: Viewer) -> None:
    page = running.http.get("/login").text

    for asset in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert running.http.get(asset).status_code == 200, asset


def test_script_uses_http_basic(running: Viewer) -> None:
    assert running.http.get("/api/cameras", auth=BASIC).status_code == 200
    refused = running.http.get("/api/cameras", auth=("admin", "wrong"))

    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "header", ["Bearer abc", "Basic", "Basic !!!", "Basic YWRtaW4=", "Digest x", "Basic " + "A" * 10_000]
)
def test_nothing_but_basic_opens_it_to_scripts(running: Viewer, header: str) -> None:
    assert running.http.get("/api/cameras", headers={"Authorization": header}).status_code == 401


@pytest.mark.parametrize("query", ["token=x", "password=correct+horse+battery", "auth=admin"])
def test_no_secret_in_an_address_opens_it(running: Viewer, query: str) -> None:
    """Addresses end in logs."""
    assert running.http.get(f"/api/cameras/gate/latest.jpg?{query}").status_code == 401


def test_page_whose_session_ended_opens_no_window_for_passwords(running: Viewer) -> None:
    answer = running.http.get("/api/cameras", headers={"Sec-Fetch-Mode": "cors"})

    assert answer.status_code == 401
    assert "www-authenticate" not in answer.headers


def test_scripts_that_know_the_password_never_wait(running: Viewer) -> None:
    for _ in range(30):
        assert running.http.get("/api/cameras", auth=BASIC).status_code == 200


def test_ten_pictures_opened_at_once_are_one_try(running: Viewer) -> None:
    """A dashboard shows many cameras, and asks for all of them before the first answer."""
    with ThreadPoolExecutor(10) as pool:
        answers = pool.map(lambda _: running.http.get("/api/cameras", auth=BASIC).status_code, range(10))

        assert set(answers) == {200}


def test_tries_are_counted_by_whoever_the_proxy_names() -> None:
    """The client may write what it likes in front; the last entry is the proxy's."""
    with viewer(behind_proxy=True, loopback_only=False) as running_viewer:
        for number in range(5):
            spoofed = {"X-Forwarded-For": f"10.0.0.{number}, 192.0.2.1"}
            assert (
                running_viewer.http.get("/api/cameras", auth=("admin", "guess"), headers=spoofed).status_code
                == 401
            )

        again = {"X-Forwarded-For": "10.9.9.9, 192.0.2.1"}
        other = {"X-Forwarded-For": "192.0.2.2"}
        assert running_viewer.http.get("/api/cameras", auth=BASIC, headers=again).status_code == 429
        assert running_viewer.http.get("/api/cameras", auth=BASIC, headers=other).status_code == 200


def test_looking_changes_nothing(running: Viewer) -> None:
    http = running.log_in()

    assert http.get("/logout").status_code == 405
    assert http.get("/api/cameras").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "rebound.example:8080", "192.168.1.5:8080"])
def test_viewer_on_loopback_answers_to_no_other_name(running: Viewer, host: str) -> None:
    """A name that points at 127.0.0.1 would let a page elsewhere read our answers."""
    assert running.http.get("/livez", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "localhost"])
def test_viewer_on_loopback_answers_to_its_names(running: Viewer, host: str) -> None:
    assert running.http.get("/livez", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["[", "[::1", "]", "gate:port", "a:99999"])
@pytest.mark.parametrize("path", ["/livez", "/login", "/api/cameras", "/api/cameras/"])
def test_host_that_is_none_is_answered_with_400(host: str, path: str) -> None:
    with viewer(loopback_only=False) as running_viewer:
        answer = running_viewer.http.get(path, headers={"Host": host})

    assert answer.status_code == 400
    assert "is no host" in answer.json()["detail"]


def test_origin_that_is_none_is_another_site(running: Viewer) -> None:
    assert running.log_in().post("/logout", headers={"Origin": "http://["}).status_code == 403


@pytest.mark.parametrize("path", ["/login", "/livez", "/api/cameras", "/static/app.css", "/nothing"])
def test_every_answer_forbids_what_browsers_might_do(running: Viewer, path: str) -> None:
    headers = running.http.get(path).headers

    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_livez_says_nothing_but_whether_it_lives(running: Viewer) -> None:
    running.connected["kafka"] = False

    assert (running.http.get("/livez").status_code, running.http.get("/livez").json()) == (
        200,
        {"alive": True},
    )
    assert running.http.get("/readyz", auth=BASIC).status_code == 503


def test_door_stands_before_everything(running: Viewer) -> None:
    """A route that somebody adds is shut until it is opened on purpose."""
    layers = []
    layer = running.app
    while hasattr(layer, "_app"):
        layers.append(type(layer))
        layer = layer._app

    assert layers[-1] is AuthMiddleware
