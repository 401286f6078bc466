"""Look at the pages with made-up cameras: ``PYTHONPATH=. python -m viewer.pages.look --cameras 40`` from ``tests/``."""

import argparse
import math
import random
import time
from itertools import count

from viewer.pages.fake_viewer import FakeViewer, now_us
from viewer.pages.scenes import scene

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
DAY_US = 24 * 60 * MINUTE_US
NAMES = ("gate", "yard", "roof", "quay", "barn", "mill", "weir", "dock", "silo", "lane", "pond", "shed")


def populate(viewer: FakeViewer, cameras: int) -> None:
    """Make *cameras* cameras: first one of each sort that a page has to cope with, then quiet ones."""
    for number in range(cameras):
        sort = SORTS[number] if cameras > 3 and number < len(SORTS) else None
        name = f"{NAMES[number % len(NAMES)]}-{number // len(NAMES) + 1}"
        if sort:
            sort(viewer)
        else:
            healthy(viewer, name, number)
    keep(viewer)


def keep(viewer: FakeViewer) -> None:
    """Let most cameras have a day in the archive, each with holes of its own."""
    for number, name in enumerate(viewer.places):
        chance = random.Random(number)
        night = range(chance.randrange(20), chance.randrange(20, 40)) if number % 3 == 0 else ()
        hole = chance.randrange(96)
        usual = (1, 15, 90, 900)[number % 4]
        frames = [
            0 if at in night or 0 <= at - hole < number % 5 else round(usual * chance.uniform(0.6, 1))
            for at in range(96)
        ]
        if number % 7 != 5:
            viewer.kept[name] = frames


def healthy(viewer: FakeViewer, name: str, number: int) -> None:
    interval = (0.5, 1, 10, 60, 3600, 86400)[number % 6]
    viewer.tell(
        name, expected_interval_s=interval, frames_per_second=1 / interval, since_us=now_us() - 90 * MINUTE_US
    )
    width, height = ((1280, 720), (1280, 960), (1920, 1080))[number % 3]
    picture = scene(width, height, number % 24, number)
    viewer.shoot(name, age_s=interval * 0.6, jpeg=picture, width=width, height=height, metadata=METADATA)


METADATA = {
    "ExposureTime": 8333,
    "AnalogueGain": 1.87,
    "DigitalGain": 1.02,
    "Lux": 412.6,
    "LensPosition": 1.02,
    "ColourTemperature": 5210,
}


def full(viewer: FakeViewer) -> None:
    start = now_us() - 180 * MINUTE_US
    wave = [
        [start + step * MINUTE_US, round(19 + 4 * math.sin(step / 25) + (step % 5) / 10, 1)]
        for step in range(180)
    ]
    heat = [[at, round(44 + (value - 19) * 1.5, 1)] for at, value in wave]
    viewer.tell(
        "gate",
        expected_interval_s=1,
        frames_per_second=1.0,
        since_us=start,
        schedule="every 1 s",
        source="picamera2",
        held={"frames": 214, "bytes": 38_400_000, "oldest_age_s": 740},
        counters={
            "captured": 123_456,
            "published": 123_190,
            "missed": 3,
            "dropped": {"overwritten": 40, "expired": 9},
            "dropped_within_a_day": 49,
        },
        readings=[
            {
                "sensor": "outside",
                "name": "temperature",
                "unit": "°C",
                "value": 20.4,
                "at_us": now_us(),
                "recent": wave,
            },
            {
                "sensor": "cpu",
                "name": "temperature",
                "unit": "°C",
                "value": 51.2,
                "at_us": now_us(),
                "recent": heat,
            },
            {
                "sensor": "outside",
                "name": "relative_humidity",
                "unit": "%",
                "value": 61,
                "at_us": now_us(),
                "recent": [],
            },
        ],
    )
    picture = scene(1920, 1080, 3, 41)
    viewer.shoot("gate", jpeg=picture, width=1920, height=1080, metadata=METADATA)


def late(viewer: FakeViewer) -> None:
    viewer.tell("orchard", expected_interval_s=10, frames_per_second=0.1)
    viewer.shoot("orchard", age_s=42)


def silent(viewer: FakeViewer) -> None:
    viewer.tell("harbour", online=None, expected_interval_s=60)
    viewer.shoot("harbour", age_s=5400)


def offline(viewer: FakeViewer) -> None:
    viewer.tell("ridge", online=False, since_us=now_us() - 1500 * MINUTE_US, expected_interval_s=5)
    viewer.shoot("ridge", age_s=1500 * 60)


def waiting(viewer: FakeViewer) -> None:
    viewer.tell("new-camera")


def ahead(viewer: FakeViewer) -> None:
    viewer.tell("tower", expected_interval_s=3600)
    viewer.shoot("tower", age_s=-250, clock_synced=False)


def troubled(viewer: FakeViewer) -> None:
    sentence = "Mosquitto refused a picture of 9.1 MB; its limit is 8.4 MB. `make 4k` raises it."
    viewer.tell("bridge", expected_interval_s=3600, problems=[sentence])
    viewer.shoot("bridge", age_s=8)


def long_name(viewer: FakeViewer) -> None:
    name = "building-7-north-entrance-loading-bay-camera-021"
    viewer.tell(name, expected_interval_s=3600)
    viewer.shoot(name, age_s=300)


def portrait(viewer: FakeViewer) -> None:
    viewer.tell("lift-shaft", expected_interval_s=3600)
    viewer.shoot("lift-shaft", jpeg=scene(1080, 1920, 5, 7), width=1080, height=1920)


def panorama(viewer: FakeViewer) -> None:
    viewer.tell("valley", expected_interval_s=3600)
    viewer.shoot("valley", jpeg=scene(4096, 1024, 8, 9), width=4096, height=1024)


def remember(viewer: FakeViewer) -> None:
    """Give ``gate`` a past of twenty days: a picture every two minutes, with gaps, and more of them just now."""
    now = now_us()
    first = now // DAY_US * DAY_US - 20 * DAY_US
    outage = range(now - 300 * MINUTE_US, now - 240 * MINUTE_US)
    seldom = [us for us in range(first, now - 30 * MINUTE_US, 2 * MINUTE_US) if us not in outage]
    kept = [us for us in seldom if (now - us) // DAY_US % 7 != 4]
    often = range(now - 30 * MINUTE_US, now, 5 * SECOND_US)
    viewer.past.keep("gate", [*kept, *often], seed=3, size=(1280, 720))
    viewer.tell("gate", zone="Europe/Berlin")


SORTS = (full, late, silent, offline, waiting, ahead, troubled, long_name, portrait, panorama)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=40)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    viewer = FakeViewer()
    with viewer.running(options.port):
        populate(viewer, options.cameras)
        remember(viewer)
        print(f"Open {viewer.url}/", flush=True)
        for turn in count():
            time.sleep(0.5)
            for number, (name, place) in enumerate(list(viewer.places.items())):
                interval = place.state.get("expected_interval_s") or 0
                if interval and interval <= 1 and (turn + number) % max(1, round(interval * 2)) == 0:
                    size = place.state["picture"]["width"], place.state["picture"]["height"]
                    viewer.shoot(
                        name,
                        jpeg=scene(*size, place.seed % 24, turn % 8),
                        width=size[0],
                        height=size[1],
                        metadata=METADATA,
                    )


if __name__ == "__main__":
    main()
