"""The test card: readable by eye, and by the squares that a program reads."""

import io

import pytest
from PIL import Image

from edge.card_reader import number_in_squares
from fakes import FakeClock
from shutterbus_edge.capture import Shot, testcard  # the module: pytest would take the class for a test
from shutterbus_edge.capture.testcard import SQUARES
from shutterbus_edge.errors import MisconfiguredError
from shutterbus_edge.settings.capture import CaptureSettings


@pytest.mark.parametrize("size", ["1280x720", "720x1280", "1920x1080", "320x240"])
def test_each_card_has_its_number(size: str) -> None:
    """Also at the lowest quality that a limit leaves."""
    card = testcard.TestCard(size, CaptureSettings(quality=35), FakeClock())
    numbers = [0, 1, 385, 2**24 - 1]
    assert [number_in_squares(card.capture(Shot(number)).jpeg) for number in numbers] == numbers
    assert SQUARES == 24


def test_a_clock_that_moves_moves_the_picture() -> None:
    """Between two cards of the same instant only the number differs; a second later the hands do too."""
    clock = FakeClock()
    card = testcard.TestCard("", CaptureSettings(), clock)
    first = Image.open(io.BytesIO(card.capture(Shot(0)).jpeg)).crop((0, 150, 480, 620)).tobytes()
    same = Image.open(io.BytesIO(card.capture(Shot(1)).jpeg)).crop((0, 150, 480, 620)).tobytes()
    clock.pass_s(1)
    later = Image.open(io.BytesIO(card.capture(Shot(0)).jpeg)).crop((0, 150, 480, 620)).tobytes()
    assert first == same != later


def test_the_size_in_the_settings_wins() -> None:
    card = testcard.TestCard("1280x720", CaptureSettings(size_px=(640, 360)), FakeClock())
    assert card.size_px == (640, 360)
    assert card.natural_rate == 5


@pytest.mark.parametrize("size", ["huge", "10x10", "9999x9999", "640"])
def test_a_size_that_makes_no_card_is_refused(size: str) -> None:
    with pytest.raises(MisconfiguredError, match=r"test card|testcard:1280x720"):
        testcard.TestCard(size, CaptureSettings(), FakeClock())


@pytest.mark.parametrize("size", [(64, 64), (64, 640), (3840, 2160), (101, 77)])
def test_every_size_can_be_drawn(size: tuple[int, int]) -> None:
    picture = testcard.TestCard("", CaptureSettings(size_px=size), FakeClock()).capture(Shot(0))
    assert Image.open(io.BytesIO(picture.jpeg)).size == size
