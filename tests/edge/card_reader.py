"""Reads the number that the test card draws in squares."""

import io

from PIL import Image

from shutterbus_edge.capture.testcard import Layout


def number_in_squares(jpeg: bytes) -> int:
    """Read the frame number off the card."""
    image = Image.open(io.BytesIO(jpeg)).convert("L")
    number = 0
    for left, top, right, bottom in Layout(image.size).squares():
        bright = image.getpixel(((left + right) // 2, (top + bottom) // 2))
        assert isinstance(bright, (int, float))
        number = number * 2 + (bright > 150)
    return number
