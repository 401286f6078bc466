"""How old a live picture is when it comes, while ten people drag through the past, against without them, in turns.

Four cameras of 1080p, five pictures a second each, on one core with the viewer and its maker process; a page has them as tiles, which
are scaled, another as they are. What people look at is a day of the same cameras, a picture a minute, of which nothing is made at first.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench.kept import BEGIN_US, HOUR_US, MINUTE_US, keep
from bench.people import people
from bench.rows import Row
from bench.screen import full_hd_bytes
from bench.viewer_load import Load, Page, camera, load, percentile

CAMERAS, INTERVAL_S = 4, 0.2
HOURS, PEOPLE = 24, 10
TILE_PX = 640
ROUNDS, SETTLE_S, MEASURED_S = 4, 3.0, 15.0
KINDS = {"scaled to a tile": TILE_PX, "as it is": 0}


async def watch(running: Load) -> list[list[float]]:
    """Return the ages in s of the pictures that each kind of page gets."""
    pages = [Page({camera(number): px for number in range(CAMERAS)}) for px in KINDS.values()]
    tasks = [asyncio.create_task(page.look(running.port)) for page in pages]
    await asyncio.sleep(SETTLE_S)
    began_s = time.monotonic()
    await asyncio.sleep(MEASURED_S)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return [[age_s for at_s, age_s in page.ages_s if at_s >= began_s] for page in pages]


def _add(all_of_them: list[list[float]], some: list[list[float]]) -> None:
    for ages_s, more_s in zip(all_of_them, some, strict=True):
        ages_s.extend(more_s)


def measure() -> Iterator[Row]:
    """Yield a row a kind of page, and how much the people were answered."""
    beside: list[list[float]] = [[] for _ in KINDS]
    without: list[list[float]] = [[] for _ in KINDS]
    answers: Counter[int] = Counter()
    pictures = full_hd_bytes()
    with tempfile.TemporaryDirectory() as name:
        archive = Path(name) / "archive"
        keep(archive, pictures, HOURS * 60, MINUTE_US, [camera(number) for number in range(CAMERAS)])
        span = BEGIN_US, BEGIN_US + HOURS * HOUR_US
        with load("serve", CAMERAS, INTERVAL_S, pictures, archive=archive) as running:
            running.log_in()
            for _ in range(ROUNDS):
                _add(without, asyncio.run(watch(running)))
                with people(running.port, PEOPLE, CAMERAS, *span) as answered:
                    _add(beside, asyncio.run(watch(running)))
                answers += answered
    for kind, ours_s, peer_s in zip(KINDS, beside, without, strict=True):
        for percent, goal in ((50, ""), (95, "<= 1.3")):
            ours, peer = percentile(ours_s, percent), percentile(peer_s, percent)
            yield Row(
                name=f"live picture {kind}, age when it comes beside {PEOPLE} people who scrub, p{percent}",
                ours=ours * 1_000,
                peer=peer * 1_000,
                ratio=ours / peer,
                unit="ms",
                goal=goal,
            )
    each_s = ROUNDS * (SETTLE_S + MEASURED_S)
    yield Row(name="answers to them", ours=answers.total() / each_s, unit="/s", goal="")
    yield Row(name="of which they were asked to come again", ours=answers[503] / each_s, unit="/s", goal="")
