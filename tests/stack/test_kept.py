"""The archive on real brokers: killed again and again, it keeps every frame that a broker acknowledged, and keeps it once."""

import itertools
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from shutterbus_archive.store import layout
from shutterbus_transport import TRANSPORTS
from shutterbus_wire import exif
from shutterbus_wire.frame import Frame, FrameMetadata
from shutterbus_wire.identity import FrameId
from shutterbus_wire.message import Message, encode_frame
from stack.brokers import kafka, mosquitto
from stack.viewing import make_topics
from stack.waiting import wait_until
from transport.rig import EPOCH, Broker, deliver
from wire.pictures import CAMERA_JPEG

pytestmark = pytest.mark.stack

CAMERAS = ("gate", "yard", "roof")
KILLS = 6


def picture(camera: str, seq: int) -> Message:
    metadata = FrameMetadata(
        camera, FrameId(EPOCH, seq), time.time_ns() // 1_000, "sensor", clock_synced=True
    )
    return encode_frame(Frame(metadata, exif.stamp(CAMERA_JPEG, metadata, software="test")), "jpeg", "live")


@pytest.fixture(params=list(TRANSPORTS))
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    with ExitStack() as stack:
        started = stack.enter_context(kafka() if request.param == "kafka" else mosquitto())
        yield Broker(request.param, started)


class Process:
    """The archive as its container runs it."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.state = folder / "archive"
        self.log = folder / "archive.log"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ARCHIVE_")},
            f"ARCHIVE_{broker.name.upper()}_BROKERS": broker.container.address,
            "ARCHIVE_STATE_DIR": str(self.state),
            "ARCHIVE_HEALTH_PORT": "0",
            "ARCHIVE_MIN_FREE": "0",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "shutterbus_archive", "run"]
            self._process = subprocess.Popen(command, env=self._environment, stderr=log, cwd=self.log.parent)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(15)

    def files(self) -> dict[tuple[str, int], int]:
        """How often each frame is in the store, by camera and number."""
        counts: dict[tuple[str, int], int] = {}
        for path in (self.state / "store").rglob("*.jpg"):
            key = layout.parse(path.relative_to(self.state / "store").as_posix())
            assert key is not None, path
            counts[key.camera, key.id.seq] = counts.get((key.camera, key.id.seq), 0) + 1
        return counts

    def rows(self) -> set[tuple[str, int]]:
        """What the catalog has, read as somebody else does."""
        with sqlite3.connect(f"file:{self.state}/catalog.sqlite?mode=ro", uri=True) as catalog:
            query = "select camera.name, frame.seq from frame join camera on camera.id = frame.camera_id"
            return set(catalog.execute(query))

    def has_more_than(self, count: int) -> bool:
        return len(self.files()) > count

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-3_000:]


class Sender(threading.Thread):
    """Sends picture after picture of every camera, each until the broker has acknowledged it."""

    def __init__(self, broker: Broker) -> None:
        super().__init__()
        self.sent: set[tuple[str, int]] = set()
        self._broker = broker
        self._end = threading.Event()

    def run(self) -> None:
        with self._broker.client(CAMERAS[0]) as client:
            for seq in itertools.count():
                for camera in CAMERAS:
                    deliver(client, self._broker.topic(camera), picture(camera, seq))
                    self.sent.add((camera, seq))
                if self._end.wait(0.03):
                    return

    def finish(self) -> None:
        self._end.set()
        self.join()


def test_archive_that_is_killed_again_and_again_keeps_every_frame_once(
    broker: Broker, tmp_path: Path
) -> None:
    archive, chance, sender = Process(broker, tmp_path), random.Random(9), Sender(broker)
    if broker.name == "kafka":
        make_topics(broker.container.address, CAMERAS)
    unnoted = 0
    sender.start()
    archive.start()
    try:
        for _ in range(KILLS):
            before = len(archive.files())
            wait_until(partial(archive.has_more_than, before), 30, archive.said)
            time.sleep(chance.random() / 2)
            archive.kill()
            unnoted += len(archive.files().keys() - archive.rows())
            archive.start()
        sender.finish()
        wait_until(
            lambda: archive.rows() == sender.sent,
            60,
            lambda: f"{len(sender.sent - archive.rows())} missing: {archive.said()}",
        )
        assert archive.stop() == 0, archive.said()
    finally:
        sender.finish()
        archive.kill()
    counts, sent = archive.files(), sender.sent
    print(
        f"{broker.name}: sent and acknowledged {len(sent)}, stored {len(counts)}, missing {sorted(sent - counts.keys())}, "
        f"{KILLS} kills, after which {unnoted} files had no row"
    )
    assert counts.keys() == sent == archive.rows()
    assert set(counts.values()) == {1}
    identities = subprocess.run(
        ["exiftool", "-q", "-p", "$SerialNumber $ImageUniqueID", "-r", archive.state / "store/frames"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert len(identities) == len(set(identities)) == len(sent)
