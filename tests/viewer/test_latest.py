"""Which picture is the newest."""

import pytest

from shutterbus_viewer.latest import LatestFrame, Newest
from viewer.fakes_viewer import EPOCH, LATER_EPOCH, NOW_US, picture


def after(*pictures: LatestFrame) -> str:
    """Return the id of what is shown after *pictures* came in this order."""
    newest = Newest()
    for offered in pictures:
        newest.offer(offered)
    assert newest.picture is not None
    return newest.picture.id


def test_live_picture_with_a_higher_number_is_newer() -> None:
    assert after(picture(1), picture(2)) == f"{EPOCH}-2"


def test_live_picture_with_a_lower_number_came_late() -> None:
    """Sent again after a lost answer, it may arrive behind its successor."""
    assert after(picture(2), picture(1)) == f"{EPOCH}-2"


def test_number_counts_and_not_the_clock() -> None:
    """A clock that is set back must not hold the picture of before."""
    assert after(picture(1, captured_at_us=NOW_US), picture(2, captured_at_us=NOW_US - 10**9)) == f"{EPOCH}-2"


def test_new_epoch_is_newer_whatever_its_number() -> None:
    assert after(picture(900), picture(0, epoch=LATER_EPOCH)) == f"{LATER_EPOCH}-0"


def test_camera_never_goes_back_to_an_epoch_it_left() -> None:
    """After a reset an old live picture may still be on its way."""
    assert after(picture(900), picture(0, epoch=LATER_EPOCH), picture(901)) == f"{LATER_EPOCH}-0"


def test_replayed_epoch_holds_the_place_until_the_cameras_next_picture_alone() -> None:
    replayed = picture(7, epoch=LATER_EPOCH, captured_at_us=NOW_US - 10**12, arrived_at_us=NOW_US)
    later_us = NOW_US + 2_000_000
    nxt = picture(901, captured_at_us=NOW_US + 1_000_000, arrived_at_us=later_us)

    assert after(picture(900), replayed) == f"{LATER_EPOCH}-7"
    assert after(picture(900), replayed, nxt) == f"{EPOCH}-901"
    again = picture(8, epoch=LATER_EPOCH, captured_at_us=NOW_US - 10**12, arrived_at_us=later_us + 1)
    assert after(picture(900), replayed, nxt, again) == f"{EPOCH}-901"


def test_backlog_never_replaces_a_live_picture() -> None:
    assert (
        after(picture(5), picture(6, lane="backlog"), picture(0, epoch=LATER_EPOCH, lane="backlog"))
        == f"{EPOCH}-5"
    )


def test_backlog_stands_in_until_a_live_picture_comes() -> None:
    """A camera that empties its spool is better seen late than not at all."""
    shown = [picture(5, lane="backlog"), picture(4, lane="backlog"), picture(7, lane="backlog")]

    assert after(*shown) == f"{EPOCH}-7"
    assert after(*shown, picture(3)) == f"{EPOCH}-3"


def test_live_picture_of_an_epoch_known_from_the_backlog_only_is_new() -> None:
    assert after(
        picture(5), picture(3, epoch=LATER_EPOCH, lane="backlog"), picture(4, epoch=LATER_EPOCH)
    ) == (f"{LATER_EPOCH}-4")


def test_without_lanes_the_number_decides_within_an_epoch() -> None:
    assert after(picture(5, lane=None), picture(4, lane=None)) == f"{EPOCH}-5"
    assert after(picture(5, lane=None), picture(6, lane=None, captured_at_us=NOW_US - 10**9)) == f"{EPOCH}-6"


def test_without_lanes_the_later_capture_decides_between_epochs() -> None:
    early, late = NOW_US - 2_000_000, NOW_US - 1_000_000

    assert after(
        picture(9, lane=None, captured_at_us=late),
        picture(0, lane=None, epoch=LATER_EPOCH, captured_at_us=early),
    ) == (f"{EPOCH}-9")
    assert after(
        picture(9, lane=None, captured_at_us=early),
        picture(0, lane=None, epoch=LATER_EPOCH, captured_at_us=late),
    ) == (f"{LATER_EPOCH}-0")


def test_clock_that_runs_ahead_does_not_hold_the_place() -> None:
    """A picture from next week would otherwise stay for a week."""
    next_week_us = NOW_US + 7 * 86_400 * 10**6

    assert after(
        picture(0, lane=None, captured_at_us=next_week_us),
        picture(
            0, lane=None, epoch=LATER_EPOCH, captured_at_us=NOW_US + 500_000, arrived_at_us=NOW_US + 1_000_000
        ),
    ) == (f"{LATER_EPOCH}-0")


@pytest.mark.parametrize("lane", ["live", "backlog", None])
def test_repeat_changes_nothing(lane: str | None) -> None:
    newest = Newest()
    newest.offer(picture(1))

    assert not newest.offer(picture(1, lane=lane))


def test_epochs_remembered_are_bounded() -> None:
    """Whoever may write a camera's topic must not fill the viewer's memory with epochs."""
    newest = Newest()
    for number in range(200):
        newest.offer(picture(0, epoch=f"{number:016x}"))

    assert len(newest._epochs) == 64
    assert newest.picture is not None
    assert newest.picture.id == f"{199:016x}-0"
