"""Several things done at once for one connection, which ends with the first of them."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def wait_first(*work: Coroutine[Any, Any, None]) -> BaseException | None:
    """Do all of *work* until one ends, then stop the others; return what ended it, None if it just did."""
    tasks = [asyncio.create_task(coroutine) for coroutine in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.exception()  # seen, or asyncio complains of it
    ended = done.pop()
    return None if ended.cancelled() else ended.exception()
