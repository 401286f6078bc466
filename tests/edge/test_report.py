"""The account of what became of every frame."""

import logging
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from edge.fakes_edge import JPEG, FakeCamera, FakePublisher
from fakes import FakeClock
from shutterbus_edge.spool import Spool, SpoolLimits
from shutterbus_edge.status.report import Reporter
from shutterbus_wire.telemetry import Reading, Report


class Rig:
    """A reporter with everything around it."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.stop = threading.Event()
        self.camera = FakeCamera(self.clock)
        self.publisher = FakePublisher()
        limits = SpoolLimits(max_files=10)
        self.spool = Spool(
            folder, camera="gate", clock=self.clock, mode="durable", limits=limits, background=False
        )
        self.shooter = SimpleNamespace(missed=3, problem="", expected_interval_s=10.0)
        settings = SimpleNamespace(
            camera_title="屋上 北",
            timezone=ZoneInfo("Asia/Tokyo"),
            schedule="10",
            report_interval_s=60.0,
            reading_interval_s=5.0,
        )
        self.reporter = Reporter(
            "gate",
            cast("Any", settings),
            cast("Any", self.camera),
            cast("Any", self.shooter),
            self.spool,
            cast("Any", self.publisher),
            self.clock,
        )

    def capture(self, count: int) -> None:
        for _ in range(count):
            self.spool.release(self.spool.put(self.spool.next_id(), JPEG))

    def reports(self) -> list[Report]:
        return [Report.model_validate_json(self.spool.read(held)) for held in self.publisher.telemetry]

    def run_for(self, seconds: float, *events: tuple[float, Any]) -> None:
        """Run the reporter for *seconds* of its clock; each event is called once its time has come."""
        end_s, pending = self.clock.monotonic_now_s + seconds, list(events)
        start_s = self.clock.monotonic_now_s
        wait = self.clock.wait

        def wait_and_act(duration_s: float, stop: threading.Event) -> bool:
            wait(duration_s, stop)
            while pending and self.clock.monotonic_now_s - start_s >= pending[0][0]:
                pending.pop(0)[1]()
            if self.clock.monotonic_now_s >= end_s:
                stop.set()
            return stop.is_set()

        self.clock.wait = wait_and_act  # type: ignore[method-assign] # one clock, in a test
        self.reporter.run(self.stop)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.spool.close()


def test_a_report_is_the_sum_that_has_to_come_out(rig: Rig) -> None:
    """Captured = published + dropped + set aside + held, with the ids of what was dropped."""
    rig.capture(14)
    oldest = rig.spool.claim_oldest()
    assert oldest is not None
    rig.spool.ack(oldest)

    rig.reporter.report("minute")

    [report] = rig.reports()
    dropped = sum(each.count for each in report.dropped.values())
    assert (report.captured, report.published, dropped, report.set_aside, report.held_frames) == (
        14,
        1,
        4,
        0,
        9,
    )
    assert report.dropped["overwritten"].ranges == [(rig.spool.epoch, 0, 3)]
    assert report.missed == 3
    assert report.status.expected_interval_s == 10.0


def test_reports_come_at_the_start_and_once_a_minute(rig: Rig) -> None:
    """Two and a half missed reports mean offline, so their pace must not depend on what happens."""
    rig.run_for(185)

    assert [report.event for report in rig.reports()] == ["start", "minute", "minute", "minute"]
    assert [report.seq for report in rig.reports()] == [0, 1, 2, 3]


def test_an_event_is_reported_within_a_second_or_so_and_once(rig: Rig) -> None:
    """Who looks after cameras wants to know now; a fault that lasts is one event."""

    def cable_off() -> None:
        rig.shooter.problem = "the cable is loose"

    def cable_on() -> None:
        rig.shooter.problem, rig.camera.restarts = "", 1

    rig.run_for(50, (5, cable_off), (30, cable_on))

    start_us = rig.reports()[0].at_us
    assert [(report.event, (report.at_us - start_us) // 1_000_000) for report in rig.reports()] == [
        ("start", 0),
        ("camera failing", 5),
        ("camera restarted, camera works", 30),
    ]


def test_status_says_what_people_call_the_camera(rig: Rig) -> None:
    assert rig.reporter.status().title == "屋上 北"


def test_status_says_which_zone_the_schedule_follows(rig: Rig) -> None:
    assert rig.reporter.status().zone == "Asia/Tokyo"


def test_status_is_told_again_only_when_it_changed(rig: Rig) -> None:
    """It is retained: repeating it tells nobody anything."""

    def opened_wider() -> None:
        assert rig.camera.opened is not None
        rig.camera.opened = type(rig.camera.opened)(size_px=(640, 480))

    rig.run_for(30, (10, opened_wider))

    assert [status.size_px for status in rig.publisher.statuses] == [(1, 1), (640, 480)]


class FlakySensor:
    """Answers every third time it is asked."""

    def __init__(self) -> None:
        self.units: Mapping[str, str] = {"temperature": "°C"}
        self.asked = 0

    def read(self) -> dict[str, float]:
        self.asked += 1
        if self.asked % 3:
            raise OSError("no answer on the bus")
        return {"temperature": 20.0 + self.asked}


def test_a_sensor_that_does_not_answer_is_said_once_and_asked_again(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """A dead sensor for a night is one line; what it says again afterwards counts."""
    caplog.set_level(logging.INFO)
    sensor = FlakySensor()

    def wait(duration_s: float, stop: threading.Event) -> bool:
        rig.clock.pass_s(duration_s)
        if sensor.asked >= 6:
            stop.set()
        return stop.is_set()

    rig.clock.wait = wait  # type: ignore[method-assign] # one clock, in a test
    rig.reporter.read("attic", sensor, rig.stop)

    readings = [Reading.model_validate_json(rig.spool.read(held)) for held in rig.publisher.telemetry]
    assert [(reading.seq, reading.values, reading.units) for reading in readings] == [
        (0, {"temperature": 23.0}, {"temperature": "°C"}),
        (1, {"temperature": 26.0}, {"temperature": "°C"}),
    ]
    assert [line for line in caplog.messages if "attic" in line] == [
        "sensor attic: no answer on the bus",
        "sensor attic: back after 10 s",
        "sensor attic: no answer on the bus",
        "sensor attic: back after 10 s",
    ]
