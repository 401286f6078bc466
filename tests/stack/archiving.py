"""The archive as a process, and three cameras that send to it: what each of them knows of every frame is noted."""

import itertools
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self
from urllib.request import urlopen

from shutterbus_wire import exif, store_layout
from shutterbus_wire.frame import Frame, FrameMetadata
from shutterbus_wire.identity import FrameId
from shutterbus_wire.message import Message, encode_frame
from stack.brokers import free_port
from stack.programs import Program, program
from transport.rig import EPOCH, Broker, deliver
from wire.pictures import CAMERA_JPEG

HERE = Path(__file__).parent
CAMERAS = ("gate", "yard", "roof")


def picture(camera: str, seq: int) -> Message:
    metadata = FrameMetadata(
        camera, FrameId(EPOCH, seq), time.time_ns() // 1_000, "sensor", clock_synced=True
    )
    return encode_frame(Frame(metadata, exif.stamp(CAMERA_JPEG, metadata, software="test")), "jpeg", "live")


def frames_in(store: Path) -> dict[tuple[str, int], int]:
    """How often each frame is in *store*, by camera and number."""
    counts: dict[tuple[str, int], int] = {}
    for path in store.rglob("*.jpg"):
        key = store_layout.parse(path.relative_to(store).as_posix())
        assert key is not None, path
        counts[key.camera, key.id.seq] = counts.get((key.camera, key.id.seq), 0) + 1
    return counts


class ArchiveProcess:
    """The archive as its container runs it, noting each frame as it is read."""

    def __init__(self, broker: Broker, folder: Path, *, within: Sequence[str] = (), **settings: str) -> None:
        """*within* is a command that starts it elsewhere, *settings* are further ones."""
        self.state = folder / "archive"
        self._command = [*within, sys.executable, str(HERE / "noting_archive.py"), "run"]
        self.log = folder / "archive.log"
        self.port = free_port()
        self._notes = folder / "read"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ARCHIVE_")},
            f"ARCHIVE_{broker.name.upper()}_BROKERS": broker.container.address,
            "ARCHIVE_STATE_DIR": str(self.state),
            "ARCHIVE_HEALTH_PORT": str(self.port),
            "ARCHIVE_MIN_FREE": "0",
            "NOTES": str(self._notes),
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stderr=log, cwd=self.log.parent
            )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(15)

    def files(self) -> dict[tuple[str, int], int]:
        """How often each frame is in the store, by camera and number."""
        return frames_in(self.state / "store")

    def rows(self) -> set[tuple[str, int]]:
        """What the catalog has, read as somebody else does."""
        with sqlite3.connect(f"file:{self.state}/catalog.sqlite?mode=ro", uri=True) as catalog:
            query = "select camera.name, frame.seq from frame join camera on camera.id = frame.camera_id"
            return set(catalog.execute(query))

    def folders(self) -> list[Path]:
        """Where files appear."""
        return [path for path in (self.state / "store/frames").rglob("*") if path.is_dir()]

    def read(self) -> set[tuple[str, int]]:
        """What any of its processes was ever given by the broker."""
        if not self._notes.exists():
            return set()
        lines = (line.split() for line in self._notes.read_text().splitlines())
        return {(camera, int(seq)) for camera, seq in lines}

    def repeated(self) -> int:
        """How many frames this process was given that the one before had noted, and not acknowledged."""
        with urlopen(f"http://127.0.0.1:{self.port}/status", timeout=10) as answer:
            return int(json.load(answer)["kept"].get("repeated", 0))

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-3_000:]


class Edges:
    """Three edges as people run them, five frames a second each."""

    def __init__(self, folder: Path, programs: dict[str, Program]) -> None:
        self.folder = folder
        self.programs = programs

    def captured(self) -> set[tuple[str, int]]:
        """What their spools have taken, by camera and number."""
        return set(self._noted("stored"))

    def acknowledged(self) -> dict[tuple[str, int], int]:
        """When, in us, the broker's acknowledgement of each frame came."""
        return self._noted("acknowledged")

    def said(self) -> str:
        return "\n".join(running.said()[-2_000:] for running in self.programs.values())

    def stop(self) -> None:
        """End them in order; what is not yet sent stays in their spools."""
        for name, running in self.programs.items():
            assert running.terminate() == 0, f"{name}: {running.said()}"

    def _noted(self, what: str) -> dict[tuple[str, int], int]:
        noted: dict[tuple[str, int], int] = {}
        for camera in self.programs:
            path = self.folder / camera / f"{what}.jsonl"
            for line in path.read_text().splitlines() if path.exists() else ():
                note = json.loads(line)
                if note["stream"] is None:
                    noted.setdefault((camera, note["seq"]), note["at_us"])
        return noted


@contextmanager
def edges(broker: Broker, folder: Path) -> Iterator[Edges]:
    """Three edges for the length of the context."""
    with ExitStack() as stack:
        programs = {}
        for camera in CAMERAS:
            place = folder / camera
            place.mkdir()
            for file in ("noting_spool.py", "raw_consumer.py"):
                shutil.copy(HERE / file, place)
            environment = {
                "CAMERA_ID": camera,
                "CAMERA_SOURCE": "testcard",
                "PICAMERA_FRAMERATE": "5",
                "PICAMERA2_SIZE": "320x240",
                "SS_TYPE": broker.name,
                "SS_BROKERS": broker.container.address,
                "SPOOL_DIR": str(place / "spool"),
                "HEALTH_PORT": str(free_port()),
            }
            command: list[str | Path] = [sys.executable, place / "noting_spool.py", "run"]
            programs[camera] = stack.enter_context(program(command, environment, place / "edge.log"))
        yield Edges(folder, programs)


class Sender(threading.Thread):
    """Sends picture after picture of every camera, each until the broker has acknowledged it.

    Attributes:
        sent: What was acknowledged.
        newest: The last of each camera, and when it was acknowledged, by the monotonic clock.
    """

    def __init__(self, broker: Broker) -> None:
        super().__init__()
        self.sent: set[tuple[str, int]] = set()
        self.newest: dict[str, tuple[int, float]] = {}
        self._broker = broker
        self._end = threading.Event()

    def run(self) -> None:
        with self._broker.client(CAMERAS[0]) as client:
            for seq in itertools.count():
                for camera in CAMERAS:
                    deliver(client, self._broker.topic(camera), picture(camera, seq))
                    self.sent.add((camera, seq))
                    self.newest[camera] = seq, time.monotonic()
                if self._end.wait(0.03):
                    return

    def finish(self) -> None:
        self._end.set()
        self.join()
