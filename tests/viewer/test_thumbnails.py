"""Scaling: once for everyone, upright, and never more than was asked for."""

import asyncio

import cv2
import numpy as np
import pytest

from shutterbus_viewer.errors import UndrawableError
from shutterbus_viewer.latest import Picture
from shutterbus_viewer.show.thumbnails import Thumbnails, scaled
from shutterbus_wire.frame import Frame
from viewer.fakes_viewer import NOW_US, frame, jpeg, picture, png


def size_px(encoded: bytes) -> tuple[int, int]:
    image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.shape[1], image.shape[0]


def as_png(width_px: int, height_px: int) -> Picture:
    one = Frame(frame().facts, png(width_px, height_px), "image/png")
    return Picture(one, NOW_US, width_px, height_px)


@pytest.mark.parametrize(
    ("asked_px", "given_px"), [(0, 1_280), (320, 320), (300, 320), (1, 64), (1_279, 1_280), (5_000, 1_280)]
)
def test_width_is_rounded_up_so_that_tiles_share_pictures(asked_px: int, given_px: int) -> None:
    large = picture(picture=jpeg(1_280, 720))

    made = asyncio.run(Thumbnails().jpeg(large, asked_px))

    assert size_px(made) == (given_px, given_px * 9 // 16)


def test_picture_that_need_not_be_smaller_is_passed_on_untouched() -> None:
    small = picture(picture=jpeg(320, 240))

    assert asyncio.run(Thumbnails().jpeg(small, 640)) is small.frame.picture


def test_png_becomes_a_jpeg_at_its_own_size() -> None:
    made = asyncio.run(Thumbnails().jpeg(as_png(300, 200)))

    assert made.startswith(b"\xff\xd8\xff")
    assert size_px(made) == (300, 200)


def test_sideways_picture_is_turned_upright() -> None:
    """A scaled picture has no EXIF left that could tell a browser to turn it."""
    sideways = picture(picture=jpeg(640, 480), orientation=6)

    made = asyncio.run(Thumbnails().jpeg(sideways, 128))

    assert size_px(made) == (128, 171)
    image = cv2.imdecode(np.frombuffer(made, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    assert image[10, 118] > 200  # the bright corner went from top left to top right
    assert image[10, 10] < 150


def test_hundred_who_wait_cost_one_decoding() -> None:
    scales = []

    def counting(data: bytes, from_px: int, to_px: int) -> bytes:
        scales.append(to_px)
        return scaled(data, from_px, to_px)

    async def ask() -> None:
        thumbnails = Thumbnails(counting)
        large = picture(picture=jpeg(1_280, 720))
        await asyncio.gather(*(thumbnails.jpeg(large, 300 + number % 20) for number in range(100)))
        await thumbnails.jpeg(large, 320)

    asyncio.run(ask())

    assert scales == [320]


def test_who_stops_waiting_takes_nothing_away_from_the_others() -> None:
    async def ask() -> bytes:
        thumbnails = Thumbnails()
        large = picture(picture=jpeg(1_280, 720))
        leaving = asyncio.create_task(thumbnails.jpeg(large, 320))
        staying = asyncio.create_task(thumbnails.jpeg(large, 320))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert size_px(asyncio.run(ask())) == (320, 180)


def test_only_the_newest_picture_is_kept_scaled() -> None:
    async def ask() -> int:
        thumbnails = Thumbnails()
        for seq in range(20):
            await thumbnails.jpeg(picture(seq, picture=jpeg(640, 480)), 64)
        return sum(len(widths) for _, widths in thumbnails._made.values())

    assert asyncio.run(ask()) == 1


def test_what_cannot_be_decoded_is_said_so() -> None:
    """Its header was sound, or it would not have got here; the rest is not."""
    one = jpeg(640, 480)
    start = one.index(b"\xff\xda")
    with pytest.raises(UndrawableError):
        scaled(one[: start - 40] + b"\xff\xd9", 640, 64)
