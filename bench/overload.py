"""Pictures faster than one core can take: how old what the pages show becomes, and how long a health check takes.

1,000 cameras of 720p every two seconds and 50 pages of 40 tiles, the viewer on one core; against itself with a tenth of the
cameras and the pages in the same run.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator

from bench.rows import Row
from bench.screen import picture_bytes
from bench.viewer_load import Load, Page, camera, load, percentile

INTERVAL_S = 2.0
TILES = 40
TILE_PX = 320
SETTLE_S = 10.0
MEASURED_S = 40.0


async def watch(running: Load, cameras: int, pages: int) -> tuple[list[float], list[float], list[float]]:
    """Return the ages in the first and in the second half of the time, and how long ``/livez`` took, all in s."""
    step = cameras // pages
    looking = [
        Page({camera((page * step + tile) % cameras): TILE_PX for tile in range(TILES)})
        for page in range(pages)
    ]
    tasks = [asyncio.create_task(page.look(running.port)) for page in looking]
    await asyncio.sleep(SETTLE_S)
    began_s, livez_s = time.monotonic(), []
    while time.monotonic() < began_s + MEASURED_S:
        livez_s.append(await asyncio.to_thread(running.livez_s))
        await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    seen = [age for page in looking for age in page.ages_s if age[0] >= began_s]
    middle_s = began_s + MEASURED_S / 2
    return [age for at, age in seen if at < middle_s], [age for at, age in seen if at >= middle_s], livez_s


def measure() -> Iterator[Row]:
    """Yield the ages, whether they grow, and the health check."""
    pictures = picture_bytes()
    with load("serve", 100, INTERVAL_S, pictures) as running:
        early_s, late_s, light_livez_s = asyncio.run(watch(running, 100, 5))
        light_s = early_s + late_s
    with load("serve", 1_000, INTERVAL_S, pictures) as running:
        early_s, late_s, livez_s = asyncio.run(watch(running, 1_000, 50))
    said = "1,000 cameras every 2 s, 50 pages of 40 tiles, one core"
    ours, peer = percentile(early_s + late_s, 95), percentile(light_s, 95)
    yield Row(
        name=f"{said}: age of a picture when it comes, p95, against 100 cameras and 5 pages",
        ours=ours,
        peer=peer,
        ratio=ours / peer,
        unit="s",
        goal="<= 2 s",
    )
    ours, peer = statistics.median(late_s), statistics.median(early_s)
    yield Row(
        name="the same, median of the second 20 s, against the first 20 s",
        ours=ours,
        peer=peer,
        ratio=ours / peer,
        unit="s",
        goal="not growing",
    )
    ours, peer = percentile(livez_s, 95), percentile(light_livez_s, 95)
    yield Row(
        name="/livez, p95, against 100 cameras and 5 pages",
        ours=ours * 1000,
        peer=peer * 1000,
        ratio=ours / peer,
        unit="ms",
        goal="<= 50 ms",
    )
    per_page = len(early_s + late_s) / MEASURED_S / 50
    yield Row(name="pictures a second and page (20 are taken)", ours=per_page, unit="/s", goal="")
