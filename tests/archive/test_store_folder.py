"""A store in a folder, and all that can become of that folder."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archive.store_promises import *  # noqa: F403 (the promises of every store)
from archive.store_promises import KEY
from shutterbus_archive.errors import NotOurStoreError, StoreUnavailableError
from shutterbus_archive.store import marker
from shutterbus_archive.store.folder import FolderStore
from shutterbus_archive.store.founding import initialise, read_marker
from shutterbus_wire.store_layout import MARKER


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder


@pytest.fixture
def store(root: Path) -> Iterator[FolderStore]:
    made = FolderStore(root, initialise(root))
    yield made
    made.close()


def test_frame_is_a_file_that_any_program_opens(store: FolderStore, root: Path) -> None:
    store.put({KEY: b"picture"})
    assert (root / KEY).read_bytes() == b"picture"
    assert [path.name for path in root.rglob("*") if path.is_file()] == [MARKER, "a.jpg"]


def test_folder_is_never_made_and_nothing_above_it(tmp_path: Path, root: Path) -> None:
    """An unmounted disk would be filled up beside itself."""
    known = initialise(root)
    shutil.rmtree(root)
    store = FolderStore(root, known)

    with pytest.raises(NotOurStoreError, match=r"there is no store at .* is its disk mounted\?"):
        store.check()
    with pytest.raises(NotOurStoreError):
        store.put({KEY: b"picture"})
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_exchanged_under_it_is_noticed_and_not_written(store: FolderStore, root: Path) -> None:
    """As when a disk is unmounted: the empty folder under it appears."""
    store.put({KEY: b"picture"})
    root.rename(root.with_name("away"))
    root.mkdir()
    with pytest.raises(NotOurStoreError):
        store.check()
    assert list(root.iterdir()) == []

    root.rmdir()
    root.with_name("away").rename(root)
    store.check()
    assert store.read(KEY) == b"picture"


def test_disk_that_is_mounted_later_is_taken_up_without_a_hand(root: Path) -> None:
    known = initialise(root)
    root.rename(root.with_name("disk"))
    root.mkdir()
    store = FolderStore(root, known)
    with pytest.raises(NotOurStoreError):
        store.check()
    root.rmdir()
    root.with_name("disk").rename(root)

    store.check()
    assert store.put({KEY: b"picture"}) == {KEY: "new"}


def test_another_store_is_refused_with_both_names(store: FolderStore, root: Path) -> None:
    store.check()
    (root / MARKER).unlink()
    other = initialise(root)
    with pytest.raises(NotOurStoreError, match=f"is store {other.store}, and this archive's is"):
        store.check()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is damaged"),
        (b"{}", "is damaged"),
        (
            b'{"format": 99, "store": "x"}',
            "is of format 99, and this program knows formats up to 1: upgrade it",
        ),
    ],
)
def test_marker_that_cannot_be_used_is_said(root: Path, content: bytes, words: str) -> None:
    (root / MARKER).write_bytes(content)
    with pytest.raises(NotOurStoreError, match=words):
        FolderStore(root, marker.Marker("x")).check()


def test_folder_with_something_in_it_does_not_become_a_store(root: Path) -> None:
    (root / "holiday.jpg").touch()
    with pytest.raises(NotOurStoreError, match=r"is not empty \(holiday.jpg is in it\) and no store"):
        initialise(root)
    assert read_marker(root) is None


def test_a_disk_of_its_own_may_have_its_lost_and_found(root: Path) -> None:
    (root / "lost+found").mkdir()
    assert read_marker(root) is None
    made = initialise(root)
    assert read_marker(root) == made


def test_line_that_a_power_cut_left_half_goes_before_the_next(store: FolderStore, root: Path) -> None:
    store.append({"telemetry/a.jsonl": b"1\n"})
    with (root / "telemetry/a.jsonl").open("ab") as file:
        file.write(b"x" * 10_000)
    store.append({"telemetry/a.jsonl": b"2\n"})
    assert store.read("telemetry/a.jsonl") == b"1\n2\n"


def test_what_is_half_written_is_nobodys(store: FolderStore, root: Path) -> None:
    store.put({KEY: b"picture"})
    (root / KEY).with_name(".b.jpg.tmp").write_bytes(b"half")
    assert [item.key for item in store.objects("frames/")] == [KEY]
    store.put({KEY.replace("a.jpg", "b.jpg"): b"whole"})
    assert not list(root.rglob("*.tmp"))


def test_hour_and_day_that_are_empty_go_with_their_last_frame(store: FolderStore, root: Path) -> None:
    store.put({KEY: b"picture", KEY.replace("hour=22", "hour=23"): b"later"})
    store.remove([KEY])
    assert not (root / KEY).parent.exists()
    store.remove([KEY.replace("hour=22", "hour=23")])
    assert {path.name for path in root.iterdir()} == {MARKER, "frames"}
    assert not list((root / "frames").iterdir())


def test_order_is_write_sync_rename_and_then_the_folders_once(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame under its name is whole and durable; the folders' entries are, before anybody is told."""
    calls: list[str] = []
    store.check()
    synced, renamed = os.fsync, os.rename

    def fsync(descriptor: int) -> None:
        kind = "folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file"  # noqa: PTH112 (a descriptor)
        calls.append(kind)
        synced(descriptor)

    def rename(*names: str, **places: Any) -> None:
        calls.append("rename")
        renamed(*names, **places)

    monkeypatch.setattr("os.fsync", fsync)
    monkeypatch.setattr("os.rename", rename)
    hour = KEY.rpartition("/")[0]
    store.put({f"{hour}/{number}.jpg": b"picture" for number in range(5)})

    assert calls[:5] == ["file"] * 5
    assert calls[5:10] == ["rename"] * 5
    # frames, camera, date and hour are new: each of them and what they are in.
    assert calls[10:] == ["folder"] * 5


def test_what_a_killed_process_left_in_place_is_synced_before_it_counts(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was renamed, and nobody knows whether its folder was synced."""
    store.check()
    (root / KEY).parent.mkdir(parents=True)
    (root / KEY).write_bytes(b"picture")
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    assert store.put({KEY: b"picture"}) == {KEY: "same"}
    assert len(synced) == 2


def test_disk_that_is_full_takes_nothing_and_leaves_nothing(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.check()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    with pytest.raises(StoreUnavailableError, match="the disk is full"):
        store.put({KEY: b"picture"})
    monkeypatch.undo()
    assert not list(root.rglob("*.jpg*"))
    assert store.put({KEY: b"picture"}) == {KEY: "new"}
