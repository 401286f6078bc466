"""One answer for a whole wall: how much was taken when, of every camera that a user may see."""

from collections.abc import Iterator
from typing import Any

import pytest

from fakes import FakeClock
from shutterbus_archive.catalog import Ageing
from shutterbus_viewer.accounts.users import Role
from shutterbus_viewer.archive import beats
from shutterbus_viewer.archive.catalog import CatalogReader
from shutterbus_viewer.archive.past import HOUR_US
from shutterbus_viewer.archive.slices import slices
from viewer.fakes_viewer import Viewer, user, viewer
from viewer.kept_frames import Kept

SLICE_US = HOUR_US // 4
NOW_US = 1_792_792_800_000_000 + 7 * 60_000_000
"""Seven minutes into a slice."""

FIRST_US = NOW_US - 7 * 60_000_000 - 95 * SLICE_US


@pytest.fixture
def running(kept: Kept) -> Iterator[Viewer]:
    clock = FakeClock(monotonic_now_s=0, utc_offset_us=NOW_US)
    with viewer((user("guard", Role.LOOK, "yard"),), past=kept.past, clock=clock) as made:
        made.log_in()
        yield made


def buckets(running: Viewer, **parameters: Any) -> Any:
    answer = running.http.get("/api/buckets", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_slices_end_with_the_one_that_has_begun(kept: Kept, running: Viewer) -> None:
    for seq, at_us in enumerate((FIRST_US - 1, FIRST_US, FIRST_US + SLICE_US, NOW_US - 1, NOW_US - 2)):
        kept.add(seq, at_us)
    kept.add(0, FIRST_US + 2 * SLICE_US, camera="yard")

    told = buckets(running)

    assert (told["start_us"], told["slice_us"]) == (FIRST_US, SLICE_US)
    assert told["cameras"] == {"gate": [1, 1, *[0] * 93, 2], "yard": [0, 0, 1, *[0] * 93]}
    assert buckets(running, hours=1, slices=2)["cameras"] == {"gate": [0, 2], "yard": [0, 0]}


def test_user_is_told_of_his_cameras_alone(kept: Kept, running: Viewer) -> None:
    kept.add(0, NOW_US)
    kept.add(0, NOW_US, camera="yard")
    assert list(buckets(running)["cameras"]) == ["gate", "yard"]

    running.log_in("guard")

    assert list(buckets(running)["cameras"]) == ["yard"]


def test_what_aged_out_is_no_longer_counted(kept: Kept, running: Viewer) -> None:
    kept.add(0, FIRST_US + HOUR_US)
    kept.add(1, NOW_US)
    ageing = Ageing(kept.catalog)
    ageing.discard(ageing.oldest(1, before_us=FIRST_US + 2 * HOUR_US))

    assert buckets(running)["cameras"] == {"gate": [*[0] * 95, 1]}


def test_archive_is_asked_once_a_minute_for_everybody_and_browsers_keep_the_answer(
    kept: Kept, running: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.add(0, NOW_US)
    questions: list[int] = []

    def count(reader: CatalogReader, from_us: int, slice_us: int, many: int) -> dict[str, list[int]]:
        questions.append(from_us)
        return slices(reader, from_us, slice_us, many)

    monkeypatch.setattr(beats, "slices", count)
    first = running.http.get("/api/buckets")
    kept.add(1, NOW_US)
    again = running.http.get("/api/buckets", headers={"If-None-Match": first.headers["etag"]})
    running.log_in("guard")
    assert buckets(running)["cameras"] == {}

    assert (again.status_code, again.content, len(questions)) == (304, b"", 1)
    assert "no-cache" in first.headers["cache-control"]
    running.log_in()
    running.clock.pass_s(60)
    newer = running.http.get("/api/buckets", headers={"If-None-Match": first.headers["etag"]})
    assert (newer.status_code, newer.json()["cameras"]["gate"][-1], len(questions)) == (200, 2, 2)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"slices": 97}, "slices: 97 do not divide 24 h into parts of 5, 10, 15, ... minutes"),
        ({"hours": 1, "slices": 60}, "slices: 60 do not divide 1 h"),
        ({"hours": 49}, "hours: Input should be less than or equal to 48"),
        ({"slices": 0}, "slices: Input should be greater than or equal to 1"),
    ],
)
def test_slices_that_cannot_be_counted_are_refused_in_a_sentence(
    running: Viewer, parameters: dict[str, int], sentence: str
) -> None:
    answer = running.http.get("/api/buckets", params=parameters)

    assert (answer.status_code, answer.json()["detail"][: len(sentence)]) == (422, sentence)


def test_viewer_without_an_archive_has_no_past_of_any_camera() -> None:
    with viewer() as live_only:
        answer = live_only.log_in().get("/api/buckets")

    assert (answer.status_code, answer.json()["detail"][:26]) == (404, "this server has no archive")


def test_archive_that_cannot_be_read_is_said(kept: Kept, running: Viewer) -> None:
    for file in kept.past.catalog.path.parent.glob("catalog.sqlite*"):
        file.unlink()

    answer = running.http.get("/api/buckets")

    assert answer.status_code == 503
    assert "there is no" in answer.json()["detail"]
