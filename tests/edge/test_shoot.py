"""Shots that are due become frames with an identity."""

import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import ExifTags, Image

from edge.card_reader import number_in_squares
from edge.fakes_edge import JPEG, FakeCamera, FakeOpened, FakePublisher
from fakes import FakeClock
from shutterbus_edge.capture.process import CaptureProcess
from shutterbus_edge.schedule import Schedule, parse
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_edge.shoot import Shooter
from shutterbus_edge.spool import Held, Spool
from shutterbus_wire.exif import read_metadata
from shutterbus_wire.frame import FrameMetadata

PATIENT = CaptureSettings(shutter_speed_us=10_000_000)


class Rig:
    """A shooter with everything around it, and a stop after a number of shots."""

    def __init__(
        self, folder: Path, schedule: Schedule | None, picture: CaptureSettings | None = None
    ) -> None:
        self.clock = FakeClock()
        self.stop = threading.Event()
        self.camera = FakeCamera(self.clock)
        self.publisher = FakePublisher()
        self.spool = Spool(folder, camera="gate", clock=self.clock, mode="memory", background=False)
        self.shooter = Shooter(
            "gate",
            cast("Any", self.camera),
            schedule,
            picture or CaptureSettings(),
            self.spool,
            cast("Any", self.publisher),
            self.clock,
        )

    def run(self, shots: int) -> None:
        """Run until the camera was asked *shots* times."""

        def after_shot() -> None:
            if len(self.camera.shots) >= shots:
                self.stop.set()

        self.camera.after_shot = after_shot
        self.shooter.run(self.stop)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """Every ten seconds."""
    made = Rig(tmp_path, parse("10"))
    yield made
    made.spool.close()


def test_every_shot_becomes_a_numbered_frame_that_knows_who_it_is(rig: Rig) -> None:
    """The identity is inside the picture, so a file found anywhere explains itself."""
    rig.run(3)

    frames = [read_metadata(rig.spool.read(held)) for held in rig.publisher.offered]
    assert [metadata.id.seq for metadata in frames if metadata] == [0, 1, 2]
    assert {
        (metadata.camera, metadata.id.epoch, metadata.captured_at_source) for metadata in frames if metadata
    } == {("gate", rig.spool.epoch, "sensor")}
    assert frames[0] is not None
    assert frames[0].camera_metadata["Lux"] == 12.5
    assert frames[0].captured_at_us == rig.clock.utc_offset_us + 1_000_000_000


def test_shots_keep_their_distance_however_long_each_takes(rig: Rig) -> None:
    """A slow shutter must not make the schedule drift."""
    rig.camera.exposure_s = 3.7

    rig.run(4)

    assert [shot - rig.camera.shots[0] for shot in rig.camera.shots] == pytest.approx([0, 10, 20, 30])
    assert rig.shooter.missed == 0


def test_a_shot_that_overruns_costs_the_shots_it_covered_and_no_burst_follows(rig: Rig) -> None:
    """Pictures made up for would be pictures of the wrong moment."""
    rig.camera.exposure_s = 34.0

    rig.run(2)

    assert rig.shooter.missed == 2
    assert len(rig.publisher.offered) == 2


def test_a_camera_that_fails_is_asked_again_at_the_next_shot_and_each_one_is_counted(rig: Rig) -> None:
    """What did not happen is part of the account."""
    rig.camera.broken = "the cable is loose"

    rig.run(6)  # the sixth is cut short by the stop

    assert rig.shooter.missed == 5
    assert rig.shooter.problem == "the cable is loose"
    assert rig.publisher.offered == []


def test_a_torn_picture_is_a_shot_that_failed_and_takes_no_number(rig: Rig) -> None:
    """A number without a frame would look like a loss."""
    rig.camera.jpeg = JPEG[:-2]
    rig.run(2)
    rig.camera.jpeg = JPEG
    rig.stop.clear()
    rig.run(3)

    assert rig.shooter.missed == 2
    assert [held.id.seq for held in rig.publisher.offered] == [0]


def test_a_shot_is_told_the_number_of_its_frame_and_leaves_it_to_the_next_if_it_fails(rig: Rig) -> None:
    """A number drawn into a picture is worth something only if the frame has the same."""
    rig.run(2)
    rig.camera.broken = "the cable is loose"
    rig.stop.clear()
    rig.run(4)
    rig.camera.broken = ""
    rig.stop.clear()
    rig.run(6)

    assert [shot.number for shot in rig.camera.asked] == [0, 1, 2, 2, 2, 3]
    assert [held.id.seq for held in rig.publisher.offered] == [0, 1, 2, 3]


def numbers_of_four_cards(folder: Path) -> list[tuple[int, int]]:
    """Return the number of each frame and the one on its card; the camera dies between the second and the third."""
    numbers: list[tuple[int, int]] = []
    clock, stop, publisher = FakeClock(), threading.Event(), FakePublisher()
    camera = CaptureProcess("testcard:320x240", CaptureSettings(), clock)
    with Spool(folder, camera="gate", clock=clock, mode="durable", background=False) as spool:

        def offer(held: Held, metadata: FrameMetadata | None = None) -> None:
            numbers.append((held.id.seq, number_in_squares(spool.read(held))))
            if len(numbers) == 2:
                assert camera._child is not None
                camera._child.kill("the cable is loose")
            elif len(numbers) == 4:
                stop.set()

        publisher.offer = offer  # type: ignore[method-assign] # one publisher, in a test
        Shooter("gate", camera, parse("1"), PATIENT, spool, cast("Any", publisher), clock).run(stop)
    camera.close()
    assert camera.restarts == 1
    return numbers


def test_the_number_on_a_test_card_is_that_of_its_frame_whatever_is_started_again(tmp_path: Path) -> None:
    """The camera knows nothing of the frames before it; the spool does."""
    assert numbers_of_four_cards(tmp_path) == [(number, number) for number in range(4)]
    assert numbers_of_four_cards(tmp_path) == [(number, number) for number in range(4, 8)]


def test_a_camera_that_is_back_is_no_problem_any_more(rig: Rig) -> None:
    """A fault that is over must not be shown as one."""
    rig.camera.broken = "the cable is loose"
    rig.run(1)
    rig.camera.broken = ""
    rig.stop.clear()
    rig.run(2)

    assert rig.shooter.problem == ""


def test_the_limit_that_the_broker_named_is_met_by_the_camera(rig: Rig) -> None:
    """The encoder can make a smaller picture; later nobody can without re-encoding."""
    rig.publisher.frame_max_bytes = 123_456

    rig.run(1)

    assert [shot.frame_max_bytes for shot in rig.camera.asked] == [123_456]


def test_texts_from_the_settings_are_in_every_picture(tmp_path: Path) -> None:
    """Whatever took it; who took it is the owner's to say."""
    rig = Rig(tmp_path, None, CaptureSettings(exif_tags={"IFD0.Artist": "Ada", "EXIF.LensModel": "wide"}))
    rig.run(1)

    [held] = rig.publisher.offered
    exif = Image.open(io.BytesIO(rig.spool.read(held))).getexif()
    assert exif[ExifTags.Base.Artist] == "Ada"
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.LensModel] == "wide"
    rig.spool.close()


def test_without_a_schedule_a_source_that_is_played_keeps_its_own_rate(tmp_path: Path) -> None:
    """A film has no shutter to pace it."""
    rig = Rig(tmp_path, None)
    rig.camera.opened = FakeOpened(natural_rate=10.0)

    rig.run(5)

    assert [shot - rig.camera.shots[0] for shot in rig.camera.shots] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert rig.shooter.expected_interval_s == pytest.approx(0.1)
    rig.spool.close()


def test_without_a_schedule_a_real_camera_is_asked_at_once_and_rests_after_a_failure(tmp_path: Path) -> None:
    """It paces itself; but one that is broken must not be asked a thousand times a second."""
    rig = Rig(tmp_path, None)
    rig.run(3)
    assert rig.clock.waits == []

    rig.stop.clear()
    rig.camera.broken = "gone"
    rig.run(6)
    assert rig.clock.waits == [1.0, 1.0]
    rig.spool.close()
