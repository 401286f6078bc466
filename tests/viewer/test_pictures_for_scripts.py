"""``/api``: what scripts and players get."""

from collections.abc import Iterator

import pytest

from shutterbus_transport.consuming import Delivery
from shutterbus_viewer.latest import LatestFrame
from shutterbus_wire.frame import Frame
from viewer.fakes_viewer import (
    EPOCH,
    NOW_US,
    PASSWORD,
    Viewer,
    arrival,
    frame,
    jpeg,
    picture,
    png,
    reading,
    viewer,
)


@pytest.fixture
def running() -> Iterator[Viewer]:
    with viewer() as running_viewer:
        running_viewer.http.auth = ("admin", PASSWORD)
        yield running_viewer


def test_list_and_one_camera(running: Viewer) -> None:
    running.cameras.show(picture(2), "kafka")
    for number in range(200):
        running.cameras.note(reading(number, at_us=10**15 + number, temperature=40.0), "kafka")

    answer = running.http.get("/api/cameras").json()
    gate = running.http.get("/api/cameras/gate").json()

    assert answer["now_us"] == running.clock.utc_us()
    assert [camera["id"] for camera in answer["cameras"]] == ["gate"]
    assert gate["picture"]["id"] == f"{EPOCH}-2"
    assert len(gate["readings"][0]["recent"]) == 200


def test_frame_is_had_by_its_id_while_it_is_the_newest(running: Viewer) -> None:
    running.cameras.show(picture(2), "kafka")

    answer = running.http.get(f"/api/cameras/gate/frames/{EPOCH}-2.jpg")

    assert answer.content == picture(2).frame.data
    assert answer.headers["content-type"] == "image/jpeg"
    running.cameras.show(picture(3), "kafka")
    gone = running.http.get(f"/api/cameras/gate/frames/{EPOCH}-2.jpg")
    assert (gone.status_code, gone.json()["detail"]) == (
        404,
        f"the viewer has frame {EPOCH}-2 of gate no more: it keeps the newest, and there is no archive",
    )


@pytest.mark.parametrize("path", ["", "/latest.jpg", "/stream.mjpg"])
def test_unknown_camera_is_said_in_a_sentence(running: Viewer, path: str) -> None:
    answer = running.http.get(f"/api/cameras/nobody{path}")

    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("no camera nobody is known")


@pytest.mark.parametrize("name", ["Gate", "ga_te", "-gate", "gate%00", "%2e%2e", "g" * 49])
def test_name_that_no_camera_can_have_is_refused(running: Viewer, name: str) -> None:
    assert running.http.get(f"/api/cameras/{name}/latest.jpg").status_code in {404, 422}


def test_camera_without_a_picture_is_said_in_a_sentence(running: Viewer) -> None:
    running.cameras.note(reading(1, temperature=1.0), "kafka")

    answer = running.http.get("/api/cameras/gate/latest.jpg")

    assert (answer.status_code, answer.json()["detail"]) == (404, "gate has sent no picture yet")


def test_latest_is_the_picture_byte_for_byte(running: Viewer) -> None:
    shown = picture(2)
    running.cameras.show(shown, "kafka")

    answer = running.http.get("/api/cameras/gate/latest.jpg")

    assert answer.content == shown.frame.data
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "no-cache, private"
    assert running.http.head("/api/cameras/gate/latest.jpg").headers["etag"] == answer.headers["etag"]


def test_same_picture_is_not_sent_twice(running: Viewer) -> None:
    running.cameras.show(picture(2), "kafka")
    first = running.http.get("/api/cameras/gate/latest.jpg")
    known = {"If-None-Match": first.headers["etag"]}

    assert running.http.get("/api/cameras/gate/latest.jpg", headers=known).status_code == 304
    running.cameras.show(picture(3), "kafka")
    assert running.http.get("/api/cameras/gate/latest.jpg", headers=known).status_code == 200


def test_widths_are_different_pictures_to_a_cache(running: Viewer) -> None:
    running.cameras.show(picture(2, picture=jpeg(640, 480)), "kafka")
    full = running.http.get("/api/cameras/gate/latest.jpg")
    small = running.http.get("/api/cameras/gate/latest.jpg?width=128")

    assert small.headers["etag"] != full.headers["etag"]
    assert len(small.content) < len(full.content)
    known = {"If-None-Match": f"{full.headers['etag']}, {small.headers['etag']}"}
    assert running.http.get("/api/cameras/gate/latest.jpg?width=128", headers=known).status_code == 304


@pytest.mark.parametrize("width", ["-1", "9000", "wide", "1e3", ""])
def test_width_that_means_nothing_is_refused(running: Viewer, width: str) -> None:
    running.cameras.show(picture(2), "kafka")

    assert running.http.get(f"/api/cameras/gate/latest.jpg?width={width}").status_code == 422


def test_png_is_served_as_a_jpeg(running: Viewer) -> None:
    """Whatever came in, what goes out is a JPEG: its sender must not choose how browsers read it."""
    running.cameras.show(LatestFrame(Frame(frame().metadata, png(64, 48), "image/png"), NOW_US), "kafka")

    answer = running.http.get("/api/cameras/gate/latest.jpg")

    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content.startswith(b"\xff\xd8\xff")


def test_picture_that_cannot_be_drawn_is_said_so(running: Viewer) -> None:
    broken = png(64, 48)[:60] + b"IEND"
    running.cameras.show(LatestFrame(Frame(frame().metadata, broken, "image/png"), NOW_US), "kafka")

    answer = running.http.get("/api/cameras/gate/latest.jpg")

    assert answer.status_code == 502
    assert "undrawable" in running.http.get("/api/cameras/gate").json()["problems"][0]


def test_bad_messages_are_counted_for_prometheus(running: Viewer) -> None:
    running.cameras.show(picture(2), "kafka")
    running.intake.refused(Delivery(arrival(1)), "not-a-picture", "it is not")

    text = running.http.get("/metrics").text

    assert 'shutterbus_viewer_messages_refused_total{reason="not-a-picture",transport="kafka"} 1.0' in text
    assert 'shutterbus_viewer_connected{transport="kafka"} 1.0' in text
    assert 'shutterbus_viewer_newest_picture_captured_seconds{camera="gate"}' in text


def test_interface_is_described(running: Viewer) -> None:
    paths = running.http.get("/openapi.json").json()["paths"]

    assert {
        "/api/cameras",
        "/api/cameras/{camera}",
        "/api/cameras/{camera}/latest.jpg",
        "/api/cameras/{camera}/stream.mjpg",
    } <= set(paths)
    assert running.http.get("/docs").status_code == 404  # its page would load scripts from elsewhere
