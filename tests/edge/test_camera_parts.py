"""The arithmetic behind the cameras: turning, fitting, mending MJPEG, and settings as controls."""

import io
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from shutterbus_edge.capture.fit import Fit
from shutterbus_edge.capture.mjpeg import HUFFMAN_TABLES, whole_jpeg
from shutterbus_edge.capture.orientation import orientation
from shutterbus_edge.capture.picamera2_controls import APPLIED, ask, json_facts, offered
from shutterbus_edge.capture.pixels import Annotation, turned
from shutterbus_edge.capture.v4l2 import VIDIOC_QUERYCTRL, VIDIOC_S_CTRL, apply_controls
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.jpeg import segments


@pytest.mark.parametrize("own", range(1, 9))
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("flips", [(False, False), (True, False), (False, True), (True, True)])
def test_orientation_shows_what_turned_pixels_show(own: int, rotation: Any, flips: tuple[bool, bool]) -> None:
    """Pillow is the judge: a picture turned by EXIF looks like one whose pixels were turned."""
    picture = CaptureSettings(rotation=rotation, hflip=flips[0], vflip=flips[1])
    source = Image.frombytes("L", (2, 3), bytes(range(6)))

    def shown(value: int) -> Image.Image:
        copy = source.copy()
        copy.getexif()[0x0112] = value
        return ImageOps.exif_transpose(copy)

    by_exif = shown(orientation(picture, own) or own)
    by_pixels = turned(shown(own), picture)
    assert (by_exif.size, by_exif.tobytes()) == (by_pixels.size, by_pixels.tobytes())


def test_the_number_drawn_into_a_picture_is_the_one_that_its_shot_has() -> None:
    """It is drawn anew for each, in front of the text; a text alone is drawn once."""
    numbered = Annotation(CaptureSettings(annotate_text="GATE", annotate_frame_num=True))
    lettered = Annotation(CaptureSettings(annotate_text="385 GATE"))

    [seven, of_frame, as_text] = [
        label.tobytes()
        for label in (numbered.label(640, 7), numbered.label(640, 385), lettered.label(640, 9))
        if label
    ]
    assert seven != of_frame == as_text
    assert lettered.label(640, 10) is lettered.label(640, 11)
    assert Annotation(CaptureSettings()).label(640, 7) is None


def test_a_picture_over_the_limit_loses_quality_first_then_size() -> None:
    """And the next one begins where this one ended."""
    tried: list[tuple[int, float]] = []

    def encoder(quality: int, scale: float) -> bytes:
        tried.append((quality, scale))
        return bytes(round(quality * 100 * scale * scale))

    fit = Fit(85)
    assert len(fit.encode(encoder, None)) == 8500
    assert len(fit.encode(encoder, 4000)) <= 4000
    assert tried == [(85, 1), (85, 1), (75, 1), (65, 1), (55, 1), (45, 1), (35, 1)]
    assert len(fit.encode(encoder, 1000)) <= 1000
    assert tried[7:] == [(35, 1), (35, 0.75), (35, 0.5)]
    assert len(fit.encode(encoder, 1000)) <= 1000
    assert tried[10:] == [(35, 0.5)]


def test_quality_comes_back_step_by_step_when_there_is_room() -> None:
    """A night picture is small; the day after must not stay coarse, nor be encoded twice each time."""
    fit = Fit(85)
    busy, quiet = 100, 20
    detail = busy
    sizes: list[int] = []

    def encoder(quality: int, scale: float) -> bytes:
        sizes.append(quality)
        return bytes(round(quality * detail * scale * scale))

    fit.encode(encoder, 5000)
    detail = quiet
    sizes.clear()
    for _ in range(10):
        fit.encode(encoder, 5000)
    assert sizes == [45, 55, 65, 75, 85, 85, 85, 85, 85, 85]


def test_what_can_never_fit_is_handed_over_all_the_same() -> None:
    """The spool sets it aside with both numbers named; an endless loop would stop the camera."""
    assert Fit(85).encode(lambda quality, scale: bytes(1000), 10) == bytes(1000)


def _webcam_jpeg() -> bytes:
    """Return a JPEG with the standard Huffman tables, as webcams use them."""
    file = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(file, "JPEG", quality=80, optimize=False)
    return file.getvalue()


def _without_tables(jpeg: bytes) -> bytes:
    kept = [jpeg[:2]]
    at = 2
    for segment in segments(jpeg):
        if segment.marker == 0xC4:
            kept.append(jpeg[at : segment.start])
            at = segment.end
    return b"".join([*kept, jpeg[at:]])


def test_missing_huffman_tables_are_put_in_and_nothing_else_is_changed() -> None:
    jpeg = _webcam_jpeg()
    bare = _without_tables(jpeg)
    assert len(bare) < len(jpeg)

    mended = whole_jpeg(bare)

    assert mended.replace(HUFFMAN_TABLES, b"") == bare
    assert Image.open(io.BytesIO(mended)).tobytes() == Image.open(io.BytesIO(jpeg)).tobytes()


def test_a_whole_picture_loses_only_the_padding_behind_it() -> None:
    """Drivers hand over their whole buffer."""
    jpeg = _webcam_jpeg()
    assert whole_jpeg(jpeg) == jpeg
    assert whole_jpeg(jpeg + bytes(1000)) == jpeg


def test_what_the_buffer_held_behind_the_end_is_cut() -> None:
    """Of an earlier picture, whose end may be there too."""
    jpeg = _webcam_jpeg()
    assert whole_jpeg(jpeg + jpeg[-7:]) == jpeg
    assert whole_jpeg(jpeg + jpeg) == jpeg


@pytest.mark.parametrize("torn", [b"", b"\xff\xd8", _webcam_jpeg()[:-2], _webcam_jpeg()[:400], bytes(1000)])
def test_a_torn_picture_is_refused(torn: bytes) -> None:
    with pytest.raises(MalformedError):
        whole_jpeg(torn)


def test_webcam_controls_are_spread_over_the_range_of_the_device(tmp_path: Path) -> None:
    """Neutral is the device's default, the ends are its ends; what it has not is not applied."""
    device = tmp_path / "video"
    device.touch()
    written: dict[int, int] = {}

    def control(_: int, request: int, argument: bytes) -> bytes:
        if request == VIDIOC_S_CTRL:
            number, value = struct.unpack("Ii", argument)
            written[number] = value
            return argument
        assert request == VIDIOC_QUERYCTRL
        assert len(argument) == 68  # or the kernel would write past its end
        number = struct.unpack_from("I", argument)[0]
        if number == 0x0098091B:
            raise OSError(22, "Invalid argument")
        # Brightness from -64 to 64, the others from 0 to 100 with 32 as default.
        low, high, default = (-64, 64, 0) if number == 0x00980900 else (0, 100, 32)
        return struct.pack("II32siiiiI8x", number, 1, b"name", low, high, 1, default, 0)

    picture = CaptureSettings(brightness=75, contrast=-100, saturation=100, sharpness=10)
    assert apply_controls(str(device), picture, control) == {"brightness", "contrast", "saturation"}
    assert written == {0x00980900: 32, 0x00980901: 0, 0x00980902: 100}


EVERYTHING: dict[str, tuple[Any, Any, Any]] = {
    "AnalogueGain": (1.0, 16.0, 1.0),
    "ExposureTime": (100, 200_000_000, 20_000),
    "ExposureValue": (-8.0, 8.0, 0.0),
    "FrameDurationLimits": (33_333, 120_000_000, None),
    "Brightness": (-1.0, 1.0, 0.0),
    "Contrast": (0.0, 32.0, 1.0),
    "Saturation": (0.0, 32.0, 1.0),
    "Sharpness": (0.0, 16.0, 1.0),
    "AeMeteringMode": (0, 3, 0),
    "AeExposureMode": (0, 3, 0),
    "AeConstraintMode": (0, 3, 0),
    "AwbMode": (0, 7, 0),
    "AwbEnable": (False, True, True),
    "AeEnable": (False, True, True),
    "ColourGains": (0.0, 32.0, None),
    "NoiseReductionMode": (0, 4, 0),
}


@pytest.mark.parametrize(
    ("settings", "controls"),
    [
        ({"iso": 400}, {"AnalogueGain": 4.0}),
        ({"iso": 0}, {}),
        ({"framerate": 5}, {"FrameDurationLimits": (200_000, 200_000)}),
        ({"framerate": 5, "framerate_delta": 5}, {"FrameDurationLimits": (100_000, 100_000)}),
        ({"framerate_range": (0.5, 20)}, {"FrameDurationLimits": (50_000, 2_000_000)}),
        (
            {"framerate": 10, "shutter_speed_us": 3_000_000},
            {"FrameDurationLimits": (100_000, 3_000_000), "ExposureTime": 3_000_000},
        ),
        ({"exposure_compensation": -12}, {"ExposureValue": -2.0}),
        ({"brightness": 75, "contrast": -50}, {"Brightness": 0.5, "Contrast": 0.5}),
        ({"saturation": -100, "sharpness": 100}, {"Saturation": 0.0, "Sharpness": 2.0}),
        ({"color_effects": (128, 128)}, {"Saturation": 0.0}),
        ({"meter_mode": "spot"}, {"AeMeteringMode": 1}),
        ({"exposure_mode": "sports"}, {"AeExposureMode": 1}),
        ({"exposure_mode": "backlight"}, {"AeConstraintMode": 2}),
        ({"awb_mode": "cloudy"}, {"AwbMode": 6}),
        ({"awb_mode": "off", "awb_gains": (1.5, 1.2)}, {"ColourGains": (1.5, 1.2)}),
        ({"image_denoise": True}, {"NoiseReductionMode": 2}),
        ({"video_denoise": False}, {"NoiseReductionMode": 0}),
        ({"controls": {"AeEnable": False}}, {"AeEnable": False}),
        ({"controls": {"AeMeteringMode": "Spot"}}, {"AeMeteringMode": 1}),
    ],
)
def test_settings_of_the_older_library_become_controls(
    settings: dict[str, Any], controls: dict[str, Any]
) -> None:
    """The table of both libraries, row by row."""
    picture = CaptureSettings.model_validate(settings)
    assert offered(ask(picture).wishes, EVERYTHING, picture, lambda control, word: 1) == (controls, [])
    assert set(settings) <= APPLIED


def test_a_value_out_of_range_is_brought_into_it_and_said() -> None:
    picture = CaptureSettings(
        iso=3200, framerate=60, given={"iso": "PICAMERA_ISO", "framerate": "PICAMERA_FRAMERATE"}
    )
    controls, notes = offered(ask(picture).wishes, EVERYTHING, picture, lambda control, word: 0)
    assert controls == {"AnalogueGain": 16.0, "FrameDurationLimits": (33_333, 33_333)}
    assert notes == [
        "PICAMERA_FRAMERATE: FrameDurationLimits (16667, 16667) became (33333, 33333), which this camera allows",
        "PICAMERA_ISO: AnalogueGain 32 became 16, which this camera allows",
    ]


def test_what_is_switched_off_is_frozen_after_it_has_settled() -> None:
    """The older library froze the gains it had found; frozen at the start, they would be nobody's."""
    asked = ask(CaptureSettings(exposure_mode="off", awb_mode="off"))
    assert asked.wishes == []
    assert [(wish.control, wish.value) for wish in asked.frozen] == [
        ("AeEnable", False),
        ("AwbEnable", False),
    ]


def test_modes_without_equal_are_named() -> None:
    asked = ask(CaptureSettings(exposure_mode="snow", awb_mode="greyworld", color_effects=(1, 2)))
    assert len(asked.notes) == 3


def test_facts_of_a_camera_are_plain_and_small() -> None:
    """Its statistics are 20 kB a picture, and some values are objects of its own."""
    camera_metadata = {
        "ExposureTime": 1000,
        "ColourGains": (1.5, 1.25),
        "Statistics": list(range(1000)),
        "Object": object(),
        "Lux": float("nan"),
        **{f"Name{number}": "x" * 200 for number in range(100)},
    }
    metadata = json_facts(camera_metadata)
    assert metadata["ExposureTime"] == 1000
    assert metadata["ColourGains"] == [1.5, 1.25]
    assert not {"Statistics", "Object", "Lux"} & set(metadata)
    assert len(str(metadata)) < 3500
