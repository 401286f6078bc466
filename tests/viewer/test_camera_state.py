"""What the viewer knows of a camera, and when it says that something is wrong."""

from typing import Any

import pytest

from fakes import FakeClock
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.changes import Change
from shutterbus_viewer.errors import TooManyError
from shutterbus_viewer.state import camera_state
from shutterbus_wire.telemetry import Dropped
from viewer.fakes_viewer import EPOCH, LATER_EPOCH, NOW_US, picture, reading, report, status


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def cameras(clock: FakeClock) -> Cameras:
    return Cameras(clock)


def state(cameras: Cameras, camera: str = "gate") -> dict[str, Any]:
    current_state = camera_state(cameras, camera, points=None)
    assert current_state is not None
    return current_state


def test_camera_without_a_word_is_neither_online_nor_offline(cameras: Cameras) -> None:
    """A foreign producer sends pictures and says nothing."""
    cameras.show(picture(), "kafka")

    assert state(cameras)["online"] is None
    assert state(cameras)["since_us"] is None


def test_camera_says_that_it_is_online(cameras: Cameras) -> None:
    cameras.note(status(since_us=NOW_US - 5), "mqtt")

    assert (state(cameras)["online"], state(cameras)["since_us"]) == (True, NOW_US - 5)


def test_silent_camera_is_offline_since_its_last_sign_of_life(cameras: Cameras, clock: FakeClock) -> None:
    """Kafka has no will: two and a half missed reports are one."""
    cameras.note(report(), "kafka")
    last_us = clock.utc_us()
    clock.pass_s(149)
    assert state(cameras)["online"] is True

    clock.pass_s(2)

    assert (state(cameras)["online"], state(cameras)["since_us"]) == (False, last_us)


def test_pictures_are_a_sign_of_life(cameras: Cameras, clock: FakeClock) -> None:
    cameras.note(report(), "kafka")
    clock.pass_s(140)
    cameras.show(picture(), "kafka")
    clock.pass_s(140)

    assert state(cameras)["online"] is True


def test_old_report_read_at_the_start_is_no_sign_of_life(cameras: Cameras) -> None:
    """A viewer that starts must not take yesterday's last report for today's."""
    cameras.note(report(), "kafka", age_s=86_400)

    assert state(cameras)["online"] is False


def test_camera_that_reports_rarely_is_given_its_own_time(cameras: Cameras, clock: FakeClock) -> None:
    cameras.note(report(0, at_us=NOW_US), "kafka")
    clock.pass_s(600)
    cameras.note(report(1, at_us=NOW_US + 600_000_000), "kafka")
    clock.pass_s(1_400)

    assert state(cameras)["online"] is True


def test_will_ends_it_at_once(cameras: Cameras, clock: FakeClock) -> None:
    """Its words were written when the camera connected, so they cannot say when it went."""
    connected_us = clock.utc_us()
    cameras.note(status(since_us=connected_us), "mqtt")
    clock.pass_s(3_600)
    cameras.show(picture(), "mqtt")
    cameras.note(status(state="offline", since_us=connected_us), "mqtt")

    assert (state(cameras)["online"], state(cameras)["since_us"]) == (False, clock.utc_us())


def test_silence_is_told_without_anything_arriving(cameras: Cameras, clock: FakeClock) -> None:
    cameras.note(report(), "kafka")
    told = listen(cameras)
    cameras.tick()
    assert told.states == set()

    clock.pass_s(200)
    cameras.tick()

    assert told.states == {"gate"}


def test_report_says_what_is_held_and_what_was_dropped(cameras: Cameras) -> None:
    dropped = {"spool-full": {"count": 3, "ranges": []}}
    earlier = {"spool-full": {"count": 2, "ranges": []}, "expired": {"count": 1, "ranges": []}}
    cameras.note(
        report(4, captured=50, published=40, dropped=dropped, earlier_dropped=earlier, set_aside=1), "kafka"
    )
    cameras.note(report(3, captured=30), "kafka")  # from the backlog, after the newer one

    assert state(cameras)["held"] == {"frames": 2, "bytes": 200_000, "oldest_age_s": None}
    assert state(cameras)["counters"] == {
        "captured": 50,
        "published": 40,
        "missed": 1,
        "dropped": {"spool-full": 5, "expired": 1},
        "dropped_within_a_day": 6,
        "set_aside": 1,
    }


def test_readings_stand_in_their_place_in_time(cameras: Cameras, clock: FakeClock) -> None:
    """The newest reading goes live, the rest follows from the backlog."""
    clock.pass_s(1)
    cameras.note(reading(2, at_us=NOW_US + 20, temperature=22.0), "kafka")
    cameras.note(reading(1, at_us=NOW_US + 10, temperature=21.0), "kafka")
    cameras.note(reading(1, at_us=NOW_US + 10, temperature=21.0), "kafka")

    (series,) = state(cameras)["readings"]
    assert series["recent"] == [(NOW_US + 10, 21.0), (NOW_US + 20, 22.0)]
    assert (series["value"], series["unit"], series["sensor"]) == (22.0, "°C", "cpu")


def test_clock_that_was_once_in_2099_freezes_neither_counters_nor_readings(
    cameras: Cameras, clock: FakeClock
) -> None:
    in_2099_us = 4_070_908_800_000_000
    cameras.note(report(7, at_us=in_2099_us, captured=50), "kafka")
    cameras.note(reading(0, at_us=in_2099_us, temperature=99.0), "kafka")
    clock.pass_s(60)
    cameras.note(report(0, epoch=LATER_EPOCH, at_us=clock.utc_us(), captured=3), "kafka")
    cameras.note(reading(1, at_us=clock.utc_us(), temperature=21.0), "kafka")

    assert state(cameras)["counters"]["captured"] == 3
    assert [point[1] for point in state(cameras)["readings"][0]["recent"]] == [99.0, 21.0]
    assert state(cameras)["since_us"] <= clock.utc_us()


def test_readings_kept_are_bounded(cameras: Cameras, clock: FakeClock) -> None:
    clock.pass_s(1)
    for number in range(800):
        cameras.note(reading(number, at_us=NOW_US + number, temperature=20.0), "kafka")
    cameras.note(
        reading(801).model_copy(update={"values": {f"value_{number}": 1.0 for number in range(100)}}), "kafka"
    )

    series = state(cameras)["readings"]
    assert len(series) == 64
    assert max(len(value_series["recent"]) for value_series in series) == 720


def test_rate_is_that_of_taking_pictures(cameras: Cameras, clock: FakeClock) -> None:
    """Twenty pictures that waited somewhere arrive within a moment and were still taken one a second."""
    for seq in range(20):
        cameras.show(picture(seq, captured_at_us=NOW_US - 60_000_000 + seq * 1_000_000, lane=None), "mqtt")

    assert state(cameras)["frames_per_second"] == 1.0


def test_rate_falls_when_pictures_stop(cameras: Cameras, clock: FakeClock) -> None:
    for seq in range(10):
        cameras.show(picture(seq), "kafka")
    clock.pass_s(91)

    assert state(cameras)["frames_per_second"] == pytest.approx(0.1)


def test_trouble_is_shown_counted_and_forgotten_after_an_hour(cameras: Cameras, clock: FakeClock) -> None:
    cameras.claim({"gate"})
    cameras.trouble("gate", "not-a-picture", "neither JPEG nor PNG")
    cameras.trouble("gate", "not-a-picture", "neither JPEG nor PNG")
    assert state(cameras)["problems"] == [
        "2 messages could not be used (not-a-picture): neither JPEG nor PNG"
    ]

    clock.pass_s(3_601)
    cameras.tick()

    assert state(cameras)["problems"] == []


def test_broker_that_is_away_is_a_problem_of_the_cameras_behind_it(cameras: Cameras) -> None:
    cameras.show(picture(camera="gate"), "mqtt")
    cameras.show(picture(camera="yard"), "kafka")

    cameras.outage("mqtt", "the broker is away", of="mqtt")

    assert state(cameras, "gate")["problems"] == ["the broker is away"]
    assert state(cameras, "yard")["problems"] == []
    cameras.outage("mqtt", "", of="mqtt")
    assert state(cameras, "gate")["problems"] == []


def test_time_without_the_broker_is_not_held_against_a_camera(cameras: Cameras, clock: FakeClock) -> None:
    cameras.note(report(), "mqtt")
    clock.pass_s(100)
    away_us = clock.utc_us()
    cameras.outage("mqtt", "the broker is away", of="mqtt")
    clock.pass_s(3_600)
    cameras.outage("mqtt", "the broker does not answer", of="mqtt")

    assert state(cameras)["online"] is True
    assert state(cameras)["outage"] == {"since_us": away_us, "until_us": None}

    cameras.outage("mqtt", "", of="mqtt")
    back_us = clock.utc_us()
    clock.pass_s(49)
    assert state(cameras)["outage"] == {"since_us": away_us, "until_us": back_us}
    assert state(cameras)["online"] is True
    clock.pass_s(2)
    assert state(cameras)["online"] is False


def test_camera_that_is_heard_by_another_broker_is_not_unknown(cameras: Cameras) -> None:
    cameras.note(report(), "mqtt")
    cameras.note(report(1), "kafka")

    cameras.outage("mqtt", "the broker is away", of="mqtt")

    assert state(cameras)["outage"] is None
    cameras.outage("kafka frames", "Kafka is away", of="kafka")
    assert state(cameras)["problems"] == ["the broker is away"]


def test_dropped_pictures_are_news_for_a_day(cameras: Cameras, clock: FakeClock) -> None:
    def lately() -> Any:
        return state(cameras)["counters"]["dropped_within_a_day"]

    cameras.note(report(1, dropped={"expired": Dropped(count=4)}), "kafka")
    clock.pass_s(43_200)
    cameras.note(report(2, dropped={"expired": Dropped(count=4), "no-space": Dropped(count=3)}), "kafka")
    assert lately() == 7
    clock.pass_s(43_201)
    assert lately() == 3
    cameras.note(
        report(0, epoch=LATER_EPOCH, at_us=NOW_US + 1, dropped={"expired": Dropped(count=1)}), "kafka"
    )
    assert lately() == 4
    clock.pass_s(86_401)
    assert lately() == 0


def test_name_with_a_topic_of_ours_is_taken_from_whoever_used_it(cameras: Cameras) -> None:
    """A foreign topic may have shown pictures under that name before the camera was enrolled."""
    cameras.show(picture(), "kafka")

    cameras.claim({"gate"})

    assert cameras.picture("gate") is None
    cameras.show(picture(1), "kafka")
    cameras.claim({"gate"})
    assert cameras.picture("gate") is not None


def test_number_of_foreign_cameras_is_bounded_and_enrolled_ones_always_have_a_place(
    cameras: Cameras, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutterbus_viewer.cameras.FOREIGN_MAX", 2)
    cameras.show(picture(camera="one"), "kafka", foreign_topic="one")
    cameras.show(picture(camera="two"), "kafka", foreign_topic="two")

    with pytest.raises(TooManyError):
        cameras.show(picture(camera="three"), "kafka", foreign_topic="three")
    assert cameras.show(picture(1, camera="one"), "kafka")
    cameras.claim({"gate"})
    assert cameras.show(picture(camera="gate"), "kafka")


def test_foreign_name_with_nothing_good_to_show_for_a_day_is_forgotten(
    cameras: Cameras, clock: FakeClock
) -> None:
    cameras.claim({"gate"})
    cameras.show(picture(camera="gate"), "kafka")
    cameras.show(picture(camera="stranger"), "kafka", foreign_topic="stranger")
    clock.pass_s(86_000)
    cameras.tick()
    assert cameras.ids() == ["gate", "stranger"]

    clock.pass_s(500)
    told = listen(cameras)
    cameras.tick()

    assert cameras.ids() == ["gate"]
    assert "stranger" in told.states
    assert "stranger" not in cameras.taken_by_others("another")


def test_name_is_taken_for_every_foreign_topic_but_its_own(cameras: Cameras) -> None:
    others = cameras.taken_by_others("another")
    assert "stranger" not in others

    cameras.show(picture(camera="stranger"), "kafka", foreign_topic="stranger")
    cameras.show(picture(camera="gate"), "kafka")

    assert "stranger" in others
    assert "stranger" not in cameras.taken_by_others("stranger")
    assert "gate" not in others, "no foreign topic has it"


def test_whether_a_name_is_taken_costs_one_look_up(cameras: Cameras, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked with every foreign frame; and other threads add names meanwhile, so nothing may go through all."""

    class LookUpsOnly(dict[str, str]):
        def __iter__(self) -> Any:
            pytest.fail("goes through all names")

        items = keys = values = __iter__

    monkeypatch.setattr(cameras, "_topics", LookUpsOnly(stranger="stranger"))
    assert "stranger" in cameras.taken_by_others("another")


def test_what_is_no_picture_makes_no_camera_of_a_foreign_topic(cameras: Cameras) -> None:
    cameras.trouble("stranger", "not-a-picture", "neither JPEG nor PNG")
    assert cameras.ids() == []


def test_title_is_what_the_camera_says_it_is_called(cameras: Cameras) -> None:
    cameras.note(status(), "mqtt")
    assert state(cameras)["title"] is None

    cameras.note(status().model_copy(update={"title": "North roof"}), "mqtt")
    assert state(cameras)["title"] == "North roof"


def test_zone_is_the_one_that_the_camera_says_it_is_in(cameras: Cameras) -> None:
    cameras.note(status(), "mqtt")
    assert state(cameras)["zone"] is None

    cameras.note(status().model_copy(update={"zone": "Asia/Tokyo"}), "mqtt")
    assert state(cameras)["zone"] == "Asia/Tokyo"


def test_state_has_every_member_of_the_interface(cameras: Cameras) -> None:
    """Pages and scripts are built on these names."""
    cameras.show(picture(3), "kafka")

    current_state = state(cameras)

    assert set(current_state) == {
        "id",
        "title",
        "zone",
        "online",
        "since_us",
        "heard_at_us",
        "reported_at_us",
        "outage",
        "expected_interval_s",
        "version",
        "source",
        "schedule",
        "picture",
        "frames_per_second",
        "held",
        "counters",
        "readings",
        "problems",
    }
    assert set(current_state["picture"]) == {
        "id",
        "captured_at_us",
        "captured_at_source",
        "clock_synced",
        "arrived_at_us",
        "width",
        "height",
        "bytes",
        "content_type",
        "lane",
        "metadata",
    }
    assert current_state["picture"]["id"] == f"{EPOCH}-3"


def test_sideways_picture_has_the_size_that_is_shown(cameras: Cameras) -> None:
    """Its tile must have the right shape before the first pixel is there."""
    cameras.show(picture(orientation=6), "kafka")

    metadata = state(cameras)["picture"]
    assert (metadata["width"], metadata["height"]) == (48, 64)


def listen(cameras: Cameras) -> Change:
    """Return what has been noted since, without a loop."""
    cameras.changes._collected = Change()
    return cameras.changes._collected
