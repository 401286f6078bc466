"""Users, sessions and the access log, kept in a file, and the commands that change them."""

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import FakeClock
from shutterbus_viewer.accounts import access_log
from shutterbus_viewer.accounts.access_log import AccessLog, Event
from shutterbus_viewer.accounts.database import Database
from shutterbus_viewer.accounts.users import Role, Users, verify
from shutterbus_viewer.errors import ViewerError
from shutterbus_viewer.settings import LoginSettings
from viewer.fakes_viewer import CHEAP_HASH, PASSWORD, user, viewer


def test_logout_and_sessions_outlive_a_restart(tmp_path: Path) -> None:
    clock, cookies = FakeClock(), []
    with viewer((user("ann"),), Database(tmp_path), clock) as running_viewer:
        for name in ("admin", "ann"):
            cookies.append(running_viewer.log_in(name).cookies["shutterbus_8080"])
            running_viewer.http.cookies.clear()
        running_viewer.http.cookies.set("shutterbus_8080", cookies[0], domain="127.0.0.1")
        running_viewer.http.cookies.set("csrf", "token", domain="127.0.0.1")
        assert running_viewer.http.post("/logout", data={"csrf": "token"}).status_code == 303

    with viewer((user("ann"),), Database(tmp_path), clock) as again:
        answers = []
        for cookie in cookies:
            again.http.cookies.set("shutterbus_8080", cookie, domain="127.0.0.1")
            answers.append(again.http.get("/api/cameras").status_code)

    assert answers == [401, 200]


def test_token_of_a_session_is_not_in_the_file(tmp_path: Path) -> None:
    with viewer(database=Database(tmp_path)) as running_viewer:
        token = running_viewer.log_in().cookies["shutterbus_8080"]

    assert token.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert (tmp_path / "viewer.db").stat().st_mode & 0o077 == 0


def test_session_ends_after_a_restart_as_it_would_have_without(tmp_path: Path) -> None:
    clock = FakeClock()
    with viewer(database=Database(tmp_path), clock=clock) as running_viewer:
        token = running_viewer.log_in().cookies["shutterbus_8080"]
    clock.pass_s(12 * 3_600)

    with viewer(database=Database(tmp_path), clock=clock) as again:
        again.http.cookies.set("shutterbus_8080", token, domain="127.0.0.1")
        assert again.http.get("/api/cameras").status_code == 401


def test_script_that_logs_in_again_and_again_keeps_a_hundred_sessions(tmp_path: Path) -> None:
    with viewer(database=Database(tmp_path)) as running_viewer:
        first = running_viewer.log_in().cookies["shutterbus_8080"]
        for _ in range(100):
            running_viewer.http.cookies.clear()
            last = running_viewer.log_in().cookies["shutterbus_8080"]
        running_viewer.http.cookies.set("shutterbus_8080", first, domain="127.0.0.1")
        assert running_viewer.http.get("/api/cameras").status_code == 401
        running_viewer.http.cookies.set("shutterbus_8080", last, domain="127.0.0.1")
        assert running_viewer.http.get("/api/cameras").status_code == 200
    with sqlite3.connect(tmp_path / "viewer.db") as file:
        assert file.execute("SELECT count(*) FROM sessions").fetchone() == (100,)


def settings(**given: str) -> LoginSettings:
    return LoginSettings.model_validate(given)


def test_setting_makes_the_first_admin_and_counts_again_when_it_changes() -> None:
    users = Users(Database(None))
    users.apply_settings(settings(password="first"))
    first = users.all()["admin"]
    users.apply_settings(settings(password="first"))
    assert (first.role, users.all()["admin"]) == (Role.ADMIN, first)

    users.apply_settings(settings(password="second"))
    assert verify(users.all()["admin"].password_hash, "second")
    users.apply_settings(settings(password_hash=CHEAP_HASH))
    assert users.all()["admin"].password_hash == CHEAP_HASH
    users.apply_settings(settings(user="root", password_hash=CHEAP_HASH))
    assert list(users.all()) == ["root"]


def test_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    Database(tmp_path).close()
    with sqlite3.connect(tmp_path / "viewer.db") as file:
        file.execute("PRAGMA user_version = 3")

    with pytest.raises(ViewerError, match="has version 3, at most 2 is known"):
        Database(tmp_path)


def test_file_of_the_version_before_is_brought_up_to_date_and_nobody_logs_in_again(tmp_path: Path) -> None:
    clock = FakeClock()
    with viewer(database=Database(tmp_path), clock=clock) as running_viewer:
        token = running_viewer.log_in().cookies["shutterbus_8080"]
    with sqlite3.connect(tmp_path / "viewer.db") as file:
        for column in ("kiosk", "began_at_us", "address"):
            file.execute(f"ALTER TABLE sessions DROP COLUMN {column}")
        file.execute("DROP TABLE camera_groups")
        file.execute("PRAGMA user_version = 1")

    with viewer(database=Database(tmp_path), clock=clock) as again:
        again.http.cookies.set("shutterbus_8080", token, domain="127.0.0.1")
        assert again.http.get("/api/groups").json() == {"groups": [], "may_edit": True}


def test_folder_that_cannot_be_used_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ViewerError, match=r"VIEWER_STATE_DIR=.*/nowhere cannot be used: unable to open"):
        Database(tmp_path / "nowhere")


def test_user_is_made_changed_listed_and_removed(command: Callable[..., str], tmp_path: Path) -> None:
    said = command("user", "ann", "--cameras", "yard gate")
    assert "ann: role look, cameras gate yard" in said
    shown = re.search(r"password (\S+)", said)
    assert shown
    assert verify(Users(Database(tmp_path)).all()["ann"].password_hash, shown[1])

    assert (
        command("user", "ann", "--role", "operate", "--cameras", "all") == "ann: role operate, all cameras\n"
    )
    assert json.loads(command("user", "--json")) == [
        {"name": "admin", "role": "admin", "cameras": None},
        {"name": "ann", "role": "operate", "cameras": None},
    ]
    assert command("user", "ann", "--remove") == "ann is removed.\n"
    assert command("user") == "admin: role admin, all cameras\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["user", "ann", "--cameras", "../gate"], "../gate"),
        (["user", "a:b"], "'a:b' is no name for a user"),
        (["user", "ann", "--remove"], "There is no user ann."),
        (["user", "admin", "--role", "look"], "Nobody would be left who has the role admin"),
        (["user", "admin", "--remove"], "Nobody would be left who has the role admin"),
        (["password", "ann"], "There is no user ann; `make user NAME=ann` creates one."),
        (["password"], "No password was given"),
        (["hash-password"], "No password was given"),
    ],
)
def test_what_cannot_be_done_to_a_user_is_said_in_a_sentence(
    command: Callable[..., str], arguments: list[str], sentence: str
) -> None:
    assert sentence in command(*arguments)
    assert command("user") == "admin: role admin, all cameras\n"


def test_new_password_ends_the_sessions_and_outlives_a_restart(
    command: Callable[..., str], tmp_path: Path
) -> None:
    """The settings still say the old one, as they do in Compose; they do not win it back."""
    with viewer(database=Database(tmp_path)) as running_viewer:
        running_viewer.log_in()
    assert command("password", typed="a new one\n") == "The password of admin is changed.\n"
    assert command("user") == "admin: role admin, all cameras\n"

    users = Users(Database(tmp_path)).all()

    assert verify(users["admin"].password_hash, "a new one")
    with sqlite3.connect(tmp_path / "viewer.db") as file:
        assert file.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


def test_password_is_hashed_from_standard_input(command: Callable[..., str]) -> None:
    assert verify(command("hash-password", typed=f"{PASSWORD}\n").strip(), PASSWORD)


def test_without_a_folder_there_is_no_place_for_users(
    command: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIEWER_STATE_DIR")

    assert "VIEWER_STATE_DIR is not set" in command("user", "ann")


def test_log_is_printed_and_bounded(
    command: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "ROWS_MAX", 5)
    clock, database = FakeClock(), Database(tmp_path)
    log = AccessLog(database, clock)
    for number in range(20):
        clock.pass_s(1)
        log.note(Event.WRONG_PASSWORD, user="", address=f"10.0.0.{number}")
        log._write(log._take())

    rows = json.loads(command("log", "--json"))

    assert [row["address"] for row in rows] == [f"10.0.0.{number}" for number in (19, 18, 17, 16, 15)]
    last = command("log").splitlines()[-1]
    assert re.fullmatch(r"2025-\d\d-\d\d \d\d:\d\d:\d\dZ  wrong-password      1 x  - from 10\.0\.0\.19", last)


def test_flood_of_addresses_costs_a_bounded_number_of_rows() -> None:
    log = AccessLog(Database(None), FakeClock())
    for number in range(5_000):
        log.note(Event.TOO_MANY_TRIES, address=str(number))

    rows = log._take()

    assert len(rows) <= 1_001
    assert sum(row[-1] for row in rows) == 5_000
