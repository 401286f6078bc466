"""What is asked of the maker: made once, the newest first, and never in the way of live pictures."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from fakes import FakeClock
from shutterbus_runtime.clock import SystemClock
from shutterbus_viewer.errors import MakerUnavailableError, TooManyError, UndrawableError
from shutterbus_viewer.history import maker as module
from shutterbus_viewer.history.cache import Cache
from shutterbus_viewer.history.maker import WAITING_MAX, Maker
from shutterbus_viewer.history.process import MakerProcess, Scaled
from shutterbus_viewer.history.sheets import Sheet, SheetFrame
from viewer.fakes_viewer import jpeg
from viewer.kept_files import frame, pixels

MINUTE = SheetFrame(0, 0, "a-0", "/store/a.jpg")


class SlowProcess(MakerProcess):
    """Makes nothing until ``go_on``; ``begun`` is what it was asked for, by the path of a frame or of a sheet's first."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.begun: list[str] = []
        self.rests = 0
        self.fails: set[str] = set()
        self.complete = True
        self._turns = threading.Semaphore(0)

    def sheet(self, frames: Sequence[SheetFrame]) -> Sheet:
        self._take_turn(frames[0].path)
        return Sheet(frames[0].path.encode(), 160, 90, (), self.complete)

    def scaled(self, path: str, width_px: int) -> Scaled:
        self._take_turn(f"{path} {width_px}")
        return Scaled(path.encode(), as_it_is=width_px > 2_000)

    def rest(self) -> None:
        self.rests += 1

    def close(self) -> None:
        self.go_on(1_000)

    def go_on(self, things: int = 1) -> None:
        """Let it make so many things."""
        for _ in range(things):
            self._turns.release()

    def _take_turn(self, what: str) -> None:
        self.begun.append(what)
        self._turns.acquire()
        if what in self.fails:
            raise UndrawableError("cannot be decoded")


class Rig:
    """A maker whose process is slow, with an empty cache."""

    def __init__(self, folder: Path, cache_max_bytes: int = 1 << 20) -> None:
        self.process = SlowProcess()
        self.clock = FakeClock()
        self.live_waits = False
        self.cache = Cache(folder, cache_max_bytes, min_free_bytes=0)
        self.maker = Maker(self.cache, self.process, self.clock, lambda: self.live_waits)

    def play(self, scene: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            try:
                await scene()
            finally:
                self.maker.close()

        asyncio.run(run())

    def ask(self, path: str, width_px: int = 160) -> "asyncio.Task[bytes]":
        return asyncio.create_task(self.maker.scaled(Path(path), width_px))

    async def waits(self, count: int) -> None:
        await until(lambda: len(self.maker._wanted) == count)

    async def begins(self, *whats: str) -> None:
        await until(lambda: len(self.process.begun) >= len(whats))
        assert self.process.begun == list(whats)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # a thread makes it true
            await asyncio.sleep(0.001)


async def a_while() -> None:
    """Let everything happen that would."""
    for _ in range(20):
        await asyncio.sleep(0.001)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with_one = Rig(tmp_path)
    yield with_one
    with_one.process.go_on(1_000)


def hour(name: str) -> list[SheetFrame]:
    return [SheetFrame(0, 0, "a-0", name)]


def test_newest_request_is_made_first(rig: Rig) -> None:
    """A visitor who drags through a day wants the last of it."""

    async def scene() -> None:
        asked = []
        for count, path in enumerate(("/a", "/b", "/c", "/d")):
            asked.append(rig.ask(path))
            await (rig.waits(count) if count else rig.begins("/a 160"))
        rig.process.go_on(4)
        await asyncio.gather(*asked)
        assert rig.process.begun == ["/a 160", "/d 160", "/c 160", "/b 160"]

    rig.play(scene)


def test_same_thing_asked_for_at_once_is_made_once(rig: Rig) -> None:
    async def scene() -> None:
        making = [rig.ask("/a") for _ in range(10)]
        await rig.begins("/a 160")
        making += [rig.ask("/a", 100) for _ in range(10)]
        waiting = [rig.ask("/b") for _ in range(10)]
        await rig.waits(1)
        rig.process.go_on(2)
        assert set(await asyncio.gather(*making)) == {b"/a"}
        assert set(await asyncio.gather(*waiting)) == {b"/b"}
        assert rig.process.begun == ["/a 160", "/b 160"]

    rig.play(scene)


def test_request_asked_for_again_is_the_newest(rig: Rig) -> None:
    async def scene() -> None:
        asked = [rig.ask("/a")]
        await rig.begins("/a 160")
        for count, path in enumerate(("/b", "/c"), 1):
            asked.append(rig.ask(path))
            await rig.waits(count)
        asked.append(rig.ask("/b"))
        await until(lambda: next(iter(rig.maker._wanted)).endswith("/c"))
        rig.process.go_on(3)
        await asyncio.gather(*asked)
        assert rig.process.begun == ["/a 160", "/b 160", "/c 160"]

    rig.play(scene)


def test_what_nobody_waits_for_any_more_is_not_begun(rig: Rig) -> None:
    async def scene() -> None:
        first = rig.ask("/a")
        await rig.begins("/a 160")
        left, stayed = rig.ask("/b"), rig.ask("/b")
        await until(lambda: [job.waiting for job in rig.maker._wanted.values()] == [2])
        gone = rig.ask("/c")
        await rig.waits(2)
        for task in (gone, left):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        rig.process.go_on(2)
        assert (await first, await stayed) == (b"/a", b"/b")
        assert rig.process.begun == ["/a 160", "/b 160"]

    rig.play(scene)


def test_where_too_many_wait_the_oldest_is_refused(rig: Rig) -> None:
    async def scene() -> None:
        first = rig.ask("/first")
        await rig.begins("/first 160")
        asked = []
        for number in range(WAITING_MAX):
            asked.append(rig.ask(f"/{number}"))
            await rig.waits(number + 1)
        newest = rig.ask("/newest")
        with pytest.raises(TooManyError, match="32 later requests wait for pictures"):
            await asked[0]
        rig.process.go_on(WAITING_MAX + 1)
        assert await newest == b"/newest"
        assert len(await asyncio.gather(first, *asked[1:])) == WAITING_MAX

    rig.play(scene)


def test_error_is_for_those_who_asked_for_it(rig: Rig) -> None:
    async def scene() -> None:
        rig.process.fails.add("/a 160")
        asked = [rig.ask("/a"), rig.ask("/a"), rig.ask("/b")]
        rig.process.go_on(3)
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [UndrawableError, UndrawableError, bytes]

    rig.play(scene)


def test_what_was_made_comes_from_the_cache(rig: Rig, tmp_path: Path) -> None:
    """Also after a restart."""

    async def scene() -> None:
        rig.process.go_on(2)
        made = await rig.ask("/a"), await rig.maker.sheet(hour("/b"))
        again = Rig(tmp_path)
        for maker in (rig.maker, again.maker):
            assert (await maker.scaled(Path("/a"), 100), await maker.sheet(hour("/b"))) == made
        assert (len(rig.process.begun), again.process.begun) == (2, [])
        again.maker.close()

    rig.play(scene)


def test_what_need_not_be_made_again_is_not_kept(rig: Rig) -> None:
    """A picture as it is, which the store has, and a sheet that may be fuller the next time."""

    async def scene() -> None:
        rig.process.go_on(4)
        rig.process.complete = False
        for _ in range(2):
            await rig.ask("/a", 3_840)
            await rig.maker.sheet(hour("/b"))
        assert len(rig.process.begun) == 4
        assert rig.cache.size_bytes == 0

    rig.play(scene)


def test_hour_with_another_frame_is_another_sheet(rig: Rig) -> None:
    """The present hour grows, and what arrives late belongs to an earlier one."""

    async def scene() -> None:
        rig.process.go_on(3)
        later = SheetFrame(1, 60_000_000, "a-1", "/later")
        for frames in (hour("/a"), [*hour("/a"), later], [later, *hour("/a")], [*hour("/a"), later]):
            await rig.maker.sheet(frames)
        assert len(rig.process.begun) == 2

    rig.play(scene)


@pytest.mark.parametrize(
    ("asked_px", "made_px"),
    [(1, 160), (160, 160), (161, 320), (1_281, 1_920), (3_840, 3_840), (9_999, 3_840)],
)
def test_width_is_rounded_up_to_one_of_a_few(rig: Rig, asked_px: int, made_px: int) -> None:
    async def scene() -> None:
        rig.process.go_on()
        await rig.ask("/a", asked_px)
        assert rig.process.begun == [f"/a {made_px}"]

    rig.play(scene)


def test_sheets_are_made_ahead_while_nothing_is_asked_for(rig: Rig) -> None:
    async def scene() -> None:
        rig.maker.ahead([hour("/1"), hour("/2"), hour("/3")])
        await rig.begins("/1")
        wanted = rig.ask("/a")
        await rig.waits(1)
        rig.process.go_on(4)
        await wanted
        await rig.begins("/1", "/a 160", "/2", "/3")
        await until(lambda: not rig.maker._making)
        await rig.maker.sheet(hour("/2"))
        assert len(rig.process.begun) == 4

    rig.play(scene)


def test_sheet_that_is_asked_for_is_not_made_ahead_as_well(rig: Rig) -> None:
    """Not even where it is not kept."""

    async def scene() -> None:
        rig.process.complete = False
        rig.maker.ahead([hour("/1"), hour("/2"), hour("/3")])
        await rig.begins("/1")
        asked = [asyncio.create_task(rig.maker.sheet(hour(name))) for name in ("/1", "/3")]
        await rig.waits(1)
        rig.process.go_on(4)
        assert [made.jpeg for made in await asyncio.gather(*asked)] == [b"/1", b"/3"]
        await rig.begins("/1", "/3", "/2")
        await a_while()
        assert len(rig.process.begun) == 3

    rig.play(scene)


def test_sheets_that_are_kept_are_not_made_ahead(rig: Rig) -> None:
    async def scene() -> None:
        rig.process.go_on(2)
        await rig.maker.sheet(hour("/1"))
        rig.maker.ahead([hour("/1"), hour("/2")])
        await rig.begins("/1", "/2")

    rig.play(scene)


def test_nothing_is_made_ahead_where_nothing_is_kept(tmp_path: Path) -> None:
    rig = Rig(tmp_path, cache_max_bytes=0)

    async def scene() -> None:
        rig.process.go_on(2)
        rig.maker.ahead([hour("/1")])
        await rig.ask("/a")
        await a_while()
        assert rig.process.begun == ["/a 160"]

    rig.play(scene)


def test_last_camera_that_was_looked_at_is_made_ahead_first(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AHEAD_MAX", 3)

    async def scene() -> None:
        rig.maker.ahead([hour("/now")])
        await rig.begins("/now")
        rig.maker.ahead([hour("/gate 1"), hour("/gate 2")])
        rig.maker.ahead([hour("/yard 1"), hour("/yard 2")])
        rig.process.go_on(4)
        await rig.begins("/now", "/yard 1", "/yard 2", "/gate 1")
        await a_while()
        assert len(rig.process.begun) == 4

    rig.play(scene)


def test_failure_of_what_is_made_ahead_stops_nothing(rig: Rig) -> None:
    async def scene() -> None:
        rig.process.fails.add("/1")
        rig.process.go_on(2)
        rig.maker.ahead([hour("/1"), hour("/2")])
        await rig.begins("/1", "/2")

    rig.play(scene)


def test_nothing_is_begun_while_a_live_picture_waits(rig: Rig) -> None:
    async def scene() -> None:
        rig.live_waits = True
        rig.process.go_on(3)
        rig.maker.ahead([hour("/1")])
        older = rig.ask("/a")
        await rig.waits(1)
        newer = rig.ask("/b")
        await rig.waits(2)
        await a_while()
        assert rig.process.begun == []
        rig.live_waits = False
        await asyncio.gather(older, newer)
        await rig.begins("/b 160", "/a 160", "/1")

    rig.play(scene)


def test_live_pictures_that_never_stop_hold_up_a_request_for_some_seconds_only(rig: Rig) -> None:
    """Niceness then says who may have the processor. What is made ahead waits on."""

    async def scene() -> None:
        rig.live_waits = True
        rig.process.go_on(2)
        rig.maker.ahead([hour("/1")])
        asked = rig.ask("/a")
        await rig.waits(1)
        await a_while()
        assert rig.process.begun == []
        rig.clock.pass_s(module.BUSY_S)
        assert await asked == b"/a"
        await a_while()
        assert rig.process.begun == ["/a 160"]

    rig.play(scene)


def test_process_rests_when_there_was_nothing_to_do_for_long(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_S", 0.01)

    async def scene() -> None:
        rig.process.go_on(2)
        await rig.ask("/a")
        await until(lambda: rig.process.rests == 1)
        assert await rig.ask("/b") == b"/b"

    rig.play(scene)


def test_end_of_the_viewer_is_said_to_who_waits(rig: Rig) -> None:
    async def scene() -> None:
        asked = [rig.ask("/a")]
        await rig.begins("/a 160")
        asked.append(rig.ask("/b"))
        await rig.waits(1)
        rig.maker.close()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [MakerUnavailableError] * 2
        with pytest.raises(MakerUnavailableError):
            await rig.maker.scaled(Path("/c"), 160)
        assert rig.process.begun == ["/a 160"]

    rig.play(scene)


def test_real_process_makes_what_is_asked_for(tmp_path: Path) -> None:
    clock = SystemClock()
    cache = Cache(tmp_path / "cache", 1 << 20, min_free_bytes=0)
    maker = Maker(cache, MakerProcess(clock), clock)
    frames = [frame(tmp_path, minute, jpeg(640, 360)) for minute in (0, 59)]

    async def scene() -> None:
        try:
            sheet = await maker.sheet(frames)
            assert [minute for minute, _, _ in sheet.minutes] == [0, 59]
            assert pixels(sheet.jpeg).shape == (540, 1_600, 3)
            scaled = await maker.scaled(Path(frames[0].path), 200)
            assert pixels(scaled).shape == (180, 320, 3)
        finally:
            maker.close()

    asyncio.run(scene())
    assert cache.size_bytes > 0
