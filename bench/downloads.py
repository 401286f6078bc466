"""A zip of 1,000 pictures of 100 kB: the viewer's route, against zipstream-ng alone behind the standard library's HTTP server.

Either has the same core to itself while it is asked, in turns. ``python -m bench.downloads PORT FOLDER`` is the bare one.
"""

import http.client
import io
import os
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bench.kept import BEGIN_US, HOUR_US, keep
from bench.rows import Row
from bench.screen import full_hd_bytes
from bench.viewer_load import BASIC, SERVER_CORE, load

from shutterbus_wire.instant import rfc3339
from stack.brokers import free_port
from stack.programs import program, wait_for_http

FRAMES, ROUNDS = 1_000, 9
PIECE_BYTES = 1 << 20
ROUTE = f"/api/cameras/gate/frames.zip?from={rfc3339(BEGIN_US)}&to={rfc3339(BEGIN_US + HOUR_US)}"


def download(port: int, path: str, into: io.BytesIO | None = None) -> float:
    """Return how many bytes a second come; *into* gets them."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        began_s = time.perf_counter()
        connection.request("GET", path, headers=BASIC)
        answer = connection.getresponse()
        size_bytes = 0
        while piece := answer.read(PIECE_BYTES):
            size_bytes += len(piece)
            if into is not None:
                into.write(piece)
        took_s = time.perf_counter() - began_s
        if answer.status != 200 or str(size_bytes) != answer.headers["content-length"]:
            raise RuntimeError(f"{path}: {answer.status}, {size_bytes} bytes")
    return size_bytes / took_s


def check(port: int, path: str) -> None:
    """Raise where what comes is not the zip that is meant."""
    whole = io.BytesIO()
    download(port, path, whole)
    with zipfile.ZipFile(whole) as zipped:
        assert len(zipped.namelist()) == FRAMES
        assert zipped.testzip() is None


@contextmanager
def bare_server(folder: Path) -> Iterator[int]:
    """Serve a zip of *folder*; yield the port."""
    port = free_port()
    environment = {"PYTHONPATH": f"{Path.cwd()}:{Path.cwd() / 'tests'}"}
    with (
        tempfile.TemporaryDirectory() as name,
        program(
            [sys.executable, "-m", "bench.downloads", str(port), folder], environment, Path(name) / "log"
        ) as running,
    ):
        wait_for_http(f"http://127.0.0.1:{port}/", running)
        yield port


def serve_bare(port: int, folder: Path) -> None:
    """Run what anybody would write."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    from zipstream import ZipStream

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made = ZipStream(sized=True)
            for path in sorted(folder.iterdir()):
                made.add_path(path, path.name)
            self.send_response(200)
            self.send_header("Content-Length", str(len(made)))
            self.end_headers()
            for piece in made:
                self.wfile.write(piece)

        def log_message(self, *_: object) -> None:
            pass

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def measure() -> Iterator[Row]:
    """Yield throughput, and what it takes of memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "archive"
        frames = keep(folder, full_hd_bytes(), FRAMES, HOUR_US // FRAMES)["gate"]
        flat = Path(name) / "files"
        flat.mkdir()
        for frame in frames:
            (flat / frame.path.name).hardlink_to(frame.path)
        with bare_server(flat) as bare, load("serve", 0, 1.0, [], archive=folder) as running:
            running.log_in()
            before_bytes = running.resident_bytes()
            check(running.port, ROUTE)
            check(bare, "/")
            rates = [(download(running.port, ROUTE), download(bare, "/")) for _ in range(ROUNDS)]
            more_bytes = running.most_resident_bytes() - before_bytes
    yield Row(
        name=f"zip of {FRAMES:,} x 100 kB: throughput",
        ours=statistics.median(ours for ours, _ in rates) / 1e6,
        peer=statistics.median(peer for _, peer in rates) / 1e6,
        ratio=statistics.median(ours / peer for ours, peer in rates),
        unit="MB/s",
        goal=">= 0.7",
    )
    yield Row(name="the same: more memory at most", ours=more_bytes / 1e6, unit="MB", goal="<= 50 MB")


if __name__ == "__main__":
    os.sched_setaffinity(0, {SERVER_CORE})
    serve_bare(int(sys.argv[1]), Path(sys.argv[2]))
