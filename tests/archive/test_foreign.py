"""Pictures of other producers have no identity of their own: which of them are the same one, and which are not."""

from dataclasses import replace
from itertools import count

import pytest

from archive.fakes_archive import NOW_US, Rig, frame
from shutterbus_transport.consuming import Delivery
from shutterbus_wire.message import Arrival
from wire.pictures import BARE_JPEG, BARE_PNG

HOUR_US = 3_600_000_000
TOPIC_ID, LATER_TOPIC_ID = "S1tbbUeXT9qqVbVCZLCS4A", "x6pN3NTYTr2DDnmsJgZUnw"
_receipts = count()


def from_kafka(offset: int, *, topic_id: str = TOPIC_ID, value: bytes = BARE_JPEG) -> Delivery:
    arrival = Arrival("kafka", "plant.images", value, {}, None, (0, offset), NOW_US, topic_id=topic_id)
    return Delivery(arrival, receipt=(arrival.topic, next(_receipts), 1))


def from_mqtt(
    *,
    after_us: int = 0,
    value: bytes = BARE_JPEG,
    topic: str = "plant/images",
    retained: bool = False,
    redelivered: bool = False,
) -> Delivery:
    """Return a picture that came *after_us* the first one."""
    arrival = Arrival(
        "mqtt", topic, value, {}, None, None, NOW_US + after_us, retained, redelivered=redelivered
    )
    return Delivery(arrival, receipt=(topic, next(_receipts), 1))


def kept(rig: Rig) -> tuple[int, int]:
    """How many are in the archive, by its index and by its files."""
    assert rig.keeper.kept["quarantined"] == 0
    return rig.archived, len(rig.files)


def test_what_kafka_gives_again_is_no_new_frame(rig: Rig) -> None:
    rig.take(from_kafka(0), from_kafka(1))
    rig.take(from_kafka(0), from_kafka(1), from_kafka(2))
    assert kept(rig) == (3, 3)
    assert len(rig.reader.acknowledged) == 5


def test_topic_made_anew_has_frames_of_its_own_at_the_same_offsets(rig: Rig) -> None:
    rig.take(from_kafka(0))
    rig.take(from_kafka(0, topic_id=LATER_TOPIC_ID, value=BARE_PNG), from_kafka(1, topic_id=LATER_TOPIC_ID))
    assert kept(rig) == (3, 3)


def test_camera_that_sends_the_same_picture_each_minute_has_a_frame_a_minute(rig: Rig) -> None:
    rig.take(from_mqtt())
    rig.take(from_mqtt(after_us=60_000_000), from_mqtt(after_us=120_000_000))
    assert kept(rig) == (3, 3)


@pytest.mark.parametrize("how", ["redelivered", "retained"])
def test_picture_that_mqtt_gives_again_is_no_new_frame(rig: Rig, how: str) -> None:
    """Stored and not acknowledged when the connection broke, or this process was killed; or still retained."""
    rig.take(from_mqtt(retained=how == "retained"))
    again = from_mqtt(after_us=23 * HOUR_US, retained=how == "retained", redelivered=how == "redelivered")
    rig.take(again)
    rig.close()
    rig.open()
    rig.take(again)
    assert kept(rig) == (1, 1)
    assert rig.keeper.kept["repeated"] == 1
    assert rig.reader.acknowledged == [again]


def test_picture_that_comes_again_before_it_is_stored_is_one_frame(rig: Rig) -> None:
    """The store was away when the connection broke: what it brought is still held when it comes again."""
    rig.take(from_mqtt(), from_mqtt(after_us=5_000_000, redelivered=True))
    assert kept(rig) == (1, 1)
    assert len(rig.reader.acknowledged) == 2


def test_what_was_given_before_and_never_stored_is_stored(rig: Rig) -> None:
    rig.take(from_mqtt(redelivered=True))
    assert kept(rig) == (1, 1)


@pytest.mark.parametrize(
    "other",
    [
        from_mqtt(after_us=HOUR_US, value=BARE_PNG, redelivered=True),
        from_mqtt(after_us=HOUR_US, topic="plant/yard", redelivered=True),
        from_mqtt(after_us=25 * HOUR_US, redelivered=True),
    ],
    ids=["other bytes", "another topic", "a day later"],
)
def test_what_is_given_again_is_another_frame_with(rig: Rig, other: Delivery) -> None:
    rig.take(from_mqtt())
    rig.take(other)
    assert kept(rig) == (2, 2)


def test_picture_with_an_identity_is_known_by_that_alone(rig: Rig) -> None:
    first = from_mqtt(value=frame(0).data, topic="somebody/else")
    rig.take(first)
    rig.take(replace(first, arrival=replace(first.arrival, arrived_at_us=NOW_US + 48 * HOUR_US)))
    assert kept(rig) == (1, 1)
