"""Sheets and scaled frames for the routes: made once, one after the other, by a process that live pictures do not wait for.

A visitor who drags through a day asks for much and wants the last of it. So the newest request is made first; what nobody waits
for any more is not begun; and where more wait than are worth waiting for, the oldest is refused. What was made is kept in
the cache, under a name that follows from what it was made from, so nothing there ever becomes wrong.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from shutterbus_runtime.clock import Clock
from shutterbus_viewer.errors import MakerUnavailableError, TooManyError
from shutterbus_viewer.history.cache import Cache
from shutterbus_viewer.history.process import ENDING, MakerProcess
from shutterbus_viewer.history.sheets import Sheet, SheetFrame

WIDTHS_PX = (160, 320, 640, 960, 1280, 1920, 2560, 3840)
FORMAT = 1
"""Of what is made. Goes up when the same input makes something else, so that what is kept is not used any more."""

WAITING_MAX = 32
AHEAD_MAX = 240
"""Sheets of ten cameras' days."""
BUSY_S = 5.0
"""So long a request steps back for live pictures; where they never stop, the two share the processor by niceness."""
BUSY_POLL_S, AHEAD_POLL_S = 0.02, 0.2
IDLE_S = 300.0
"""After so long without work the process, and its memory, is given back."""

Made = TypeVar("Made")


@dataclass(slots=True)
class _Job:
    """Something to be made, in the maker's thread, that *waiting* requests wait for."""

    work: Callable[[], Any]
    done: asyncio.Future[Any]
    waiting: int = 0


class Maker:
    """Only on the loop."""

    def __init__(
        self, cache: Cache, process: MakerProcess, clock: Clock, busy: Callable[[], bool] = lambda: False
    ) -> None:
        """Make what is asked for.

        Args:
            cache: What was made is kept there.
            process: It makes it.
            clock: Says for how long a request has stepped back.
            busy: Whether live pictures wait to be scaled.
        """
        self._cache = cache
        self._process = process
        self._clock = clock
        self._busy = busy
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="maker")
        self._wanted: dict[str, _Job] = {}
        """By key, the newest last."""
        self._ahead: dict[str, _Job] = {}
        """Likewise, what is made when nothing is wanted; the first first."""
        self._making: tuple[str, _Job] | None = None
        self._wake = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._closed = False

    async def sheet(self, frames: Sequence[SheetFrame]) -> Sheet:
        """Return the sheet of one hour's *frames*, at most one a minute.

        Raises:
            UndrawableError: Several of them crash the decoder.
            MakerUnavailableError: Nothing can be made now.
            TooManyError: Too many later requests are waiting.
        """
        key = _sheet_key(frames)
        kept = await asyncio.to_thread(self._cache.get, key)
        if kept is not None:
            return Sheet.from_bytes(kept)
        return await self._made(key, partial(self._make_sheet, key, tuple(frames)))

    async def scaled(self, path: Path, width_px: int) -> bytes:
        """Return the frame in *path* as an upright JPEG, its width rounded up to one of ``WIDTHS_PX``.

        It is never made wider: a JPEG that is no wider is returned as it is, a PNG at its own size.

        Raises:
            FrameGoneError: The file is not there any more.
            ArchiveUnreadableError: It cannot be read now.
            UndrawableError: It cannot be decoded.
            MakerUnavailableError: Nothing can be made now.
            TooManyError: Too many later requests are waiting.
        """
        to_px = width_of(width_px)
        key = f"scaled {FORMAT} {to_px} {path}"
        kept = await asyncio.to_thread(self._cache.get, key)
        if kept is not None:
            return kept
        return await self._made(key, partial(self._make_scaled, key, str(path), to_px))

    def ahead(self, hours: Iterable[Sequence[SheetFrame]]) -> None:
        """Have the sheets of these *hours* made while nothing is asked for, the first first, and before earlier ones.

        Of more than ``AHEAD_MAX`` the last are forgotten. Where nothing is kept, nothing is made.
        """
        if self._closed or not self._cache.max_bytes:
            return
        loop = asyncio.get_running_loop()
        jobs = {}
        for frames in hours:
            key = _sheet_key(frames)
            if key not in self._wanted:
                jobs[key] = _Job(partial(self._make_sheet, key, tuple(frames)), loop.create_future())
        self._ahead = dict(islice({**jobs, **self._ahead}.items(), AHEAD_MAX))
        self._begin()

    def close(self) -> None:
        """Begin no more work, and end the process. Requests that still wait are told that the viewer ends."""
        self._closed = True
        self._process.close()
        if self._worker is not None:
            self._worker.cancel()
        making = [self._making[1]] if self._making else []
        for job in (*making, *self._wanted.values()):
            _fail(job, MakerUnavailableError(ENDING))
        self._wanted.clear()
        self._ahead.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._cache.close()

    async def _made(self, key: str, work: Callable[[], Made]) -> Made:
        """Return what *work* makes, or what is being made for the same *key*."""
        if self._closed:
            raise MakerUnavailableError(ENDING)
        if self._making is not None and self._making[0] == key:
            job = self._making[1]
        else:
            self._ahead.pop(key, None)
            waiting = self._wanted.pop(key, None)
            job = waiting or _Job(work, asyncio.get_running_loop().create_future())
            self._wanted[key] = job
            if len(self._wanted) > WAITING_MAX:
                _, oldest = _first(self._wanted)
                _fail(oldest, TooManyError(f"{WAITING_MAX} later requests wait for pictures; ask again"))
            self._begin()
        job.waiting += 1
        try:
            # A request that stops waiting must not take the picture away from the others.
            made: Made = await asyncio.shield(job.done)
        finally:
            job.waiting -= 1
            if not job.waiting and self._wanted.get(key) is job:
                del self._wanted[key]
        return made

    def _begin(self) -> None:
        self._wake.set()
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())

    async def _work(self) -> None:
        """Make one thing after the other until there was nothing to do for a while."""
        loop = asyncio.get_running_loop()
        while True:
            await self._step_back()
            if not (self._wanted or self._ahead):
                if await self._woken(IDLE_S):
                    continue
                await loop.run_in_executor(self._pool, self._process.rest)
                if not self._wake.is_set():
                    return
                continue
            key, job = self._wanted.popitem() if self._wanted else _first(self._ahead)
            self._making = key, job
            running = loop.run_in_executor(self._pool, job.work)
            await asyncio.wait([running])
            self._making = None
            if error := running.exception():
                _fail(job, error)
            else:
                job.done.set_result(running.result())

    async def _step_back(self) -> None:
        """Return when live pictures leave time for the next thing, or when somebody has waited for it long enough."""
        since_s: float | None = None
        while (self._wanted or self._ahead) and self._busy():
            now_s = self._clock.monotonic_s()
            if self._wanted:
                since_s = now_s if since_s is None else since_s
                if now_s - since_s >= BUSY_S:
                    return
                await asyncio.sleep(BUSY_POLL_S)
            else:
                await self._woken(AHEAD_POLL_S)

    async def _woken(self, within_s: float) -> bool:
        """Wait for something new to do; False if there is nothing *within_s*."""
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._wake.wait()
        return self._wake.is_set()

    def _make_sheet(self, key: str, frames: tuple[SheetFrame, ...]) -> Sheet:
        if (kept := self._cache.get(key)) is not None:
            return Sheet.from_bytes(kept)
        made = self._process.sheet(frames)
        if made.complete:
            self._cache.put(key, made.to_bytes())
        return made

    def _make_scaled(self, key: str, path: str, to_px: int) -> bytes:
        made = self._process.scaled(path, to_px)
        if not made.as_it_is:
            self._cache.put(key, made.picture)
        return made.picture


def width_of(wanted_px: int) -> int:
    """Return *wanted_px* rounded up to one of ``WIDTHS_PX``, so that few sizes are made and kept."""
    return next((step_px for step_px in WIDTHS_PX if step_px >= wanted_px), WIDTHS_PX[-1])


def _sheet_key(frames: Sequence[SheetFrame]) -> str:
    shown = [(frame.minute, frame.path) for frame in sorted(frames)]
    return f"sheet {FORMAT} {json.dumps(shown)}"


def _fail(job: _Job, error: BaseException) -> None:
    if job.done.done():
        return
    job.done.set_exception(error)
    job.done.exception()  # seen, should nobody wait for it any more


def _first(jobs: dict[str, _Job]) -> tuple[str, _Job]:
    key = next(iter(jobs))
    return key, jobs.pop(key)
