"""The archive on real brokers with three cameras: whatever is killed, what a broker acknowledged is kept, and kept once."""

import itertools
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from shutterbus_transport import TRANSPORTS
from stack.archiving import CAMERAS, ArchiveProcess, edges
from stack.brokers import docker, kafka, mosquitto
from stack.viewing import make_topics
from stack.waiting import wait_until
from transport.rig import Broker

pytestmark = [pytest.mark.stack(minutes=1.2), pytest.mark.timeout(900)]

FIRST_FRAME_WITHIN_S = 5
CHANCE = random.Random(9)

Frames = set[tuple[str, int]]


@pytest.fixture(params=list(TRANSPORTS))
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    with ExitStack() as stack:
        started = stack.enter_context(
            kafka() if request.param == "kafka" else mosquitto("autosave_interval 10")
        )
        if request.param == "kafka":
            make_topics(started.address, CAMERAS)
        yield Broker(request.param, started)


def at_any_time(_: ArchiveProcess) -> None:
    time.sleep(CHANCE.random() / 2)  # the moment is the test


def as_a_file_appears(archive: ArchiveProcess) -> None:
    _as_it_changes(lambda: [path.stat().st_mtime_ns for path in archive.folders()])
    time.sleep(CHANCE.random() / 100)  # the moment is the test


def as_a_row_appears(archive: ArchiveProcess) -> None:
    _as_it_changes(lambda: (archive.state / "catalog.sqlite-wal").stat().st_mtime_ns)


def _as_it_changes(look: Callable[[], object]) -> None:
    before = look()
    wait_until(lambda: look() != before, 30, lambda: "nothing changes", every_s=0)


@pytest.mark.parametrize(
    ("kills", "broker_kills", "frames", "again_within_s"),
    [
        pytest.param(6, 1, 100, 60, id="a few times"),
        pytest.param(
            30, 5, 1_500, FIRST_FRAME_WITHIN_S, id="often", marks=[pytest.mark.soak, pytest.mark.alone]
        ),
    ],
)
def test_every_frame_is_kept_once_whoever_is_killed(
    broker: Broker, kills: int, broker_kills: int, frames: int, again_within_s: float, tmp_path: Path
) -> None:
    archive = ArchiveProcess(broker, tmp_path)
    with archive, edges(broker, tmp_path) as cameras:
        archive.start()
        _wait_for_more(archive, 60)
        aims = itertools.cycle([as_a_file_appears, as_a_row_appears, at_any_time])
        before_row = before_acknowledgement = 0
        for aim in itertools.islice(aims, kills):
            aim(archive)
            archive.kill()
            before_row += bool(archive.files().keys() - archive.rows())
            archive.start()
            _wait_for_more(archive, again_within_s)
            before_acknowledgement += archive.repeated() > 0
        acknowledged = cameras.acknowledged().keys()
        wait_until(lambda: acknowledged <= archive.rows(), 60, archive.said)
        print(
            f"{broker.name}: archive killed {kills} times, {before_row} of them between a file and its row, "
            f"{before_acknowledgement} between a row and its acknowledgement: {len(acknowledged)} frames acknowledged, 0 missing"
        )

        outages: list[tuple[int, int]] = []
        for _ in range(broker_kills):
            _wait_for_more(archive, 60)
            saved_at_us = _saved_at_us(broker)
            broker.container.kill()
            outages.append((saved_at_us, time.time_ns() // 1_000))
            broker.container.start()
        _wait_for_more(archive, 60)
        wait_until(lambda: len(cameras.captured()) >= frames, 300, cameras.said, every_s=0.5)
        cameras.stop()
        wait_until(
            lambda: (
                not _unexplained(archive, cameras.acknowledged(), outages if broker.name == "mqtt" else [])
            ),
            60,
            lambda: f"{_unexplained(archive, cameras.acknowledged(), outages)}\n{archive.said()}",
            every_s=0.5,
        )
        assert archive.stop() == 0, archive.said()

    counts, acknowledged, captured = archive.files(), cameras.acknowledged().keys(), cameras.captured()
    missing = sorted(acknowledged - counts.keys())
    print(
        f"{broker.name}: {broker.name} killed {broker_kills} times: sent {len(captured)}, acknowledged {len(acknowledged)}, "
        f"stored {len(counts)}, missing {missing}"
    )
    assert counts.keys() == archive.rows()
    assert counts.keys() <= captured
    assert set(counts.values()) == {1}
    if frames >= 1_000:
        assert before_row > 0
        assert before_acknowledgement > 0
    identities = subprocess.run(
        ["exiftool", "-q", "-p", "$SerialNumber $ImageUniqueID", "-r", archive.state / "store/frames"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert len(identities) == len(set(identities)) == len(counts)


def _wait_for_more(archive: ArchiveProcess, within_s: float) -> None:
    before = len(archive.files())
    wait_until(lambda: len(archive.files()) > before, within_s, archive.said)


def _saved_at_us(broker: Broker) -> int:
    """Return when a Mosquitto last wrote what it has in memory; 0 if never."""
    if broker.name != "mqtt":
        return 0
    look = "stat -c %Y /mosquitto/data/mosquitto.db || echo 0"
    return int(docker("exec", broker.container.name, "sh", "-c", look)) * 1_000_000


def _unexplained(
    archive: ArchiveProcess, acknowledged: dict[tuple[str, int], int], outages: list[tuple[int, int]]
) -> Frames:
    """Return what was acknowledged and is not kept, but for what died with a Mosquitto: acknowledged since it had saved, and never read."""
    missing = acknowledged.keys() - archive.rows()
    read = archive.read()
    return {
        frame
        for frame in missing
        if frame in read or not any(saved <= acknowledged[frame] < killed for saved, killed in outages)
    }
