"""What CAMERA_SOURCE may say, and the sentence for what it may not."""

import pytest

from shutterbus_edge.capture import Address, not_applied, open_camera, parse_address
from shutterbus_edge.errors import CameraUnavailableError, MisconfiguredError
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.clock import SystemClock


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("testcard", Address("testcard", "")),
        (" TestCard:640x480 ", Address("testcard", "640x480")),
        ("v4l2:/dev/video2", Address("v4l2", "/dev/video2")),
        ("picamera2:1", Address("picamera2", "1")),
        ("file:/films/a: b?c.avi", Address("file", "/films/a: b?c.avi")),
        ("file-once:/card", Address("file-once", "/card")),
    ],
)
def test_an_address_is_a_scheme_and_a_rest(text: str, address: Address) -> None:
    """The rest is the source's own business, question marks and colons in file names included."""
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("testcrd", "did you mean testcard?"),
        ("picamera", "did you mean picamera2?"),
        ("v4l:/dev/video0", "did you mean v4l2?"),
        ("/home/pi/film.mp4", "did you mean file:/home/pi/film.mp4?"),
        ("rtsp://camera/1", "rtsp cameras are not in this version"),
        ("http://camera/still.jpg", "http cameras are not in this version"),
        ("file:", "say which file"),
        ("", "there is no source ''"),
    ],
)
def test_an_address_that_means_nothing_is_answered_by_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(MisconfiguredError) as refused:
        parse_address(text)
    assert sentence in str(refused.value)
    assert str(refused.value).startswith(f"CAMERA_SOURCE={text}")


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("v4l2:/dev/video77", "there is no /dev/video77"),
        ("file:/nowhere/at/all", "/nowhere/at/all cannot be read"),
        ("picamera2", "sudo apt install python3-picamera2"),
    ],
)
def test_a_camera_that_is_not_there_says_what_to_do(address: str, sentence: str) -> None:
    """It may come later: a stick that is mounted, a cable that is plugged in."""
    if address == "picamera2":
        try:
            import picamera2  # noqa: F401 (a Pi has it)
        except ImportError:
            pass
        else:
            return
    with pytest.raises(CameraUnavailableError) as refused:
        open_camera(address, CaptureSettings(), SystemClock())
    assert sentence in str(refused.value)


def test_settings_without_effect_have_the_name_that_the_user_used() -> None:
    """Not that of a field he has never seen; and a control counts with all controls."""
    picture = CaptureSettings(
        led=True,
        quality=70,
        controls={"Lux": 1},
        given={
            "led": "PICAMERA_LED",
            "quality": "PICAMERA_QUALITY",
            "controls.Lux": "PICAMERA2_CONTROLS_LUX",
        },
    )
    assert not_applied(picture, frozenset({"quality"})) == ["PICAMERA2_CONTROLS_LUX", "PICAMERA_LED"]
    assert not_applied(picture, frozenset({"quality", "controls"})) == ["PICAMERA_LED"]


def test_a_text_for_exif_has_its_effect_with_every_source_if_it_names_a_tag() -> None:
    """It is written behind the camera."""
    given = {f"exif_tags.{name}": f"PICAMERA_EXIF_TAGS__{name}" for name in ("IFD0.Artist", "GPS.Speed")}
    picture = CaptureSettings(exif_tags={"IFD0.Artist": "Ada", "GPS.Speed": "9"}, given=given)

    assert not_applied(picture, frozenset()) == ["PICAMERA_EXIF_TAGS__GPS.Speed"]
