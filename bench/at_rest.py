"""A picture of the past that somebody rests on: the viewer's route, with login and catalog, against a bare FastAPI ``FileResponse``.

Both servers have the same core to themselves while they are asked, over one connection that stays, in turns for the same file.
``python -m bench.at_rest PORT FOLDER`` is the bare one.
"""

import http.client
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from bench.kept import MINUTE_US, KeptFrame, keep
from bench.rows import Row
from bench.screen import full_hd_bytes
from bench.viewer_load import BASIC, SERVER_CORE, Load, load, percentile

from stack.brokers import free_port
from stack.programs import program, wait_for_http

FRAMES, TURNS, WARM_UP = 400, 3_000, 100


def took_ms(connection: http.client.HTTPConnection, path: str, expected: bytes) -> float:
    """Return how long the whole answer takes."""
    began_s = time.perf_counter()
    connection.request("GET", path, headers=BASIC)
    answer = connection.getresponse()
    data = answer.read()
    took_s = time.perf_counter() - began_s
    if data != expected:
        raise RuntimeError(f"{path}: {answer.status} {data[:200]!r}")
    return took_s * 1_000


def in_turns(ours: int, bare: int, frames: Sequence[KeptFrame]) -> tuple[list[float], list[float]]:
    """Return how many ms each answer of the servers on these ports took."""
    chance = random.Random(1080)
    took: tuple[list[float], list[float]] = [], []
    with (
        closing(http.client.HTTPConnection("127.0.0.1", ours, timeout=30)) as viewer,
        closing(http.client.HTTPConnection("127.0.0.1", bare, timeout=30)) as server,
    ):
        for turn in range(WARM_UP + TURNS):
            frame = chance.choice(frames)
            asked = [(viewer, f"/api/cameras/gate/frames/{frame.id}.jpg"), (server, f"/{frame.path.name}")]
            for which in (0, 1) if turn % 2 else (1, 0):
                ms = took_ms(*asked[which], frame.path.read_bytes())
                if turn >= WARM_UP:
                    took[which].append(ms)
    return took


@contextmanager
def bare_server(folder: Path) -> Iterator[Load]:
    """Serve the files in *folder*."""
    port = free_port()
    environment = {"PYTHONPATH": f"{Path.cwd()}:{Path.cwd() / 'tests'}"}
    with (
        tempfile.TemporaryDirectory() as name,
        program(
            [sys.executable, "-m", "bench.at_rest", str(port), folder], environment, Path(name) / "log"
        ) as running,
    ):
        wait_for_http(f"http://127.0.0.1:{port}/openapi.json", running)
        yield Load(port, running.process.pid)


def serve_bare(port: int, folder: Path) -> None:
    """Run what anybody would write."""
    import uvicorn
    from fastapi import FastAPI
    from fastapi.responses import FileResponse

    app = FastAPI()

    @app.get("/{name}")
    async def picture(name: str) -> FileResponse:
        return FileResponse(folder / name, media_type="image/jpeg")

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def measure() -> Iterator[Row]:
    """Yield median and p95, and the processor's time, which other work on the machine changes least."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "archive"
        frames = keep(folder, full_hd_bytes(), FRAMES, MINUTE_US)["gate"]
        flat = Path(name) / "files"
        flat.mkdir()
        for frame in frames:
            (flat / frame.path.name).hardlink_to(frame.path)
        with bare_server(flat) as bare, load("serve", 0, 1.0, [], archive=folder) as running:
            running.log_in()
            before_s = running.cpu_s(), bare.cpu_s()
            ours_ms, bare_ms = in_turns(running.port, bare.port, frames)
            cpu_ms = [
                1_000 * (server.cpu_s() - since_s) / (WARM_UP + TURNS)
                for server, since_s in zip((running, bare), before_s, strict=True)
            ]
    for percent, goal in ((50, ""), (95, "<= 1.3, and <= 25 ms")):
        ours, peer = percentile(ours_ms, percent), percentile(bare_ms, percent)
        yield Row(
            name=f"picture at rest, 1080p, p{percent}",
            ours=ours,
            peer=peer,
            ratio=ours / peer,
            unit="ms",
            goal=goal,
        )
    yield Row(
        name="the same: CPU an answer",
        ours=cpu_ms[0],
        peer=cpu_ms[1],
        ratio=cpu_ms[0] / cpu_ms[1],
        unit="ms",
        goal="",
    )


if __name__ == "__main__":
    os.sched_setaffinity(0, {SERVER_CORE})
    serve_bare(int(sys.argv[1]), Path(sys.argv[2]))
