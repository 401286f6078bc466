"""Scaling: once for everyone, upright, never more than was asked for, and always the newest."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator

import cv2
import numpy as np
import pytest

from shutterbus_viewer.errors import UndrawableError
from shutterbus_viewer.latest import LatestFrame
from shutterbus_viewer.show.thumbnails import Thumbnail, Thumbnails, scaled
from shutterbus_wire.frame import Frame
from viewer.fakes_viewer import NOW_US, frame, jpeg, picture, png


def size_px(encoded: bytes) -> tuple[int, int]:
    image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.shape[1], image.shape[0]


def as_png(width_px: int, height_px: int) -> LatestFrame:
    png_frame = Frame(frame().metadata, png(width_px, height_px), "image/png")
    return LatestFrame(png_frame, NOW_US)


def scaled_to(latest: LatestFrame, width_px: int = 0) -> bytes:
    """Return what becomes of *latest*, which is the newest of its camera."""
    thumbnail = asyncio.run(Thumbnails(lambda _: latest).jpeg(latest.camera, width_px))
    assert thumbnail is not None
    assert thumbnail.picture is latest
    return thumbnail.jpeg


@pytest.mark.parametrize(
    ("asked_px", "given_px"), [(0, 1_280), (320, 320), (300, 320), (1, 64), (1_279, 1_280), (5_000, 1_280)]
)
def test_width_is_rounded_up_so_that_tiles_share_pictures(asked_px: int, given_px: int) -> None:
    made = scaled_to(picture(picture=jpeg(1_280, 720)), asked_px)

    assert size_px(made) == (given_px, given_px * 9 // 16)


def test_picture_that_need_not_be_smaller_is_passed_on_untouched() -> None:
    small = picture(picture=jpeg(320, 240))

    assert scaled_to(small, 640) is small.frame.data


def test_png_becomes_a_jpeg_at_its_own_size() -> None:
    made = scaled_to(as_png(300, 200))

    assert made.startswith(b"\xff\xd8\xff")
    assert size_px(made) == (300, 200)


def test_sideways_picture_is_turned_upright() -> None:
    """A scaled picture has no EXIF left that could tell a browser to turn it."""
    made = scaled_to(picture(picture=jpeg(640, 480), orientation=6), 128)

    assert size_px(made) == (128, 171)
    image = cv2.imdecode(np.frombuffer(made, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    assert image[10, 118] > 200  # the bright corner went from top left to top right
    assert image[10, 10] < 150


LARGE = jpeg(128, 96)


class SlowScaler:
    """Scales nothing until ``go_on`` is called; ``begun`` is what it was given so far."""

    def __init__(self) -> None:
        self.begun: list[bytes] = []
        self._waiting: list[threading.Event] = []
        self._ended = False

    def __call__(self, data: bytes, divisor: int, to_px: int) -> bytes:
        event = threading.Event()
        self._waiting.append(event)
        self.begun.append(data)
        if not self._ended:
            event.wait()
        return b"small " + data

    def go_on(self) -> None:
        """Let what has begun come to its end."""
        for event in self._waiting:
            event.set()

    def end(self) -> None:
        """Hold up nothing any more."""
        self._ended = True
        self.go_on()


@pytest.fixture
def scaler() -> Iterator[SlowScaler]:
    slow = SlowScaler()
    yield slow
    slow.end()


Scene = Callable[[], Awaitable[None]]


def play(scene: Scene) -> None:
    async def run() -> None:
        await scene()

    asyncio.run(run())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  # a thread of the scaler makes it true
            await asyncio.sleep(0.001)


def test_what_is_scaled_is_always_the_newest_and_nothing_queues(scaler: SlowScaler) -> None:
    """Two cameras, each sending ten pictures in the time that one takes: nine of ten cost nothing at all."""

    async def scene() -> None:
        newest: dict[str, LatestFrame] = {}
        thumbnails = Thumbnails(newest.get, scaler)
        names = {
            picture(seq, camera=camera, picture=LARGE).frame.data: (camera, seq)
            for camera in ("gate", "yard")
            for seq in range(40)
        }
        shown: dict[str, list[int]] = {"gate": [], "yard": []}

        async def watch(camera: str) -> None:
            while True:
                thumbnail = await thumbnails.jpeg(camera, 64)
                assert thumbnail is not None
                shown[camera].append(thumbnail.picture.frame.metadata.id.seq)
                while newest[camera].id == thumbnail.picture.id:  # noqa: ASYNC110
                    await asyncio.sleep(0)

        def send(seq: int) -> None:
            newest.update({camera: picture(seq, camera=camera, picture=LARGE) for camera in ("gate", "yard")})

        send(0)
        watching = [asyncio.create_task(watch(camera)) for camera in ("gate", "gate", "yard", "yard")]
        for shot in range(1, 4):
            await until(lambda shot=shot: len(scaler.begun) == 2 * shot)  # type: ignore[misc]
            for seq in range(10 * shot - 9, 10 * shot + 1):
                send(seq)
                await asyncio.sleep(0)
            assert len(thumbnails._wishes) <= 2
            scaler.go_on()
        await until(lambda: len(scaler.begun) == 8)
        begun = [names[data] for data in scaler.begun]
        assert sorted(begun) == [(camera, seq) for camera in ("gate", "yard") for seq in (0, 10, 20, 30)]
        scaler.go_on()
        await until(lambda: all(seen[-1] == 30 for seen in shown.values()))
        for task in watching:
            task.cancel()

    play(scene)


def test_hundred_who_wait_cost_one_decoding() -> None:
    scales = []

    def counting(data: bytes, divisor: int, to_px: int) -> bytes:
        scales.append(to_px)
        return scaled(data, divisor, to_px)

    async def scene() -> None:
        large = picture(picture=jpeg(1_280, 720))
        thumbnails = Thumbnails(lambda _: large, counting)
        await asyncio.gather(*(thumbnails.jpeg("gate", 300 + number % 20) for number in range(100)))
        await thumbnails.jpeg("gate", 320)

    play(scene)

    assert scales == [320]


def test_who_stops_waiting_takes_nothing_away_from_the_others() -> None:
    made: list[Thumbnail | None] = []

    async def scene() -> None:
        large = picture(picture=jpeg(1_280, 720))
        thumbnails = Thumbnails(lambda _: large)
        leaving = asyncio.create_task(thumbnails.jpeg("gate", 320))
        staying = asyncio.create_task(thumbnails.jpeg("gate", 320))
        await asyncio.sleep(0)
        leaving.cancel()
        made.append(await staying)

    play(scene)

    assert made[0] is not None
    assert size_px(made[0].jpeg) == (320, 180)


def test_what_nobody_waits_for_any_more_is_not_begun(scaler: SlowScaler) -> None:
    async def scene() -> None:
        newest = {name: picture(camera=name, picture=LARGE) for name in ("a", "b", "c")}
        thumbnails = Thumbnails(newest.get, scaler)
        waiting = [asyncio.create_task(thumbnails.jpeg(name, 64)) for name in newest]
        await until(lambda: len(scaler.begun) == 2)
        waiting[2].cancel()
        await asyncio.gather(waiting[2], return_exceptions=True)
        scaler.go_on()
        await asyncio.gather(*waiting[:2])

        assert not thumbnails._wishes
        assert len(scaler.begun) == 2

    play(scene)


def test_only_the_newest_picture_is_kept_scaled() -> None:
    kept = []

    async def scene() -> None:
        newest: dict[str, LatestFrame] = {}
        thumbnails = Thumbnails(newest.get)
        for seq in range(20):
            newest["gate"] = picture(seq, picture=jpeg(640, 480))
            await thumbnails.jpeg("gate", 64)
        kept.append(sum(len(made.widths) for made in thumbnails._made.values()))

    play(scene)

    assert kept == [1]


def test_decodings_in_flight_share_the_memory_there_is(scaler: SlowScaler) -> None:
    """Two that fit one by one and not together are made one after the other."""

    async def scene() -> None:
        newest = {name: picture(camera=name, picture=jpeg(640, 480)) for name in ("a", "b")}
        thumbnails = Thumbnails(newest.get, scaler, budget_bytes=3_000_000)
        waiting = [asyncio.create_task(thumbnails.jpeg(name, 576)) for name in newest]
        await until(lambda: len(scaler.begun) == 1)
        await asyncio.sleep(0.01)
        assert len(scaler.begun) == 1
        scaler.end()
        await asyncio.gather(*waiting)
        assert len(scaler.begun) == 2

    play(scene)


def test_what_takes_too_much_memory_is_refused_in_a_sentence() -> None:
    async def scene() -> None:
        thumbnails = Thumbnails(lambda _: as_png(640, 480), budget_bytes=1_000_000)
        with pytest.raises(
            UndrawableError, match=r"is 640 x 480 pixels: to scale it takes 1.9 MB of memory, 1.0 MB"
        ):
            await thumbnails.jpeg("gate", 64)

    play(scene)


def test_what_cannot_be_decoded_is_said_so() -> None:
    """Its header was sound, or it would not have got here; the rest is not."""
    whole_jpeg = jpeg(640, 480)
    start = whole_jpeg.index(b"\xff\xda")
    with pytest.raises(UndrawableError):
        scaled(whole_jpeg[: start - 40] + b"\xff\xd9", 8, 64)
