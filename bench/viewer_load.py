"""A viewer without brokers in a process of its own, pinned to one core, and the pages that watch it.

``python -m bench.viewer_load serve PORT CAMERAS INTERVAL_S GREETING_BYTES FOLDER [ARCHIVE]`` is that process: a thread hands
over what brokers would, one picture of each camera every INTERVAL_S, evenly spread; ARCHIVE is an ARCHIVE_STATE_DIR. ``bare`` is
the same with nothing of ours: every page gets every frame as it is.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from shutterbus_runtime.clock import SystemClock
from shutterbus_transport.consuming import Delivery
from shutterbus_wire import exif, names
from shutterbus_wire.frame import Frame, FrameMetadata
from shutterbus_wire.identity import FrameId
from shutterbus_wire.message import Arrival, encode_frame
from shutterbus_wire.telemetry import Status
from stack.brokers import free_port
from stack.programs import program

PASSWORD = "for the bench"
BASIC = {"Authorization": "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()}
SERVER_CORE = 0
READY_S = 60.0
EPOCH = "00000000000000aa"


def camera(number: int) -> str:
    """Return the name of camera *number*."""
    return f"camera-{number:04d}"


@dataclass(frozen=True, slots=True)
class Load:
    """The process, and where it listens."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """Return how many seconds of processor it has had."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        """Return what it has in memory; what it has at most is counted anew from here."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        return self._status_bytes("VmRSS:")

    def most_resident_bytes(self) -> int:
        """Return what it had in memory at most since ``resident_bytes`` was asked."""
        return self._status_bytes("VmHWM:")

    def _status_bytes(self, name: str) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition(name)[2].split()[0]) * 1024

    def log_in(self) -> None:
        """Have the password checked, which then is remembered."""
        with urlopen(Request(f"http://127.0.0.1:{self.port}/readyz", headers=BASIC), timeout=30):
            pass

    def livez_s(self) -> float:
        """Return how long ``/livez`` takes."""
        began_s = time.perf_counter()
        with urlopen(f"http://127.0.0.1:{self.port}/livez", timeout=30):
            return time.perf_counter() - began_s


@contextlib.contextmanager
def load(
    kind: str,
    cameras: int,
    interval_s: float,
    pictures: list[bytes],
    greeting_bytes: int = 0,
    archive: Path | None = None,
) -> Iterator[Load]:
    """A process of *kind*, ``serve`` or ``bare``, that takes turns through *pictures*; ready when it is yielded.

    With *archive*, an ARCHIVE_STATE_DIR, it also shows what is kept there.
    """
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, picture in enumerate(pictures):
            (folder / f"{number}.jpg").write_bytes(picture)
        numbers = (str(port), str(cameras), str(interval_s), str(greeting_bytes))
        folders = [str(each) for each in (folder, archive) if each]
        command = [sys.executable, "-m", "bench.viewer_load", kind, *numbers, *folders]
        environment = {"PYTHONPATH": f"{Path.cwd()}:{Path.cwd() / 'tests'}"}
        with program(command, environment, folder / "log") as running, _on_the_other_core():
            deadline_s = time.monotonic() + READY_S
            while b"ready" not in running.output.read_bytes():
                if running.process.poll() is not None or time.monotonic() > deadline_s:
                    raise RuntimeError(running.said())
                time.sleep(0.1)
            yield Load(port, running.process.pid)


@contextlib.contextmanager
def _on_the_other_core() -> Iterator[None]:
    """Keep the pages off the core that the server has."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before - {SERVER_CORE} or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass
class Page:
    """What one page saw: how long its greeting took, and of each picture its age when it came."""

    watched: dict[str, int]
    greeted_s: float = 0.0
    greeting_bytes: int = 0
    ages_s: list[tuple[float, float]] = field(default_factory=list)
    """When it came, on the monotonic clock, and how old it was then."""

    async def look(self, port: int) -> None:
        """Watch until cancelled, acknowledging at once."""
        wish = {name: {"width": width_px} for name, width_px in self.watched.items()}
        began_s = time.perf_counter()
        async with connect(
            f"ws://127.0.0.1:{port}/api/live",
            additional_headers=BASIC,
            max_size=None,
            compression=None,
            proxy=None,
            open_timeout=60,
        ) as socket:
            await socket.send(json.dumps({"type": "watch", "cameras": wish}))
            async for message in socket:
                if isinstance(message, str):
                    if not self.greeted_s:
                        self.greeted_s, self.greeting_bytes = time.perf_counter() - began_s, len(message)
                    continue
                header = json.loads(message[3 : 3 + int.from_bytes(message[1:3])])
                self.ages_s.append((time.monotonic(), time.time() - header["captured_at_us"] / 1e6))
                await socket.send(f'{{"type":"ack","camera":"{header["camera"]}","id":"{header["id"]}"}}')


def percentile(values: list[float], percent: int) -> float:
    """Return the value that *percent* of *values* do not exceed."""
    return statistics.quantiles(values, n=100)[percent - 1]


def serve(
    port: int, cameras: int, interval_s: float, _: int, folder: Path, archive: Path | None = None
) -> None:
    """Run the viewer."""
    from pydantic import SecretStr

    from shutterbus_transport.settings import BrokerSettings
    from shutterbus_viewer import app
    from shutterbus_viewer.cameras import Cameras
    from shutterbus_viewer.consume.intake import Intake
    from shutterbus_viewer.settings import LoginSettings, ServeSettings, ViewerSettings
    from shutterbus_viewer.show.server import Server

    clock = SystemClock()
    known = Cameras(clock)
    intake = Intake(known, clock)
    settings = ViewerSettings(
        serve=ServeSettings(port=port),
        login=LoginSettings(password=SecretStr(PASSWORD)),
        state_dir=folder if archive else None,
        archive_state_dir=archive,
        mqtt=BrokerSettings.model_validate(
            {"type": "mqtt", "brokers": "127.0.0.1"}
        ),  # of which nothing is read
    )
    services = app.make_services(settings, app.open_database(settings), known, intake, clock)
    server = Server(app.uvicorn_config(settings.serve, services, ()), services.connections)
    for number in range(cameras):
        status = Status(
            camera=camera(number), state="online", since_us=clock.utc_us(), expected_interval_s=interval_s
        )
        known.note(status, "kafka")

    def hand_over(frame: Frame) -> None:
        message = encode_frame(frame, "jpeg", "live")
        topic = names.kafka_topic(frame.metadata.camera, "frames")
        arrival = Arrival(
            "kafka",
            topic,
            message.value,
            message.attributes,
            message.content_type,
            (0, frame.metadata.id.seq),
            clock.utc_us(),
        )
        intake.frame(Delivery(arrival, 0.0))

    with app.listen(settings.serve) as listener:
        _feed_in_thread(cameras, interval_s, folder, hand_over)
        server.run(sockets=[listener])


def bare(port: int, cameras: int, interval_s: float, greeting_bytes: int, folder: Path) -> None:
    """Send each frame to every WebSocket, and read what comes back."""
    from websockets.asyncio.server import ServerConnection
    from websockets.asyncio.server import serve as serve_sockets

    async def run() -> None:
        loop = asyncio.get_running_loop()
        frames: asyncio.Queue[bytes] = asyncio.Queue()
        pages: set[ServerConnection] = set()
        greeting = "x" * greeting_bytes

        async def page(socket: ServerConnection) -> None:
            if greeting:
                await socket.send(greeting)  # and nothing else: its pages watch nothing
            else:
                pages.add(socket)
            try:
                async for _ in socket:
                    pass
            finally:
                pages.discard(socket)

        def hand_over(frame: Frame) -> None:
            about = frame.metadata
            header = json.dumps(
                {
                    "camera": about.camera,
                    "id": str(about.id),
                    "captured_at_us": about.captured_at_us,
                    "rest": "x" * 250,
                }
            ).encode()
            message = b"\1" + len(header).to_bytes(2) + header + frame.data
            loop.call_soon_threadsafe(frames.put_nowait, message)

        async with serve_sockets(page, "127.0.0.1", port, compression=None):
            _feed_in_thread(cameras, interval_s, folder, hand_over)
            while True:
                message = await frames.get()
                for socket in tuple(pages):
                    with contextlib.suppress(ConnectionClosed):
                        await socket.send(message)

    asyncio.run(run())


def _feed_in_thread(
    cameras: int, interval_s: float, folder: Path, hand_over: Callable[[Frame], None]
) -> None:
    if not cameras:
        print("ready", flush=True)
        return
    pictures = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]

    def feed() -> None:
        due_s = time.monotonic()
        for number in itertools.count():
            seq, which = divmod(number, cameras)
            about = FrameMetadata(
                camera(which), FrameId(EPOCH, seq), time.time_ns() // 1_000, "sensor", clock_synced=True
            )
            jpeg = exif.stamp(pictures[number % len(pictures)], about, software="bench")
            hand_over(Frame(about, jpeg, "image/jpeg", "live"))
            if number == cameras:  # each has one
                print("ready", flush=True)
                due_s = time.monotonic()
            elif number > cameras:
                due_s += interval_s / cameras
                time.sleep(max(0.0, due_s - time.monotonic()))

    threading.Thread(target=feed, daemon=True).start()


if __name__ == "__main__":
    os.sched_setaffinity(0, {SERVER_CORE})
    kind_, port_, cameras_, interval_s_, greeting_bytes_, *folders_ = sys.argv[1:]
    run_: Callable[..., None] = serve if kind_ == "serve" else bare
    run_(int(port_), int(cameras_), float(interval_s_), int(greeting_bytes_), *map(Path, folders_))
