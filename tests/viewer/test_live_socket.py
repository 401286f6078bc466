"""``/api/live`` over a WebSocket."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import WebSocketDenialResponse, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from viewer.fakes_viewer import EPOCH, LIVE, PASSWORD, Viewer, body_of, header_of, picture, status, viewer


@pytest.fixture
def running() -> Iterator[Viewer]:
    with viewer() as running_viewer:
        yield running_viewer


def message_of(socket: WebSocketTestSession, kind: str) -> Any:
    """Return the next message of this type; ``picture`` is a pair of header and bytes."""
    for _ in range(50):
        message = socket.receive()
        if message["type"] == "websocket.close":
            raise WebSocketDisconnect(message["code"], message.get("reason"))
        if message.get("bytes") is not None:
            if kind == "picture":
                return header_of(message["bytes"]), body_of(message["bytes"])
        elif (told := json.loads(message["text"]))["type"] == kind:
            return told
    raise AssertionError(f"no {kind} came")


def test_page_sees_a_picture_as_it_comes(running: Viewer) -> None:
    with running.log_in().websocket_connect(LIVE) as socket:
        assert message_of(socket, "cameras")["cameras"] == []
        running.cameras.show(picture(1), "kafka")
        assert message_of(socket, "camera")["camera"]["id"] == "gate"
        socket.send_json({"type": "watch", "cameras": {"gate": {"width": 0}}})
        header, body = message_of(socket, "picture")
        assert (header["id"], body) == (f"{EPOCH}-1", picture(1).frame.data)

        running.cameras.show(picture(2), "kafka")
        running.cameras.show(picture(3), "kafka")
        socket.send_json({"type": "ack", "camera": "gate", "id": f"{EPOCH}-1"})

        assert message_of(socket, "picture")[0]["id"] == f"{EPOCH}-3"


def test_frame_on_the_page_of_one_camera_can_be_saved_though_newer_ones_came(running: Viewer) -> None:
    """Whoever sees something pauses, and then saves it; until the page shows another or is closed."""
    frames = f"/api/cameras/gate/frames/{EPOCH}"
    running.cameras.show(picture(1), "kafka")
    with running.log_in().websocket_connect(LIVE) as socket:
        socket.send_json({"type": "watch", "cameras": {"gate": {"width": 0}}})
        message_of(socket, "picture")
        socket.send_json({"type": "ack", "camera": "gate", "id": f"{EPOCH}-1"})
        socket.send_json({"type": "watch", "cameras": {}})
        running.cameras.show(picture(2), "kafka")
        running.cameras.show(picture(3), "kafka")
        assert running.http.get(f"{frames}-1.jpg").content == picture(1).frame.data
        assert running.http.get(f"{frames}-2.jpg").status_code == 404

        socket.send_json({"type": "watch", "cameras": {"gate": {"width": 0}}})
        message_of(socket, "picture")
        socket.send_json({"type": "ack", "camera": "gate", "id": f"{EPOCH}-3"})
        running.cameras.show(picture(4), "kafka")
        message_of(socket, "picture")
        assert running.http.get(f"{frames}-1.jpg").status_code == 404


def test_page_hears_that_a_camera_went(running: Viewer) -> None:
    running.cameras.note(status(), "mqtt")
    with running.log_in().websocket_connect(LIVE) as socket:
        message_of(socket, "cameras")
        running.cameras.note(status(state="offline"), "mqtt")

        assert message_of(socket, "camera")["camera"]["online"] is False


def test_script_may_listen_with_basic(running: Viewer) -> None:
    running.http.auth = ("admin", PASSWORD)
    answer = running.http.get("/api/cameras")
    with running.http.websocket_connect(
        LIVE, headers={"Authorization": answer.request.headers["authorization"]}
    ) as socket:
        assert message_of(socket, "cameras")["type"] == "cameras"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "file://"])
def test_page_of_another_site_hears_nothing(running: Viewer, origin: str) -> None:
    """Browsers send our cookie along with a WebSocket of any page; only its Origin tells."""
    http = running.log_in()

    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        http.websocket_connect(LIVE, headers={"Origin": origin}),
    ):
        pass
    assert refused.value.status_code == 403


def test_our_own_page_is_heard(running: Viewer) -> None:
    with running.log_in().websocket_connect(
        LIVE, headers={"Origin": "http://127.0.0.1:8080", "Host": "127.0.0.1:8080"}
    ) as socket:
        assert message_of(socket, "cameras")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        '{"type":"watch"}',
        '{"type":"watch","cameras":{"gate":{}}}',
        '{"type":"watch","cameras":{"gate":{"width":-1}}}',
        '{"type":"watch","cameras":{"gate":{"width":1e9}}}',
        '{"type":"watch","cameras":{"../gate":{"width":1}}}',
        '{"type":"ack","camera":1,"id":2}',
        "[" * 50_000,
    ],
)
def test_what_is_not_in_the_protocol_ends_the_connection(running: Viewer, text: str) -> None:
    with running.log_in().websocket_connect(LIVE) as socket:
        message_of(socket, "cameras")
        socket.send_text(text)
        with pytest.raises(WebSocketDisconnect) as closed:
            message_of(socket, "nothing")

    assert closed.value.code == 1008


def test_logging_out_ends_every_open_page(running: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutterbus_viewer.show.live.LOGIN_CHECK_S", 0.01)
    http = running.log_in()
    with http.websocket_connect(LIVE) as socket:
        message_of(socket, "cameras")
        http.post("/logout", data={"csrf": http.cookies["csrf"]})

        with pytest.raises(WebSocketDisconnect) as closed:
            message_of(socket, "nothing")

    assert closed.value.code == 1008


def test_number_of_pages_is_bounded(running: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutterbus_viewer.show.services.LIVE_MAX", 1)
    http = running.log_in()
    with http.websocket_connect(LIVE) as first:
        message_of(first, "cameras")
        with http.websocket_connect(LIVE) as second, pytest.raises(WebSocketDisconnect) as closed:
            message_of(second, "cameras")
        assert closed.value.code == 1013
    with http.websocket_connect(LIVE) as third:
        assert message_of(third, "cameras")
