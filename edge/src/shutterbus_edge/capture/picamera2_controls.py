"""The older camera library's settings as libcamera's controls. Pure: what a camera offers is passed in.

Scales differ: where picamera counted from 0 to 100 around 50, libcamera multiplies around 1.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shutterbus_edge.capture.orientation import SETTINGS as TURNS
from shutterbus_edge.capture.pixels import Annotation
from shutterbus_edge.settings.capture import CaptureSettings

APPLIED = (
    frozenset(
        {
            "size_px", "framerate", "framerate_range", "framerate_delta", "quality", "zoom", "iso",
            "shutter_speed_us", "exposure_compensation", "exposure_mode", "meter_mode", "awb_mode", "awb_gains",
            "brightness", "contrast", "saturation", "sharpness", "image_denoise", "video_denoise", "color_effects",
            "sensor_mode", "camera_number", "pixel_format", "buffer_count", "colour_space", "controls",
        }
    )
    | TURNS
    | Annotation.SETTINGS
)  # fmt: skip

METERING = {"average": 2, "matrix": 2, "spot": 1, "backlit": 0, "centreweighted": 0, "custom": 3}
EXPOSURE = {
    "auto": 0, "normal": 0, "sports": 1, "antishake": 1, "short": 1, "custom": 3,
    "night": 2, "nightpreview": 2, "verylong": 2, "fireworks": 2, "long": 2,
}  # fmt: skip
CONSTRAINT = {"backlight": 2, "spotlight": 1, "snow": 1, "beach": 1}
WHITE_BALANCE = {
    "auto": 0, "incandescent": 1, "horizon": 1, "tungsten": 2, "fluorescent": 3, "indoor": 4, "sunlight": 5,
    "daylight": 5, "flash": 5, "cloudy": 6, "shade": 6, "custom": 7,
}  # fmt: skip
"""By the older name: the number of the mode in libcamera's enumeration (AeMeteringMode and so on)."""
APPROXIMATE = {
    "spotlight": "Highlight", "snow": "Highlight", "beach": "Highlight", "flash": "Daylight",
    "horizon": "Incandescent", "shade": "Cloudy",
}  # fmt: skip

LONGEST_FRAME_US = 1_000_000
FACTS_MAX_BYTES = 3000


@dataclass(frozen=True, slots=True)
class Wish:
    """A control to set, and the setting that asks for it."""

    control: str
    value: Any
    setting: str


@dataclass(slots=True)
class Asked:
    """What settings ask of a libcamera camera.

    Attributes:
        wishes: Controls from the first frame on.
        frozen: Controls once exposure and white balance have settled.
        sensor_mode: From 1; None or 0 chooses by size.
        notes: What has no true equivalent.
    """

    wishes: list[Wish] = field(default_factory=list)
    frozen: list[Wish] = field(default_factory=list)
    sensor_mode: int | None = None
    notes: list[str] = field(default_factory=list)


def ask(settings: CaptureSettings) -> Asked:
    """Return what *settings* mean to libcamera."""
    asked = Asked(sensor_mode=settings.sensor_mode)
    _timing(settings, asked)
    if settings.iso:
        _wish(asked, "AnalogueGain", settings.iso / 100, "iso")
    if settings.exposure_compensation is not None:
        _wish(asked, "ExposureValue", settings.exposure_compensation / 6, "exposure_compensation")
    if settings.brightness is not None:
        _wish(asked, "Brightness", (settings.brightness - 50) / 50, "brightness")
    for setting, control in (
        ("contrast", "Contrast"),
        ("saturation", "Saturation"),
        ("sharpness", "Sharpness"),
    ):
        if (percent := getattr(settings, setting)) is not None:
            _wish(asked, control, 1 + percent / 100, setting)
    if settings.color_effects is not None:
        if settings.color_effects == (128, 128):
            _wish(asked, "Saturation", 0.0, "color_effects")
        else:
            asked.notes.append(
                f"{_name(settings, 'color_effects')}: only (128, 128), grey, has an equivalent"
            )
    for setting, smooth in (("video_denoise", 1), ("image_denoise", 2)):
        if (denoise := getattr(settings, setting)) is not None:
            _wish(asked, "NoiseReductionMode", smooth if denoise else 0, setting)
    if settings.meter_mode:
        _wish(asked, "AeMeteringMode", METERING[settings.meter_mode], "meter_mode")
    _exposure(settings, asked)
    _white_balance(settings, asked)
    for name, value in settings.controls.items():
        _wish(asked, name, value, f"controls.{name}")
    return asked


def _wish(asked: Asked, control: str, value: Any, setting: str) -> None:
    asked.wishes.append(Wish(control, value, setting))


def _timing(settings: CaptureSettings, asked: Asked) -> None:
    shutter_us = settings.shutter_speed_us or 0
    setting = "framerate"
    if settings.framerate:
        rate = max(0.001, settings.framerate + (settings.framerate_delta or 0))
        limits_us = [round(1e6 / rate)] * 2
    elif settings.framerate_range:
        setting = "framerate_range"
        limits_us = [round(1e6 / rate) for rate in reversed(settings.framerate_range)]
    elif shutter_us or settings.exposure_mode in {"night", "nightpreview", "verylong", "fireworks", "long"}:
        setting = "shutter_speed_us" if shutter_us else "exposure_mode"
        limits_us = [33_333, LONGEST_FRAME_US]
    else:
        limits_us = []
    if limits_us:
        # A frame cannot be shorter than its exposure: libcamera would cut the exposure.
        limits = limits_us[0], max(limits_us[1], shutter_us)
        asked.wishes.append(Wish("FrameDurationLimits", limits, setting))
    if shutter_us:
        asked.wishes.append(Wish("ExposureTime", shutter_us, "shutter_speed_us"))


def _exposure(settings: CaptureSettings, asked: Asked) -> None:
    mode = settings.exposure_mode
    if mode == "off":
        asked.frozen.append(Wish("AeEnable", False, "exposure_mode"))
    elif mode in EXPOSURE:
        asked.wishes.append(Wish("AeExposureMode", EXPOSURE[mode], "exposure_mode"))
    elif mode in CONSTRAINT:
        asked.wishes.append(Wish("AeConstraintMode", CONSTRAINT[mode], "exposure_mode"))
        _approximate(settings, asked, "exposure_mode", mode)


def _white_balance(settings: CaptureSettings, asked: Asked) -> None:
    mode = settings.awb_mode
    if settings.awb_gains and mode in {None, "off"}:
        asked.wishes.append(Wish("ColourGains", settings.awb_gains, "awb_gains"))
    elif settings.awb_gains:
        asked.notes.append(f"{_name(settings, 'awb_gains')}: only with {_name(settings, 'awb_mode')}=off")
    if mode == "off" and not settings.awb_gains:
        asked.frozen.append(Wish("AwbEnable", False, "awb_mode"))
    elif mode == "greyworld":
        asked.notes.append(f"{_name(settings, 'awb_mode')}: greyworld needs a tuning file; left automatic")
    elif mode in WHITE_BALANCE:
        asked.wishes.append(Wish("AwbMode", WHITE_BALANCE[mode], "awb_mode"))
        _approximate(settings, asked, "awb_mode", mode)


def _approximate(settings: CaptureSettings, asked: Asked, setting: str, mode: str) -> None:
    if mode in APPROXIMATE:
        asked.notes.append(
            f"{_name(settings, setting)}: {mode} is now {APPROXIMATE[mode]}, which is the nearest"
        )


def _name(settings: CaptureSettings, setting: str) -> str:
    """Return what the user calls *setting*."""
    return str(settings.given.get(setting, setting))


def offered(
    wishes: Sequence[Wish],
    advertised: Mapping[str, tuple[Any, Any, Any]],
    settings: CaptureSettings,
    enumerated: Callable[[str, str], int],
) -> tuple[dict[str, Any], list[str]]:
    """Return those *wishes* that a camera can grant, within its ranges, and a sentence for each change.

    *advertised* is the least, greatest and default value of each control that the camera has; *enumerated* returns
    the number of a word in a control's enumeration.
    """
    controls: dict[str, Any] = {}
    notes: list[str] = []
    for wish in wishes:
        name = _name(settings, wish.setting)
        if wish.control not in advertised:
            notes.append(f"{name}: this camera has no {wish.control}")
            continue
        value = enumerated(wish.control, wish.value) if isinstance(wish.value, str) else wish.value
        least, greatest, _ = advertised[wish.control]
        controls[wish.control] = within = _within(value, least, greatest)
        if within != (tuple(value) if isinstance(value, list) else value):
            notes.append(
                f"{name}: {wish.control} {_text(value)} became {_text(within)}, which this camera allows"
            )
    return controls, notes


def _within(value: Any, least: Any, greatest: Any) -> Any:
    if isinstance(value, (tuple, list)):
        bounds = [(_nth(least, index), _nth(greatest, index)) for index in range(len(value))]
        return tuple(_within(part, *bound) for part, bound in zip(value, bounds, strict=True))
    if isinstance(value, bool) or not all(isinstance(bound, (int, float)) for bound in (least, greatest)):
        return value
    return min(max(value, least), greatest)


def _nth(bound: Any, index: int) -> Any:
    return bound[index] if isinstance(bound, (tuple, list)) and index < len(bound) else bound


def _text(value: Any) -> str:
    return f"({', '.join(map(_text, value))})" if isinstance(value, (tuple, list)) else f"{value:g}"


def json_facts(camera_metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of *metadata* is small and plain: numbers, words and short rows of them."""
    metadata: dict[str, Any] = {}
    size_bytes = 0
    for name, value in camera_metadata.items():
        plain = list(value) if isinstance(value, tuple) else value
        try:
            text = json.dumps({name: plain}, allow_nan=False)
        except (TypeError, ValueError):
            continue  # statistics, tensors and the like
        if len(text) <= 300 and size_bytes + len(text) <= FACTS_MAX_BYTES:
            size_bytes += len(text)
            metadata[name] = plain
    return metadata
