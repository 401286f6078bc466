"""A past that never was: frames of cameras at the instants a test names, and the answers of the viewer about them."""

import bisect
import functools
import hashlib
import io
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Query, Response
from PIL import Image

from viewer.pages.scenes import frame_id, scene, thumbnail

BUCKET_US = 300_000_000
MINUTE_US = 60_000_000
SECOND_US = 1_000_000
CELL_PX = 160
"""Of a cell's longer side."""
COLUMNS, ROWS = 10, 6
LADDER = (160, 320, 640, 960, 1280, 1920, 2560, 3840)


@dataclass(frozen=True, slots=True, order=True)
class PastFrame:
    captured_us: int
    id: str
    seed: int
    number: int
    size: tuple[int, int]

    def jpeg(self, width: int = 0) -> bytes:
        return _jpeg(self, width)

    def row(self) -> dict[str, Any]:
        return {"captured_us": self.captured_us, "id": self.id, "bytes": 40_000 + self.number}


@functools.lru_cache(maxsize=4096)
def _jpeg(frame: PastFrame, width: int) -> bytes:
    """Draw it, darker by night as the clocks of Berlin show it."""
    size = frame.size
    if 0 < width <= CELL_PX:
        size = (width, round(width * size[1] / size[0]))
    with Image.open(io.BytesIO(scene(*size, frame.seed, frame.number))) as day:
        local = datetime.fromtimestamp(frame.captured_us / 1e6, ZoneInfo("Europe/Berlin"))
        noon = math.cos((local.hour + local.minute / 60 - 13) / 24 * 2 * math.pi)
        light = min(1.0, max(0.25, 0.6 + 0.8 * noon))
        file = io.BytesIO()
        day.point([min(255, round(value * light)) for value in range(256)] * 3).save(file, "JPEG", quality=80)
    return thumbnail(file.getvalue(), next((step for step in LADDER if step >= width), 0) if width else 0)


@dataclass
class FakePast:
    """What an archive would have. Everything may be called from any thread before a page asks."""

    frames: dict[str, list[PastFrame]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    problem: str = ""
    unreadable: str = ""
    asked: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def keep(
        self, camera: str, instants_us: Iterable[int], *, seed: int = 0, size: tuple[int, int] = (640, 360)
    ) -> list[str]:
        """Keep a frame of each of these instants; return their ids."""
        kept = []
        for captured_us in instants_us:
            self.numbers[camera] = self.numbers.get(camera, 0) + 1
            number = self.numbers[camera]
            frame = PastFrame(captured_us, frame_id(seed + 0x100, number), seed, number, size)
            kept.append(frame.id)
            bisect.insort(self.frames.setdefault(camera, []), frame)
        return kept

    def extent(self, camera: str) -> list[dict[str, Any]]:
        """Return what ``/api/archive`` says of it."""
        frames = self.frames.get(camera, [])
        if not frames or self.problem:
            return []
        size = sum(frame.row()["bytes"] for frame in frames)
        ends = {"oldest_us": frames[0].captured_us, "newest_us": frames[-1].captured_us}
        return [{"id": camera, "frames": len(frames), "bytes": size, **ends}]

    def between(self, camera: str, from_us: int, to_us: int) -> list[PastFrame]:
        frames = self.frames.get(camera, [])
        return [frame for frame in frames if from_us <= frame.captured_us < to_us]

    def jpeg(self, camera: str, frame: str, width: int = 0) -> bytes:
        """Return a frame's file, or refuse as the viewer does."""
        return self.find(camera, frame).jpeg(width)

    def find(self, camera: str, frame: str) -> PastFrame:
        if frame in self.gone:
            raise HTTPException(410, "it was older than the archive keeps pictures")
        for known in self.frames.get(camera, []):
            if known.id == frame:
                return known
        raise HTTPException(404, f"there is no frame {frame}")


def instant_us(text: str) -> int:
    """Return what an RFC 3339 instant means."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise HTTPException(422, f"{text} has no zone")
    return round((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def past_routes(past: Callable[[], FakePast], zone_of: Callable[[str], str]) -> APIRouter:
    """Answer what pages ask about the past; *zone_of* is a camera's own zone."""
    router = APIRouter(prefix="/api/cameras/{camera}")

    def there() -> FakePast:
        if past().problem:
            raise HTTPException(404, past().problem)
        if past().unreadable:
            raise HTTPException(503, past().unreadable)
        return past()

    @router.get("/days")
    async def days(
        camera: str,
        from_: Annotated[str, Query(alias="from")] = "1970-01-01",
        to: str = "9999-01-01",
        zone: str = "",
    ) -> dict[str, Any]:
        name = zone or zone_of(camera)
        by_date: dict[str, list[PastFrame]] = {}
        for frame in there().frames.get(camera, []):
            date = datetime.fromtimestamp(frame.captured_us / 1e6, ZoneInfo(name)).date().isoformat()
            by_date.setdefault(date, []).append(frame)
        return {
            "zone": name,
            "days": [
                _day(date, frames, name) for date, frames in sorted(by_date.items()) if from_ <= date < to
            ],
        }

    @router.get("/buckets")
    async def buckets(camera: str, from_: Annotated[str, Query(alias="from")], to: str) -> dict[str, Any]:
        counts: dict[int, list[int]] = {}
        for frame in there().between(camera, instant_us(from_), instant_us(to)):
            start = frame.captured_us // BUCKET_US * BUCKET_US
            counts.setdefault(start, []).append(frame.row()["bytes"])
        return {
            "bucket_us": BUCKET_US,
            "start_us": list(counts),
            "frames": [len(sizes) for sizes in counts.values()],
            "bytes": [sum(sizes) for sizes in counts.values()],
        }

    @router.get("/frames")
    async def frames(
        camera: str,
        from_: Annotated[str, Query(alias="from")] = "",
        to: str = "",
        at: str = "",
        direction: str = "",
        standing_on: Annotated[str, Query(alias="id")] = "",
        limit: int = 500,
        cursor: int = 0,
        every: str = "",
    ) -> dict[str, Any]:
        known = there()
        if at:
            known.asked.append(f"{direction} {at}")
            beside = _beside(known.frames.get(camera, []), instant_us(at), direction, standing_on)
            return {"frame": beside.row() if beside else None}
        found = known.between(camera, instant_us(from_), instant_us(to))
        if every:
            step = int(every.removesuffix("s")) * SECOND_US
            first = {frame.captured_us // step: frame for frame in reversed(found)}
            found = sorted(first.values())
        page = [list(frame.row().values()) for frame in found[cursor : cursor + limit]]
        more = cursor + limit < len(found)
        return {"frames": page, "cursor": str(cursor + limit) if more else None}

    @router.get("/frames/{frame}.json")
    async def facts(camera: str, frame: str) -> dict[str, Any]:
        found = there().find(camera, frame)
        return {
            "id": frame,
            "camera": camera,
            "captured_at_us": found.captured_us,
            "captured_at_source": "sensor",
            "clock_synced": True,
            "arrived_at_us": found.captured_us + 300_000,
            "width": found.size[0],
            "height": found.size[1],
            "bytes": len(found.jpeg()),
            "content_type": "image/jpeg",
            "lane": None,
            "metadata": {"ExposureTime": 8333},
        }

    @router.get("/readings")
    async def readings(camera: str) -> dict[str, Any]:
        """None: what the graphs show is tested on a real archive."""
        there()
        return {"series": []}

    @router.get("/sheets/{hour}.json")
    async def sheet(camera: str, hour: str) -> dict[str, Any]:
        there().asked.append(f"sheet {hour}")
        minutes = _minutes(there(), camera, hour)
        told = [[minute, frame.captured_us, frame.id] for minute, frame in minutes.items()]
        width, height = _cell(minutes)
        grid = {"columns": COLUMNS, "rows": ROWS, "width": width, "height": height, "minutes": told}
        return {**grid, "version": hashlib.sha256(repr(grid).encode()).hexdigest()[:16]}

    @router.get("/sheets/{hour}.jpg")
    async def sheet_picture(camera: str, hour: str) -> Response:
        return Response(_sheet(tuple(_minutes(there(), camera, hour).items())), media_type="image/jpeg")

    return router


def _day(date: str, frames: list[PastFrame], zone: str) -> dict[str, Any]:
    day = datetime.fromisoformat(date).date()

    def local_us(of: Any, at: time) -> int:
        return round(datetime.combine(of, at, ZoneInfo(zone)).timestamp() * 1e6)

    noon_us = local_us(day, time(12))
    return {
        "date": date,
        "start_us": local_us(day, time()),
        "end_us": local_us(day + timedelta(days=1), time()),
        "frames": len(frames),
        "bytes": sum(frame.row()["bytes"] for frame in frames),
        "noon": min(frames, key=lambda frame: abs(frame.captured_us - noon_us)).id,
    }


def _beside(frames: list[PastFrame], at_us: int, direction: str, standing_on: str) -> PastFrame | None:
    if direction == "next":
        later = (frame for frame in frames if (frame.captured_us, frame.id) > (at_us, standing_on or "~"))
        return next(later, None)
    if direction == "previous":
        earlier = (
            frame for frame in reversed(frames) if (frame.captured_us, frame.id) < (at_us, standing_on)
        )
        return next(earlier, None)
    if direction != "nearest":
        raise HTTPException(422, f"{direction} is no direction")
    return min(frames, key=lambda frame: abs(frame.captured_us - at_us), default=None)


def _minutes(past: FakePast, camera: str, hour: str) -> dict[int, PastFrame]:
    """Return the first frame of each minute that has one."""
    start_us = instant_us(f"{hour}:00:00Z")
    minutes: dict[int, PastFrame] = {}
    for frame in past.between(camera, start_us, start_us + 60 * MINUTE_US):
        minutes.setdefault((frame.captured_us - start_us) // MINUTE_US, frame)
    if not minutes:
        raise HTTPException(404, f"there are no pictures of {hour}")
    return minutes


def _cell(minutes: Mapping[int, PastFrame]) -> tuple[int, int]:
    """Return the size of a cell: the proportions of the pictures, as those of a camera are alike."""
    width, height = next(iter(minutes.values())).size
    longer = max(width, height)
    return round(CELL_PX * width / longer), round(CELL_PX * height / longer)


@functools.lru_cache(maxsize=64)
def _sheet(minutes: tuple[tuple[int, PastFrame], ...]) -> bytes:
    width, height = _cell(dict(minutes))
    grid = Image.new("RGB", (width * COLUMNS, height * ROWS))
    for minute, frame in minutes:
        with Image.open(io.BytesIO(frame.jpeg(CELL_PX))) as small:
            grid.paste(small.resize((width, height)), (minute % COLUMNS * width, minute // COLUMNS * height))
    file = io.BytesIO()
    grid.save(file, "JPEG", quality=70)
    return file.getvalue()
