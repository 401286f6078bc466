"""What the viewer has in memory while twenty clients ask at once for frames of 8 MiB, which they take slowly, and for their facts."""

import http.client
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from bench.kept import MINUTE_US, KeptFrame, keep
from bench.rows import Row
from bench.screen import full_hd_bytes
from bench.viewer_load import BASIC, Load, load

CLIENTS, FRAMES, ROUNDS = 20, 20, 3
LARGE_BYTES = 8 << 20
SLOW_S = 2.0


def large(jpeg: bytes) -> bytes:
    """Return *jpeg* with so much behind its end that it has ``LARGE_BYTES``."""
    return jpeg + bytes(LARGE_BYTES - len(jpeg))


def ask(port: int, frame: KeptFrame, what: str, expected: Callable[[http.client.HTTPResponse], bool]) -> None:
    """Ask for *what* of a frame, and take the answer only after a while."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        connection.request("GET", f"/api/cameras/gate/frames/{frame.id}{what}", headers=BASIC)
        time.sleep(SLOW_S)
        answer = connection.getresponse()
        assert answer.status == 200
        assert expected(answer)


def most_resident(running: Load, frames: list[KeptFrame], what: str, whole: bool) -> tuple[int, int]:
    """Return how many bytes the viewer has in memory before all ask, and at most meanwhile."""
    before = running.resident_bytes()

    def expected(answer: http.client.HTTPResponse) -> bool:
        return (len(answer.read()) > LARGE_BYTES) == whole  # a little more, by its EXIF

    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(ROUNDS):
            list(pool.map(lambda frame: ask(running.port, frame, what, expected), frames))
    return before, running.most_resident_bytes()


def measure() -> Iterator[Row]:
    """Yield a row for the files, one for what is known of them, and one for them smaller."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "archive"
        frames = keep(folder, [large(jpeg) for jpeg in full_hd_bytes()], FRAMES, MINUTE_US)["gate"]
        with load("serve", 0, 1.0, [], archive=folder) as running:
            running.log_in()
            for said, what, whole in (
                ("the files", ".jpg", True),
                ("their facts", ".json", False),
                ("them 640 pixels wide", ".jpg?width=640", False),
            ):
                before, most = most_resident(running, frames, what, whole)
                yield Row(
                    name=f"{CLIENTS} clients at once, frames of 8 MiB, {said}: resident at most, against before",
                    ours=most / 1e6,
                    peer=before / 1e6,
                    ratio=most / before,
                    unit="MB",
                    goal="<= 512 MB",
                )
