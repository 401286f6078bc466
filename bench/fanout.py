"""What sending to browsers costs: 50 pages that each show 1,000 cameras, against a bare asyncio WebSocket loop.

Small pictures, passed on as they are; processor time of the server a picture that came, ours and bare in turns.
"""

import asyncio
import statistics
from collections.abc import Iterator

from bench.rows import Row
from bench.screen import picture_bytes
from bench.viewer_load import Load, Page, camera, load

CAMERAS, PAGES = 1_000, 50
INTERVAL_S = 10.0
"""100 pictures a second to each page: 5,000 in all, which either server can."""

ROUNDS = 3
SETTLE_S = 6.0
MEASURED_S = 15.0


async def watch(running: Load) -> float:
    """Return how many seconds of processor a picture takes."""
    watched = {camera(number): 0 for number in range(CAMERAS)}
    pages = [Page(watched) for _ in range(PAGES)]
    tasks = [asyncio.create_task(page.look(running.port)) for page in pages]
    await asyncio.sleep(SETTLE_S)
    before_s, before = running.cpu_s(), sum(len(page.ages_s) for page in pages)
    await asyncio.sleep(MEASURED_S)
    took_s, came = running.cpu_s() - before_s, sum(len(page.ages_s) for page in pages) - before
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return took_s / came


def measure() -> Iterator[Row]:
    """Yield one row."""
    pictures = picture_bytes((320, 180))
    ours_s: list[float] = []
    bare_s: list[float] = []
    for _ in range(ROUNDS):
        for kind, taken_s in (("bare", bare_s), ("serve", ours_s)):
            with load(kind, CAMERAS, INTERVAL_S, pictures) as running:
                taken_s.append(asyncio.run(watch(running)))
    yield Row(
        name="sending to 50 pages of 1,000 cameras: CPU a picture, against a bare asyncio WebSocket loop",
        ours=statistics.median(ours_s) * 1e6,
        peer=statistics.median(bare_s) * 1e6,
        ratio=statistics.median(ours / bare for ours, bare in zip(ours_s, bare_s, strict=True)),
        unit="us",
        goal="<= 1.8",
    )
