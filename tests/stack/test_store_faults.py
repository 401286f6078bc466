"""The archive's disk is filled, write-protected and unmounted while cameras send: nothing is lost, and live goes on."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient

from machine import SOAK
from shutterbus_wire.names import ARCHIVE_GROUP
from stack.archiving import CAMERAS, ArchiveProcess, Sender, frames_in
from stack.brokers import kafka
from stack.small_disk import Disk, small_disk
from stack.viewing import Watching, make_topics, watching
from stack.waiting import wait_until
from transport.rig import Broker

pytestmark = [
    pytest.mark.stack,
    pytest.mark.alone,
    pytest.mark.long_form,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

FAULT_S = 60 if SOAK else 4
MAX_POLL_MS = 10_000 if SOAK else 2_000
"""A member that does not poll for so long is put out of its group; less than a fault lasts."""
LATE_MAX_S = 2.0
FAULTS = {
    "full": (Disk.fill, Disk.empty, "the disk is full|ARCHIVE_MIN_FREE keeps"),
    "read-only": (Disk.protect, Disk.release, "read-only file system"),
    "unmounted": (Disk.unmount, Disk.mount, r"is its disk mounted\?"),
}


class LiveWatch(threading.Thread):
    """Looks how long the newest picture of each camera stays unshown after the broker has it.

    Attributes:
        worst_s: The longest that one was missing.
    """

    def __init__(self, sender: Sender, viewer: Watching) -> None:
        super().__init__()
        self.worst_s = 0.0
        self._sender = sender
        self._viewer = viewer
        self._end = threading.Event()

    def run(self) -> None:
        missing_since: dict[str, tuple[int, float]] = {}
        while not self._end.wait(0.05):
            for camera, (seq, sent_s) in list(self._sender.newest.items()):
                awaited_seq, since_s = missing_since.setdefault(camera, (seq, sent_s))
                shown = int((self._viewer.newest(camera) or "-1").rpartition("-")[2])
                if shown >= awaited_seq:
                    del missing_since[camera]
                else:
                    self.worst_s = max(self.worst_s, time.monotonic() - since_s)

    def finish(self) -> None:
        self._end.set()
        self.join()


@pytest.fixture
def broker() -> Iterator[Broker]:
    with kafka() as started:
        make_topics(started.address, CAMERAS)
        yield Broker("kafka", started)


def members(broker: Broker) -> set[str]:
    """The members of the group of frames; one that has left and come back is another."""
    with KafkaAdminClient(bootstrap_servers=broker.container.address) as admin:
        described = admin.describe_groups([ARCHIVE_GROUP])
    return {member["member_id"] for group in described.values() for member in group["members"]}


def _wait_until_said(archive: ArchiveProcess, words: str, said_before: int) -> None:
    """Return when *words*, a pattern, are in what the archive has said since it had said so many characters."""
    wait_until(
        lambda: bool(re.search(words, archive.log.read_text()[said_before:])), 30, archive.said, every_s=0.2
    )


def _settled(stored: Callable[[], int]) -> int:
    """Return how many are stored when the groups that were being written as the fault came are through."""
    before, now = -1, stored()
    while now != before:
        time.sleep(1)
        before, now = now, stored()
    return now


def test_disk_that_is_full_write_protected_or_unmounted_costs_nothing_but_time(
    broker: Broker, tmp_path: Path
) -> None:
    sender = Sender(broker)
    with small_disk(tmp_path) as disk, watching(kafka=broker.container.address) as viewer:
        archive = ArchiveProcess(
            broker,
            tmp_path,
            within=disk.within,
            ARCHIVE_DIR=str(disk.folder),
            ARCHIVE_KAFKA_MAX_POLL_INTERVAL_MS=str(MAX_POLL_MS),
        )
        watch = LiveWatch(sender, viewer)

        def stored() -> int:
            return len(frames_in(disk.seen))

        sender.start()
        watch.start()
        archive.start()
        try:
            wait_until(lambda: stored() > 20, 60, archive.said)
            before = members(broker)
            for name, (break_it, mend_it, words) in FAULTS.items():
                said_before = len(archive.log.read_text())
                break_it(disk)
                _wait_until_said(archive, words, said_before)
                held, sent = _settled(stored), len(sender.sent)
                time.sleep(FAULT_S)
                assert len(sender.sent) > sent, "the cameras do not notice"
                assert stored() == held, f"something was stored on a disk that is {name}"
                mend_it(disk)
                wait_until(lambda: stored() > held, 30, archive.said)  # noqa: B023 (likewise)
            assert members(broker) == before, "no rebalance"
            sender.finish()
            wait_until(
                lambda: archive.rows() == sender.sent, 120, lambda: f"{len(archive.rows())}: {archive.said()}"
            )
            watch.finish()
            counts = frames_in(disk.seen)
            assert archive.stop() == 0, archive.said()
        finally:
            sender.finish()
            watch.finish()
            archive.kill()
    print(
        f"{len(FAULTS)} faults of {FAULT_S} s: sent {len(sender.sent)}, missing {len(sender.sent - counts.keys())}, "
        f"a live picture late by {watch.worst_s:.2f} s at most"
    )
    assert counts.keys() == sender.sent
    assert set(counts.values()) == {1}
    assert watch.worst_s < LATE_MAX_S
    assert not list((tmp_path / "disk").iterdir()), "nothing was written into the folder under it"
