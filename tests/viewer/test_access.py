"""Who may do what: roles, sets of cameras, and that no route is forgotten."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import WebSocketTestSession

from shutterbus_viewer.accounts.users import Role
from shutterbus_viewer.show.access import ACTIONS, AccessPolicy, Action, Principal
from viewer.fakes_viewer import LIVE, PASSWORD, Viewer, header_of, picture, reading, status, user, viewer
from viewer.test_door import routes

GUARD = user("guard", Role.LOOK, "gate")


@pytest.fixture
def running() -> Iterator[Viewer]:
    with viewer((GUARD, user("boss", Role.OPERATE), user("visitor"))) as running_viewer:
        for camera in ("gate", "yard"):
            running_viewer.cameras.note(status(camera), "mqtt")
            running_viewer.cameras.show(picture(camera=camera), "kafka")
        yield running_viewer


def test_every_route_declares_what_it_does(running: Viewer) -> None:
    """A route that somebody adds and forgets here is shut: see the next test."""
    policy = AccessPolicy()
    guarded_paths = {path for _, path in routes(running.app)} - set(running.services.exposure.public_paths)

    assert [path for path in sorted(guarded_paths) if policy.of_path(path) is None] == []
    assert len(ACTIONS) <= len(guarded_paths) + 1  # and nothing is declared that is not there


def test_route_that_declares_nothing_is_shut_to_everybody(
    running: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = running.services.policy
    monkeypatch.setattr(
        policy, "_patterns", [entry for entry in policy._patterns if not entry[0].match("/metrics")]
    )

    assert running.log_in().get("/metrics").status_code == 404
    assert running.http.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.LOOK, {Action.LOOK}),
        (Role.OPERATE, {Action.LOOK, Action.OPERATE}),
        (Role.ADMIN, {Action.LOOK, Action.OPERATE, Action.ADMINISTER}),
    ],
)
def test_role_may_what_those_before_it_may(role: Role, may: set[Action]) -> None:
    policy = AccessPolicy()

    assert {action for action in Action if policy.allows(Principal("ann", role), action)} == may
    bound = Principal("ann", role, frozenset({"gate"}))
    assert policy.allows(bound, Action.LOOK, "gate")
    assert not any(policy.allows(bound, action, "yard") for action in Action)


@pytest.mark.parametrize("name", ["guard", "boss", "visitor"])
def test_only_an_admin_reads_who_did_what(running: Viewer, name: str) -> None:
    answer = running.log_in(name).get("/api/log")

    assert answer.status_code == 403
    assert f"{name} has the role" in answer.json()["detail"]
    assert "may not administer" in answer.json()["detail"]


def test_log_says_who_came_who_was_refused_and_what_was_fetched(running: Viewer) -> None:
    running.http.get("/login")
    running.http.post("/login", data=running.form(password="guess"))
    running.http.get("/api/cameras", auth=("ghost", "guess"))
    running.http.get("/api/cameras/yard", auth=("guard", PASSWORD))
    for _ in range(3):
        running.http.get("/api/cameras/gate/latest.jpg", auth=("guard", PASSWORD))
    http = running.log_in()

    events = http.get("/api/log").json()["events"]

    assert {(row["event"], row["user"], row["camera"], row["count"]) for row in events} == {
        ("login", "admin", "", 1),
        ("wrong-password", "", "", 2),
        ("forbidden", "guard", "yard", 1),
        ("download", "guard", "gate", 3),
    }
    assert {row["address"] for row in events} == {"testclient"}
    assert PASSWORD not in str(events)


def test_lists_and_counters_show_the_cameras_of_the_user_alone(running: Viewer) -> None:
    http = running.log_in("guard")

    assert [camera["id"] for camera in http.get("/api/cameras").json()["cameras"]] == ["gate"]
    metrics = http.get("/metrics").text
    assert 'camera="gate"' in metrics
    assert "yard" not in metrics
    assert len(running.log_in("visitor").get("/api/cameras").json()["cameras"]) == 2


@pytest.mark.parametrize("path", ["", "/latest.jpg", "/latest.jpg?width=64", "/stream.mjpg"])
def test_camera_of_others_is_like_one_that_does_not_exist(running: Viewer, path: str) -> None:
    http = running.log_in("guard")

    refused, unknown = (http.get(f"/api/cameras/{camera}{path}") for camera in ("yard", "nobody"))

    assert (refused.status_code, unknown.status_code) == (404, 404)
    assert refused.json()["detail"].replace("yard", "nobody") == unknown.json()["detail"]
    assert http.head("/api/cameras/yard/latest.jpg").status_code == 404


def test_page_hears_of_its_users_cameras_alone(running: Viewer) -> None:
    heard: list[dict[str, Any]] = []
    with running.log_in("guard").websocket_connect(LIVE) as socket:
        socket.send_json({"type": "watch", "cameras": {"gate": {"width": 0}, "yard": {"width": 0}}})
        for camera in ("yard", "gate"):
            running.cameras.show(picture(1, camera=camera), "kafka")
            running.cameras.note(status(camera, "offline"), "mqtt")
            running.cameras.note(reading(camera=camera, temperature=20.0), "mqtt")
        while not {"cameras", "camera", "reading", "picture"} <= {message["type"] for message in heard}:
            heard.append(_message(socket))

    assert "yard" not in json.dumps(heard)


def test_page_hears_of_unwatched_cameras_of_its_user_alone(running: Viewer) -> None:
    heard: list[dict[str, Any]] = []
    with running.log_in("guard").websocket_connect(LIVE) as socket:
        for camera in ("yard", "gate"):
            running.cameras.show(picture(1, camera=camera), "kafka")
        while not any(message["type"] == "pictures" for message in heard):
            heard.append(_message(socket))

    assert "yard" not in json.dumps(heard)


def _message(socket: WebSocketTestSession) -> dict[str, Any]:
    message = socket.receive()
    if message.get("bytes") is not None:
        return {"type": "picture", **header_of(message["bytes"])}
    told: dict[str, Any] = json.loads(message["text"])
    return told
