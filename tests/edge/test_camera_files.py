"""Pictures, folders and films played as cameras."""

import contextlib
import io
import os
import time
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from fakes import FakeClock
from shutterbus_edge.capture import Camera, Shot, open_camera
from shutterbus_edge.errors import CameraFinishedError, CameraUnavailableError
from shutterbus_edge.settings.capture import CaptureSettings

PHONE = Path(__file__).parent.parent / "data/two-halves.heic"
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


@pytest.mark.parametrize("name", ["IMG_0001.HEIC", "a.heif"])
def test_pictures_of_phones_count_alone_and_in_a_folder(name: str, tmp_path: Path) -> None:
    """What the decoder pads to whole blocks is not shown: 64 x 48, red at the left and blue at the right."""
    photo = tmp_path / name
    photo.write_bytes(PHONE.read_bytes())
    for source in (photo, tmp_path):
        with contextlib.closing(opened(f"file-once:{source}")) as camera:
            image = Image.open(io.BytesIO(camera.capture(Shot(0)).jpeg))
        assert image.size == (64, 48)
        left, right = image.getpixel((8, 24)), image.getpixel((56, 24))
        assert isinstance(left, tuple)
        assert isinstance(right, tuple)
        assert left[0] > 150 > left[2]
        assert right[2] > 150 > right[0]


def test_what_is_passed_over_is_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "b.jpg").write_bytes(jpeg(90))
    with contextlib.closing(opened(f"file:{tmp_path}")) as camera:
        for _ in range(5):
            camera.capture(Shot(0))
    assert len(caplog.messages) == 1


def test_one_date_that_cannot_be_costs_its_time_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera with an empty battery writes 1970, which in Japan was before the epoch."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    for name, date in (
        ("a", "2026:05:01 10:00:00"),
        ("b", "1970:01:01 00:00:12"),
        ("c", "2026:05:01 10:00:10"),
    ):
        (tmp_path / f"{name}.jpg").write_bytes(jpeg(90, DateTimeOriginal=date))
    os.utime(tmp_path / "b.jpg", (TAKEN_S, TAKEN_S))
    with contextlib.closing(opened(f"file-once:{tmp_path}")) as camera:
        taken = [camera.capture(Shot(0)).captured_at_us // 1_000_000 for _ in range(3)]
    monkeypatch.undo()
    time.tzset()
    assert taken == [1_777_597_200, TAKEN_S, 1_777_597_210]
    assert caplog.messages == [
        "b.jpg says it was taken at 1970:01:01 00:00:12, which is before 1970; the time of the file is used instead"
    ]


def test_a_picture_that_is_converted_keeps_its_time_too(tmp_path: Path) -> None:
    image = Image.new("RGB", (16, 8))
    exif = image.getexif()
    exif[ExifTags.Base.Make] = "Pillow writes none without a tag here"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2020:09:13 12:26:40"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.OffsetTimeOriginal] = "Z"
    image.save(tmp_path / "a.png", exif=exif)
    with contextlib.closing(opened(f"file-once:{tmp_path}")) as camera:
        assert camera.capture(Shot(0)).captured_at_us == TAKEN_S * 1_000_000


def ramp(mode: str, white: float) -> Image.Image:
    """Return a picture that goes from black at the left to *white* at the right."""
    image = Image.new(mode, (256, 8))
    for x in range(256):
        value = white * x / 255
        for y in range(8):
            image.putpixel((x, y), value if mode == "F" else round(value))
    return image


@pytest.mark.parametrize(
    ("mode", "white", "suffix"),
    [
        ("I;16", 65_535, "png"),
        ("I;16", 65_535, "tif"),
        ("I", 65_535, "tif"),
        ("F", 1.0, "tif"),
        ("L", 255, "png"),
    ],
)
def test_more_than_eight_bits_keep_their_proportions(
    mode: str, white: float, suffix: str, tmp_path: Path
) -> None:
    ramp(mode, white).save(tmp_path / f"a.{suffix}")
    with contextlib.closing(opened(f"file:{tmp_path}", quality=95)) as camera:
        grey = Image.open(io.BytesIO(camera.capture(Shot(0)).jpeg)).convert("L")
    for x in (0, 64, 127, 191, 255):
        assert grey.getpixel((x, 4)) == pytest.approx(x, abs=4)


def test_values_that_nothing_says_the_white_of_are_passed_over_with_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ramp("F", 300.0).save(tmp_path / "a.tif")
    (tmp_path / "b.jpg").write_bytes(jpeg(90))
    with contextlib.closing(opened(f"file:{tmp_path}")) as camera:
        assert camera.capture(Shot(0)).camera_metadata["File"] == "b.jpg"
    assert caplog.messages == [
        (
            "a.tif is passed over: its values go from 0 to 300, and what is white is not said; 8 or 16 bits a colour are "
            "expected, or values from 0 to 1"
        )
    ]


def test_a_film_of_jpegs_is_passed_through_picture_by_picture(tmp_path: Path) -> None:
    """Also where its name says nothing, with a torn picture in it, and with thumbnails that are JPEGs of their own."""
    whole = [jpeg(shade, ImageDescription=jpeg(shade).hex()) for shade in (10, 90, 200)]
    (tmp_path / "film").write_bytes(whole[0] + whole[1] + whole[1][:-30] + whole[2])
    with contextlib.closing(opened(f"file-once:{tmp_path / 'film'}")) as camera:
        assert [camera.capture(Shot(0)).jpeg for _ in range(3)] == whole
        with pytest.raises(CameraFinishedError):
            camera.capture(Shot(0))
    with contextlib.closing(opened(f"file:{tmp_path / 'film'}", framerate=4)) as camera:
        numbers = [camera.capture(Shot(0)).camera_metadata["FrameNumber"] for _ in range(4)]
        assert (numbers, camera.natural_rate) == ([0, 1, 2, 0], 4)


def test_a_photograph_with_a_second_view_of_itself_is_one_picture(tmp_path: Path) -> None:
    """What phones and stereo cameras write (Multi-Picture Format) is no film."""
    file = io.BytesIO()
    image = Image.new("L", (16, 8), 90)
    image.save(file, "MPO", save_all=True, append_images=[image])
    (tmp_path / "a.jpg").write_bytes(file.getvalue())
    with contextlib.closing(opened(f"file-once:{tmp_path / 'a.jpg'}")) as camera:
        assert camera.capture(Shot(0)).jpeg == file.getvalue()
        with pytest.raises(CameraFinishedError):
            camera.capture(Shot(0))


def test_folders_in_a_folder_are_said_not_to_be_played(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(90))
    (tmp_path / "older").mkdir()
    with contextlib.closing(opened(f"file:{tmp_path}")) as camera:
        assert camera.notes == (f"{tmp_path}: what is in its 1 folders is not played",)


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
