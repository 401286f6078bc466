"""The test card: readable by eye, and by the squares that a program reads."""

import io

import pytest
from PIL import Image

from fakes import FakeClock
from shutterbus_edge.capture import testcard  # the module: pytest would take the class for a test
from shutterbus_edge.capture.testcard import SQUARES, Layout
from shutterbus_edge.errors import MisconfiguredError
from shutterbus_edge.picture import PictureSettings


def number_in_squares(jpeg: bytes) -> int:
    """Read the frame number off the card."""
    image = Image.open(io.BytesIO(jpeg)).convert("L")
    number = 0
    for left, top, right, bottom in Layout(image.size).squares():
        bright = image.getpixel(((left + right) // 2, (top + bottom) // 2))
        assert isinstance(bright, (int, float))
        number = number * 2 + (bright > 150)
    return number


@pytest.mark.parametrize("size", ["1280x720", "720x1280", "1920x1080", "320x240"])
def test_each_card_has_its_number(size: str) -> None:
    """Also at the lowest quality that a limit leaves."""
    card = testcard.TestCard(size, PictureSettings(quality=35), FakeClock())
    assert [number_in_squares(card.capture(None).jpeg) for _ in range(6)] == list(range(6))
    assert SQUARES == 24


def test_a_clock_that_moves_moves_the_picture() -> None:
    """Between two cards of the same instant only the number differs; a second later the hands do too."""
    clock = FakeClock()
    card = testcard.TestCard("", PictureSettings(), clock)
    first = Image.open(io.BytesIO(card.capture(None).jpeg)).crop((0, 150, 480, 620)).tobytes()
    same = Image.open(io.BytesIO(card.capture(None).jpeg)).crop((0, 150, 480, 620)).tobytes()
    clock.pass_s(1)
    later = Image.open(io.BytesIO(card.capture(None).jpeg)).crop((0, 150, 480, 620)).tobytes()
    assert first == same != later


def test_the_size_in_the_settings_wins() -> None:
    card = testcard.TestCard("1280x720", PictureSettings(size_px=(640, 360)), FakeClock())
    assert card.size_px == (640, 360)
    assert card.natural_rate == 5


@pytest.mark.parametrize("size", ["huge", "10x10", "9999x9999", "640"])
def test_a_size_that_makes_no_card_is_refused(size: str) -> None:
    with pytest.raises(MisconfiguredError, match=r"test card|testcard:1280x720"):
        testcard.TestCard(size, PictureSettings(), FakeClock())


@pytest.mark.parametrize("size", [(64, 64), (64, 640), (3840, 2160), (101, 77)])
def test_every_size_can_be_drawn(size: tuple[int, int]) -> None:
    picture = testcard.TestCard("", PictureSettings(size_px=size), FakeClock()).capture(None)
    assert Image.open(io.BytesIO(picture.jpeg)).size == size
