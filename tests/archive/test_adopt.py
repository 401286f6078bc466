"""A store that was copied, or is another catalog's, is refused, and taken over when a person says so."""

import shutil
from pathlib import Path

import pytest

from archive.fakes_archive import Rig, delivery
from shutterbus_archive.__main__ import main
from shutterbus_archive.catalog import Catalog, schema
from shutterbus_archive.errors import NotOurStoreError
from shutterbus_archive.store import marker
from shutterbus_archive.store.folder import FolderStore
from shutterbus_archive.store.founding import initialise, read_marker
from shutterbus_wire.store_layout import MARKER


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """An archive that kept three frames and has ended."""
    made = Rig(tmp_path)
    made.catalog.note(schema.STORE, made.marker.store)
    made.take(delivery(0), delivery(1), delivery(2))
    made.close()
    monkeypatch.chdir(made.state)
    monkeypatch.setenv("ARCHIVE_STATE_DIR", str(made.state))
    monkeypatch.setenv("ARCHIVE_DIR", str(made.root))
    monkeypatch.setenv("ARCHIVE_KAFKA_BROKERS", "localhost")
    return made


def copy_of(rig: Rig) -> Path:
    """As ``rsync -a`` makes one."""
    copy = rig.root.with_name("copy")
    shutil.copytree(rig.root, copy)
    return copy


def noted(state: Path) -> str | None:
    catalog = Catalog(state)
    try:
        return catalog.noted(schema.STORE)
    finally:
        catalog.close()


def test_copy_is_refused_and_says_how_to_go_on_with_it(rig: Rig) -> None:
    with pytest.raises(NotOurStoreError, match=r"is a copy of store .*, after shutterbus-archive adopt"):
        FolderStore(copy_of(rig), rig.marker).check()
    FolderStore(rig.root, rig.marker).check()


def test_store_that_was_moved_is_no_copy(rig: Rig) -> None:
    moved = rig.root.rename(rig.root.with_name("moved"))
    FolderStore(moved, rig.marker).check()


def test_file_system_that_numbers_its_files_anew_knows_no_copies(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(marker, "file_system", lambda _: "exfat")
    (tmp_path / "stick").mkdir()
    made = initialise(tmp_path / "stick")
    shutil.copytree(tmp_path / "stick", tmp_path / "other")
    FolderStore(tmp_path / "other", made).check()


def test_copy_is_adopted_and_the_original_is_refused_from_then_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = copy_of(rig)
    monkeypatch.setenv("ARCHIVE_DIR", str(copy))
    assert main(["adopt"]) == 0
    assert (
        f"{copy} is a copy of store {rig.marker.store}, and the catalog in {rig.state} has 3 frames"
        in capsys.readouterr().out
    )
    assert noted(rig.state) == rig.marker.store, "nothing is done without a word"

    assert main(["adopt", "--yes"]) == 0
    adopted = read_marker(copy)
    assert adopted is not None
    assert noted(rig.state) == adopted.store != rig.marker.store
    FolderStore(copy, adopted).check()
    with pytest.raises(NotOurStoreError):
        FolderStore(rig.root, adopted).check()
    assert main(["audit", "--content"]) == 0
    capsys.readouterr()
    assert main(["adopt", "--yes"]) == 0
    assert "there is nothing to adopt" in capsys.readouterr().out


def test_store_of_another_catalog_is_adopted_and_rebuilt(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ARCHIVE_STATE_DIR", str(tmp_path / "new"))
    assert main(["adopt", "--yes"]) == 0
    assert "is now store" in capsys.readouterr().out
    assert main(["rebuild"]) == 0
    assert "Taken in: 3 frames" in capsys.readouterr().out
    assert main(["audit"]) == 0


def test_copy_without_its_hidden_file_is_adopted(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    """``cp -r old/* new`` leaves it behind."""
    (rig.root / MARKER).unlink()
    assert main(["adopt", "--yes"]) == 0
    assert "was a store without its marker" in capsys.readouterr().out
    assert main(["audit"]) == 0


def test_folder_without_frames_is_not_adopted(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("ARCHIVE_DIR", str(tmp_path / "empty"))
    assert main(["adopt", "--yes"]) == 1
    assert "is its disk mounted" in capsys.readouterr().err
    assert list((tmp_path / "empty").iterdir()) == []
    assert noted(rig.state) == rig.marker.store


def test_archive_that_runs_keeps_its_store(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.open()
    assert main(["adopt", "--yes"]) == 1
    assert "is in use by process" in capsys.readouterr().err
    rig.close()
