"""What the edge answers to whoever asks how it is."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge.fakes_edge import JPEG, FakeCamera
from fakes import FakeClock
from shutterbus_edge.publish.lane_state import LaneState
from shutterbus_edge.publish.publisher import PublisherState
from shutterbus_edge.spool import Spool, SpoolLimits
from shutterbus_edge.status.condition import Condition
from shutterbus_runtime.health import HealthServer


def lane(*, connected: bool = True, reason: str = "") -> LaneState:
    return LaneState(
        connected=connected,
        reason=reason,
        last_confirmed_us=None,
        in_flight=0,
        published=0,
        published_bytes=0,
        telemetry_published=0,
        confirm_s=None,
    )


@dataclass
class FakeLanes:
    """A publisher that says what it is told to."""

    live: LaneState = field(default_factory=lane)
    backlog: LaneState = field(default_factory=lambda: lane(connected=False))

    def state(self) -> PublisherState:
        return PublisherState({"live": self.live, "backlog": self.backlog}, 1_000_000, ())


class Rig:
    """A health server with everything that it looks at."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.camera = FakeCamera(self.clock)
        self.lanes = FakeLanes()
        self.spool = Spool(
            folder,
            camera="gate",
            clock=self.clock,
            mode="durable",
            limits=SpoolLimits(max_files=10),
            background=False,
        )
        self.shooter = SimpleNamespace(
            missed=3,
            problem="",
            slow={"stamp": 1},
            expected_interval_s=1.0,
            last_shot_s=self.clock.monotonic_s(),
        )
        condition = Condition(
            "gate",
            cast("Any", self.shooter),
            cast("Any", self.camera),
            self.spool,
            cast("Any", self.lanes),
            self.clock,
        )
        self.server = HealthServer(0, condition)

    def get(self, path: str) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.server.close()
    made.spool.close()


def test_an_edge_that_takes_and_delivers_pictures_is_ready(rig: Rig) -> None:
    assert rig.get("/livez") == (200, "ok\n")
    assert rig.get("/readyz") == (200, "ok\n")


def test_an_edge_that_is_not_yet_connected_is_not_ready(rig: Rig) -> None:
    """Nothing has failed, but nothing is confirmed either. The backlog connects only when there is one."""
    rig.lanes.live = lane(connected=False)

    assert rig.get("/readyz") == (503, "live lane: not yet connected\n")


def test_everything_that_is_wrong_is_said_and_the_process_is_still_alive(rig: Rig) -> None:
    """Docker must not start a camera again because a broker is away."""
    rig.shooter.problem = "the cable is loose"
    rig.lanes.live = lane(connected=False, reason="broker:9092 refuses the connection")
    rig.lanes.backlog = lane(reason="nobody listens")
    rig.clock.pass_s(60)

    status, text = rig.get("/readyz")
    assert status == 503
    assert text.splitlines() == [
        "camera: the cable is loose",
        "no picture for 60 s; one every 1 s is due",
        "live lane: broker:9092 refuses the connection",
        "backlog lane: nobody listens",
    ]
    assert rig.get("/livez") == (200, "ok\n")


@pytest.mark.parametrize(
    ("interval_s", "age_s", "status"), [(1, 9, 200), (1, 11, 503), (60, 170, 200), (60, 190, 503)]
)
def test_a_picture_is_late_after_three_intervals_but_never_before_ten_seconds(
    rig: Rig, interval_s: float, age_s: float, status: int
) -> None:
    """A slow shot is no fault."""
    rig.shooter.expected_interval_s = interval_s
    rig.clock.pass_s(age_s)

    assert rig.get("/readyz")[0] == status


@pytest.mark.parametrize(
    ("interval_s", "held_s", "status"), [(1, 119, 200), (1, 121, 503), (60, 170, 200), (60, 190, 503)]
)
def test_a_frame_that_is_not_confirmed_for_two_minutes_and_three_intervals_is_a_problem(
    rig: Rig, interval_s: float, held_s: float, status: int
) -> None:
    """Whatever the lanes say of themselves."""
    rig.shooter.expected_interval_s = interval_s
    rig.spool.release(rig.spool.put(rig.spool.next_id(), JPEG))
    rig.clock.pass_s(held_s)
    rig.shooter.last_shot_s = rig.clock.monotonic_s()

    answer, text = rig.get("/readyz")
    assert answer == status
    assert (f"frames that wait for their confirmation: 1, the oldest for {held_s} s\n" in text) == (
        status == 503
    )


def test_status_accounts_for_every_frame(rig: Rig) -> None:
    """Captured is published, dropped, set aside and held, together."""
    _some_frames(rig)

    status, text = rig.get("/status")
    metadata = json.loads(text)
    assert status == 200
    assert metadata["captured"] == 14
    assert (metadata["published"], metadata["dropped"]) == (1, {"overwritten": 4})
    assert (metadata["set_aside"], metadata["held_frames"]) == (1, 8)
    assert metadata["problems"] == []
    assert metadata["missed"] == 3
    assert metadata["lanes"]["live"] == {"connected": True, "reason": ""}
    assert metadata["frame_max_bytes"] == 1_000_000


def test_metrics_are_what_prometheus_reads(rig: Rig) -> None:
    """Each has its help and type, its camera, and one number."""
    _some_frames(rig)
    rig.camera.restarts = 2

    status, text = rig.get("/metrics")
    lines = text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    typed = {line.split()[2] for line in lines if line.startswith("# TYPE ")}
    helped = {line.split()[2] for line in lines if line.startswith("# HELP ")}
    assert status == 200
    assert {name.partition("{")[0] for name in values} == typed == helped
    assert all(float(value) >= 0 for value in values.values())
    assert values['shutterbus_edge_frames_captured_total{camera="gate"}'] == "14"
    assert values['shutterbus_edge_frames_published_total{camera="gate"}'] == "1"
    assert values['shutterbus_edge_frames_dropped_total{camera="gate",reason="overwritten"}'] == "4"
    assert values['shutterbus_edge_spool_frames{camera="gate"}'] == "8"
    assert values['shutterbus_edge_camera_restarts_total{camera="gate"}'] == "2"
    assert values['shutterbus_edge_lane_connected{camera="gate",lane="backlog"}'] == "0"


def test_another_path_is_answered_with_those_that_there_are(rig: Rig) -> None:
    assert rig.get("/") == (404, "try /livez /readyz /status /metrics\n")


def test_only_this_machine_is_answered(rig: Rig) -> None:
    """It says where the broker is, and asks nobody for a password."""
    assert rig.server._server.server_address[0] == "127.0.0.1"


def _some_frames(rig: Rig) -> None:
    """Take fourteen, of which ten find room, confirm the oldest, and set the next aside."""
    for _ in range(14):
        rig.spool.release(rig.spool.put(rig.spool.next_id(), JPEG))
    confirmed, refused = rig.spool.claim_oldest(), rig.spool.claim_oldest()
    assert confirmed is not None
    assert refused is not None
    rig.spool.ack(confirmed)
    rig.spool.set_aside(refused, "invalid", "the broker refuses it")
