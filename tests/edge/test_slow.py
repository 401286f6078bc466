"""A slow SD card is named in the log, and seen in the edge's numbers."""

import os
from pathlib import Path

import pytest

from edge.fakes_edge import JPEG
from edge.test_health import Rig as HealthRig
from edge.test_shoot import Rig as ShootRig
from fakes import FakeClock
from shutterbus_edge import shoot
from shutterbus_edge.schedule import parse
from shutterbus_edge.spool import Spool
from shutterbus_wire.exif import stamp


def slow_card(monkeypatch: pytest.MonkeyPatch, clock: FakeClock, fsync_s: float) -> None:
    """Have every fsync take *fsync_s*."""
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        sync(descriptor)
        clock.pass_s(fsync_s)

    monkeypatch.setattr(os, "fsync", fsync)


def put(spool: Spool) -> None:
    spool.release(spool.put(spool.next_id(), JPEG))


def test_a_slow_fsync_and_the_put_that_waits_for_it_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    with Spool(tmp_path, camera="gate", clock=clock, mode="durable", background=False) as spool:
        slow_card(monkeypatch, clock, 1.5)
        for _ in range(3):
            put(spool)
        # The file and its folder, for each frame.
        assert spool.counts().slow == {"fsync": 6, "put": 3}
        monkeypatch.undo()
        put(spool)
        assert spool.counts().slow == {"fsync": 6, "put": 3}

    fsync, kept = caplog.messages
    assert (
        fsync
        == f"fsync took 1.5 s: look at dmesg for errors of the SD card or disk of {tmp_path}, which may be dying"
    )
    assert kept.startswith("put took 3.0 s: SPOOL_MODE=durable waits for the SD card or disk")


def test_a_slow_fsync_holds_up_no_put_where_the_disk_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    with Spool(tmp_path, camera="gate", clock=clock, mode="spill", background=False) as spool:
        slow_card(monkeypatch, clock, 1.5)
        put(spool)
        clock.pass_s(10)
        spool.maintain()
        assert spool.counts().slow == {"fsync": 2, "put": 0}
        monkeypatch.undo()


def test_a_slow_stamp_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rig = ShootRig(tmp_path, parse("10"))

    def slow(*arguments: object, **options: object) -> bytes:
        rig.clock.pass_s(2.0)
        return stamp(*arguments, **options)  # type: ignore[arg-type] # handed on as they are

    monkeypatch.setattr(shoot, "stamp", slow)
    rig.run(2)
    rig.spool.close()

    assert rig.shooter.slow == {"stamp": 2}
    assert caplog.messages == [
        "stamp took 2.0 s: look at what else keeps the processor busy, and at its temperature"
    ]


def test_they_are_among_the_numbers_of_the_edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = HealthRig(tmp_path)
    slow_card(monkeypatch, rig.clock, 1.5)
    put(rig.spool)
    monkeypatch.undo()

    metrics = rig.get("/metrics")[1]
    status = rig.get("/status")[1]
    rig.server.close()
    rig.spool.close()

    for operation, count in (("fsync", 2), ("put", 1), ("stamp", 1)):
        assert (
            f'shutterbus_edge_slow_operations_total{{camera="gate",operation="{operation}"}} {count}\n'
            in metrics
        )
        assert f'"{operation}": {count}' in status
