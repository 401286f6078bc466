"""Landscapes that no camera ever saw, so that the pages can be looked at without one."""

import functools
import io
import math
import random

from PIL import Image, ImageDraw

from shutterbus_wire.identity import FrameId


@functools.cache
def _backdrop(width: int, height: int, seed: int) -> Image.Image:
    chance = random.Random(seed)
    hour = chance.random()
    top = (int(40 + 90 * hour), int(70 + 100 * hour), int(120 + 110 * hour))
    low = (int(190 + 50 * hour), int(150 + 80 * hour), int(120 + 90 * hour))
    sky = Image.new("RGB", (1, 64))
    for row in range(64):
        sky.putpixel((0, row), _mix(top, low, row / 63))
    picture = sky.resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    sun = (chance.uniform(0.1, 0.9) * width, chance.uniform(0.15, 0.4) * height, height * 0.05)
    draw.ellipse((sun[0] - sun[2], sun[1] - sun[2], sun[0] + sun[2], sun[1] + sun[2]), fill=(255, 236, 190))
    green = (int(30 + 60 * chance.random()), int(60 + 60 * hour), int(40 + 40 * chance.random()))
    for layer in range(4):
        base = height * (0.5 + 0.14 * layer)
        phase, waves = chance.uniform(0, 7), chance.uniform(1.5, 4)
        ridge = [
            (x, base - height * 0.09 * math.sin(phase + waves * x / width * math.pi) * (1 - layer / 5))
            for x in range(0, width + 8, 8)
        ]
        draw.polygon([(0, height), *ridge, (width, height)], fill=_mix(low, green, 0.35 + 0.2 * layer))
    for _ in range(5):
        left, floor, side = chance.uniform(0, width), chance.uniform(0.78, 0.93) * height, height * 0.05
        draw.rectangle((left, floor - side, left + side * 1.6, floor), fill=(214, 205, 190))
        draw.polygon(
            (
                (left - 4, floor - side),
                (left + side * 0.8, floor - side * 1.7),
                (left + side * 1.6 + 4, floor - side),
            ),
            fill=(140, 60, 50),
        )
    return picture


def _mix(color: tuple[int, int, int], other: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(color, other, strict=True))
    return red, green, blue


@functools.lru_cache(maxsize=64)
def scene(width: int, height: int, seed: int = 0, number: int = 0, orientation: int = 1) -> bytes:
    """Return a JPEG of that size with *number* written into it; one seed is one place."""
    picture = _backdrop(width, height, seed).copy()
    draw = ImageDraw.Draw(picture)
    text = max(12, height // 16)
    draw.text((text // 2, text // 2), f"{number:06d}", fill=(255, 255, 255), font_size=text)
    # A bird that moves from picture to picture.
    x, y = (number * 37 % 100) / 100 * width, height * (0.25 + 0.1 * math.sin(number / 3))
    draw.line(
        (x - text, y - text / 2, x, y, x + text, y - text / 2), fill=(20, 20, 30), width=max(2, text // 8)
    )
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(file, "JPEG", quality=85, exif=exif)
    return file.getvalue()


@functools.lru_cache(maxsize=256)
def thumbnail(jpeg: bytes, width: int) -> bytes:
    """Return *jpeg* scaled to *width*, never up; 0 is the original."""
    with Image.open(io.BytesIO(jpeg)) as original:
        if width == 0 or original.width <= width:
            return jpeg
        small = original.resize((width, max(1, round(original.height * width / original.width))))
        file = io.BytesIO()
        small.save(file, "JPEG", quality=80, exif=original.getexif())
        return file.getvalue()


def frame_id(seed: int, number: int) -> str:
    """Return the id of the *number*-th picture of a place."""
    return str(FrameId(f"{seed + 1:016x}", number))
