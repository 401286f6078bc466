"""Hour sheets before anybody asks: of the cameras whose past people look at, each hour soon after it is over.

So a day is there at once when its page is opened. Of other cameras sheets are made when they are asked for.
"""

import asyncio
from collections.abc import Callable, Sequence

from shutterbus_runtime.clock import Clock
from shutterbus_viewer.errors import ArchiveUnreadableError
from shutterbus_viewer.history.cache import Cache
from shutterbus_viewer.history.maker import Maker
from shutterbus_viewer.history.sheets import SheetFrame

EVERY_S = 60.0
CAMERAS_MAX = 10
HOURS = 24
HOUR_US = 3_600_000_000
SETTLED_US = 600_000_000
"""An hour is made so long after its end, when what was on its way has come."""

FramesOfHour = Callable[[str, int], Sequence[SheetFrame]]


class Ahead:
    """Only on the loop, but for the questions to the archive."""

    def __init__(self, maker: Maker, cache: Cache, frames_of_hour: FramesOfHour, clock: Clock) -> None:
        """*frames_of_hour* says what a camera's sheet of an hour is made of; it may wait, and raise ArchiveUnreadableError."""
        self._maker = maker
        self._cache = cache
        self._frames_of_hour = frames_of_hour
        self._clock = clock
        self._looked_at: dict[str, int] = {}
        """By camera, the one looked at last at the end: up to which instant its sheets were ordered, us since 1970."""

    def look_at(self, camera: str) -> None:
        """Note that somebody looks at the past of *camera*."""
        self._looked_at[camera] = self._looked_at.pop(camera, 0)
        if len(self._looked_at) > CAMERAS_MAX:
            del self._looked_at[next(iter(self._looked_at))]

    async def keep_making(self) -> None:
        """Order what is due each minute, and let the cache give way to what else needs its disk, until cancelled."""
        while True:
            await self.order()
            await asyncio.to_thread(self._cache.give_way)
            await asyncio.sleep(EVERY_S)

    async def order(self) -> None:
        """Order what is due, the newest hour first."""
        end_us = (self._clock.utc_us() - SETTLED_US) // HOUR_US * HOUR_US
        for camera, done_us in reversed(list(self._looked_at.items())):
            begin_us = max(done_us, end_us - HOURS * HOUR_US)
            if begin_us >= end_us:
                continue
            try:
                hours = await asyncio.to_thread(self._hours, camera, begin_us, end_us)
            except ArchiveUnreadableError:
                return  # asked again in a minute
            self._maker.ahead(hours)
            if camera in self._looked_at:
                self._looked_at[camera] = end_us

    def _hours(self, camera: str, begin_us: int, end_us: int) -> list[Sequence[SheetFrame]]:
        begins = range(end_us - HOUR_US, begin_us - 1, -HOUR_US)
        return [frames for hour_us in begins if (frames := self._frames_of_hour(camera, hour_us))]
