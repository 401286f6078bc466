"""Scaling: once for everyone, upright, never more than was asked for, and always the newest."""

import asyncio
import io
import threading
from collections.abc import Awaitable, Callable, Iterator

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from shutterbus_viewer.decode_plan import Plan, plan
from shutterbus_viewer.errors import UndrawableError
from shutterbus_viewer.latest import LatestFrame
from shutterbus_viewer.scaling import scaled
from shutterbus_viewer.show.thumbnails import Thumbnail, Thumbnails
from shutterbus_wire.frame import Frame
from shutterbus_wire.jpeg import read_header
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

    def __call__(self, data: bytes, how: Plan, to_px: int) -> bytes:
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

    def counting(data: bytes, how: Plan, to_px: int) -> bytes:
        scales.append(to_px)
        return scaled(data, how, to_px)

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


def test_it_is_busy_while_somebody_waits_for_a_picture(scaler: SlowScaler) -> None:
    async def scene() -> None:
        thumbnails = Thumbnails(lambda camera: picture(camera=camera, picture=LARGE), scaler)
        assert not thumbnails.busy
        waiting = asyncio.create_task(thumbnails.jpeg("gate", 64))
        await until(lambda: len(scaler.begun) == 1)
        assert thumbnails.busy
        scaler.end()
        await waiting
        assert not thumbnails.busy

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
        scaled(whole_jpeg[: start - 40] + b"\xff\xd9", Plan(8, 0), 64)


def test_jpeg_that_no_browser_draws_is_named_at_every_width() -> None:
    data = jpeg(640, 480)
    at = data.index(b"\xff\xc0")
    lossless = data[: at + 1] + b"\xc3" + data[at + 2 :]

    latest = LatestFrame(Frame(frame().metadata, lossless), NOW_US)
    for width_px in (64, 1_280):
        with pytest.raises(
            UndrawableError, match="is a JPEG with lossless coding, which browsers cannot draw"
        ):
            scaled_to(latest, width_px)
    assert scaled_to(latest) is lossless, "as it is, it can be had"


def marked(orientation: int) -> bytes:
    """Return a JPEG whose upright picture, 120 x 80, has one red corner: the upper left one."""
    upright = np.zeros((80, 120, 3), np.uint8)
    upright[:30, :30] = (0, 0, 255)
    # How the sensor was held, undone.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(stored))
    assert done
    image = Image.open(io.BytesIO(data.tobytes()))
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = orientation
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif, quality=95)
    return file.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(orientation: int) -> None:
    data = marked(orientation)
    header = read_header(data)
    assert header.upright_size_px == (120, 80)
    small = cv2.imdecode(np.frombuffer(scaled(data, plan(header, 64, 10**9), 64), np.uint8), cv2.IMREAD_COLOR)
    assert small is not None
    assert small.shape[:2] == (43, 64)
    red = small[:, :, 2] > 128
    corners = [bool(red[y, x]) for y in (5, -5) for x in (5, -5)]
    assert corners == [True, False, False, False]


def test_an_orientation_that_browsers_do_not_read_turns_nothing() -> None:
    """It is a SHORT, one of them: what is written otherwise is obeyed by OpenCV, and by nobody who shows the full picture."""
    data = bytearray(marked(6))
    at = data.index(b"\x01\x12\x00\x03") if b"\x01\x12\x00\x03" in data else data.index(b"\x12\x01\x03\x00")
    kind = at + (3 if data[at] == 1 else 2)
    data[kind] = 4  # LONG
    header = read_header(bytes(data))
    assert header.upright_size_px == header.size_px == (80, 120)
    small = cv2.imdecode(
        np.frombuffer(scaled(bytes(data), plan(header, 64, 10**9), 64), np.uint8), cv2.IMREAD_COLOR
    )
    assert small is not None
    assert small.shape[:2] == (96, 64)
