"""The power is cut at every system call, and every disk that this may leave is opened again.

Data that were not synced are then missing, zero, half or whole, and names that were not synced are there or not. That the
test would notice a missing fsync is itself tested: each is left out in turn.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from edge.fakes_spool import Disk, FakeFiles, PowerCut
from fakes import FakeClock
from shutterbus_edge.errors import FrameGoneError
from shutterbus_edge.spool import Spool
from shutterbus_edge.spool.counters import FrameCounts
from shutterbus_wire.identity import FrameId

Mode = Literal["durable", "memory"]


def picture(number: int) -> bytes:
    return b"\xff\xd8picture %d" % number * 3 + b"\xff\xd9"


class Story:
    """What an edge does between switching on and the cut, and what it was promised meanwhile."""

    def __init__(self, files: FakeFiles, mode: Mode) -> None:
        self.files = files
        self.mode = mode
        self.sent: dict[FrameId, bytes] = {}
        """Put, or about to be: the number may be out in the world."""
        self.promised: dict[FrameId, bytes] = {}
        """Put, and not confirmed."""
        self.over = False

    def spool(self) -> Spool:
        return Spool(
            Path("spool"),
            camera="gate",
            clock=FakeClock(),
            mode=self.mode,
            files=self.files,
            machine="one",
            background=False,
        )

    def run(self) -> None:
        try:
            spool = self.spool()
            self._put(spool, 2)
            self._confirm_oldest(spool)
            self._put(spool, 1)
            spool.put_telemetry("reports", spool.next_telemetry_seq("reports"), b"{}")
            spool.close()
            spool = self.spool()
            self._put(spool, 2)
            self._confirm_oldest(spool)
        except PowerCut:
            return
        self.over = True

    def _put(self, spool: Spool, count: int) -> None:
        for _ in range(count):
            identity = spool.next_id()
            data = picture(len(self.sent))
            self.sent[identity] = data
            held = spool.put(identity, data)
            self.promised[identity] = data
            spool.release(held)

    def _confirm_oldest(self, spool: Spool) -> None:
        held = spool.claim_oldest("frame")
        assert held is not None
        del self.promised[held.id]
        spool.ack(held)


def broken_promises(story: Story, left: Disk) -> list[str]:
    """Open what the cut left, and say what is wrong with it."""
    wrong = []
    files = FakeFiles(left, FakeClock())
    spool = Spool(
        Path("spool"),
        camera="gate",
        clock=FakeClock(),
        mode="durable",
        files=files,
        machine="one",
        background=False,
    )
    wrong += [f"{name} is left" for name in left.names if name.endswith(".tmp")]
    recovered = {}
    while held := spool.claim_oldest():
        try:
            data = spool.read(held)
        except FrameGoneError:
            wrong.append(f"{held.name} is torn")
            continue
        if held.kind == "frame":
            recovered[held.id] = data
            if story.sent.get(held.id) != data:
                wrong.append(f"{held.id} has other bytes")
    if story.mode == "durable":
        wrong += [f"{identity} is lost" for identity in story.promised if identity not in recovered]
    fresh = spool.next_id()
    if fresh in story.sent:
        wrong.append(f"{fresh} is given twice")
    counts = spool.counts()
    for identity in story.promised.keys() - recovered.keys():
        told = any(epoch == identity.epoch and first <= identity.seq for epoch, first, _ in counts.uncertain)
        if not told:
            wrong.append(f"{identity} is missing and not called uncertain")
    wrong += [
        f"{tally} does not add up"
        for tally in (counts.this_epoch, counts.previous_epochs)
        if not adds_up(tally)
    ]
    return wrong


def adds_up(tally: FrameCounts) -> bool:
    dropped = sum(d.count for d in tally.dropped.values())
    return tally.captured == tally.acked + dropped + tally.quarantined + tally.held


def all_wrong(mode: Mode, lies: Callable[[str, str], bool] = lambda _c, _n: False) -> list[str]:
    """Cut the power before every call in turn, and collect everything that is wrong afterwards."""
    wrong: list[str] = []
    for cut_after in range(1000):
        story = Story(FakeFiles(Disk(), FakeClock(), cut_after=cut_after), mode)
        story.files.lies = lies
        story.run()
        for left in story.files.disk.after_cut():
            wrong += broken_promises(story, left)
        if story.over:
            return wrong
    raise AssertionError("the story does not end")


@pytest.mark.parametrize("mode", ["durable", "memory"])
def test_power_cut_at_any_call_breaks_no_promise(mode: Mode) -> None:
    """Nothing that was put durably is lost, nothing torn is sent, no number is given twice, and what is missing is said to be."""
    assert all_wrong(mode) == []


@pytest.mark.parametrize(
    ("mode", "call", "of", "noticed"),
    [
        ("durable", "fsync", ".jpg", "is lost"),
        ("durable", "sync_folder", ".jpg", "is lost"),
        ("memory", "fsync", "epoch.json", "not called uncertain"),
        ("memory", "sync_folder", "epoch.json", "is given twice"),
        ("durable", "fsync", ".json", "is torn"),
    ],
)
def test_each_fsync_is_needed(mode: Mode, call: str, of: str, noticed: str) -> None:
    """Without any one of them the test above fails, so it would notice."""

    def lies(a_call: str, name: str) -> bool:
        return a_call == call and of in name

    assert any(noticed in sentence for sentence in all_wrong(mode, lies))
