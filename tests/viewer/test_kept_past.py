"""The archive that the tests of history look at is one that the archive itself finds nothing wrong with."""

from collections import Counter
from datetime import datetime
from pathlib import Path

import cv2
import pytest

from shutterbus_archive.audit import Audit
from shutterbus_archive.audit_messages import audit_telemetry
from shutterbus_archive.catalog import beside, schema
from shutterbus_archive.opening import store_of
from shutterbus_archive.settings import ArchiveSettings
from shutterbus_wire import exif, instant
from viewer.kept_days import ZONE
from viewer.kept_past import END_US, KeptFrame, Past, make

SCALE = 0.1
HOUR_US = 3_600_000_000


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return make(tmp_path_factory.mktemp("past"), scale=SCALE)


def local(frame: KeptFrame) -> datetime:
    return instant.at(frame.captured_us).astimezone(ZONE)


def brightness(frame: KeptFrame) -> float:
    picture = cv2.imread(str(frame.path))
    assert picture is not None
    return float(picture.mean())


def test_catalog_and_files_agree(past: Past) -> None:
    settings = ArchiveSettings(state_dir=past.folder)
    with beside.reading(past.folder) as connection, store_of(settings, connection) as store:
        days = [*Audit(connection, store, "content").run(), *audit_telemetry(connection, store)]
    assert sum(day.frames for day in days) == sum(len(frames) for frames in past.frames.values()) > 500
    assert [day for day in days if day.missing or day.damaged or day.untracked] == []


def test_what_is_said_to_be_kept_is_what_is_there(past: Past) -> None:
    files = sorted(path for path in (past.store / "frames").rglob("*") if path.is_file())
    assert files == sorted(frame.path for frames in past.frames.values() for frame in frames)
    for camera, frames in past.frames.items():
        assert frames == sorted(frames)
        for frame in frames[::40]:
            metadata = exif.read_metadata(frame.path.read_bytes())
            assert metadata is not None
            assert (metadata.camera, str(metadata.id)) == (camera, frame.id)
            assert metadata.captured_at_us == frame.captured_us
            assert frame.path.stat().st_size == frame.size_bytes


def test_buckets_are_what_one_counts(past: Past) -> None:
    counts: Counter[tuple[str, int]] = Counter()
    sizes: Counter[tuple[str, int]] = Counter()
    for camera, frames in past.frames.items():
        for frame in frames:
            place = camera, frame.captured_us // schema.BUCKET_US * schema.BUCKET_US
            counts[place] += 1
            sizes[place] += frame.size_bytes
    query = "select name, start_us, frames, bytes from bucket join camera on camera.id = camera_id"
    with beside.reading(past.folder) as connection:
        buckets = [tuple(row) for row in connection.execute(query)]
    assert sorted(buckets) == sorted((*place, counts[place], sizes[place]) for place in counts)


def test_days_have_a_gap_a_dark_night_a_portrait_camera_and_an_hour_twice(past: Past) -> None:
    street, yard, tower = (past.frames[camera] for camera in ("street", "yard", "tower"))
    first, last = local(yard[0]).date(), local(yard[-1]).date()
    assert (f"{first}", f"{last}") == ("2026-10-24", "2026-10-25")
    assert {local(frame).fold for frame in yard if local(frame).hour == 2} == {0, 1}

    off_us, on_us = past.days.street_off_us
    assert on_us - off_us == 3.5 * HOUR_US
    assert not any(off_us <= frame.captured_us < on_us for frame in street)
    assert len({frame.id[:16] for frame in street}) == 2
    assert [report.event for report in past.reports if report.event != "minute"] == ["start", "stop", "start"]

    [night, *_] = (frame for frame in yard if local(frame).hour == 3)
    [noon, *_] = (frame for frame in yard if local(frame).hour == 12)
    assert brightness(night) < 0.1 * brightness(noon)

    assert all(cv2.imread(str(frame.path)).shape == (640, 360, 3) for frame in tower[::10])  # type: ignore[union-attr]


def test_readings_have_a_hole(past: Past) -> None:
    with beside.reading(past.folder) as connection:
        rows = connection.execute("select at_us from reading where name = 'temperature' order by at_us")
        at_us = [row["at_us"] for row in rows]
    assert at_us == [reading.at_us for reading in past.readings]
    from_us, to_us = past.days.no_readings_us
    assert not any(from_us <= each < to_us for each in at_us)
    assert any(each < from_us for each in at_us)
    assert any(each >= to_us for each in at_us)


def test_archive_ends_when_one_says(tmp_path: Path) -> None:
    end_us = END_US - 40 * HOUR_US
    frames = make(tmp_path, end_us, 0.02).frames["tower"]
    assert f"{local(frames[0]):%Y-%m-%d %H:%M}" == "2026-10-23 00:00"
    assert local(frames[-1]).date() == instant.at(end_us).astimezone(ZONE).date()
    assert frames[-1].captured_us < end_us
