"""Pictures, folders and films played as cameras."""

import contextlib
import io
import os
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from fakes import FakeClock
from shutterbus_edge.capture import Camera, Shot, open_camera
from shutterbus_edge.errors import CameraFinishedError, CameraUnavailableError
from shutterbus_edge.settings.capture import CaptureSettings

TAKEN_S = 1_600_000_000


def jpeg(shade: int, **exif: object) -> bytes:
    """Return a small JPEG with the EXIF tags given by name."""
    image = Image.new("L", (16, 8), shade)
    tags = image.getexif()
    for name, value in exif.items():
        if name == "Orientation":
            tags[ExifTags.Base.Orientation] = value
        else:
            tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base[name]] = value
    file = io.BytesIO()
    image.save(file, "JPEG", exif=tags)
    return file.getvalue()


def opened(address: str, **settings: object) -> Camera:
    return open_camera(address, CaptureSettings.model_validate(settings), FakeClock())


def test_a_jpeg_is_passed_through_untouched(tmp_path: Path) -> None:
    """Whatever is set: what the camera made is what is kept, and a limit is for the spool to enforce."""
    data = jpeg(90)
    (tmp_path / "a.jpg").write_bytes(data)
    with contextlib.closing(opened(f"file:{tmp_path}", quality=5, hflip=True)) as camera:
        picture = camera.capture(Shot(0, 10))
        assert picture.jpeg == data
        assert picture.orientation == 2
        assert not {"quality", "size_px"} & camera.applied


def test_a_turn_is_added_to_the_turn_that_a_picture_has(tmp_path: Path) -> None:
    """A phone's portrait (6, a quarter turn) turned by half a turn is 8."""
    (tmp_path / "a.jpg").write_bytes(jpeg(90, Orientation=6))
    with contextlib.closing(opened(f"file:{tmp_path}", rotation=180)) as camera:
        assert camera.capture(Shot(0)).orientation == 8
    with contextlib.closing(opened(f"file:{tmp_path}")) as camera:
        assert camera.capture(Shot(0)).orientation is None, "its own stays"


def test_a_folder_goes_round_in_the_order_of_names_and_sees_what_is_new(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.jpg").write_bytes(jpeg(90))
    with contextlib.closing(opened(f"file:{tmp_path}")) as camera:
        seen = [camera.capture(Shot(0)).camera_metadata["File"] for _ in range(3)]
        (tmp_path / "c.png").write_bytes(b"no picture")
        (tmp_path / "d.jpeg").write_bytes(jpeg(90))
        seen += [camera.capture(Shot(0)).camera_metadata["File"] for _ in range(4)]
    assert seen == ["a.jpg", "b.jpg", "a.jpg", "b.jpg", "a.jpg", "b.jpg", "d.jpeg"]


@pytest.mark.parametrize(
    ("exif", "at_us"),
    [
        (
            {
                "DateTimeOriginal": "2020:09:13 14:26:40",
                "OffsetTimeOriginal": "+02:00",
                "SubsecTimeOriginal": "25",
            },
            TAKEN_S * 1_000_000 + 250_000,
        ),
        ({"DateTimeOriginal": "    :  :     :  :  "}, 1_500_000_000_000_000),
        ({}, 1_500_000_000_000_000),
    ],
)
def test_a_folder_taken_once_keeps_the_time_of_each_picture(
    exif: dict[str, object], at_us: int, tmp_path: Path
) -> None:
    """EXIF's, else that of the file: a card brought home is not a picture of now."""
    (tmp_path / "a.jpg").write_bytes(jpeg(90, **exif))
    os.utime(tmp_path / "a.jpg", (1_500_000_000, 1_500_000_000))
    with contextlib.closing(opened(f"file-once:{tmp_path}")) as camera:
        picture = camera.capture(Shot(0))
        assert (picture.captured_at_us, picture.captured_at_source) == (at_us, "file")
        with pytest.raises(CameraFinishedError):
            camera.capture(Shot(0))


def test_torn_and_foreign_files_are_passed_over_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(90)[:-20])
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    (tmp_path / "c.jpg").write_bytes(jpeg(90))
    with contextlib.closing(opened(f"file-once:{tmp_path}")) as camera:
        assert camera.capture(Shot(0)).camera_metadata["File"] == "c.jpg"
    assert {message.split()[0] for message in caplog.messages} == {"a.jpg", "b.png"}


def test_a_folder_without_pictures_says_so(tmp_path: Path) -> None:
    with pytest.raises(CameraUnavailableError, match="there is no picture in"):
        opened(f"file:{tmp_path}")


def test_a_file_that_is_neither_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a film")
    with pytest.raises(CameraUnavailableError, match="neither a picture nor a film"):
        opened(f"file:{tmp_path / 'notes.txt'}")


def test_a_transparent_png_is_converted_turned_and_fitted(tmp_path: Path) -> None:
    Image.new("RGBA", (400, 200), (255, 0, 0, 128)).save(tmp_path / "a.png")
    with contextlib.closing(opened(f"file:{tmp_path}", size_px=(100, 100), rotation=90)) as camera:
        picture = camera.capture(Shot(0))
        assert camera.size_px == (50, 100) == Image.open(io.BytesIO(picture.jpeg)).size
        assert picture.orientation is None
