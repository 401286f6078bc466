"""A screen on a wall stays signed in until somebody withdraws it."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakes import FakeClock
from shutterbus_viewer.accounts import sessions as sessions_module
from shutterbus_viewer.accounts.database import Database
from shutterbus_viewer.accounts.users import Role
from viewer.fakes_viewer import Viewer, user, viewer

YEAR_S = 366 * 86_400
SCREEN = user("screen")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for what another process ended more often than in earnest."""
    monkeypatch.setattr(sessions_module, "LOOK_AGAIN_S", 0.01)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Viewer]:
    with viewer((SCREEN, user("boss", Role.OPERATE)), Database(tmp_path)) as made:
        yield made


def hang_up_screen(running: Viewer, name: str = "screen") -> str:
    """Sign in with the tick; return the token."""
    running.http.cookies.clear()
    running.http.get("/login")
    answer = running.http.post("/login", data=running.form(username=name, kiosk="yes"))
    assert answer.status_code == 303, answer.text
    return running.http.cookies["shutterbus_8080"]


def status(running: Viewer, token: str) -> int:
    running.http.cookies.clear()
    running.http.cookies.set("shutterbus_8080", token, domain="127.0.0.1")
    return running.http.get("/api/cameras").status_code


def until_ended(running: Viewer, token: str) -> None:
    end_s = time.monotonic() + 10
    while status(running, token) != 401:
        assert time.monotonic() < end_s, "the session goes on"
        time.sleep(0.01)


def test_screen_stays_signed_in_for_years_and_over_restarts(tmp_path: Path) -> None:
    clock = FakeClock()
    with viewer((SCREEN,), Database(tmp_path), clock) as running:
        token = hang_up_screen(running)
        running.clock.pass_s(YEAR_S)
        assert status(running, token) == 200
    with viewer((SCREEN,), Database(tmp_path), clock) as again:
        assert status(again, token) == 200


def test_its_cookie_is_renewed_whenever_the_wall_is_loaded(running: Viewer) -> None:
    token = hang_up_screen(running)
    cookies = running.http.get("/?kiosk=1").headers.get_list("set-cookie")
    assert any(f"shutterbus_8080={token}" in cookie and "Max-Age=34560000" in cookie for cookie in cookies)
    running.log_in("screen")
    assert running.http.get("/?kiosk=1").headers.get_list("set-cookie") == []


@pytest.mark.parametrize(("name", "role"), [("boss", "operate"), ("admin", "admin")])
def test_only_who_may_look_and_no_more_stays_signed_in(running: Viewer, name: str, role: str) -> None:
    running.http.get("/login")
    answer = running.http.post("/login", data=running.form(username=name, kiosk="yes"))
    assert answer.status_code == 403
    assert f"{name} has the role {role}" in answer.text
    assert "shutterbus_8080" not in running.http.cookies
    assert running.log_in(name).get("/api/cameras").status_code == 200


def test_screen_of_a_user_who_may_do_more_now_is_signed_out(tmp_path: Path) -> None:
    with viewer((SCREEN,), Database(tmp_path)) as running:
        token = hang_up_screen(running)
    with viewer((user("screen", Role.OPERATE),), Database(tmp_path)) as again:
        assert status(again, token) == 401


def test_many_logins_of_a_script_do_not_sign_the_screen_out(running: Viewer) -> None:
    token = hang_up_screen(running)
    for _ in range(101):
        running.log_in("screen")
    assert status(running, token) == 200


def test_sessions_are_listed_and_a_withdrawn_one_ends_while_the_viewer_runs(
    running: Viewer, command: Callable[..., str]
) -> None:
    running.clock.utc_offset_us = time.time_ns() // 1000
    other = running.log_in("boss").cookies["shutterbus_8080"]
    token = hang_up_screen(running)
    rows = json.loads(command("sessions", "--json"))
    assert [(row["user"], row["kiosk"], row["address"]) for row in rows] == [
        ("boss", False, "testclient"),
        ("screen", True, "testclient"),
    ]
    lines = command("sessions", "list").splitlines()
    assert lines[1].startswith(f"{rows[1]['id']}  screen from testclient  since 20")
    assert lines[1].endswith("until it is withdrawn (kiosk)")
    assert status(running, token) == 200

    assert command("sessions", "end", rows[1]["id"]) == f"The session {rows[1]['id']} of screen has ended.\n"

    until_ended(running, token)
    assert status(running, other) == 200


def test_new_password_signs_the_screen_out_while_the_viewer_runs(
    running: Viewer, command: Callable[..., str]
) -> None:
    token = hang_up_screen(running)
    assert status(running, token) == 200
    command("password", "screen", typed="another\n")
    until_ended(running, token)


def test_session_that_could_not_be_written_lasts_though_others_are_ended(
    running: Viewer, command: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk locks nobody out."""

    async def fail(*_: object) -> bool:
        return False

    with monkeypatch.context() as full:
        full.setattr(running.services.accounts.sessions, "_write", fail)
        unwritten = running.log_in("boss").cookies["shutterbus_8080"]
    token = hang_up_screen(running)
    with sqlite3.connect(tmp_path / "viewer.db") as file:
        assert file.execute("SELECT count(*) FROM sessions").fetchone() == (1,)
    command("password", "screen", typed="another\n")
    until_ended(running, token)
    assert status(running, unwritten) == 200


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["end"], "Which session is to be ended?"),
        (["end", "12345678"], "There is no session 12345678."),
        (["list", "12345678"], "`sessions list` takes no ids"),
    ],
)
def test_what_cannot_be_done_to_sessions_is_said(
    command: Callable[..., str], arguments: list[str], sentence: str
) -> None:
    assert sentence in command("sessions", *arguments)
    assert command("sessions") == "Nobody is logged in.\n"
