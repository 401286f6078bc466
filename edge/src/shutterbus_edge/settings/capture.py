"""How a picture is to be taken: every picture setting of both Raspberry Pi camera libraries, typed.

Values are kept as the user meant them, on the older library's scales; a source converts what it can apply and
says which fields those are. What it cannot apply is named to the user by ``given``.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, field_validator, model_validator

from shutterbus_runtime.settings import Family, MayBeEmpty, Name
from shutterbus_runtime.settings.values import (
    Allowed,
    Number,
    Switch,
    Whole,
    choice,
    half_width,
    nearest,
    numbers,
    read_number,
    read_numbers,
)
from shutterbus_wire.exif import TEXTS

SIZES_PX = {
    "4K": (3840, 2160),
    "2K": (1920, 1080),  # what the word has always meant for these cameras; not 2048
    "FHD": (1920, 1080),
    "1080P": (1920, 1080),
    "HD": (1280, 720),
    "720P": (1280, 720),
    "UXGA": (1600, 1200),
    "SXGA": (1280, 1024),
    "XGA": (1024, 768),
    "SVGA": (800, 600),
    "VGA": (640, 480),
    "QVGA": (320, 240),
}
SIDE_MAX_PX = 16_384

AWB_MODES = [
    "off",
    "auto",
    "sunlight",
    "cloudy",
    "shade",
    "tungsten",
    "fluorescent",
    "incandescent",
    "flash",
    "horizon",
    "greyworld",
    "indoor",
    "daylight",
    "custom",
]
EXPOSURE_MODES = [
    "off",
    "auto",
    "night",
    "nightpreview",
    "backlight",
    "spotlight",
    "sports",
    "snow",
    "beach",
    "verylong",
    "fixedfps",
    "antishake",
    "fireworks",
    "normal",
    "short",
    "long",
    "custom",
]
METER_MODES = ("average", "spot", "backlit", "matrix", "centreweighted", "custom")


def _read_size(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = half_width(value)
    name = text.upper()
    if name in SIZES_PX:
        return SIZES_PX[name]
    match = re.fullmatch(r"[(\[]?\s*([0-9]{1,5})\s*[xX,*×]\s*([0-9]{1,5})\s*[)\]]?", text)  # noqa: RUF001 (a multiplication sign is meant)
    if match and all(0 < int(side) <= SIDE_MAX_PX for side in match.groups()):
        return int(match[1]), int(match[2])
    near = nearest(name, SIZES_PX, cutoff=0.7)
    hint = f"; did you mean {near}?" if near else ""
    raise ValueError(f"a size such as 1280x720, or one of {', '.join(SIZES_PX)}, is expected{hint}")


def _read_rotation(value: Any) -> Any:
    if isinstance(value, str):
        number = read_number(value)
        return int(number) % 360 if number % 90 == 0 else value
    return value


def _read_gains(value: Any) -> Any:
    """One number stands for both, as the older library had it."""
    if isinstance(value, str):
        gains = read_numbers(value)
        return gains * 2 if len(gains) == 1 else gains
    return value


def _read_control(text: Any) -> Any:
    """Return a libcamera control's value: a number, true or false, several of these, or a word of its enumeration."""
    if not isinstance(text, str):
        return text
    text = text.strip()
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    try:
        number = read_number(text)
    except ValueError:
        pass
    else:
        return int(number) if re.fullmatch(r"[+-]?[0-9]+", text) else number
    try:
        parts = json.loads(f"[{text.strip(' ()[]')}]", parse_constant=_refuse)
    except ValueError:
        parts = []
    return [_read_control(part) for part in parts] or text


def _refuse(constant: str) -> Any:
    """NaN and the infinities, which Python reads in JSON and nobody else does: they would not reach the capture process."""
    raise ValueError(constant)


def control_name(name: str) -> str:
    """Return the control that ``AE_ENABLE`` names: ``AeEnable``. A name already written so stays as it is."""
    if "_" not in name and name != name.upper() and name != name.lower():
        return name
    return "".join(word.capitalize() for word in name.split("_"))


def exif_name(name: str) -> str:
    """Return the text tag of EXIF that *name* means in any case; a name that means none stays as it is."""
    return next((known for known in TEXTS if known.lower() == name.lower()), name)


Size = Annotated[tuple[int, int], BeforeValidator(_read_size), Allowed("a size such as 1280x720 or VGA")]
Percent = Annotated[Whole, Field(ge=-100, le=100)]
Pair = Annotated[tuple[float, float], BeforeValidator(numbers(2)), Allowed("two numbers such as (1.5, 1.2)")]
PlainMapping = Annotated[Mapping[str, Any], PlainSerializer(dict)]
PlainTexts = Annotated[Mapping[str, str], PlainSerializer(dict)]


class CaptureSettings(BaseModel, frozen=True):
    """How a picture is to be taken. None is "as the source would have it".

    Attributes:
        given: The environment name the user set, by field; controls as ``controls.<Name>``.
    """

    size_px: Annotated[
        Size | None, Name("PICAMERA_RESOLUTION", stronger=("PICAMERA2_MAIN_SIZE", "PICAMERA2_SIZE"))
    ] = Field(default=None, description="Width and height, or a name: 4K, FHD, HD, XGA, SVGA, VGA, QVGA, ...")
    framerate: Annotated[
        Number | None, Name("PICAMERA_FRAMERATE", stronger=("PICAMERA2_CONTROLS_FRAME_RATE",))
    ] = Field(
        default=None,
        gt=0,
        le=1000,
        description="Pictures a second. Beside SCHEDULE it bounds the exposure only.",
    )
    framerate_range: Annotated[Pair | None, Name("PICAMERA_FRAMERATE_RANGE")] = Field(
        default=None,
        description="Lowest and highest rate, pictures a second; the camera chooses by the light.",
    )
    framerate_delta: Annotated[Number | None, Name("PICAMERA_FRAMERATE_DELTA")] = Field(
        default=None, ge=-10, le=10, description="Added to the rate, pictures a second."
    )
    quality: Annotated[
        Whole, Name("PICAMERA_QUALITY", "PICAMERA_CAPTURE_QUALITY", "PICAMERA2_QUALITY", "CAMERA_QUALITY")
    ] = Field(default=85, ge=1, le=100, description="JPEG quality. Higher is larger.")
    rotation: Annotated[
        Literal[0, 90, 180, 270], BeforeValidator(_read_rotation), Name("PICAMERA_ROTATION")
    ] = Field(default=0, description="Degrees to turn the picture, clockwise, after any flip.")
    hflip: Annotated[Switch, Name("PICAMERA_HFLIP", stronger=("PICAMERA2_TRANSFORM_HFLIP",))] = Field(
        default=False, description="Mirror left and right."
    )
    vflip: Annotated[Switch, Name("PICAMERA_VFLIP", stronger=("PICAMERA2_TRANSFORM_VFLIP",))] = Field(
        default=False, description="Mirror top and bottom."
    )
    transpose: Annotated[Switch, Name("PICAMERA2_TRANSFORM_TRANSPOSE")] = Field(
        default=False, description="Swap rows and columns."
    )
    zoom: Annotated[
        tuple[float, float, float, float] | None,
        BeforeValidator(numbers(4)),
        Allowed("four numbers from 0 to 1 such as (0.25, 0.25, 0.5, 0.5)"),
        Name("PICAMERA_ZOOM", "PICAMERA_CROP"),
    ] = Field(
        default=None, description="Part of the field of view: left, top, width, height, each from 0 to 1."
    )
    iso: Annotated[Whole | None, Name("PICAMERA_ISO")] = Field(
        default=None, ge=0, le=12_800, description="Sensitivity; 0 is automatic."
    )
    shutter_speed_us: Annotated[Whole | None, Name("PICAMERA_SHUTTER_SPEED")] = Field(
        default=None, ge=0, le=1_000_000_000, description="Exposure in us; 0 is automatic."
    )
    exposure_compensation: Annotated[Whole | None, Name("PICAMERA_EXPOSURE_COMPENSATION")] = Field(
        default=None, ge=-25, le=25, description="Brighter or darker than measured, in sixths of a stop."
    )
    exposure_mode: Annotated[str | None, choice(*EXPOSURE_MODES), Name("PICAMERA_EXPOSURE_MODE")] = Field(
        default=None, description="How exposure is found: auto, off, night, sports, ..."
    )
    meter_mode: Annotated[str | None, choice(*METER_MODES), Name("PICAMERA_METER_MODE")] = Field(
        default=None, description="Where the light is measured: average, spot, backlit, matrix."
    )
    awb_mode: Annotated[str | None, choice(*AWB_MODES), Name("PICAMERA_AWB_MODE")] = Field(
        default=None, description="White balance: auto, off, sunlight, cloudy, tungsten, ..."
    )
    awb_gains: Annotated[
        tuple[float, float] | None,
        BeforeValidator(_read_gains),
        Allowed("a number, or two such as (1.5, 1.2)"),
        Name("PICAMERA_AWB_GAINS"),
    ] = Field(default=None, description="Gains of red and blue, for PICAMERA_AWB_MODE=off.")
    brightness: Annotated[Whole | None, Name("PICAMERA_BRIGHTNESS")] = Field(
        default=None, ge=0, le=100, description="50 is neutral."
    )
    contrast: Annotated[Percent | None, Name("PICAMERA_CONTRAST")] = Field(
        default=None, description="0 is neutral."
    )
    saturation: Annotated[Percent | None, Name("PICAMERA_SATURATION")] = Field(
        default=None, description="0 is neutral, -100 is grey."
    )
    sharpness: Annotated[Percent | None, Name("PICAMERA_SHARPNESS")] = Field(
        default=None, description="0 is neutral."
    )
    image_denoise: Annotated[Switch | None, Name("PICAMERA_IMAGE_DENOISE")] = Field(
        default=None, description="Whether noise is smoothed."
    )
    video_denoise: Annotated[Switch | None, Name("PICAMERA_VIDEO_DENOISE")] = Field(
        default=None, description="Whether noise is smoothed, quickly."
    )
    annotate_text: Annotated[str | None, Name("PICAMERA_ANNOTATE_TEXT"), MayBeEmpty()] = Field(
        default=None, max_length=255, description="A text drawn into the picture."
    )
    annotate_text_size: Annotated[Whole | None, Name("PICAMERA_ANNOTATE_TEXT_SIZE")] = Field(
        default=None, ge=6, le=160, description="Height of that text in pixels."
    )
    annotate_frame_num: Annotated[Switch | None, Name("PICAMERA_ANNOTATE_FRAME_NUM")] = Field(
        default=None, description="Whether the picture's number is drawn into it."
    )
    annotate_foreground: Annotated[str | None, Name("PICAMERA_ANNOTATE_FOREGROUND")] = Field(
        default=None, description="Colour of the text, as white or #ffffff."
    )
    annotate_background: Annotated[str | None, Name("PICAMERA_ANNOTATE_BACKGROUND")] = Field(
        default=None, description="Colour behind the text."
    )
    drc_strength: Annotated[
        str | None, choice("off", "low", "medium", "high"), Name("PICAMERA_DRC_STRENGTH")
    ] = Field(default=None, description="Compression of the dynamic range: off, low, medium, high.")
    image_effect: Annotated[str | None, Name("PICAMERA_IMAGE_EFFECT")] = Field(
        default=None, description="An effect of the older camera library."
    )
    image_effect_params: Annotated[
        tuple[float, ...] | None,
        BeforeValidator(read_numbers),
        Allowed("numbers such as (1, 2)"),
        Name("PICAMERA_IMAGE_EFFECT_PARAMS"),
    ] = Field(default=None, description="What that effect is told.")
    color_effects: Annotated[Pair | None, Name("PICAMERA_COLOR_EFFECTS")] = Field(
        default=None, description="Fixed colour (u, v), each 0 to 255; (128, 128) is grey."
    )
    video_stabilization: Annotated[Switch | None, Name("PICAMERA_VIDEO_STABILIZATION")] = Field(
        default=None, description="Whether shaking is evened out."
    )
    flash_mode: Annotated[str | None, Name("PICAMERA_FLASH_MODE")] = Field(
        default=None, description="What a flash does."
    )
    led: Annotated[Switch | None, Name("PICAMERA_LED")] = Field(
        default=None, description="Whether the lamp on the camera board is lit."
    )
    still_stats: Annotated[Switch | None, Name("PICAMERA_STILL_STATS")] = Field(
        default=None, description="A mode of the older camera library."
    )
    stereo_mode: Annotated[str | None, Name("PICAMERA_STEREO_MODE")] = Field(
        default=None, description="How two cameras share a picture."
    )
    stereo_decimate: Annotated[Switch | None, Name("PICAMERA_STEREO_DECIMATE")] = Field(
        default=None, description="Whether each of the two is halved."
    )
    clock_mode: Annotated[str | None, Name("PICAMERA_CLOCK_MODE")] = Field(
        default=None, description="A mode of the older camera library."
    )
    raw_format: Annotated[str | None, Name("PICAMERA_RAW_FORMAT")] = Field(
        default=None, description="A mode of the older camera library."
    )
    sensor_mode: Annotated[Whole | None, Name("PICAMERA_SENSOR_MODE")] = Field(
        default=None, ge=0, le=64, description="Number of the sensor's mode; 0 is automatic."
    )
    camera_number: Annotated[Whole | None, Name("PICAMERA_CAMERA_NUM")] = Field(
        default=None,
        ge=0,
        le=64,
        description="Which of several cameras, from 0, where CAMERA_SOURCE does not say.",
    )
    pixel_format: Annotated[str | None, Name("PICAMERA2_MAIN_FORMAT", "PICAMERA2_FORMAT")] = Field(
        default=None, description="Pixels as the camera delivers them: YUV420, BGR888, ..."
    )
    buffer_count: Annotated[Whole | None, Name("PICAMERA2_BUFFER_COUNT")] = Field(
        default=None, ge=1, le=32, description="How many pictures the camera may hold at once."
    )
    colour_space: Annotated[
        str | None, choice("Sycc", "Smpte170m", "Rec709"), Name("PICAMERA2_COLOUR_SPACE")
    ] = Field(default=None, description="Sycc, Smpte170m or Rec709.")
    exif_tags: Annotated[PlainTexts, Family("PICAMERA_EXIF_TAGS__")] = Field(
        default_factory=dict,
        description="A text for each picture's EXIF, in ASCII, such as PICAMERA_EXIF_TAGS__IFD0.Artist.",
    )
    controls: Annotated[PlainMapping, Family("PICAMERA2_CONTROLS_")] = Field(
        default_factory=dict,
        description="Any control of libcamera by its words, such as PICAMERA2_CONTROLS_AE_ENABLE for AeEnable.",
    )
    given: Annotated[PlainMapping, Allowed("names")] = Field(default_factory=dict)

    @field_validator("controls", mode="before")
    @classmethod
    def _read_controls(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {control_name(name): _read_control(text) for name, text in value.items()}

    @field_validator("exif_tags", mode="before")
    @classmethod
    def _read_exif_tags(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {exif_name(name): str(text) for name, text in value.items()}

    @model_validator(mode="after")
    def _fits(self) -> "CaptureSettings":
        if self.zoom and not (
            all(0 <= part <= 1 for part in self.zoom) and self.zoom[2] > 0 and self.zoom[3] > 0
        ):
            raise ValueError(
                "PICAMERA_ZOOM cannot be used: left, top, width and height from 0 to 1 are expected."
            )
        if self.framerate_range and not 0 < self.framerate_range[0] <= self.framerate_range[1]:
            raise ValueError(
                "PICAMERA_FRAMERATE_RANGE cannot be used: the lowest rate, then the highest, is expected."
            )
        if self.awb_gains and not all(0 <= gain <= 32 for gain in self.awb_gains):
            raise ValueError("PICAMERA_AWB_GAINS cannot be used: gains from 0 to 32 are expected.")
        return self

    @property
    def exposure_s(self) -> float:
        """Seconds that one exposure may take beyond the usual, 0 where the camera decides."""
        exposure_us = self.controls.get("ExposureTime", self.shutter_speed_us or 0)
        return exposure_us / 1e6 if isinstance(exposure_us, (int, float)) else 0.0
