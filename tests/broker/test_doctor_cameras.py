"""What the server's doctor says of each camera."""

import datetime as dt

import pytest

from shutterbus_broker.doctor.cameras import LastPictures, judge
from shutterbus_broker.identities import Enrolment

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
ACTIVE, REVOKED = Enrolment(2, active=True), Enrolment(2, active=False)


def _last(**age_s: float) -> LastPictures:
    last = LastPictures()
    for broker, seconds in age_s.items():
        last.note("gate", int((NOW.timestamp() - seconds) * 1e6), broker)
    return last


@pytest.mark.parametrize(
    ("age_s", "status", "sentence"),
    [
        (12, "ok", "last picture 12 s ago, over Kafka"),
        (7_300, "ok", "last picture 2 hours ago, over Kafka"),
        (24.5 * 3600, "ok", "last picture 24 hours ago, over Kafka"),
        (3 * 86_400, "warning", "last picture 3 days ago, over Kafka"),
        (-3 * 3600, "warning", "its clock is ahead: last picture in 3 hours, over Kafka"),
    ],
)
def test_last_picture_is_told_by_its_age(age_s: float, status: str, sentence: str) -> None:
    """One a day is in order; who is ahead of us has a wrong clock."""
    result = judge("gate", ACTIVE, _last(Kafka=age_s), NOW)
    assert (result.status, result.sentence) == (status, sentence)
    assert bool(result.fix) is (status == "warning")


def test_newest_picture_counts_whichever_broker_has_it() -> None:
    """A camera may have changed over."""
    assert judge("gate", ACTIVE, _last(Kafka=900, MQTT=5), NOW).sentence == "last picture 5 s ago, over MQTT"
    assert judge("gate", ACTIVE, _last(MQTT=900, Kafka=5), NOW).sentence == "last picture 5 s ago, over Kafka"


def test_age_of_the_newest_in_the_archive_is_said_beside_it() -> None:
    """Of a camera that is away too: its past is what somebody may be looking for."""
    last = _last(Kafka=5)
    last.archived = {"gate": NOW - dt.timedelta(hours=3)}
    assert judge("gate", ACTIVE, last, NOW).sentence == (
        "last picture 5 s ago, over Kafka, newest in the archive from 3 hours ago"
    )


def test_picture_without_a_time_is_a_picture() -> None:
    """A plain JPEG that Mosquitto has kept; one with a time counts before it."""
    last = LastPictures()
    last.note("gate", None, "MQTT")
    result = judge("gate", ACTIVE, last, NOW)
    assert (result.status, result.sentence) == (
        "ok",
        "last picture at a time that it does not say, over MQTT",
    )
    last.note("gate", int((NOW.timestamp() - 5) * 1e6), "Kafka")
    last.note("gate", None, "MQTT")
    assert judge("gate", ACTIVE, last, NOW).sentence == "last picture 5 s ago, over Kafka"


def test_camera_that_never_sent_is_told_from_one_that_was_revoked() -> None:
    """The first may have a cable out; of the second nothing is expected."""
    never = judge("gate", ACTIVE, LastPictures(), NOW)
    assert (never.status, never.sentence) == ("warning", "no picture has come yet")
    assert never.fix is not None
    assert "in its folder gate: docker compose up -d" in never.fix
    revoked = judge("gate", REVOKED, _last(Kafka=3 * 86_400), NOW)
    assert (revoked.status, revoked.sentence) == ("skipped", "revoked; last picture 3 days ago, over Kafka")


def test_camera_is_not_blamed_for_a_broker_that_cannot_be_asked() -> None:
    """Its picture may be on that one."""
    result = judge("gate", ACTIVE, LastPictures(silent=["Mosquitto"]), NOW)
    assert (result.status, result.sentence) == ("skipped", "Mosquitto cannot be asked for its last picture")
    assert judge("gate", ACTIVE, LastPictures(_last(Kafka=5).by_camera, ["Mosquitto"]), NOW).status == "ok"
