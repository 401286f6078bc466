"""What is erased in the archive does not stay in small pictures either: after each order all of them are made anew."""

import asyncio

from shutterbus_viewer.archive.history import History
from shutterbus_viewer.errors import ArchiveUnreadableError
from shutterbus_viewer.history.cache import Cache

EVERY_S = 60.0
ONCE_MORE = b" once more"
KEY = "erasures"
"""Under which the cache keeps the orders that it knows of, so that a restart forgets nothing and keeps what is right."""


async def forget_erased(history: History, cache: Cache) -> None:
    """Look for orders each minute, until cancelled."""
    while True:
        await asyncio.to_thread(look, history, cache)
        await asyncio.sleep(EVERY_S)


def look(history: History, cache: Cache) -> None:
    """Empty *cache* if something was erased since the last look."""
    try:
        now = history.erasures().encode()
    except ArchiveUnreadableError:
        return
    known = cache.get(KEY)
    if known != now:
        cache.clear()
        # A sheet that was being made meanwhile is put back, so a minute later all goes once more.
        cache.put(KEY, now if known == now + ONCE_MORE else now + ONCE_MORE)
