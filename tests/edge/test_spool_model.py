"""Anything that can happen to a spool, in any order, against a plain account of what it should hold."""

import errno
import itertools
from pathlib import Path
from typing import Literal
from unittest import mock

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edge.fakes_spool import Disk, FakeFiles, failing
from fakes import FakeClock
from shutterbus_edge.errors import FrameGoneError
from shutterbus_edge.spool import Held, Spool, SpoolLimits
from shutterbus_edge.spool.limits import Mode, OnFull
from shutterbus_wire.identity import FrameId

MAX_FILES = 6
MAX_BYTES = 600
MEMORY_MAX_BYTES = 300
LARGEST_BYTES = 120


class SpoolMachine(RuleBasedStateMachine):
    """The model: what was put, in order, and what became of it, by what the spool itself tells of drops."""

    mode: Mode
    on_full: OnFull

    def __init__(self) -> None:
        super().__init__()
        # The same at every run, so that a failure can be repeated; in no order, as the real ones.
        epochs = (f"{n * 0x9E3779B97F4A7C15 % 2**64:016x}" for n in itertools.count(1))
        self.patch = mock.patch("shutterbus_edge.spool.epoch.new_epoch", side_effect=epochs)
        self.patch.start()
        self.disk = Disk()
        self.clock = FakeClock()
        self.put_data: dict[str, bytes] = {}
        """All that was ever put, in order."""
        self.held: dict[str, bytes] = {}
        """What should be there now, in the same order."""
        self.claimed: dict[str, Held] = {}
        self.by_frame: dict[FrameId, str] = {}
        self.given: set[FrameId] = set()
        self.reported: set[tuple[str, FrameId]] = set()
        self.quarantined = 0
        self.camera = "gate"
        self.faulty = False
        self.on_disk_at_start: set[str] = set()
        """What the last start found on the disk."""

    @initialize()
    def open(self) -> None:
        self.files = FakeFiles(self.disk, self.clock)
        if self.faulty:
            self.files.fault = failing(errno.EROFS)
        self.spool = Spool(
            Path("spool"),
            camera=self.camera,
            clock=self.clock,
            mode=self.mode,
            limits=SpoolLimits(
                max_bytes=MAX_BYTES,
                max_files=MAX_FILES,
                max_age_s=3_600,
                min_free_bytes=0,
                memory_max_bytes=MEMORY_MAX_BYTES,
                on_full=self.on_full,
            ),
            files=self.files,
            machine="one",
            background=False,
        )
        self.claimed.clear()
        self.reported.clear()
        self.quarantined = 0
        tally = self.spool.counts().this_epoch
        for reason, dropped in tally.dropped.items():
            for epoch, first, last in dropped.ranges:
                self.reported |= {(reason, FrameId(epoch, n)) for n in range(first, last + 1)}
        self.quarantined = tally.quarantined

    def teardown(self) -> None:
        self.patch.stop()

    @rule(size=st.integers(0, LARGEST_BYTES), fill=st.integers(0, 255), released=st.booleans())
    def put(self, size: int, fill: int, released: bool) -> None:
        identity = self.spool.next_id()
        assert identity not in self.given
        self.given.add(identity)
        data = bytes([fill]) * size
        self.clock.pass_s(0.001)
        held = self.spool.put(identity, data)
        self.held[held.name] = self.put_data[held.name] = data
        self.by_frame[identity] = held.name
        self.claimed[held.name] = held
        if released:
            self._learn_drops()
            self._release(held)

    @rule()
    def put_telemetry(self) -> None:
        held = self.spool.put_telemetry("reports", self.spool.next_telemetry_seq("reports"), b"{}")
        assert held.name not in self.put_data
        self.held[held.name] = self.put_data[held.name] = b"{}"
        self.claimed[held.name] = held

    @rule(kind=st.sampled_from(["frame", "telemetry", None]))
    def claim(self, kind: Literal["frame", "telemetry"] | None) -> None:
        waiting = [n for n in self.held if n not in self.claimed and kind in {None, kind_of(n)}]
        held = self.spool.claim_oldest(kind)
        if held is None:
            assert waiting == []
            return
        assert held.name in waiting
        alike = [name for name in waiting if kind_of(name) == held.kind]
        assert held.name == alike[0]
        self.claimed[held.name] = held

    @precondition(lambda self: self.claimed)
    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from(sorted(self.claimed.values(), key=lambda h: h.name)))
        self.spool.ack(held)
        self._forget(held.name)
        self.spool.ack(held)  # a late answer to a repeat changes nothing

    @precondition(lambda self: self.claimed)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self._release(data.draw(st.sampled_from(sorted(self.claimed.values(), key=lambda h: h.name))))

    @precondition(lambda self: self.claimed)
    @rule(data=st.data())
    def set_aside(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from(sorted(self.claimed.values(), key=lambda h: h.name)))
        self.spool.set_aside(held, "over-limit", "it is too large")
        self.quarantined += held.kind == "frame" and held.id.epoch == self.spool.epoch
        self._forget(held.name)

    @precondition(lambda self: self.claimed)
    @rule(data=st.data())
    def damage_and_read(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from(sorted(self.claimed.values(), key=lambda h: h.name)))
        file = next((f for f in self.disk.names if f.startswith(held.name)), None)
        if file is None or self.faulty:  # it could not be moved away, and would be back after a restart
            return
        self.disk.names[file].data = b"?" + self.disk.names[file].data[1:] + b"!"
        with pytest.raises(FrameGoneError):
            self.spool.read(held)
        self.quarantined += held.kind == "frame" and held.id.epoch == self.spool.epoch
        self._forget(held.name)

    @rule(seconds=st.sampled_from([0.1, 1.0, 2.5, 6.0, 30.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.clock.pass_s(seconds)
        self.spool.maintain()

    @rule(seconds=st.sampled_from([-3_600.0, 3_600.0, 90 * 86_400.0, -90 * 86_400.0]))
    def clock_jumps(self, seconds: float) -> None:
        """Drops nothing: ages are kept by the monotonic clock."""
        self.clock.jump_s(seconds)
        self.spool.maintain()

    @rule()
    def disk_becomes_read_only(self) -> None:
        self.faulty = True
        self.files.fault = failing(errno.EROFS)

    @rule()
    def disk_works(self) -> None:
        self.faulty = False
        self.files.fault = lambda _call, _name: None

    @rule(capacity=st.sampled_from([400, 2_000]))
    def others_fill_the_disk(self, capacity: int) -> None:
        self.disk.capacity_bytes = capacity

    @rule()
    def others_leave_room(self) -> None:
        self.disk.capacity_bytes = 1 << 39

    @rule(camera=st.sampled_from(["gate", "gate", "yard"]))
    def stop_and_start(self, camera: str) -> None:
        """What is in memory goes to disk; another camera begins a new epoch."""
        epoch = self.spool.epoch
        self.spool.close()
        self.claimed.clear()  # a spool that is being closed has no lanes any more
        self._learn_drops()
        on_disk = {n for n in self.held if self._is_on_disk(n)}
        assert on_disk == self.held.keys() or self.faulty or self.disk.capacity_bytes < 1 << 39
        changed, self.camera = camera != self.camera, camera
        self._restart()
        assert not (changed and self.spool.epoch == epoch)

    @rule()
    def crash_and_start(self) -> None:
        """What was in memory only is gone, and said to be uncertain if the disk ever took note of its epoch."""
        noted = self.disk.names.get("epoch.json")
        lost = [i for i, name in self.by_frame.items() if name in self.held and not self._is_on_disk(name)]
        self._restart()
        uncertain = self.spool.counts().uncertain
        for identity in lost:
            told = any(e == identity.epoch and first <= identity.seq for e, first, _ in uncertain)
            assert told or noted is None or identity.epoch.encode() not in noted.data

    @invariant()
    def everything_is_accounted_for(self) -> None:
        self._learn_drops()
        counts = self.spool.counts()
        for tally in (counts.this_epoch, counts.previous_epochs):
            dropped = sum(d.count for d in tally.dropped.values())
            assert tally.captured == tally.acked + dropped + tally.quarantined + tally.held
        frames = {name for name in self.held if kind_of(name) == "frame"}
        assert counts.held_frames == len(frames)
        assert counts.held_telemetry == len(self.held) - len(frames)
        assert counts.held_bytes == sum(len(data) for data in self.held.values())
        assert counts.this_epoch.quarantined == self.quarantined

    @invariant()
    def whatever_is_claimed_can_be_read(self) -> None:
        for held in self.claimed.values():
            assert self.spool.read(held) == self.held[held.name]

    @invariant()
    def limits_are_kept(self) -> None:
        waiting_in_memory = [n for n in self.held if n not in self.claimed and not self._is_on_disk(n)]
        frames = [n for n in waiting_in_memory if kind_of(n) == "frame"]
        assert sum(len(self.held[n]) for n in frames) <= MEMORY_MAX_BYTES
        on_disk = [n for n in self.held if kind_of(n) == "frame" and self._is_on_disk(n)]
        # What could not be removed before a crash is back after it, above the limit until the next put.
        assert len([n for n in on_disk if n not in self.on_disk_at_start]) <= MAX_FILES
        assert len(on_disk) <= max(MAX_FILES, len(self.on_disk_at_start))
        assert sum(len(self.held[n]) for n in on_disk) <= max(
            MAX_BYTES, LARGEST_BYTES * len(self.on_disk_at_start)
        )

    def _is_on_disk(self, name: str) -> bool:
        return any(file.startswith(name) for file in self.disk.names)

    def _restart(self) -> None:
        """Start on what is on disk. What had gone but could not be removed is back, a repeat."""
        self.held = {n: data for n, data in self.put_data.items() if self._is_on_disk(n)}
        self.on_disk_at_start = set(self.held)
        self.open()

    def _release(self, held: Held) -> None:
        self.spool.release(held)
        self.claimed.pop(held.name, None)

    def _forget(self, name: str) -> None:
        self.held.pop(name, None)
        self.claimed.pop(name, None)

    def _learn_drops(self) -> None:
        counts = self.spool.counts()
        for tally in (counts.this_epoch, counts.previous_epochs):
            for reason, dropped in tally.dropped.items():
                for epoch, first, last in dropped.ranges:
                    for seq in range(first, last + 1):
                        self._learn_drop(reason, FrameId(epoch, seq))

    def _learn_drop(self, reason: str, identity: FrameId) -> None:
        if (reason, identity) in self.reported:
            return
        self.reported.add((reason, identity))
        name = self.by_frame[identity]
        assert name in self.held, f"{name} was dropped ({reason}) after it had gone"
        assert name not in self.claimed, f"{name} was dropped ({reason}) while being sent"
        assert (
            reason
            in {
                "overwrite-oldest": {"overwritten", "expired", "no-space", "memory-full", "memory-lost"},
                "thin": {"thinned", "expired", "no-space", "memory-full", "memory-lost"},
                "reject-new": {"rejected", "expired", "memory-full", "memory-lost"},
            }[self.on_full]
        )
        if reason == "overwritten" and self.mode != "memory":
            older = list(self.held)[: list(self.held).index(name)]
            kept = [
                n for n in older if n not in self.claimed and kind_of(n) == "frame" and self._is_on_disk(n)
            ]
            assert kept == [], f"{name} was overwritten, and {kept} are older"
        self._forget(name)


def kind_of(name: str) -> str:
    return "telemetry" if "reports" in name else "frame"


@pytest.mark.parametrize("on_full", ["overwrite-oldest", "thin", "reject-new"])
@pytest.mark.parametrize("mode", ["spill", "durable", "memory"])
def test_spool_does_what_the_model_does(mode: Mode, on_full: OnFull) -> None:
    """In each mode and under each policy, whatever happens: the sum, the order, the bytes, the claims and the limits."""
    machine = type("Machine", (SpoolMachine,), {"mode": mode, "on_full": on_full})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )
