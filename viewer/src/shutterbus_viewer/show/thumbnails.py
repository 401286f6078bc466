"""Pictures at the width they are shown at: scaled once for everyone who watches, and always the newest there is.

Nothing queues here but names of cameras. Which picture is scaled is decided when a thread is free to scale it, so what
comes faster than the processor can take is passed over before it costs anything.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import cv2

from shutterbus_runtime.clock import Clock, SystemClock
from shutterbus_runtime.slow import Slowness
from shutterbus_viewer.decode_plan import Plan, memory_budget_bytes, plan
from shutterbus_viewer.errors import UndrawableError
from shutterbus_viewer.latest import LatestFrame
from shutterbus_viewer.scaling import scaled

log = logging.getLogger(__name__)

WIDTH_STEP_PX = 64
"""Widths are rounded up to a multiple of this, so that tiles of nearly the same size share a picture."""

WIDTH_MAX_PX = 8_192
WORKERS = 2
NICENESS = 10
"""Scaling may have what the loop leaves: a page that waits for a picture can wait, a health check cannot."""

Scale = Callable[[bytes, Plan, int], bytes]


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture, and its JPEG at the width that was asked for."""

    picture: LatestFrame
    jpeg: bytes


Outcome = asyncio.Future[Thumbnail | None]


@dataclass(slots=True)
class _Made:
    """What was made of one picture, or is being made, by width."""

    picture_id: str
    widths: dict[int, Outcome] = field(default_factory=dict)


@dataclass(slots=True)
class _Wish:
    """A camera at a width that *waiting* clients wait for."""

    done: Outcome
    waiting: int = 0


class Thumbnails:
    """Scales what *newest* says is a camera's newest picture, in threads of its own. Only on the loop."""

    def __init__(
        self,
        newest: Callable[[str], LatestFrame | None],
        scale: Scale = scaled,
        budget_bytes: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        cv2.setNumThreads(1)
        self.scaling = Slowness(
            "scale",
            clock or SystemClock(),
            log,
            look_at="look at what else keeps this machine's processors busy, and at the size of the pictures",
        )
        """How often it took over a second to make a picture smaller."""
        self._newest = newest
        self._scale = scale
        self._budget_bytes = budget_bytes or memory_budget_bytes()
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="scale", initializer=_yield_to_others)
        self._made: dict[str, _Made] = {}
        self._wishes: dict[tuple[str, int], _Wish] = {}
        self._running = 0
        self._cost_bytes = 0

    @property
    def busy(self) -> bool:
        """Whether somebody waits for a live picture that is being scaled, or will be."""
        return bool(self._running or self._wishes)

    async def jpeg(self, camera: str, width_px: int = 0) -> Thumbnail | None:
        """Return the newest picture of *camera* about *width_px* wide, never wider than it is; 0 means as it is.

        A JPEG that need not be smaller is returned untouched. Every picture is scaled to a width only once, however
        many wait for it. None if there is no picture.

        Raises:
            UndrawableError: It cannot be decoded, or that would take too much memory.
        """
        picture = self._newest(camera)
        if picture is None:
            return None
        target_px = _target_px(picture, width_px)
        if target_px is None:
            return Thumbnail(picture, picture.frame.data)
        made = self._made.get(camera)
        if made and made.picture_id == picture.id and target_px in made.widths:
            # A request that stops waiting must not take the picture away from the others.
            return await asyncio.shield(made.widths[target_px])
        return await self._wait(camera, -(-width_px // WIDTH_STEP_PX))

    async def _wait(self, camera: str, steps: int) -> Thumbnail | None:
        key = camera, steps
        if key not in self._wishes:
            self._wishes[key] = _Wish(asyncio.get_running_loop().create_future())
        wish = self._wishes[key]
        wish.waiting += 1
        self._begin()
        try:
            return await asyncio.shield(wish.done)
        finally:
            wish.waiting -= 1
            if not wish.waiting and self._wishes.get(key) is wish:
                del self._wishes[key]

    def _begin(self) -> None:
        """Begin what is wished for, oldest wish first, as long as there are threads and memory for it."""
        while self._wishes and self._running < WORKERS:
            (camera, steps), wish = next(iter(self._wishes.items()))
            picture = self._newest(camera)
            target_px = _target_px(picture, steps * WIDTH_STEP_PX) if picture else None
            if picture is None or target_px is None:  # it went, or became small meanwhile
                wish.done.set_result(Thumbnail(picture, picture.frame.data) if picture else None)
            elif not self._make(wish, picture, target_px):
                return
            del self._wishes[camera, steps]

    def _make(self, wish: _Wish, picture: LatestFrame, target_px: int) -> bool:
        """Have *picture* scaled, and say so; False if that has to wait for memory."""
        try:
            how = plan(picture.frame.header, target_px, self._budget_bytes)
        except UndrawableError as error:
            wish.done.set_exception(error)
            _look(wish.done)
        else:
            if self._running and self._cost_bytes + how.cost_bytes > self._budget_bytes:
                return False
            self._running += 1
            self._cost_bytes += how.cost_bytes
            work = partial(self._scaled, picture.frame.data, how, target_px)
            job = asyncio.get_running_loop().run_in_executor(self._pool, work)
            job.add_done_callback(partial(self._ended, wish, picture, how))
        made = self._made.get(picture.camera)
        if made is None or made.picture_id != picture.id:
            made = self._made[picture.camera] = _Made(picture.id)
        made.widths[target_px] = wish.done
        return True

    def _scaled(self, picture: bytes, how: Plan, to_width_px: int) -> bytes:
        with self.scaling.timed():
            return self._scale(picture, how, to_width_px)

    def _ended(self, wish: _Wish, picture: LatestFrame, how: Plan, job: asyncio.Future[bytes]) -> None:
        self._running -= 1
        self._cost_bytes -= how.cost_bytes
        if job.cancelled():
            wish.done.cancel()
        elif error := job.exception():
            wish.done.set_exception(error)
            _look(wish.done)
        else:
            wish.done.set_result(Thumbnail(picture, job.result()))
        self._begin()

    def close(self) -> None:
        """Begin no more work."""
        self._wishes.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)


def _target_px(picture: LatestFrame, width_px: int) -> int | None:
    """Return the width to scale to; None if the picture is to be passed on untouched."""
    target_px = -(-width_px // WIDTH_STEP_PX) * WIDTH_STEP_PX
    if width_px and target_px < picture.width_px:
        return target_px
    drawn_as_it_is = picture.frame.content_type == "image/jpeg" and not (
        width_px and picture.frame.header.rarity
    )
    return None if drawn_as_it_is else picture.width_px


def _look(failed: Outcome) -> None:
    """See the outcome, so that asyncio does not complain of one that nobody waited for any more."""
    failed.exception()


def _yield_to_others() -> None:
    """On Linux a thread has a niceness of its own."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
