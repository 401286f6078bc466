"""What sources that draw or convert with Pillow share: turning the pixels, a text on them, and making the JPEG."""

import io
from typing import cast

from PIL import Image, ImageColor, ImageDraw, ImageFont

from shutterbus_edge.errors import MisconfiguredError
from shutterbus_edge.settings.capture import CaptureSettings

ROTATIONS = {
    90: Image.Transpose.ROTATE_270,  # Pillow counts anticlockwise
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}
TEXT_PX = 32


def turned(image: Image.Image, settings: CaptureSettings) -> Image.Image:
    """Return *image* flipped, then rotated clockwise, as *settings* ask."""
    if settings.hflip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if settings.vflip:
        image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    if settings.rotation:
        image = image.transpose(ROTATIONS[settings.rotation])
    return image


def to_rgb(image: Image.Image) -> Image.Image:
    """Return *image* with 8 bits a colour; what has more of them keeps its proportions.

    Raises:
        ValueError: Nothing says which of its values is white.
    """
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value * (1 / 257)).convert("L").convert("RGB")
    if image.mode in {"I", "F"}:
        low, high = cast("tuple[float, float]", image.getextrema())  # these modes have one band
        white = 1.0 if image.mode == "F" else 65_535.0
        if not 0 <= low <= high <= white:
            raise ValueError(
                f"its values go from {low:g} to {high:g}, and what is white is not said; 8 or 16 bits a colour are "
                "expected, or values from 0 to 1"
            )
        return image.point(lambda value: value * (255 / white)).convert("L").convert("RGB")
    return image.convert("RGB")


def to_jpeg(image: Image.Image, quality: int, scale: float = 1.0) -> bytes:
    """Return *image* as a JPEG of *quality*, its sides multiplied by *scale*."""
    if scale != 1.0:
        image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


class Annotation:
    """The text and number that settings ask to have drawn at the top of each picture."""

    SETTINGS = frozenset(
        {
            "annotate_text",
            "annotate_text_size",
            "annotate_frame_num",
            "annotate_foreground",
            "annotate_background",
        }
    )

    def __init__(self, settings: CaptureSettings) -> None:
        self._text = settings.annotate_text or ""
        self._numbered = bool(settings.annotate_frame_num)
        self._font = ImageFont.load_default(settings.annotate_text_size or TEXT_PX)
        self._ink = _colour(settings.annotate_foreground or "white")
        self._paper = _colour(settings.annotate_background) if settings.annotate_background else None
        self._label: Image.Image | None = None

    def label(self, width_max_px: int, number: int) -> Image.Image | None:
        """Return what to paste into the picture of *number*, RGBA and of even sides; None if nothing was asked for."""
        if not (self._text or self._numbered):
            return None
        if self._label is None or self._numbered:
            text = f"{number} {self._text}".strip() if self._numbered else self._text
            self._label = self._draw(text, width_max_px)
        return self._label

    def draw(self, image: Image.Image, number: int) -> None:
        """Draw it at the top centre of *image*."""
        label = self.label(image.width, number)
        if label is not None:
            image.paste(label, ((image.width - label.width) // 2, 0), label)

    def _draw(self, text: str, width_max_px: int) -> Image.Image:
        left, top, right, bottom = self._font.getbbox(text)
        margin = max(2, int(self._font.size / 6)) if isinstance(self._font, ImageFont.FreeTypeFont) else 2
        width = min(int(right - left) + 2 * margin, width_max_px) // 2 * 2
        height = (int(bottom - top) + 2 * margin + 1) // 2 * 2
        label = Image.new("RGBA", (width, height), (*self._paper, 255) if self._paper else (0, 0, 0, 0))
        ImageDraw.Draw(label).text((margin - left, margin - top), text, (*self._ink, 255), self._font)
        return label


def _colour(name: str) -> tuple[int, int, int]:
    try:
        red, green, blue = ImageColor.getrgb(name)[:3]
    except ValueError as error:
        raise MisconfiguredError(
            f"{name!r} is no colour; a name such as white or a value such as #ffffff is"
        ) from error
    return red, green, blue
