"""Groups of cameras: of the settings and made on the wall, each user's own part of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shutterbus_viewer.accounts.database import Database
from shutterbus_viewer.accounts.users import Role
from shutterbus_viewer.groups import GROUPS_MAX, Group, GroupError, groups_of_setting
from viewer.fakes_viewer import PASSWORD, Viewer, user, viewer

NORTH = Group("north", ("gate", "roof-*"), fixed=True)
USERS = (
    user("boss", Role.OPERATE),
    user("bound", Role.OPERATE, "gate"),
    user("guard", Role.LOOK, "roof-2", "yard"),
    user("visitor"),
)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Viewer]:
    with viewer(USERS, Database(tmp_path), groups=(NORTH, Group("vault", ("safe",), fixed=True))) as made:
        yield made


def listed(running: Viewer, name: str = "boss") -> Any:
    return running.log_in(name).get("/api/groups").json()


def put(running: Viewer, group: str, *members: str, name: str = "boss") -> tuple[int, Any]:
    answer = running.http.put(f"/api/groups/{group}", json={"members": members}, auth=(name, PASSWORD))
    return answer.status_code, answer.json()


def test_groups_of_the_settings_are_names_and_patterns() -> None:
    assert groups_of_setting(" north = gate, yard;south=roof-* ; ") == [
        Group("north", ("gate", "yard"), fixed=True),
        Group("south", ("roof-*",), fixed=True),
    ]
    assert groups_of_setting("") == []
    assert Group("all", ("*",)).among(["yard", "gate"]) == ("gate", "yard")
    assert Group("roofs", ("roof-*-n",)).among(["roof-1", "roof-1-n", "a-roof-1-n"]) == ("roof-1-n",)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("north", "has 'north'; groups such as north=gate,yard;south=roof-* are expected"),
        ("north=gate;north=yard", "names the group north twice"),
        ("north=", "The group north has 0 members"),
        ("north=Gate", "'Gate' in the group north is no camera"),
        ("a/b=gate", "'a/b' is no name for a group"),
    ],
)
def test_setting_that_names_no_groups_is_refused_in_a_sentence(setting: str, sentence: str) -> None:
    with pytest.raises(GroupError) as refused:
        groups_of_setting(setting)
    assert sentence in str(refused.value)


def test_user_sees_of_a_group_his_own_cameras_and_no_group_without_any(running: Viewer) -> None:
    assert listed(running, "visitor") == {
        "groups": [
            {"name": "north", "members": ["gate", "roof-*"], "fixed": True},
            {"name": "vault", "members": ["safe"], "fixed": True},
        ],
        "may_edit": False,
    }
    assert listed(running, "guard") == {
        "groups": [{"name": "north", "members": ["roof-2"], "fixed": True}],
        "may_edit": False,
    }


def test_group_made_on_the_wall_outlives_a_restart(running: Viewer, tmp_path: Path) -> None:
    assert put(running, "屋上 南", "roof-*", "gate", "gate") == (
        200,
        {"name": "屋上 南", "members": ["roof-*", "gate"], "fixed": False},
    )
    put(running, "docks", "quay")
    put(running, "docks", "quay", "dock-*")
    with viewer(USERS, Database(tmp_path)) as again:
        assert [(group["name"], group["members"]) for group in listed(again)["groups"]] == [
            ("docks", ["quay", "dock-*"]),
            ("屋上 南", ["roof-*", "gate"]),
        ]
        again.http.delete("/api/groups/docks", headers={"Origin": "http://127.0.0.1:8080"})
        assert [group["name"] for group in listed(again)["groups"]] == ["屋上 南"]


def test_group_of_the_settings_can_be_changed_only_there(running: Viewer) -> None:
    assert put(running, "north", "yard") == (
        409,
        {"detail": "VIEWER_GROUPS names the group north: change it there"},
    )
    gone = running.http.delete("/api/groups/north", auth=("boss", PASSWORD))
    assert gone.status_code == 409
    assert [group["name"] for group in listed(running)["groups"]] == ["north", "vault"]


@pytest.mark.parametrize("name", ["visitor", "bound"])
def test_only_operators_who_see_every_camera_make_groups(running: Viewer, name: str) -> None:
    assert put(running, "mine", "gate", name=name)[0] == 403
    assert running.http.delete("/api/groups/north", auth=(name, PASSWORD)).status_code == 403
    assert not listed(running, name)["may_edit"]
    assert listed(running)["may_edit"]


@pytest.mark.parametrize(
    ("name", "members", "sentence"),
    [
        ("docks", [], "The group docks has 0 members"),
        ("docks", ["../gate"], "'../gate' in the group docks is no camera"),
        ("a=b", ["gate"], "'a=b' is no name for a group"),
        ("x" * 41, ["gate"], "is no name for a group"),
    ],
)
def test_impossible_group_is_refused_in_a_sentence(
    running: Viewer, name: str, members: list[str], sentence: str
) -> None:
    code, answer = put(running, name, *members)
    assert (code, sentence in answer["detail"]) == (422, True), answer


def test_groups_are_bounded_and_who_made_them_is_noted(running: Viewer) -> None:
    for number in range(GROUPS_MAX - 2):
        assert put(running, f"group-{number}", "gate")[0] == 200
    assert put(running, "one-more", "gate")[0] == 409
    assert put(running, "group-1", "yard")[0] == 200
    assert running.http.delete("/api/groups/none", auth=("boss", PASSWORD)).status_code == 404
    events = running.log_in().get("/api/log").json()["events"]
    assert [(row["user"], row["count"]) for row in events if row["event"] == "group"] == [
        ("boss", GROUPS_MAX + 1)
    ]


def test_page_of_another_site_changes_no_group(running: Viewer) -> None:
    answer = running.log_in("boss").put(
        "/api/groups/theirs", json={"members": ["gate"]}, headers={"Origin": "https://elsewhere.example"}
    )
    assert answer.status_code == 403
