"""50 tabs that are opened within a second on 1,000 cameras: how long each waits for the first states.

Against a bare WebSocket server that sends as many bytes at once.
"""

import asyncio
from collections.abc import Iterator

from bench.rows import Row
from bench.screen import picture_bytes
from bench.viewer_load import Load, Page, load, percentile

CAMERAS, TABS = 1_000, 50
INTERVAL_S = 2.0
WITHIN_S = 1.0


async def open_tabs(running: Load) -> list[Page]:
    """Open one after the other, and return when all are greeted."""
    pages, tasks = [Page({}) for _ in range(TABS)], []
    for page in pages:
        tasks.append(asyncio.create_task(page.look(running.port)))
        await asyncio.sleep(WITHIN_S / TABS)
    while not all(page.greeted_s for page in pages):  # noqa: ASYNC110  # what sets it is measured, not slowed by an event
        await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return pages


def measure() -> Iterator[Row]:
    """Yield the slowest tab, and the median."""
    pictures = picture_bytes((320, 180))
    with load("serve", CAMERAS, INTERVAL_S, pictures) as running:
        running.log_in()
        pages = asyncio.run(open_tabs(running))
    ours_s = [page.greeted_s for page in pages]
    with load("bare", CAMERAS, INTERVAL_S, pictures, pages[0].greeting_bytes) as running:
        bare_s = [page.greeted_s for page in asyncio.run(open_tabs(running))]
    for what, ours, peer in (
        ("median", percentile(ours_s, 50), percentile(bare_s, 50)),
        ("slowest", max(ours_s), max(bare_s)),
    ):
        yield Row(
            name=f"50 tabs within a second on 1,000 cameras: first states, {what}, against as many bytes sent bare",
            ours=ours * 1000,
            peer=peer * 1000,
            ratio=ours / peer,
            unit="ms",
            goal="<= 200 ms",
        )
