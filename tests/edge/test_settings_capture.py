"""Capture settings of both camera libraries, as users of either write them."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from shutterbus_edge.settings.capture import CaptureSettings, control_name


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("QVGA", (320, 240)),
        ("qvga", (320, 240)),
        ("4K", (3840, 2160)),
        ("4k", (3840, 2160)),
        ("2K", (1920, 1080)),
        ("720p", (1280, 720)),
        ("XGA", (1024, 768)),
        ("640x480", (640, 480)),
        ("1280 X 720", (1280, 720)),
        ("(640x480)", (640, 480)),
        ("(640,480)", (640, 480)),
    ],
)
def test_sizes_of_both_eras(text: str, size: tuple[int, int]) -> None:
    assert CaptureSettings.model_validate({"size_px": text}).size_px == size


@pytest.mark.parametrize("text", ["640", "0x480", "VGAA", "640x480x3", "99999x1"])
def test_what_is_no_size_is_answered_with_one(text: str) -> None:
    with pytest.raises(ValidationError, match="1280x720"):
        CaptureSettings.model_validate({"size_px": text})


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("hflip", "1", True),
        ("hflip", "False", False),
        ("rotation", "90", 90),
        ("rotation", "-90", 270),
        ("zoom", "(0.25,0.25,0.5,0.5)", (0.25, 0.25, 0.5, 0.5)),
        ("awb_gains", "1.5,1.2", (1.5, 1.2)),
        ("awb_gains", "1.5", (1.5, 1.5)),
        ("framerate", "1/2", 0.5),
        ("framerate_range", "(1, 30)", (1, 30)),
        ("annotate_text", "2024.10", "2024.10"),
        ("annotate_text", "", ""),
        ("awb_mode", "SunLight", "sunlight"),
        ("colour_space", "sycc", "Sycc"),
        ("exposure_compensation", "-25", -25),
    ],
)
def test_values_that_the_seed_mangled(field: str, text: str, value: Any) -> None:
    assert getattr(CaptureSettings.model_validate({field: text}), field) == value


@pytest.mark.parametrize(
    ("field", "text"),
    [("rotation", "45"), ("zoom", "(0,0,2,1)"), ("zoom", "(0,0,0,1)"), ("framerate_range", "(30,1)"), ("awb_gains", "(1,99)"), ("brightness", "101"), ("quality", "0")],
)  # fmt: skip
def test_values_out_of_range_are_refused(field: str, text: str) -> None:
    with pytest.raises(ValidationError):
        CaptureSettings.model_validate({field: text})


def test_controls_are_named_and_typed() -> None:
    controls = CaptureSettings.model_validate(
        {
            "controls": {
                "AE_ENABLE": "false",
                "exposure_time": "20000",
                "COLOUR_GAINS": "(1.5, 2)",
                "AF_MODE": "Continuous",
                "LensPosition": "0.5",
                "AF_WINDOWS": "[(1,2,3,4)]",
            }
        }
    ).controls

    assert controls["AeEnable"] is False
    assert controls["ExposureTime"] == 20_000
    assert controls["ColourGains"] == [1.5, 2]
    assert controls["AfMode"] == "Continuous"
    assert controls["LensPosition"] == 0.5


def test_control_names() -> None:
    assert control_name("AE_ENABLE") == "AeEnable"
    assert control_name("brightness") == "Brightness"
    assert control_name("AeEnable") == "AeEnable"


def test_exposure_extends_the_deadline_of_a_shot() -> None:
    assert CaptureSettings(shutter_speed_us=6_000_000).exposure_s == 6
    assert CaptureSettings(controls={"ExposureTime": 2_000_000}).exposure_s == 2
    assert CaptureSettings().exposure_s == 0


@given(
    st.builds(
        CaptureSettings,
        size_px=st.none() | st.tuples(st.integers(1, 9999), st.integers(1, 9999)),
        rotation=st.sampled_from([0, 90, 180, 270]),
        awb_gains=st.none() | st.tuples(st.floats(0, 32), st.floats(0, 32)),
        controls=st.dictionaries(
            st.sampled_from(["AeEnable", "Gain"]), st.booleans() | st.integers(-99, 99) | st.text(max_size=5)
        ),
        given=st.dictionaries(st.sampled_from(["iso", "zoom"]), st.text(max_size=9)),
    )
)
@example(CaptureSettings(controls={"AeEnable": "NaN", "Gain": "-Infinity"}))
def test_settings_reach_the_capture_process_unchanged(settings: CaptureSettings) -> None:
    """They travel to it as JSON."""
    assert CaptureSettings.model_validate_json(settings.model_dump_json()) == settings


@given(st.text(max_size=5))
@example("\x0c")
@example("0[\x85")
def test_control_that_was_read_is_read_no_further(text: str) -> None:
    controls = CaptureSettings.model_validate({"controls": {"X": text}}).controls
    assert CaptureSettings.model_validate({"controls": controls}).controls == controls


@given(st.text(max_size=20))
def test_any_text_is_a_control(text: str) -> None:
    """The camera knows its controls; here every value is passed on as what it looks like."""
    assert "X" in CaptureSettings.model_validate({"controls": {"x": text}}).controls
