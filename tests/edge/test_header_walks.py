"""The edge walks the header of a picture once, however many stages want to know something of it."""

import contextlib
import io
import threading
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

from edge.fakes_edge import FakeCamera, FakePublisher
from fakes import FakeClock
from shutterbus_edge.capture import Shot, open_camera
from shutterbus_edge.capture.mjpeg import whole_jpeg
from shutterbus_edge.publish.encode import Encoder
from shutterbus_edge.schedule import parse
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_edge.shoot import Shooter
from shutterbus_edge.spool import Held, Spool
from shutterbus_wire.exif import read_metadata
from shutterbus_wire.frame import FrameMetadata
from walks import counted
from wire.pictures import CAMERA_JPEG

SHOTS = 3


def test_from_the_shot_to_the_message_a_header_is_walked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checked whole, stamped with what it has of its own, kept on disk, read back and encoded."""
    clock, stop, publisher = FakeClock(), threading.Event(), FakePublisher()
    camera = FakeCamera(clock, jpeg=CAMERA_JPEG)
    encoder, messages, kept = Encoder("kafka", "gate"), [], []
    walks = counted(monkeypatch)
    with Spool(tmp_path, camera="gate", clock=clock, mode="durable", background=False) as spool:

        def offer(held: Held, metadata: FrameMetadata | None = None) -> None:
            messages.append(encoder.frame(spool.read(held), "live", metadata))
            kept.append(held)
            if len(kept) == SHOTS:
                stop.set()

        publisher.offer = offer  # type: ignore[method-assign] # one publisher, in a test
        Shooter(
            "gate",
            cast("Any", camera),
            parse("10"),
            CaptureSettings(),
            spool,
            cast("Any", publisher),
            clock,
        ).run(stop)
        live_walks = walks.begun
        walks.segments = 0
        late = [encoder.frame(spool.read(held), "backlog") for held in kept]

    assert live_walks == SHOTS
    # The facts of a picture that was away from memory are in its first segment: no walk goes further.
    assert walks.segments == SHOTS
    assert [message.message.value for message in late] == [message.message.value for message in messages]
    metadata = read_metadata(messages[-1].message.value)
    assert metadata is not None
    assert metadata.id.seq == SHOTS - 1


def test_the_capture_process_walks_what_it_passes_through_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (64, 48)).save(picture, "JPEG")
    (tmp_path / "a.jpg").write_bytes(picture.getvalue())
    with contextlib.closing(open_camera(f"file:{tmp_path}", CaptureSettings(), FakeClock())) as camera:
        walks = counted(monkeypatch)
        camera.capture(Shot(0))
        assert walks.begun == 1
    whole_jpeg(picture.getvalue())
    assert walks.begun == 2
