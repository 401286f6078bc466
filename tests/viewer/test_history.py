"""What the viewer tells of a camera's past, from a catalog and a store as the archive leaves them."""

import io
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import FakeClock
from shutterbus_archive.catalog import Ageing, Erasing, Erasure, FrameRow
from shutterbus_transport.checksum import crc32c
from shutterbus_viewer.accounts.users import Role
from shutterbus_viewer.archive.frame_facts import BEGIN_BYTES
from shutterbus_viewer.archive.past import Past
from shutterbus_viewer.history import erasures
from shutterbus_viewer.history.cache import Cache
from shutterbus_viewer.show.auth_middleware import NOT_FOUND
from shutterbus_viewer.show.frames import PIECE_MAX_BYTES
from shutterbus_wire.identity import FrameId
from shutterbus_wire.instant import rfc3339
from shutterbus_wire.jpeg import read_header
from shutterbus_wire.store_layout import MARKER, FrameKey
from viewer.fakes_viewer import (
    EPOCH,
    LATER_EPOCH,
    Viewer,
    frame,
    jpeg,
    picture,
    reading,
    status,
    user,
    viewer,
)
from viewer.kept_frames import Kept

HOUR_US = 3_600_000_000
MIDNIGHT_US = 1_792_792_800_000_000
"""2026-10-24T00:00 in Berlin, where the day after it has 25 hours."""


@pytest.fixture
def running(kept: Kept) -> Iterator[Viewer]:
    """A viewer that ``gate`` has told where it is, and that a person uses."""
    clock = FakeClock(utc_offset_us=MIDNIGHT_US + 1_000 * HOUR_US)
    with viewer((user("guard", Role.LOOK, "yard"),), past=kept.past, clock=clock) as made:
        made.cameras.note(status().model_copy(update={"zone": "Europe/Berlin"}), "mqtt")
        made.log_in()
        yield made


def get(running: Viewer, path: str, **parameters: Any) -> Any:
    answer = running.http.get(f"/api/cameras/gate/{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(running: Viewer, path: str, **parameters: Any) -> tuple[int, str]:
    answer = running.http.get(f"/api/cameras/gate/{path}", params=parameters)
    return answer.status_code, answer.json()["detail"]


def test_day_is_the_cameras_own_and_may_have_25_hours(kept: Kept, running: Viewer) -> None:
    for hour in (0, 11, 13, 24, 48, 49):
        kept.add(hour, MIDNIGHT_US + hour * HOUR_US)

    told = get(running, "days")

    assert told["zone"] == "Europe/Berlin"
    assert [(day["date"], day["frames"], day["noon"]) for day in told["days"]] == [
        ("2026-10-24", 3, f"{EPOCH}-11"),
        ("2026-10-25", 2, f"{EPOCH}-48"),
        ("2026-10-26", 1, f"{EPOCH}-49"),
    ]
    assert [day["end_us"] - day["start_us"] for day in told["days"]] == [
        24 * HOUR_US,
        25 * HOUR_US,
        24 * HOUR_US,
    ]
    assert [day["date"] for day in get(running, "days", zone="Asia/Tokyo")["days"]] == [
        "2026-10-24",
        "2026-10-25",
        "2026-10-26",
    ]
    assert get(running, "days", to="2026-10-25T00:00:00+02:00")["days"] == told["days"][:1]
    assert get(running, "days", **{"from": "2026-10-25", "to": "2026-10-26"})["days"] == told["days"][1:2]


def test_day_without_frames_is_left_out_and_what_aged_out_no_longer_counts(
    kept: Kept, running: Viewer
) -> None:
    for day in (0, 1, 3):
        kept.add(day, MIDNIGHT_US + day * 25 * HOUR_US)
    ageing = Ageing(kept.catalog)
    ageing.discard(ageing.oldest(1, before_us=MIDNIGHT_US + HOUR_US))

    assert [day["date"] for day in get(running, "days")["days"]] == ["2026-10-25", "2026-10-27"]


def test_buckets_are_columns_of_what_five_minutes_have(kept: Kept, running: Viewer) -> None:
    sizes = [len(kept.add(seq, MIDNIGHT_US + seq * 100_000_000)) for seq in range(4)]

    told = get(running, "buckets", **{"from": "2026-10-23T22:00:00Z", "to": "2026-10-23T23:00:00Z"})

    assert told == {
        "bucket_us": 300_000_000,
        "start_us": [MIDNIGHT_US, MIDNIGHT_US + 300_000_000],
        "frames": [3, 1],
        "bytes": [sum(sizes[:3]), sizes[3]],
    }


def test_pages_give_every_frame_once_in_order_also_of_one_instant(kept: Kept, running: Viewer) -> None:
    """A camera that was restarted, or a folder of pictures: several frames, also of several epochs, at once."""
    expected = []
    for seq in range(5):
        for epoch in (EPOCH, LATER_EPOCH):
            kept.add(seq, MIDNIGHT_US + seq // 3, epoch=epoch)
    kept.add(9, MIDNIGHT_US + HOUR_US)
    expected = [
        *(f"{epoch}-{seq}" for epoch in (EPOCH, LATER_EPOCH) for seq in (0, 1, 2)),
        *(f"{epoch}-{seq}" for epoch in (EPOCH, LATER_EPOCH) for seq in (3, 4)),
    ]
    span = {"from": "2026-10-24T00:00:00+02:00", "to": "2026-10-24T01:00:00+02:00"}
    listed: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(4):
        page = get(running, "frames", **span, limit=3, **cursor)
        listed += [identity for _, identity, _ in page["frames"]]
        cursor = {"cursor": page["cursor"]}

    assert listed == expected
    assert page["cursor"] is None

    walked, at_us, beside = [expected[0]], MIDNIGHT_US, expected[0]
    while (step := get(running, "frames", at=_spelt(at_us), direction="next", id=beside)["frame"])[
        "id"
    ] != f"{EPOCH}-9":
        at_us, beside = step["captured_us"], step["id"]
        walked.append(beside)
    assert walked == expected
    back = [expected[-1]]
    while step := get(running, "frames", at=_spelt(at_us), direction="previous", id=beside)["frame"]:
        at_us, beside = step["captured_us"], step["id"]
        back.append(beside)
    assert back == expected[::-1]


def test_page_goes_on_where_it_ended_though_retention_took_that_frame(kept: Kept, running: Viewer) -> None:
    for seq in range(6):
        kept.add(seq, MIDNIGHT_US + seq)
    span = {"from": "2026-10-23T22:00:00Z", "to": "2026-10-23T23:00:00Z"}
    page = get(running, "frames", **span, limit=2)
    ageing = Ageing(kept.catalog)
    ageing.discard(ageing.oldest(3, before_us=MIDNIGHT_US + 3))

    rest = get(running, "frames", **span, cursor=page["cursor"])

    assert [identity for _, identity, _ in rest["frames"]] == [f"{EPOCH}-{seq}" for seq in (3, 4, 5)]


def test_every_keeps_the_first_frame_of_each_stretch_on_all_pages_alike(kept: Kept, running: Viewer) -> None:
    for seq in range(40):
        kept.add(seq, MIDNIGHT_US + seq * 25_000_000 + 10_000_000)  # every 25 s
    span = {"from": "2026-10-23T22:00:00Z", "to": "2026-10-23T23:00:00Z", "every": "1m"}

    whole = get(running, "frames", **span)["frames"]
    pages: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = get(running, "frames", **span, limit=4, **cursor)
        pages += page["frames"]
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}

    minutes = [(captured_us - MIDNIGHT_US) // 60_000_000 for captured_us, _, _ in whole]
    assert minutes == list(range(17))
    assert pages == whole


def test_nearest_is_the_nearer_of_the_two_beside(kept: Kept, running: Viewer) -> None:
    kept.add(0, MIDNIGHT_US)
    kept.add(1, MIDNIGHT_US + 10_000_000)

    def nearest(at_us: int) -> str:
        return str(get(running, "frames", at=_spelt(at_us))["frame"]["id"])[-1]

    assert [nearest(MIDNIGHT_US + s * 1_000_000) for s in (-99, 0, 4, 6, 10, 99)] == list("000111")
    assert get(running, "frames", at=_spelt(MIDNIGHT_US), direction="previous")["frame"] is None
    assert get(running, "frames", at=_spelt(MIDNIGHT_US), direction="next")["frame"]["id"] == f"{EPOCH}-1"


def test_frame_is_the_file_as_it_was_stored_and_never_changes(kept: Kept, running: Viewer) -> None:
    data = kept.add(3, MIDNIGHT_US)

    answer = running.http.get(f"/api/cameras/gate/frames/{EPOCH}-3.jpg")

    assert answer.content == data
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["etag"] == f'"{int(crc32c(data)):08x}"'
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert answer.headers["content-disposition"] == f'inline; filename="gate-{EPOCH}-3.jpg"'
    again = running.http.get(
        f"/api/cameras/gate/frames/{EPOCH}-3.jpg", headers={"if-none-match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert running.http.head(f"/api/cameras/gate/frames/{EPOCH}-3.jpg").headers["content-length"] == str(
        len(data)
    )


def test_png_of_a_foreign_producer_stays_one(kept: Kept, running: Viewer) -> None:
    data = kept.add(3, MIDNIGHT_US, as_png=True)

    answer = running.http.get(f"/api/cameras/gate/frames/{EPOCH}-3.jpg")

    assert (answer.content, answer.headers["content-type"]) == (data, "image/png")
    assert answer.headers["content-disposition"].endswith(f'gate-{EPOCH}-3.png"')
    assert get(running, f"frames/{EPOCH}-3.json")["width"] == 64


def test_facts_of_a_kept_frame_are_those_that_it_had_when_it_was_live(kept: Kept, running: Viewer) -> None:
    live = picture(3, captured_at_us=MIDNIGHT_US, camera_metadata={"Lux": 12.5})
    running.cameras.show(live, "kafka")
    then = get(running, f"frames/{EPOCH}-3.json")
    key = FrameKey("gate", FrameId(EPOCH, 3), MIDNIGHT_US)
    path = kept.store / str(key)
    path.parent.mkdir(parents=True)
    path.write_bytes(live.frame.data)
    kept.catalog.add([FrameRow(key, MIDNIGHT_US, live.arrived_at_us, len(live.frame.data), 0)])
    running.cameras.show(picture(4), "kafka")

    assert get(running, f"frames/{EPOCH}-3.json") == {**then, "lane": None}


def test_file_comes_whole_or_in_part_whether_it_is_small_or_large(kept: Kept, running: Viewer) -> None:
    padding = bytes(2 * PIECE_MAX_BYTES)
    for seq, behind in enumerate((b"", padding)):
        data = kept.put(seq, MIDNIGHT_US + seq, frame(seq, captured_at_us=MIDNIGHT_US + seq).data + behind)
        path = f"/api/cameras/gate/frames/{EPOCH}-{seq}.jpg"

        whole = running.http.get(path)
        part = running.http.get(path, headers={"range": "bytes=10-19"})
        head = running.http.head(path)

        assert (whole.status_code, whole.content) == (200, data)
        assert (part.status_code, part.content) == (206, data[10:20])
        assert (head.status_code, head.content) == (200, b"")
        for answer in (whole, head):
            assert answer.headers["content-length"] == str(len(data))
            assert answer.headers["accept-ranges"] == "bytes"
        assert whole.headers["etag"] == part.headers["etag"] == head.headers["etag"]


def test_facts_are_found_however_much_stands_before_the_pixels(kept: Kept, running: Viewer) -> None:
    plain = frame(3, captured_at_us=MIDNIGHT_US, camera_metadata={"Lux": 12.5}).data
    comment = b"\xff\xfe" + (60_000).to_bytes(2) + bytes(59_998)
    kept.put(3, MIDNIGHT_US, plain[:2] + BEGIN_BYTES // len(comment) * 2 * comment + plain[2:])

    told = get(running, f"frames/{EPOCH}-3.json")

    assert (told["width"], told["height"]) == (64, 48)
    assert told["metadata"] == {"Lux": 12.5}
    assert told["bytes"] > BEGIN_BYTES


def test_file_that_was_damaged_in_the_store_is_said_to_be(kept: Kept, running: Viewer) -> None:
    kept.put(3, MIDNIGHT_US, frame(3, captured_at_us=MIDNIGHT_US).data[:40])

    code, sentence = refused(running, f"frames/{EPOCH}-3.json")

    assert code == 502
    assert sentence.startswith(f"frame {EPOCH}-3 of gate is damaged: ")


def test_frame_of_a_camera_that_nobody_knows_is_the_cameras_fault(running: Viewer) -> None:
    answer = running.http.get(f"/api/cameras/mill/frames/{EPOCH}-3.jpg")

    assert answer.status_code == 404
    assert answer.json()["detail"] == NOT_FOUND.format("mill")


def test_frame_is_had_smaller_in_one_of_a_few_widths_and_never_larger(kept: Kept, running: Viewer) -> None:
    kept.add(3, MIDNIGHT_US)
    wide = frame(4, captured_at_us=MIDNIGHT_US + 1, picture=jpeg(1000, 500), orientation=6).data
    kept.put(4, MIDNIGHT_US + 1, wide)

    small = running.http.get(f"/api/cameras/gate/frames/{EPOCH}-4.jpg?width=100")
    assert size_of(small.content) == (160, 320)
    assert small.headers["etag"].endswith('-160"')
    assert small.headers["cache-control"].endswith("immutable")
    as_it_is = running.http.get(f"/api/cameras/gate/frames/{EPOCH}-3.jpg?width=640")
    assert size_of(as_it_is.content) == (64, 48)
    assert refused(running, f"frames/{EPOCH}-4.jpg", width=4000)[0] == 422


def test_sheet_has_the_first_picture_of_each_minute_where_its_json_says(kept: Kept, running: Viewer) -> None:
    for minute, second in ((0, 10), (0, 40), (7, 0), (59, 59)):
        seq = minute * 60 + second
        kept.put(
            seq,
            MIDNIGHT_US + seq * 1_000_000,
            frame(seq, picture=jpeg(320, 180), captured_at_us=MIDNIGHT_US).data,
        )

    told = get(running, "sheets/2026-10-23T22.json")
    sheet = running.http.get(f"/api/cameras/gate/sheets/2026-10-23T22.jpg?v={told['version']}")

    assert [(minute, identity) for minute, _, identity in told["minutes"]] == [
        (0, f"{EPOCH}-10"),
        (7, f"{EPOCH}-420"),
        (59, f"{EPOCH}-3599"),
    ]
    assert size_of(sheet.content) == (told["columns"] * told["width"], told["rows"] * told["height"])
    assert (told["columns"], told["rows"], told["width"], told["height"]) == (10, 6, 160, 90)
    assert sheet.headers["cache-control"].endswith("immutable")
    unnamed = running.http.get("/api/cameras/gate/sheets/2026-10-23T22.jpg")
    assert unnamed.headers["cache-control"] == "private, no-cache"
    kept.add(1, MIDNIGHT_US + 20 * 60_000_000)
    assert get(running, "sheets/2026-10-23T22.json")["version"] != told["version"]
    assert refused(running, "sheets/2026-10-23T23.json") == (
        404,
        "gate has no pictures from 2026-10-23T23:00 to the next hour",
    )
    assert refused(running, "sheets/2026-10-23T99.json")[0] == 422


def test_zip_has_the_files_as_they_are_and_names_what_is_missing(kept: Kept, running: Viewer) -> None:
    files = {seq: kept.add(seq, MIDNIGHT_US + seq * 1_000_000) for seq in range(5)}
    next(kept.store.rglob(f"*{EPOCH}-2.jpg")).unlink()
    span = {"from": "2026-10-23T22:00:00Z", "to": "2026-10-23T22:00:04Z"}

    answer = running.http.get("/api/cameras/gate/frames.zip", params=span)

    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["content-disposition"] == (
        'attachment; filename="gate-20261023T220000Z-20261023T220004Z.zip"'
    )
    with zipfile.ZipFile(io.BytesIO(answer.content)) as zipped:
        assert zipped.testzip() is None
        names = [f"gate-20261023T22000{seq}.000000Z_{EPOCH}-{seq}.jpg" for seq in (0, 1, 3)]
        assert zipped.namelist() == [*names, "MISSING.txt"]
        assert [zipped.read(name) for name in names] == [files[seq] for seq in (0, 1, 3)]
        assert f"{EPOCH}-2.jpg" in zipped.read("MISSING.txt").decode()
    thinned = running.http.get("/api/cameras/gate/frames.zip", params={**span, "every": "2s"})
    with zipfile.ZipFile(io.BytesIO(thinned.content)) as zipped:
        assert [name[-5] for name in zipped.namelist() if name.endswith("jpg")] == ["0"]


def test_frame_that_is_not_here_says_whether_it_ever_was(kept: Kept, running: Viewer) -> None:
    for seq in (0, 1):
        kept.add(seq, MIDNIGHT_US + seq)
    ageing = Ageing(kept.catalog)
    ageing.discard(ageing.oldest(1, before_us=MIDNIGHT_US + 1))

    assert refused(running, f"frames/{EPOCH}-0.jpg") == (
        410,
        f"frame {EPOCH}-0 of gate was kept and is no more: it aged out, or somebody erased it",
    )
    for never in (f"{EPOCH}-2", f"{LATER_EPOCH}-0"):
        assert refused(running, f"frames/{never}.jpg") == (
            404,
            f"the archive has never had frame {never} of gate",
        )
    assert refused(running, "frames/nonsense.jpg")[0] == 422


def test_file_that_is_missing_is_told_from_a_disk_that_is_not_mounted(kept: Kept, running: Viewer) -> None:
    kept.add(0, MIDNIGHT_US)
    shutil.rmtree(kept.store / "frames")

    assert refused(running, f"frames/{EPOCH}-0.jpg") == (
        404,
        f"the file of frame {EPOCH}-0 of gate is missing from the archive's store: make audit says what else is",
    )
    (kept.store / MARKER).unlink()
    code, sentence = refused(running, f"frames/{EPOCH}-0.jpg")
    assert code == 503
    assert sentence.endswith("is the disk mounted?")


def test_readings_come_as_they_are_or_as_least_mean_and_greatest_with_holes_kept(
    kept: Kept, running: Viewer
) -> None:
    messages = [
        reading(seq, heat=float(seq % 7)).model_copy(
            update={"at_us": MIDNIGHT_US + seq * 60_000_000, "units": {"heat": "°C"}}
        )
        for seq in range(120)
        if not 30 <= seq < 90
    ]
    kept.catalog.add([], messages)
    span = {"from": "2026-10-23T22:00:00Z", "to": "2026-10-24T00:00:00Z"}

    [raw] = get(running, "readings", **span, points=60)["series"]
    assert (raw["sensor"], raw["name"], raw["unit"]) == ("cpu", "heat", "°C")
    assert raw["mean"] == raw["min"] == raw["max"] == [m.values["heat"] for m in messages]
    assert raw["at_us"] == [m.at_us for m in messages]

    [thinned] = get(running, "readings", **span, points=12)["series"]
    assert thinned["at_us"] == [MIDNIGHT_US + minute * 60_000_000 for minute in (0, 10, 20, 90, 100, 110)]
    first = [float(seq % 7) for seq in range(10)]
    assert (thinned["min"][0], thinned["mean"][0], thinned["max"][0]) == (
        min(first),
        sum(first) / 10,
        max(first),
    )


def test_hours_and_days_of_readings_are_the_zones(kept: Kept, running: Viewer) -> None:
    """A day of 25 hours has 25 of them."""
    day_us = MIDNIGHT_US + 24 * HOUR_US
    messages = [
        reading(hour, heat=float(hour)).model_copy(update={"at_us": day_us + hour * HOUR_US})
        for hour in range(26)
    ]
    kept.catalog.add([], messages)
    span = {"from": "2026-10-25T00:00:00+02:00", "to": "2026-10-26T12:00:00+01:00"}

    [hourly] = get(running, "readings", **span, every="1h")["series"]
    [daily] = get(running, "readings", **span, every="1d")["series"]

    assert len(hourly["at_us"]) == 26
    assert daily["at_us"] == [day_us, day_us + 25 * HOUR_US]
    assert (daily["min"], daily["max"]) == ([0.0, 25.0], [24.0, 25.0])


@pytest.mark.parametrize(
    ("path", "parameters", "sentence"),
    [
        ("buckets", {"from": "yesterday", "to": "2026-10-24T00:00:00Z"}, "from: 'yesterday' is no instant"),
        (
            "buckets",
            {"from": "2026-10-24T00:00:00", "to": "2026-10-24T00:00:00Z"},
            "is no instant: write it as",
        ),
        ("buckets", {"from": "2026-10-24T00:00:00Z"}, "to: Field required"),
        ("days", {"from": "2026-02-30"}, "from: day is out of range for month"),
        ("days", {"to": "soon"}, "to: 'soon' is no instant"),
        ("days", {"zone": "Mars/Olympus"}, "zone: 'Mars/Olympus' is no time zone"),
        ("days", {"zone": "../../etc/passwd"}, "is no time zone"),
        ("frames", {}, "from and to are needed, or at"),
        (
            "frames",
            {"from": "2026-10-24T00:00:00Z", "to": "2026-10-25T00:00:00Z", "every": "2w"},
            "no length of time",
        ),
        (
            "frames",
            {"from": "2026-10-24T00:00:00Z", "to": "2026-10-25T00:00:00Z", "cursor": "7"},
            "cursor: '7' is none",
        ),
        (
            "readings",
            {"from": "1970-01-01T00:00:00Z", "to": "2026-10-25T00:00:00Z", "every": "1h"},
            "20,000 stretches",
        ),
    ],
)
def test_what_an_address_gets_wrong_is_said_in_a_sentence(
    running: Viewer, path: str, parameters: dict[str, str], sentence: str
) -> None:
    code, said = refused(running, path, **parameters)
    assert code == 422
    assert sentence in said


def test_offset_whose_plus_was_not_escaped_is_understood(kept: Kept, running: Viewer) -> None:
    kept.add(0, MIDNIGHT_US)
    answer = running.http.get("/api/cameras/gate/frames?at=2026-10-24T00:00:00+02:00")
    assert answer.json()["frame"]["captured_us"] == MIDNIGHT_US


def test_browser_that_has_an_answer_gets_its_tag_alone(kept: Kept, running: Viewer) -> None:
    """What ended long ago is asked for again after an hour, what still grows each time."""
    kept.add(0, MIDNIGHT_US)
    old = running.http.get("/api/cameras/gate/days?to=2026-10-25T00:00:00Z")
    new = running.http.get("/api/cameras/gate/days")

    assert (old.headers["cache-control"], new.headers["cache-control"]) == (
        "private, max-age=3600",
        "private, no-cache",
    )
    again = running.http.get("/api/cameras/gate/days", headers={"if-none-match": new.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    kept.add(1, MIDNIGHT_US + 1)
    changed = running.http.get("/api/cameras/gate/days", headers={"if-none-match": new.headers["etag"]})
    assert changed.status_code == 200


def test_camera_that_nobody_hears_any_more_keeps_its_past(kept: Kept, running: Viewer) -> None:
    """It was taken down, or the viewer has just started; who may not see it is told what others are told of none."""
    kept.add(0, MIDNIGHT_US, camera="yard")
    kept.add(0, MIDNIGHT_US)

    assert running.http.get("/api/cameras/yard/days").json()["zone"] == "UTC"
    assert running.http.get("/api/cameras/mill/days").status_code == 404
    assert running.http.get("/cameras/yard").status_code == 200
    guard = running.log_in("guard")
    assert guard.get("/api/cameras/yard/days").status_code == 200
    for path in ("days", f"frames/{EPOCH}-0.jpg", "frames?at=2026-10-24T00:00:00Z"):
        assert guard.get(f"/api/cameras/gate/{path}").status_code == 404


def test_viewer_without_an_archive_says_so() -> None:
    with viewer() as made:
        made.cameras.note(status(), "mqtt")
        answer = made.log_in().get("/api/cameras/gate/days")
        assert answer.status_code == 404
        assert (
            answer.json()["detail"] == "this server has no archive: it shows what is live and keeps nothing"
        )


def test_catalog_that_cannot_be_read_now_is_said(tmp_path: Path) -> None:
    with viewer(past=Past.of(tmp_path, tmp_path)) as made:
        made.cameras.note(status(), "mqtt")
        answer = made.log_in().get("/api/cameras/gate/days")
        assert answer.status_code == 503
        assert answer.json()["detail"].endswith("has the archive ever run?")


def size_of(picture: bytes) -> tuple[int, int]:
    return read_header(picture).upright_size_px


def test_what_is_erased_does_not_stay_in_small_pictures(kept: Kept, tmp_path: Path) -> None:
    """Nor does anything else go because of what a viewer before this one knew already."""
    history, folder = kept.past.history, tmp_path / "cache"
    kept.add(0, MIDNIGHT_US)
    cache = Cache(folder, 1 << 20)
    for _ in range(2):
        erasures.look(history, cache)
    cache.put("sheet", b"small pictures")
    erasures.look(history, cache)
    assert Cache(folder, 1 << 20).get("sheet") == b"small pictures"

    order = Erasure("1", "gate", "asked for", MIDNIGHT_US, epoch=EPOCH, first=0, last=0)
    Erasing(kept.catalog).note(order)

    later = Cache(folder, 1 << 20)
    for _ in range(2):
        erasures.look(history, later)
        assert later.get("sheet") is None
        later.put("sheet", b"made while the others went")
    erasures.look(history, later)
    assert later.get("sheet") is not None


def _spelt(at_us: int) -> str:
    return rfc3339(at_us)
