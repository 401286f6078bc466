"""A synthetic moving clock, for a machine without a camera: date, time and frame number, readable by eye.

All that stands still is drawn once. What moves is a few small pastes, so that a 1080p card costs little more than
its JPEG, on any machine: this source must never be what limits a measurement.
"""

import math
import re
from datetime import datetime

from PIL import Image, ImageDraw, ImageFont

from shutterbus_edge.capture import CapturedImage, Shot
from shutterbus_edge.capture.fit import Fit
from shutterbus_edge.capture.orientation import SETTINGS as TURNS
from shutterbus_edge.capture.pixels import Annotation, to_jpeg, turned
from shutterbus_edge.errors import MisconfiguredError
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_runtime.clock import Clock

DEFAULT_SIZE_PX = (1280, 720)
DEFAULT_RATE = 5.0
SMALLEST_PX, LARGEST_PX = 64, 8192

NIGHT, PANEL, LINE = (15, 19, 28), (23, 29, 42), (36, 45, 64)
INK, QUIET, AMBER = (240, 244, 250), (132, 146, 170), (255, 180, 58)
# The 75 % bars of a television test card, left to right.
BARS = ((191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191))
SQUARES = 24
"""Bits of the frame number drawn in squares, most significant first, for programs that read the card."""


class TestCard:
    """``testcard``, or ``testcard:1920x1080``; a size in the settings wins."""

    applied = frozenset({"size_px", "framerate", "quality"}) | TURNS | Annotation.SETTINGS
    notes = ()
    description = "test card"

    def __init__(self, rest: str, settings: CaptureSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._fit = Fit(settings.quality)
        self._annotation = Annotation(settings)
        self._layout = Layout(settings.size_px or _size(rest))
        self._card = self._layout.background()
        width, height = self._layout.size
        self.size_px = (height, width) if settings.rotation in {90, 270} else (width, height)
        self.natural_rate = settings.framerate or DEFAULT_RATE

    def capture(self, shot: Shot) -> CapturedImage:
        now_us = self._clock.utc_us()
        card = self._card.copy()
        self._layout.draw(card, now_us, shot.number)
        card = turned(card, self._settings)
        self._annotation.draw(card, shot.number)
        jpeg = self._fit.encode(lambda quality, scale: to_jpeg(card, quality, scale), shot.frame_max_bytes)
        return CapturedImage(jpeg, now_us, "driver", make="Shutterbus", model="test card")

    def close(self) -> None:
        """Nothing is held."""


def _size(rest: str) -> tuple[int, int]:
    if not rest:
        return DEFAULT_SIZE_PX
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", rest.strip().lower())
    if match is None:
        raise MisconfiguredError(f"CAMERA_SOURCE=testcard:{rest}: expected a size as in testcard:1280x720")
    return int(match[1]), int(match[2])


class Layout:
    """Where things are on a card of one size, and how they are drawn."""

    def __init__(self, size: tuple[int, int]) -> None:
        if not all(SMALLEST_PX <= side <= LARGEST_PX for side in size):
            raise MisconfiguredError(
                f"a test card of {size[0]}x{size[1]}: each side must be {SMALLEST_PX} to {LARGEST_PX} pixels"
            )
        self.size = size
        width, height = size
        self._unit = unit = min(width, height) / 100
        if width >= height:
            self._bars_end = int(height * 0.17)
            self._dial = (width * 0.2, height * 0.545, min(height * 0.27, width * 0.16))
            left, right = width * 0.39, width * 0.965
            self._time_y, self._number_y, self._small_y = height * 0.37, height * 0.62, height * 0.785
        else:
            self._bars_end = int(height * 0.11)
            self._dial = (width * 0.5, height * 0.33, min(width * 0.33, height * 0.185))
            left, right = width * 0.06, width * 0.94
            self._time_y, self._number_y, self._small_y = height * 0.605, height * 0.745, height * 0.84
        self._left = left
        # "23:59:59" is six figures and two colons of half their width.
        self._cell = (right - left) / 7
        digit_px = min(self._cell * 1.62, height * 0.25)
        self._cell = min(self._cell, digit_px / 1.4)
        self._glyphs = {glyph: _glyph(glyph, digit_px) for glyph in "0123456789:#"}
        self._small = ImageFont.load_default(max(8, unit * 4.2))
        self._track = (unit * 4, height - unit * 11.5, width - unit * 4, height - unit * 8.5)
        self._runner = _disc(max(2.0, unit * 3.2))
        self._hub = _disc(max(1.5, self._dial[2] * 0.05))
        self._moon = _disc(max(2.0, unit * 2.4))

    def background(self) -> Image.Image:
        """Draw all that never moves."""
        width, height = self.size
        unit = self._unit
        card = Image.new("RGB", self.size, NIGHT)
        draw = ImageDraw.Draw(card)
        for x in range(0, width, max(4, round(unit * 10))):
            draw.line((x, 0, x, height), PANEL)
        for y in range(0, height, max(4, round(unit * 10))):
            draw.line((0, y, width, y), PANEL)
        ramp_y = int(self._bars_end * 0.82)
        for index, colour in enumerate(BARS):
            draw.rectangle((width * index // 7, 0, width * (index + 1) // 7 - 1, ramp_y - 1), colour)
        for index in range(16):
            shade = index * 17
            box = (width * index // 16, ramp_y, width * (index + 1) // 16 - 1, self._bars_end)
            draw.rectangle(box, (shade, shade, shade))
        card.paste(*self._dial_face())
        draw.rounded_rectangle(self._track, (self._track[3] - self._track[1]) / 2, LINE)
        draw.text((unit * 4, height - unit * 4), f"{width} x {height}", QUIET, self._small, anchor="lm")
        self._corners(draw)
        return card

    def _dial_face(self) -> tuple[Image.Image, tuple[int, int]]:
        # Pillow's lines have hard edges, so the face is drawn three times as large and reduced.
        x, y, radius = self._dial
        reach = math.ceil(radius * 1.06)
        face = Image.new("RGB", (reach * 6, reach * 6), NIGHT)
        draw = ImageDraw.Draw(face)
        centre = reach * 3
        draw.circle((centre, centre), radius * 3.1, LINE)
        draw.circle((centre, centre), radius * 3, PANEL)
        for tick in range(60):
            long = tick % 5 == 0
            start, width = (0.84, 0.026) if long else (0.91, 0.011)
            ends = [_polar(centre, centre, radius * 3 * part, tick / 60) for part in (start, 0.96)]
            draw.line(ends, INK if long else QUIET, max(1, round(radius * 3 * width)))
        return face.reduce(3), (round(x) - reach, round(y) - reach)

    def _corners(self, draw: ImageDraw.ImageDraw) -> None:
        # A cropped or shifted picture shows at once: one of the four brackets is missing.
        width, height = self.size
        inset, arm, thick = self._unit * 1.2, self._unit * 6, max(1, round(self._unit * 0.5))
        for x, towards_x in ((inset, 1), (width - inset, -1)):
            for y, towards_y in ((inset, 1), (height - inset, -1)):
                draw.line([(x + arm * towards_x, y), (x, y), (x, y + arm * towards_y)], INK, thick)

    def draw(self, card: Image.Image, now_us: int, number: int) -> None:
        """Draw the instant *now_us*, in the machine's zone, and the frame *number* onto *card*."""
        now = datetime.fromtimestamp(now_us / 1e6).astimezone()
        second = now.second + now.microsecond / 1e6
        self._figures(card, f"{now:%H:%M:%S}", self._time_y, INK)
        self._figures(card, f"#{number % 1_000_000}", self._number_y, AMBER)
        small = f"{now:%a %d %b %Y}   {now:%Z}   {now.microsecond // 1000:03d} ms"
        ImageDraw.Draw(card).text((self._left, self._small_y), small, QUIET, self._small, anchor="lm")
        self._hands(card, now, second)
        self._motion(card, second)
        self._squares(card, number)

    def _figures(self, card: Image.Image, text: str, centre_y: float, colour: tuple[int, int, int]) -> None:
        x = self._left
        for character in text:
            glyph = self._glyphs[character]
            cell = self._cell * (0.5 if character == ":" else 1)
            card.paste(
                colour, (round(x + (cell - glyph.width) / 2), round(centre_y - glyph.height / 2)), glyph
            )
            x += cell

    def _hands(self, card: Image.Image, now: datetime, second: float) -> None:
        minute = now.minute + second / 60
        self._hand(card, (now.hour % 12 + minute / 60) / 12, 0.5, 0.075, INK)
        self._hand(card, minute / 60, 0.74, 0.055, INK)
        self._hand(card, second / 60, 0.86, 0.03, AMBER)
        self._disc(card, self._hub, *self._dial[:2], AMBER)

    def _hand(
        self, card: Image.Image, turn: float, length: float, thick: float, colour: tuple[int, int, int]
    ) -> None:
        x, y, radius = self._dial
        tip = _polar(x, y, radius * length, turn)
        tail = _polar(x, y, -radius * 0.14, turn)
        half = max(0.7, radius * thick / 2)
        left, top = math.floor(min(tip[0], tail[0]) - half - 1), math.floor(min(tip[1], tail[1]) - half - 1)
        right, bottom = math.ceil(max(tip[0], tail[0]) + half + 1), math.ceil(max(tip[1], tail[1]) + half + 1)
        across = _polar(0, 0, half, turn + 0.25)
        outline = [
            ((px + sign * across[0] - left) * 3, (py + sign * across[1] - top) * 3)
            for (px, py), sign in ((tip, 1), (tip, -1), (tail, -1), (tail, 1))
        ]
        mask = Image.new("L", ((right - left) * 3, (bottom - top) * 3))
        ImageDraw.Draw(mask).polygon(outline, 255)
        card.paste(colour, (left, top), mask.reduce(3))

    def _motion(self, card: Image.Image, second: float) -> None:
        left, top, right, bottom = self._track
        sweep = (second % 6) / 3
        part = sweep if sweep <= 1 else 2 - sweep
        self._disc(card, self._runner, left + part * (right - left), (top + bottom) / 2, AMBER)
        x, y, radius = self._dial
        self._disc(card, self._moon, *_polar(x, y, radius * 1.03, second / 2 % 1), AMBER)

    @staticmethod
    def _disc(card: Image.Image, mask: Image.Image, x: float, y: float, colour: tuple[int, int, int]) -> None:
        card.paste(colour, (round(x - mask.width / 2), round(y - mask.height / 2)), mask)

    def _squares(self, card: Image.Image, number: int) -> None:
        for index, box in enumerate(self.squares()):
            bit = number >> (SQUARES - 1 - index) & 1
            card.paste(INK if bit else LINE, box)

    def squares(self) -> list[tuple[int, int, int, int]]:
        """Return the boxes of the frame number's bits, most significant first."""
        width, height = self.size
        pitch = min(self._unit * 4, width * 0.6 / SQUARES)
        side = max(2, round(pitch * 0.72))
        x, y = width - self._unit * 4 - pitch * SQUARES, height - self._unit * 4 - side / 2
        return [
            (round(x + pitch * index), round(y), round(x + pitch * index) + side, round(y) + side)
            for index in range(SQUARES)
        ]


def _polar(x: float, y: float, radius: float, turn: float) -> tuple[float, float]:
    # A turn of 0 is twelve o'clock and runs clockwise.
    return x + radius * math.sin(turn * math.tau), y - radius * math.cos(turn * math.tau)


def _glyph(glyph: str, size_px: float) -> Image.Image:
    # Pillow's own font, so that the card looks the same everywhere; a stroke makes up for its thinness.
    font = ImageFont.load_default(size_px)
    stroke = max(0, round(size_px / 45))
    box = font.getbbox(glyph, stroke_width=stroke)
    tall = font.getbbox("0", stroke_width=stroke)
    mask = Image.new("L", (math.ceil(box[2] - box[0]), math.ceil(tall[3] - tall[1])))
    ImageDraw.Draw(mask).text((-box[0], -tall[1]), glyph, 255, font, stroke_width=stroke)
    return mask


def _disc(radius: float) -> Image.Image:
    side = math.ceil(radius * 2) + 2
    mask = Image.new("L", (side * 4, side * 4))
    ImageDraw.Draw(mask).circle((side * 2, side * 2), radius * 4, 255)
    return mask.reduce(4)
