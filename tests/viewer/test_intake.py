"""Nothing that a broker delivers stops the viewer, and nothing goes unnoticed."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import FakeClock
from shutterbus_transport.consuming import Delivery
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.consume import intake as module
from shutterbus_viewer.consume.intake import Intake
from shutterbus_viewer.state import camera_state
from shutterbus_wire.message import Arrival
from shutterbus_wire.telemetry import encode_telemetry
from viewer.fakes_viewer import EPOCH, NOW_US, PLAIN, arrival, jpeg, png, reading, report, telemetry
from wire.pictures import BARE_JPEG, exif, text, tiff, with_segments


def made() -> tuple[Cameras, Intake]:
    clock = FakeClock()
    cameras = Cameras(clock)
    return cameras, Intake(cameras, clock)


def take(intake: Intake, message: Arrival) -> bool:
    return intake.frame(Delivery(message))


def note(intake: Intake, message: Arrival) -> None:
    intake.telemetry(Delivery(message))


def kafka(value: bytes, topic: str = "shutterbus.gate.frames") -> Arrival:
    return Arrival("kafka", topic, value, {}, None, (0, 7), NOW_US)


def bomb(width_px: int = 9_000, height_px: int = 9_000) -> bytes:
    """Return a small PNG whose header claims a large picture."""
    small = png(8, 8)
    return small[:16] + width_px.to_bytes(4) + height_px.to_bytes(4) + small[24:]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(b"", "not-a-picture", id="empty"),
        pytest.param(b"<svg onload=alert(1)>", "not-a-picture", id="SVG"),
        pytest.param(b"GIF89a" + bytes(100), "not-a-picture", id="GIF"),
        pytest.param(PLAIN[: len(PLAIN) // 2], "torn-picture", id="torn"),
        pytest.param(bomb(), "too-many-pixels", id="9 KB that unfold to 243 MB"),
    ],
)
def test_bad_picture_is_counted_by_reason_and_the_good_one_stays(value: bytes, reason: str) -> None:
    cameras, intake = made()
    take(intake, arrival(1))

    assert not take(intake, kafka(value))

    assert intake.counts()[1] == {("kafka", reason): 1}
    state = camera_state(cameras, "gate")
    assert state is not None
    assert state["picture"]["id"] == f"{EPOCH}-1"
    assert f"1 message could not be used ({reason})" in state["problems"][0]


@given(st.binary(max_size=400))
def test_no_message_makes_it_raise(value: bytes) -> None:
    _, intake = made()

    take(intake, kafka(value))
    take(intake, kafka(b"\xff\xd8\xff" + value))
    note(intake, kafka(value, "shutterbus.gate.telemetry"))

    taken, refused = intake.counts()
    assert sum(taken.values()) + sum(refused.values()) in {
        2,
        3,
    }  # an empty message says nothing and is not counted


@pytest.mark.parametrize("error", [RecursionError, KeyError, ZeroDivisionError, TypeError, AttributeError])
def test_mistake_in_a_decoder_costs_one_message(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, intake = made()

    def broken(*_: object, **__: object) -> None:
        raise error("bug")

    monkeypatch.setattr(module, "decode_frame", broken)
    monkeypatch.setattr(module, "decode_telemetry", broken)

    take(intake, arrival(1))
    note(intake, telemetry(report()))

    assert intake.counts()[1] == {("kafka", "unreadable"): 2}


def test_picture_on_another_cameras_topic_is_not_shown() -> None:
    cameras, intake = made()

    take(intake, arrival(1, camera="yard", topic="shutterbus.gate.frames"))

    assert intake.counts()[1] == {("kafka", "topic-mismatch"): 1}
    assert cameras.picture("gate") is None
    assert cameras.picture("yard") is None


def test_foreign_topic_cannot_speak_as_a_camera_of_ours() -> None:
    """Whoever may write to some topic must not be able to show a picture as the gate's."""
    cameras, intake = made()
    cameras.claim({"gate"})

    assert take(intake, arrival(1, topic="somebody-elses"))

    assert cameras.picture("gate") is None
    [shown] = cameras.ids()
    assert shown.startswith("gate-")
    assert cameras.picture(shown) is not None


def test_plain_jpeg_on_a_foreign_topic_becomes_a_camera() -> None:
    cameras, intake = made()

    take(intake, kafka(jpeg(32, 32), "weather.cam1"))

    assert cameras.ids() == ["weather-cam1"]


def test_two_foreign_topics_never_share_a_tile() -> None:
    cameras, intake = made()

    for topic in ("cam.1", "cam-1", "Cam.1"):
        assert take(intake, kafka(jpeg(32, 32), topic))
        assert take(intake, kafka(jpeg(32, 32), topic))

    assert len(cameras.ids()) == 3


def test_png_stays_a_png() -> None:
    cameras, intake = made()

    take(intake, kafka(png(), "foreign"))

    shown = cameras.picture("foreign")
    assert shown is not None
    assert shown.frame.content_type == "image/png"


def test_picture_that_the_broker_kept_is_no_sign_of_life() -> None:
    cameras, intake = made()
    kept_arrival = arrival(1, captured_at_us=NOW_US - 3_600_000_000)
    take(
        intake,
        replace(kept_arrival, transport="mqtt", topic="shutterbus/gate/frames", retained=True, position=None),
    )

    heard_s = cameras.read("gate", lambda camera, now_s: now_s - (camera.heard_s or 0.0))

    assert heard_s == 3_600


DATED = with_segments(
    BARE_JPEG,
    exif(tiff(image={}, photo={0x9003: text("2026:05:01 01:00:00"), 0x9011: text("+00:00")})),
)


def _kept(value: bytes) -> Arrival:
    """A foreign picture that Mosquitto kept from before we came."""
    return Arrival("mqtt", "foreign/gate", value, {}, None, None, NOW_US, retained=True)


def _foreign_picture(cameras: Cameras) -> Any:
    state = camera_state(cameras, "foreign-gate")
    assert state is not None
    return state["picture"]


def test_foreign_picture_that_the_broker_kept_is_of_unknown_age_and_no_sign_of_life() -> None:
    """A camera that died last week would seem to be there whenever the viewer starts."""
    cameras, intake = made()

    take(intake, _kept(png()))

    shown = _foreign_picture(cameras)
    assert (shown["captured_at_us"], shown["captured_at_source"]) == (None, "unknown")
    assert cameras.read("foreign-gate", lambda camera, _: camera.heard_s is None)
    assert cameras.read("foreign-gate", lambda camera, now_s: camera.rate.per_second(now_s)) == 0


def test_foreign_picture_that_the_broker_kept_is_as_old_as_it_says_itself() -> None:
    cameras, intake = made()

    take(intake, _kept(DATED))

    shown = _foreign_picture(cameras)
    assert (shown["captured_at_us"], shown["captured_at_source"]) == (1_777_597_200_000_000, "file")


def test_foreign_picture_of_a_log_is_as_old_as_its_broker_says() -> None:
    cameras, intake = made()

    intake.frame(Delivery(kafka(png(), "foreign/gate"), age_s=86_400.0))

    assert _foreign_picture(cameras)["captured_at_us"] == NOW_US - 86_400_000_000


def test_next_picture_takes_the_place_of_one_of_unknown_age() -> None:
    cameras, intake = made()
    take(intake, _kept(png()))

    take(intake, replace(_kept(PLAIN), retained=False))

    assert _foreign_picture(cameras)["content_type"] == "image/jpeg"


def test_thousand_refusals_are_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    _, intake = made()

    for _ in range(1_000):
        take(intake, kafka(b"nonsense"))

    assert len(caplog.records) == 1
    assert "not-a-picture" in caplog.text


def test_retained_reading_is_no_sign_of_life_but_when_it_was_made() -> None:
    """Else a camera that died last week would seem to be there whenever the viewer starts."""
    cameras, intake = made()
    message = encode_telemetry(reading(at_us=NOW_US - 7 * 86_400_000_000, cpu=41.0), "live")
    sent = (message.value, message.attributes, message.content_type, None, NOW_US)

    note(intake, Arrival("mqtt", "shutterbus/gate/readings/cpu", *sent, retained=True))

    state = camera_state(cameras, "gate")
    assert state is not None
    assert state["readings"][0]["value"] == 41.0
    assert not state["online"]


@pytest.mark.parametrize("kind", ["frames", "status", "readings/cpu"])
def test_what_a_broker_kept_and_was_cleared_says_nothing(kind: str) -> None:
    """Revoking a camera clears it; a viewer that listens is told by an empty message."""
    _, intake = made()
    cleared = Arrival("mqtt", f"shutterbus/gate/{kind}", b"", {}, None, None, NOW_US)

    assert not (take if kind == "frames" else note)(intake, cleared)

    assert intake.counts() == ({}, {})


def test_picture_on_a_topic_of_readings_makes_no_camera() -> None:
    """A device may write any name below its readings, and none of them may become a camera of its choice."""
    cameras, intake = made()
    topic = "shutterbus/gate/readings/Front Door"
    picture = replace(arrival(1, camera="yard"), transport="mqtt", topic=topic, position=None)

    note(intake, picture)
    take(intake, picture)

    assert cameras.picture("yard") is None
    assert set(cameras.own) <= {"gate"}
    assert sum(intake.counts()[1].values()) == 2
