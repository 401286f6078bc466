"""What the viewer tells the archive of running downloads."""

from pathlib import Path

import pytest

from fakes import FakeClock
from shutterbus_viewer.history.download_notes import DownloadNotes
from shutterbus_wire import download_note


def test_note_stands_while_a_download_runs_and_no_longer(tmp_path: Path) -> None:
    clock = FakeClock()
    note = DownloadNotes(tmp_path, clock).begin("gate", 10, 20)

    [path] = (tmp_path / "downloads").iterdir()
    told = download_note.parse(path.read_bytes())
    assert (told.camera, told.from_us, told.to_us, told.begun_us) == ("gate", 10, 20, clock.utc_us())
    note.end()
    note.end()
    assert list((tmp_path / "downloads").iterdir()) == []


def test_note_of_a_viewer_that_was_killed_is_taken_away_by_the_next(tmp_path: Path) -> None:
    DownloadNotes(tmp_path, FakeClock()).begin("gate", 10, 20)
    DownloadNotes(tmp_path, FakeClock())
    assert list((tmp_path / "downloads").iterdir()) == []


def test_download_goes_on_where_no_note_can_be_written_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "downloads").write_text("somebody's file")
    DownloadNotes(tmp_path, FakeClock()).begin("gate", 10, 20).end()
    assert "retention does not know of a download" in caplog.text


def test_viewer_without_a_folder_of_its_own_notes_nothing() -> None:
    DownloadNotes(None, FakeClock()).begin("gate", 10, 20).end()
