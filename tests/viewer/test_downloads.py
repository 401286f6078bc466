"""Many frames as one zip: its length is known before, and what is missing is said or ends it."""

import asyncio
import gc
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from shutterbus_viewer.errors import ArchiveUnreadableError, FrameGoneError, TooLargeError, TooManyError
from shutterbus_viewer.history.downloads import PIECE_BYTES, Download, Downloads, Row
from shutterbus_viewer.show.zip import ZipResponse
from viewer.fakes_viewer import EPOCH, jpeg, png

FIRST_US = 1_764_283_369_123_456


def row(folder: Path, number: int, data: bytes = b"", suffix: str = ".jpg") -> Row:
    """Return a frame and its file."""
    path = folder / f"{number}{suffix}"
    path.write_bytes(data or jpeg(64, 48, 10 + number))
    return Row(FIRST_US + number * 1_000_000, f"{EPOCH}-{number}", str(path), path.stat().st_size)


def rows(folder: Path, count: int) -> list[Row]:
    return [row(folder, number) for number in range(count)]


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_pictures_are_in_it_byte_for_byte_in_order_of_time(tmp_path: Path) -> None:
    frames = [*rows(tmp_path, 3), row(tmp_path, 3, png(), ".png")]

    files = unpacked(b"".join(Download("gate", frames)))

    assert (
        list(files)
        == sorted(files)
        == [
            f"gate-20251127T224249.123456Z_{EPOCH}-0.jpg",
            f"gate-20251127T224250.123456Z_{EPOCH}-1.jpg",
            f"gate-20251127T224251.123456Z_{EPOCH}-2.jpg",
            f"gate-20251127T224252.123456Z_{EPOCH}-3.png",
        ]
    )
    assert list(files.values()) == [Path(frame.path).read_bytes() for frame in frames]


@pytest.mark.parametrize("count", [0, 1, 100])
def test_length_is_known_before(tmp_path: Path, count: int) -> None:
    download = Download("gate", rows(tmp_path, count))

    assert download.frames == count
    assert download.size_bytes == len(b"".join(download))


def test_nothing_is_compressed(tmp_path: Path) -> None:
    """Pictures are already."""
    data = b"".join(Download("gate", rows(tmp_path, 2)))

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {file.compress_type for file in archive.infolist()} == {zipfile.ZIP_STORED}


def test_frame_that_is_missing_at_the_start_is_named_in_a_text(tmp_path: Path) -> None:
    frames = rows(tmp_path, 3)
    Path(frames[1].path).unlink()

    download = Download("gate", iter(frames))
    files = unpacked(b"".join(download))

    missing = f"gate-20251127T224250.123456Z_{EPOCH}-1.jpg"
    assert (download.frames, download.missing) == (2, 1)
    assert missing not in files
    assert (
        files["MISSING.txt"].decode()
        == f"{missing}, {frames[1].size_bytes} bytes, is not in the store any more\n"
    )


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_bytes(b"shorter")])
def test_frame_that_goes_or_changes_meanwhile_breaks_it_off(tmp_path: Path, change: Any) -> None:
    frames = [row(tmp_path, number, bytes(PIECE_BYTES)) for number in range(3)]
    download = Download("gate", frames)
    change(Path(frames[2].path))
    got: list[bytes] = []

    with pytest.raises(FrameGoneError, match="a picture went while it was downloaded"):
        got.extend(download)

    assert 2 * PIECE_BYTES <= sum(map(len, got)) < download.size_bytes


def test_pieces_are_neither_tiny_nor_large(tmp_path: Path) -> None:
    """A piece is a trip to another thread and a call of the network."""
    download = Download("gate", [*rows(tmp_path, 200), row(tmp_path, 200, bytes(4 * PIECE_BYTES))])

    sizes = [len(piece) for piece in download]

    assert all(PIECE_BYTES <= size < 2 * PIECE_BYTES for size in sizes[:-1])


def test_more_than_a_zip_may_hold_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        TooLargeError, match="more than 2 pictures do not go into one zip: choose a shorter time"
    ):
        Download("gate", rows(tmp_path, 3), frames_max=2)
    assert Download("gate", rows(tmp_path, 2), frames_max=2).frames == 2


def begin(downloads: Downloads, user: str, frames: Any = ()) -> Download:
    return asyncio.run(downloads.begin(user, "gate", frames))


def test_third_of_a_user_and_fifth_of_all_are_refused() -> None:
    downloads = Downloads()
    kept = [begin(downloads, user) for user in ("ann", "ann", "bob")]
    with pytest.raises(TooManyError, match="2 downloads of ann are running; wait for one, or end it"):
        begin(downloads, "ann")
    kept.append(begin(downloads, "cid"))
    with pytest.raises(TooManyError, match="4 downloads are running; try again when one has ended"):
        begin(downloads, "bob")

    kept[0].close()
    kept[0].close()

    kept.append(begin(downloads, "bob"))
    with pytest.raises(TooManyError):
        begin(downloads, "ann")


def test_place_of_a_download_that_nobody_closed_is_free_again() -> None:
    """As of a request that is given up before its answer begins."""
    downloads = Downloads(per_user=1)
    begin(downloads, "ann")
    gc.collect()

    begin(downloads, "ann").close()


def test_place_of_a_download_that_cannot_begin_is_free_again(tmp_path: Path) -> None:
    def unreadable() -> Iterator[Row]:
        yield row(tmp_path, 0)
        raise ArchiveUnreadableError("the catalog is locked")

    downloads = Downloads(per_user=1, frames_max=1)
    for frames, error in ((unreadable(), ArchiveUnreadableError), (rows(tmp_path, 2), TooLargeError)):
        with pytest.raises(error):
            begin(downloads, "ann", frames)

    begin(downloads, "ann").close()


ended: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_has_ended() -> None:
    ended.clear()


def served(downloads: Downloads, frames: list[Row], during: Any = lambda: None) -> TestClient:
    async def route(_: Any) -> ZipResponse:
        download = await downloads.begin("ann", "gate", frames)
        during()
        return ZipResponse(download, "gate-2026-11-27.zip", lambda: ended.append("ended"))

    return TestClient(Starlette(routes=[Route("/frames.zip", route)]))


def test_browser_is_told_length_and_name_and_the_place_is_free_afterwards(tmp_path: Path) -> None:
    http = served(Downloads(per_user=1), rows(tmp_path, 3))

    for _ in range(2):
        answer = http.get("/frames.zip")
        assert answer.headers["content-length"] == str(len(answer.content))
        assert answer.headers["content-disposition"] == 'attachment; filename="gate-2026-11-27.zip"'
        assert len(unpacked(answer.content)) == 3
    assert ended == ["ended"] * 2


def test_place_is_free_after_a_download_that_broke_off(tmp_path: Path) -> None:
    frames = rows(tmp_path, 2)
    downloads = Downloads(per_user=1)
    http = served(downloads, frames, Path(frames[1].path).unlink)

    with pytest.raises(FrameGoneError):
        http.get("/frames.zip")

    assert ended == ["ended"]
    begin(downloads, "ann").close()
