"""A login is hard to guess, to steal and to misuse."""

import asyncio
import base64
import threading
from collections.abc import Iterator

import pytest

from fakes import FakeClock
from shutterbus_viewer.accounts.users import verify
from shutterbus_viewer.show.login import CHECKS_QUEUED_MAX, Login, TooBusyError
from viewer.fakes_viewer import PASSWORD, Viewer, picture, user, viewer

BASIC = ("admin", PASSWORD)


@pytest.fixture
def running() -> Iterator[Viewer]:
    with viewer() as running_viewer:
        running_viewer.cameras.show(picture(), "kafka")
        yield running_viewer


def test_person_logs_in_looks_and_logs_out(running: Viewer) -> None:
    http = running.log_in()
    assert http.get("/").status_code == 200
    assert http.get("/api/cameras").status_code == 200
    assert http.get("/api/cameras/gate/latest.jpg").headers["content-type"] == "image/jpeg"
    stolen = http.cookies["shutterbus_8080"]

    out = http.post("/logout", data={"csrf": http.cookies["csrf"]})

    assert (out.status_code, out.headers["location"]) == (303, "/login")
    http.cookies.set("shutterbus_8080", stolen, domain="127.0.0.1")
    assert http.get("/api/cameras").status_code == 401


def test_session_cookie_is_kept_from_scripts_and_other_sites(running: Viewer) -> None:
    running.http.get("/login")
    answer = running.http.post("/login", data=running.form())

    (cookie,) = [
        header for header in answer.headers.get_list("set-cookie") if header.startswith("shutterbus_8080=")
    ]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=43200" in cookie
    assert "Secure" not in cookie


def test_session_cookie_travels_by_https_only_where_there_is_any() -> None:
    with viewer(secure=True, behind_proxy=True, loopback_only=False) as running_viewer:
        running_viewer.http.get("/login")
        answer = running_viewer.http.post(
            "/login",
            data={**running_viewer.form(), "csrf": running_viewer.http.cookies.get("shutterbus_login") or ""},
            headers={"Cookie": _cookie(running_viewer)},
        )

    assert all(
        "Secure" in header for header in answer.headers.get_list("set-cookie") if "Max-Age=43200" in header
    )
    assert answer.headers["strict-transport-security"]


def _cookie(running_viewer: Viewer) -> str:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in running_viewer.http.cookies.jar)


def test_refused_login_keeps_the_name_as_text(running: Viewer) -> None:
    running.http.get("/login")
    form = running.form(username='"><script>{{message}}', password="wrong")
    page = running.http.post("/login", data=form)
    assert page.status_code == 401
    assert 'value="&quot;&gt;&lt;script&gt;{{message}}">' in page.text


def test_login_makes_a_new_session_and_ends_the_one_before(running: Viewer) -> None:
    """A cookie that somebody planted before the login must not be the one after it."""
    http = running.log_in()
    first = http.cookies["shutterbus_8080"]
    http.cookies.delete("csrf")
    page = running.form(csrf="planted")
    http.cookies.set("shutterbus_login", "planted", domain="127.0.0.1", path="/login")
    http.post("/login", data=page)

    assert http.cookies["shutterbus_8080"] != first
    http.cookies.clear()
    http.cookies.set("shutterbus_8080", first, domain="127.0.0.1")
    assert http.get("/api/cameras").status_code == 401


def test_session_ends_after_twelve_hours(running: Viewer) -> None:
    http = running.log_in()
    running.clock.pass_s(12 * 3_600 - 1)
    assert http.get("/api/cameras").status_code == 200

    running.clock.pass_s(2)

    assert http.get("/api/cameras").status_code == 401


@pytest.mark.parametrize("token", ["", "x", "e30.forged", "eyJ1c2VyIjoiYWRtaW4ifQ.AAAA"])
def test_forged_session_is_none(running: Viewer, token: str) -> None:
    running.http.cookies.set("shutterbus_8080", token, domain="127.0.0.1")

    assert running.http.get("/api/cameras").status_code == 401


def test_sixth_try_within_a_minute_has_to_wait(running: Viewer) -> None:
    for _ in range(5):
        running.http.get("/login")
        assert running.http.post("/login", data=running.form(password="guess")).status_code == 401
    running.clock.pass_s(20)

    refused = running.http.post("/login", data=running.form())

    assert refused.status_code == 429
    assert "Try again in 40 seconds." in refused.text
    assert refused.headers["retry-after"] == "40"
    assert running.http.get("/api/cameras", auth=BASIC).status_code == 429
    running.clock.pass_s(41)
    assert running.http.post("/login", data=running.form()).status_code == 303


@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_form_without_its_token_does_nothing(running: Viewer, path: str) -> None:
    http = running.log_in()

    assert http.post(path, data=running.form(csrf="")).status_code == 403
    assert http.post(path, data=running.form(csrf="guessed")).status_code == 403
    assert http.get("/api/cameras").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_form_from_another_site_does_nothing(running: Viewer, headers: dict[str, str]) -> None:
    http = running.log_in()

    answer = http.post("/logout", data={"csrf": http.cookies["csrf"]}, headers=headers)

    assert answer.status_code == 403
    assert http.get("/api/cameras").status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "/?q=//evil.example/\n",
        "//?evil",
        "//evil.example",
        "/\\evil.example",
        "/cameras/../x",
    ],
)
def test_login_leads_nowhere_else(running: Viewer, target: str) -> None:
    running.http.get("/login")

    answer = running.http.post("/login", params={"next": target}, data=running.form())

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_login_leads_back_to_the_camera(running: Viewer) -> None:
    running.http.get("/login")

    page = running.http.get("/cameras/gate?at=2026-11-27T22:42:49.631204Z")
    assert page.headers["location"] == "/login?next=/cameras/gate%3Fat%3D2026-11-27T22%3A42%3A49.631204Z"
    answer = running.http.post(page.headers["location"], data=running.form())

    assert answer.headers["location"] == "/cameras/gate?at=2026-11-27T22:42:49.631204Z"


def test_what_was_typed_is_not_shown_as_html(running: Viewer) -> None:
    running.http.get("/login")

    answer = running.http.post("/login", data=running.form(username="<script>alert(1)</script>"))

    assert "<script>alert" not in answer.text


def test_large_form_is_not_read(running: Viewer) -> None:
    running.http.get("/login")

    assert running.http.post("/login", data=running.form(password="x" * 100_000)).status_code == 403


class BusyProcessor:
    """Checks no password until ``go_on``."""

    def __init__(self) -> None:
        self.checked = 0
        self._allowed = threading.Event()

    def __call__(self, password_hash: str, password: str) -> bool:
        self._allowed.wait()
        self.checked += 1
        return verify(password_hash, password)

    def go_on(self) -> None:
        self._allowed.set()


def test_flood_of_passwords_is_answered_at_once_and_stops_nobody_who_is_known() -> None:
    """Guesses from a thousand addresses: eight are checked, the rest is refused, and whoever is in stays in."""

    async def scene() -> None:
        clock, processor = FakeClock(), BusyProcessor()
        login = Login({"admin": user("admin")}, clock, processor)
        processor.go_on()
        known = _basic("admin", PASSWORD)
        assert await login.basic(known, "192.0.2.1")
        processor._allowed.clear()

        guesses = [asyncio.create_task(login.check("admin", "guess", f"10.0.0.{n}")) for n in range(100)]
        await asyncio.sleep(0)
        refused = [guess for guess in guesses if guess.done()]

        assert len(refused) == 100 - CHECKS_QUEUED_MAX
        assert all(isinstance(guess.exception(), TooBusyError) for guess in refused)
        assert await login.basic(known, "192.0.2.1")
        processor.go_on()
        assert [await guess for guess in guesses if guess not in refused] == [None] * CHECKS_QUEUED_MAX
        login.close()

    asyncio.run(scene())


def test_full_queue_is_answered_with_503_and_when_to_come_again(running: Viewer) -> None:
    http = running.log_in()
    login = running.services.accounts.login
    login._queued = CHECKS_QUEUED_MAX

    assert http.get("/api/cameras").status_code == 200
    http.cookies.clear()
    by_script = http.get("/api/cameras", auth=("admin", "guess"))
    http.get("/login")
    by_form = http.post("/login", data=running.form())

    for answer in (by_script, by_form):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "Too many passwords are being checked. Try again in 5 seconds." in answer.text
    login._queued = 0
    assert http.post("/login", data=running.form()).status_code == 303, "a refusal was counted as a try"


def test_script_pays_for_its_password_once() -> None:
    async def scene() -> None:
        processor = BusyProcessor()
        processor.go_on()
        login = Login({"admin": user("admin")}, FakeClock(), processor)
        for _ in range(100):
            assert await login.basic(_basic("admin", PASSWORD), "192.0.2.1")
        assert processor.checked == 1
        login.close()

    asyncio.run(scene())


def test_who_has_no_account_costs_as_much_as_who_has_one() -> None:
    """Else the time of the answer tells which names there are."""

    async def scene() -> None:
        processor = BusyProcessor()
        processor.go_on()
        login = Login({"admin": user("admin")}, FakeClock(), processor)
        assert await login.check("nobody", PASSWORD, "192.0.2.1") is None
        assert processor.checked == 1
        login.close()

    asyncio.run(scene())


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
