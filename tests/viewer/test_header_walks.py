"""The viewer walks the header of a picture once, however many pages show it at however many sizes."""

import pytest

from shutterbus_transport.consuming import Delivery
from shutterbus_wire import sinetstream
from shutterbus_wire.message import Arrival
from viewer.fakes_viewer import NOW_US, arrival, jpeg, viewer
from walks import counted


def test_from_the_message_to_the_tiles_a_header_is_walked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checked whole, its facts read, turned upright, described to pages, planned and scaled at two widths."""
    messages = [arrival(seq, picture=jpeg(1_280, 720), orientation=6) for seq in range(3)]
    walks = counted(monkeypatch)
    with viewer() as running:
        http = running.log_in()
        for message in messages:
            assert running.intake.frame(Delivery(message))
            for width_px in (128, 320, 4_096):
                answer = http.get(f"/api/cameras/gate/latest.jpg?width={width_px}")
                assert answer.headers["content-type"] == "image/jpeg"
            (camera,) = http.get("/api/cameras").json()["cameras"]
            assert (camera["picture"]["width"], camera["picture"]["height"]) == (720, 1_280)
            assert http.get("/metrics").status_code == 200

    assert walks.begun == len(messages)


def test_a_foreign_picture_in_an_envelope_is_walked_once_too(monkeypatch: pytest.MonkeyPatch) -> None:
    value = sinetstream.encode(jpeg(640, 480), NOW_US, 3)
    walks = counted(monkeypatch)
    with viewer() as running:
        assert running.intake.frame(Delivery(Arrival("kafka", "street", value, {}, None, (0, 1), NOW_US)))
        assert running.log_in().get("/api/cameras/street/latest.jpg?width=128").status_code == 200

    assert walks.begun == 1
