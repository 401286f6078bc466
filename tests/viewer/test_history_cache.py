"""The cache of derived pictures: bounded, and whatever happens to its folder costs time only."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from shutterbus_viewer.history.cache import BLOCK_BYTES, Cache

ROOM = 1 << 20
PICTURE = b"\xff\xd8" + bytes(1_000)
"""One block of the disk."""


def plenty(_: Path) -> int:
    return 1 << 40


def cache(folder: Path, max_bytes: int = ROOM, free: Callable[[Path], int] = plenty) -> Cache:
    return Cache(folder, max_bytes, min_free_bytes=1 << 30, free=free)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def test_what_was_put_is_there(tmp_path: Path) -> None:
    kept = cache(tmp_path / "cache")
    kept.put("a", PICTURE)
    kept.put("ä\udcff", b"")

    assert kept.get("a") == PICTURE
    assert kept.get("ä\udcff") == b""
    assert kept.get("b") is None
    assert "a" in kept
    assert "b" not in kept


def test_least_recently_used_goes_first(tmp_path: Path) -> None:
    kept = cache(tmp_path, 3 * BLOCK_BYTES)
    for key in "abc":
        kept.put(key, PICTURE)
    kept.get("a")
    kept.put("d", PICTURE)

    assert [key for key in "abcd" if kept.get(key) is not None] == ["a", "c", "d"]
    assert kept.size_bytes == 3 * BLOCK_BYTES
    assert len(files(tmp_path)) == 3


def test_putting_again_takes_the_room_once(tmp_path: Path) -> None:
    kept = cache(tmp_path)
    kept.put("a", PICTURE)
    kept.put("a", b"newer")

    assert kept.get("a") == b"newer"
    assert kept.size_bytes == BLOCK_BYTES


def test_file_larger_than_the_limit_is_not_kept_and_takes_nothing_away(tmp_path: Path) -> None:
    kept = cache(tmp_path, 2 * BLOCK_BYTES)
    kept.put("a", PICTURE)
    kept.put("large", bytes(3 * BLOCK_BYTES))

    assert kept.get("large") is None
    assert kept.get("a") == PICTURE


def test_limit_of_nothing_keeps_nothing(tmp_path: Path) -> None:
    kept = cache(tmp_path, 0)
    kept.put("a", b"")

    assert kept.get("a") is None
    assert files(tmp_path) == []


def test_restart_finds_what_is_there_and_when_it_was_used(tmp_path: Path) -> None:
    before = cache(tmp_path)
    for second, key in enumerate("abc"):
        before.put(key, PICTURE)
        [newest] = set(files(tmp_path)) - {path for path in files(tmp_path) if path.stat().st_mtime < 1e6}
        os.utime(newest, (second, second))
    before.get("a")
    before.close()

    after = cache(tmp_path, 2 * BLOCK_BYTES)

    assert after.size_bytes == 2 * BLOCK_BYTES
    assert [key for key in "abc" if after.get(key) is not None] == ["a", "c"]


def test_restart_removes_what_a_kill_left_half_written(tmp_path: Path) -> None:
    half = tmp_path / f".{'0' * 32}.tmp"
    half.write_bytes(b"half")

    assert cache(tmp_path).size_bytes == 0
    assert not half.exists()


def test_foreign_files_stay_untouched_and_are_not_counted(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("mine")
    (tmp_path / ("f" * 32)).mkdir()
    (tmp_path / ("e" * 32)).symlink_to("README")
    kept = cache(tmp_path, BLOCK_BYTES)

    for key in "abc":
        kept.put(key, PICTURE)

    assert kept.size_bytes == BLOCK_BYTES
    assert (tmp_path / "README").read_text() == "mine"
    assert (tmp_path / ("f" * 32)).is_dir()
    assert (tmp_path / ("e" * 32)).is_symlink()


@pytest.mark.parametrize("damage", [b"", b"abc", PICTURE], ids=["emptied", "short", "no checksum"])
def test_damaged_file_is_a_miss_and_goes(tmp_path: Path, damage: bytes) -> None:
    """A power cut may leave it so: nothing here is synced."""
    kept = cache(tmp_path)
    kept.put("a", PICTURE)
    [file] = files(tmp_path)
    file.write_bytes(damage)

    assert kept.get("a") is None
    assert files(tmp_path) == []
    kept.put("a", PICTURE)
    assert kept.get("a") == PICTURE


def test_file_that_somebody_removed_is_a_miss(tmp_path: Path) -> None:
    kept = cache(tmp_path)
    kept.put("a", PICTURE)
    files(tmp_path)[0].unlink()

    assert kept.get("a") is None
    assert kept.size_bytes == 0


def test_folder_in_place_of_a_file_is_a_miss_and_no_error(tmp_path: Path) -> None:
    kept = cache(tmp_path)
    kept.put("a", PICTURE)
    [file] = files(tmp_path)
    file.unlink()
    file.mkdir()
    kept.put("a", PICTURE)

    assert kept.get("a") is None


def test_folder_that_was_lost_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    kept = cache(folder)
    kept.put("a", PICTURE)
    files(folder)[0].unlink()
    folder.rmdir()
    kept.put("b", PICTURE)

    assert kept.get("a") is None
    assert kept.get("b") == PICTURE


def test_folder_that_cannot_be_keeps_nothing_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    kept = cache(tmp_path / "file" / "cache")

    with caplog.at_level(logging.WARNING):
        for key in "abc":
            kept.put(key, PICTURE)

    assert kept.get("a") is None
    [said] = caplog.messages
    assert said.startswith(f"{tmp_path}/file/cache cannot be read: Not a directory")


def test_disk_below_its_floor_takes_back_what_it_lacks_and_keeps_nothing_new(tmp_path: Path) -> None:
    free = [1 << 40]
    kept = cache(tmp_path, free=lambda _: free[0])
    for key in "abc":
        kept.put(key, PICTURE)

    free[0] = (1 << 30) - BLOCK_BYTES - 1
    kept.give_way()
    assert [key for key in "abc" if key in kept] == ["c"]

    kept.put("d", PICTURE)
    assert kept.size_bytes == 0
    assert files(tmp_path) == []

    free[0] = 1 << 40
    kept.put("e", PICTURE)
    assert kept.get("e") == PICTURE


def test_without_a_folder_it_is_a_temporary_one_that_goes_at_the_end() -> None:
    kept = Cache(None, ROOM, min_free_bytes=0)
    kept.put("a", PICTURE)
    folder = kept._folder
    assert folder is not None
    assert kept.get("a") == PICTURE

    kept.close()

    assert not folder.exists()
