"""An hour's sheet: every minute in its place, upright, and nothing that one picture does harms the others."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shutterbus_viewer.history.sheets import Sheet, SheetFrame, sheet
from viewer import kept_files
from viewer.fakes_viewer import jpeg, png
from viewer.kept_files import frame, pixels, shade
from viewer.test_hostile_pictures import LARGE, claims
from viewer.test_thumbnails import marked

BUDGET_BYTES = 60_000_000


def made(*frames: SheetFrame) -> Sheet:
    return sheet(frames, BUDGET_BYTES)


def cell(made_sheet: Sheet, minute: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    row, column = divmod(minute, 10)
    width_px, height_px = made_sheet.width_px, made_sheet.height_px
    image = pixels(made_sheet.jpeg)
    assert image.shape[:2] == (6 * height_px, 10 * width_px)
    return image[row * height_px : (row + 1) * height_px, column * width_px : (column + 1) * width_px]


def is_black(area: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bool:
    return bool(area.mean() < 10)


def minutes(made_sheet: Sheet) -> list[int]:
    return [minute for minute, _, _ in made_sheet.minutes]


def test_every_minute_of_a_full_hour_is_in_its_place(tmp_path: Path) -> None:
    frames = [frame(tmp_path, minute) for minute in range(60)]

    whole = made(*frames)

    assert (whole.width_px, whole.height_px, whole.complete) == (160, 90, True)
    assert whole.minutes == tuple(each[:3] for each in frames)
    for minute in range(60):
        assert abs(float(cell(whole, minute)[50:80, 60:150].mean()) - shade(minute)) < 4


def test_minute_without_a_picture_stays_black_and_is_not_named(tmp_path: Path) -> None:
    two = made(frame(tmp_path, 3), frame(tmp_path, 59))

    assert two.layout == {
        "columns": 10,
        "rows": 6,
        "width": 160,
        "height": 90,
        "minutes": [
            [3, kept_files.HOUR_US + 180_000_000, "00000000000000aa-3"],
            [59, kept_files.HOUR_US + 3_540_000_000, "00000000000000aa-59"],
        ],
    }
    assert is_black(cell(two, 30))
    assert not is_black(cell(two, 59))


def test_hour_in_which_nothing_can_be_drawn_is_a_black_sheet() -> None:
    empty = made()

    assert (empty.width_px, empty.height_px, empty.minutes) == (160, 90, ())
    assert is_black(pixels(empty.jpeg))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_picture_of_every_orientation_is_upright(tmp_path: Path, orientation: int) -> None:
    """Its red corner is the upper left one."""
    upright = made(frame(tmp_path, 0, marked(orientation)))

    assert (upright.width_px, upright.height_px) == (120, 80)
    red = cell(upright, 0)[:, :, 2] > 128
    assert [bool(red[y, x]) for y in (8, -8) for x in (8, -8)] == [True, False, False, False]


def test_portrait_among_landscapes_stands_in_the_middle_of_its_cell(tmp_path: Path) -> None:
    mixed = made(frame(tmp_path, 0), frame(tmp_path, 1, jpeg(360, 640, 200)), frame(tmp_path, 2))

    assert (mixed.width_px, mixed.height_px) == (160, 90)
    portrait = cell(mixed, 1)
    assert is_black(portrait[:, :48])
    assert is_black(portrait[:, -48:])
    assert portrait[60:85, 62:98].mean() > 190
    assert minutes(mixed) == [0, 1, 2]


def test_landscape_among_portraits_stands_in_the_middle_of_its_cell(tmp_path: Path) -> None:
    portraits = [frame(tmp_path, minute, jpeg(360, 640, 200)) for minute in (0, 1)]

    mixed = made(*portraits, frame(tmp_path, 2))

    assert (mixed.width_px, mixed.height_px) == (90, 160)
    assert is_black(cell(mixed, 2)[:45])
    assert is_black(cell(mixed, 2)[-45:])


def test_camera_mounted_sideways_has_portrait_cells(tmp_path: Path) -> None:
    """What counts is how a picture is shown, not how its pixels lie in the file."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (640, 360), "grey").save(file, "JPEG", exif=exif)

    sideways = made(frame(tmp_path, 0, file.getvalue()))

    assert (sideways.width_px, sideways.height_px) == (90, 160)


def test_png_is_a_picture_like_any_other(tmp_path: Path) -> None:
    mixed = made(frame(tmp_path, 0), frame(tmp_path, 1, png(320, 180)))

    assert minutes(mixed) == [0, 1]
    assert abs(float(cell(mixed, 1).mean()) - 90) < 4


def test_picture_smaller_than_a_cell_is_not_made_larger(tmp_path: Path) -> None:
    small = made(frame(tmp_path, 0), frame(tmp_path, 1), frame(tmp_path, 2, jpeg(64, 48, 200)))

    assert is_black(cell(small, 2)[:, :44])
    assert cell(small, 2)[40:65, 70:105].mean() > 190


def test_picture_that_is_a_line_takes_no_more_than_a_cell(tmp_path: Path) -> None:
    line = made(frame(tmp_path, 0, jpeg(4, 4_000)), frame(tmp_path, 1))

    assert max(line.width_px, line.height_px) <= 160
    assert minutes(line) == [0, 1]


@pytest.mark.parametrize(
    "damaged",
    [
        jpeg(320, 180)[:-300],
        jpeg(320, 180)[:100],
        png(320, 180)[:60],
        b"",
        b"no picture at all",
        claims(LARGE, progressive=True) + bytes(300) + b"\xff\xd9",
        claims((320, 180), progressive=False) + b"\xff\xd9",
    ],
    ids=["torn", "torn in its header", "torn png", "empty", "text", "progressive bomb", "no tables"],
)
def test_picture_that_cannot_be_drawn_leaves_its_cell_empty_and_is_not_named(
    tmp_path: Path, damaged: bytes
) -> None:
    mixed = made(frame(tmp_path, 0), frame(tmp_path, 1, damaged), frame(tmp_path, 2))

    assert minutes(mixed) == [0, 2]
    assert is_black(cell(mixed, 1))
    assert mixed.complete, "it will be no better the next time"


def test_progressive_picture_that_fits_into_memory_is_drawn(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (1_280, 720), (90, 90, 90)).save(file, "JPEG", progressive=True)

    assert minutes(made(frame(tmp_path, 7, file.getvalue()))) == [7]


def test_file_that_is_gone_leaves_its_cell_empty_and_the_sheet_incomplete(tmp_path: Path) -> None:
    """A store that is not mounted for a moment must not be remembered as an empty hour."""
    frames = [frame(tmp_path, minute) for minute in range(3)]
    for minute in (0, 1):
        Path(frames[minute].path).unlink()
    Path(frames[1].path).mkdir()

    rest = made(*frames)

    assert minutes(rest) == [2]
    assert not rest.complete


def test_sheet_follows_from_its_frames_in_any_order(tmp_path: Path) -> None:
    frames = [frame(tmp_path, minute) for minute in (5, 0, 42)]

    assert made(*frames) == made(*reversed(frames))


def test_sheet_in_one_piece_is_read_back(tmp_path: Path) -> None:
    whole = made(frame(tmp_path, 0), frame(tmp_path, 1))

    assert Sheet.from_bytes(whole.to_bytes()) == whole


def test_each_frame_is_announced_before_it_is_read(tmp_path: Path) -> None:
    """So that the parent knows which one to blame."""
    frames = [frame(tmp_path, 0), frame(tmp_path, 1, b"torn"), frame(tmp_path, 2)]
    begun: list[SheetFrame] = []

    sheet(frames, BUDGET_BYTES, begun.append)

    assert begun == frames
