"""The whole edge, started and ended: with what exit code, how soon, and with nothing lost."""

import json
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

import pytest

from shutterbus_edge import app
from shutterbus_edge.capture import process
from shutterbus_edge.publish.live import LiveLane
from shutterbus_edge.settings.edge import EdgeSettings, SpoolSettings
from shutterbus_edge.spool import Spool, SpoolCounts
from shutterbus_edge.status.report import Reporter
from shutterbus_runtime.clock import SystemClock
from shutterbus_runtime.settings import SettingsError
from shutterbus_transport.settings import BrokerSettings
from stack.programs import Program, program

DOCKER_KILLS_S = 10.0
PATIENT_S = 30.0
FAKE_CHILD = str(Path(__file__).with_name("fake_capture_child.py"))


def left_in(folder: Path) -> SpoolCounts:
    """Return the account that a stopped edge has left behind."""
    with Spool(folder, camera="gate", clock=SystemClock(), mode="durable", background=False) as spool:
        return spool.counts()


def status_of(edge: Program) -> dict[str, object]:
    """Return what its health server shows, as soon as there is one."""
    until_s = time.monotonic() + PATIENT_S
    while not (port := re.search(r"health on 127\.0\.0\.1:(\d+)", edge.said())):
        assert time.monotonic() < until_s, edge.said()
        assert edge.process.poll() is None, edge.said()
        time.sleep(0.05)
    connection = HTTPConnection("127.0.0.1", int(port[1]), timeout=PATIENT_S)
    connection.request("GET", "/status")
    metadata: dict[str, object] = json.loads(connection.getresponse().read())
    connection.close()
    return metadata


@pytest.mark.alone
@pytest.mark.parametrize(
    ("transport", "broker", "ended_by"),
    [
        ("kafka", "away", signal.SIGTERM),
        ("kafka", "silent", signal.SIGTERM),
        ("mqtt", "away", signal.SIGINT),
        ("mqtt", "silent", signal.SIGTERM),
    ],
)
def test_a_signal_ends_it_in_time_with_every_picture_on_disk(
    transport: str, broker: str, ended_by: signal.Signals, tmp_path: Path
) -> None:
    """Also where a broker accepts the connection and says nothing, and the newest pictures are only in memory."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        environment = {
            "CAMERA_SOURCE": "testcard:320x240",
            "CAMERA_ID": "gate",
            "PICAMERA_FRAMERATE": "10",
            "SPOOL_DIR": str(tmp_path / "spool"),
            "SS_TYPE": transport,
            "SS_BROKERS": f"127.0.0.1:{server.getsockname()[1]}",
            "HEALTH_PORT": "0",
        }
        if broker == "away":
            server.close()
        command = [sys.executable, "-m", "shutterbus_edge", "run"]
        edge = stack.enter_context(program(command, environment, tmp_path / "output"))
        until_s = time.monotonic() + PATIENT_S
        while int(str((status := status_of(edge))["captured"])) < 8:
            assert time.monotonic() < until_s, edge.said()
            time.sleep(0.05)
        assert status["held_frames"] == status["captured"]

        asked_s = time.monotonic()
        edge.process.send_signal(ended_by)
        assert edge.process.wait(PATIENT_S) == 0, edge.said()
        assert time.monotonic() - asked_s < DOCKER_KILLS_S, edge.said()

    left = left_in(tmp_path / "spool")
    assert left.epoch == status["epoch"], "it stopped cleanly, so the numbers go on"
    assert left.held_frames == left.this_epoch.captured >= 8
    assert left.this_epoch.dropped == {}
    assert left.held_telemetry >= 2, "the reports of start and stop"


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """The edge takes the signals of its process, which here is the test's."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def settings(tmp_path: Path) -> EdgeSettings:
    """A test card, and a broker that is away."""
    return EdgeSettings(
        camera_source="testcard:320x240",
        camera_id="gate",
        health_port=0,
        spool=SpoolSettings(dir=tmp_path / "spool"),
        broker=BrokerSettings(type="mqtt", brokers=(("127.0.0.1", 1),)),
    )


def test_a_part_that_fails_ends_the_edge_with_its_error(
    settings: EdgeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edge that reports no more, or shoots no more, must not look alive; Compose starts it again."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(Reporter, "run", fail)

    with pytest.raises(ZeroDivisionError, match="a mistake of ours"):
        app.run(settings)
    assert left_in(settings.spool.dir).held_telemetry == 1, "its last report is kept"


def test_a_lane_that_dies_ends_the_edge(settings: EdgeSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hold every picture and send none."""

    def fail(_: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(LiveLane, "step", fail)
    monkeypatch.setattr(app, "LOOK_AT_LANES_S", 0.05)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    with pytest.raises(RuntimeError, match="the live lane has ended by an error of its own"):
        app.run(settings)


@pytest.mark.alone
def test_a_camera_that_hangs_delays_a_stop_only_a_little(
    settings: EdgeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "CHILD", [sys.executable, FAKE_CHILD, "blocks"])
    monkeypatch.setattr(app, "LAST_SHOT_S", 0.1)
    stop = threading.Event()
    asked_s: list[float] = []

    def ask() -> None:
        asked_s.append(time.monotonic())
        stop.set()

    timer = threading.Timer(1.0, ask)
    timer.start()

    assert app.run(settings, stop=stop) == 0
    assert time.monotonic() - asked_s[0] < DOCKER_KILLS_S
    timer.join()


def test_a_health_port_that_is_taken_is_said_by_its_name(settings: EdgeSettings) -> None:
    """Two cameras on one machine meet there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(
            SettingsError, match=rf"^HEALTH_PORT={port} cannot be used on 127.0.0.1: .* in use"
        ):
            app.run(settings.model_copy(update={"health_port": port}))
