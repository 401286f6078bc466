"""The main job on real input: street footage, through a real broker that goes away and comes back, to a screen."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page

import testrun
from machine import SOAK
from stack.brokers import Container, free_port, kafka, mosquitto
from stack.browser import chromium, log_in, wait_for_picture_after
from stack.footage import footage
from stack.programs import BIN, Program, program, wait_for_http
from stack.waiting import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.alone, pytest.mark.long_form, pytest.mark.timeout(420)]

HERE = Path(__file__).parent
PASSWORD = "correct horse battery"
FRAMES_AT_LEAST = 600 if SOAK else 250
FRAMES_PER_S = 10
OUTAGE_S = 40 if SOAK else 12
LIVE_AGAIN_WITHIN_S = 10


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("transport", ["kafka", "mqtt"])
def test_street_footage_survives_a_broker_outage_and_is_live_again_first(
    transport: Literal["kafka", "mqtt"], tmp_path: Path
) -> None:
    """Every picture the capture handed over arrives, byte for byte in its scan, and the newest one first."""
    film = footage(tmp_path)
    with kafka() if transport == "kafka" else mosquitto("autosave_interval 1") as broker:
        if transport == "kafka":
            subprocess.run(
                [BIN / "shutterbus-broker", "topics", "street", "--brokers", broker.address], check=True
            )
        # In memory: what the test itself writes in the capture's way must not wait for a disk.
        with tempfile.TemporaryDirectory(prefix=testrun.name(), dir="/dev/shm") as notes:
            _run(transport, broker, film, tmp_path, Path(notes) / "notes")


def _run(
    transport: Literal["kafka", "mqtt"], broker: Container, film: Path, folder: Path, notes: Path
) -> None:
    received = folder / "received.jsonl"
    health, web = free_port(), free_port()
    topic = "shutterbus.street.frames" if transport == "kafka" else "shutterbus/street/frames"
    raw: list[str | Path] = [
        sys.executable,
        HERE / "raw_consumer.py",
        transport,
        broker.address,
        topic,
        received,
    ]
    edge = {
        "CAMERA_ID": "street",
        "CAMERA_SOURCE": f"file:{film}",
        "PICAMERA_FRAMERATE": str(FRAMES_PER_S),
        "SS_TYPE": transport,
        "SS_BROKERS": broker.address,
        "SPOOL_DIR": str(folder / "spool"),
        "HEALTH_PORT": str(health),
        "NOTES": str(notes),
    }
    viewer = {
        f"VIEWER_{transport.upper()}_BROKERS": broker.address,
        "VIEWER_PORT": str(web),
        "VIEWER_PASSWORD": PASSWORD,
    }
    with (
        program(raw, {}, folder / "raw.log") as consumer,
        program([BIN / "shutterbus-viewer", "run"], viewer, folder / "viewer.log") as viewing,
        chromium() as browser,
    ):
        wait_until(received.with_suffix(".ready").exists, 30, consumer.said)
        base = f"http://127.0.0.1:{web}"
        wait_for_http(f"{base}/livez", viewing)
        page = browser.new_page()
        log_in(page, base, PASSWORD)
        with program([sys.executable, HERE / "noting_edge.py", "run"], edge, folder / "edge.log") as camera:
            page.goto(f"{base}/cameras/street")
            _watch_an_outage(broker, page, camera, received, health)
            wait_until(lambda: len(lines(notes)) >= FRAMES_AT_LEAST, 120, camera.said)
            enough = len(lines(notes))
            # The backlog is in no hurry, and an edge that stops leaves the rest of it in the spool.
            wait_until(
                lambda: set(range(enough)) <= _numbers(received), 120, lambda: _so_far(received, camera)
            )
            # Whatever else this machine does costs a shot now and then; a capture that waits for a broker misses hundreds.
            assert _status(health)["missed"] < FRAMES_PER_S * OUTAGE_S / 10, (
                "the outage disturbed the capture"
            )
            assert camera.terminate() == 0, camera.said()
        taken = lines(notes)
        wait_until(lambda: len(_numbers(received)) >= len(taken), 30, lambda: _so_far(received, camera))
    _check_every_picture(taken, [json.loads(line) for line in lines(received)])


def _numbers(received: Path) -> set[int]:
    """Return the sequence numbers that the raw consumer has seen."""
    return {json.loads(line)["seq"] for line in lines(received)}


def _so_far(received: Path, camera: Program) -> str:
    return f"{len(_numbers(received))} pictures arrived\n{camera.said()}"


def _status(port: int) -> dict[str, Any]:
    from urllib.request import urlopen

    with urlopen(f"http://127.0.0.1:{port}/status", timeout=5) as answer:
        status: dict[str, Any] = json.load(answer)
        return status


def _watch_an_outage(broker: Container, page: Page, camera: Program, received: Path, health: int) -> None:
    """SIGTERM the broker in the middle, start it ``OUTAGE_S`` later, and see the page live again within 10 s."""
    wait_for_picture_after(page, 0, 30)
    wait_until(lambda: len(lines(received)) >= FRAMES_AT_LEAST // 6, 60, camera.said)
    gone_at = time.monotonic()
    broker.stop()
    taken_before = _status(health)["captured"]
    time.sleep(
        max(0.0, OUTAGE_S - (time.monotonic() - gone_at))
    )  # the length of the outage is the test, not a wait
    before, taken_meanwhile = len(lines(received)), _status(health)["captured"]
    broker.start()
    returned_at_us = time.time_ns() // 1000
    wait_for_picture_after(page, returned_at_us - 1_000_000, LIVE_AGAIN_WITHIN_S)

    def arrived() -> list[dict[str, Any]]:
        # What the broker itself had kept of the time before may come first: that is not the edge's order.
        return [frame for frame in map(json.loads, lines(received)[before:]) if frame["seq"] >= taken_before]

    wait_until(lambda: len(lines(received)) > before + 50, 30, camera.said)
    # The other lane has a connection, and a patience, of its own.
    wait_until(lambda: any(frame["lane"] == "backlog" for frame in arrived()), 30, camera.said)
    first = arrived()[0]
    assert first["lane"] == "live"
    assert first["seq"] >= taken_meanwhile, "a picture of the outage went before the newest"


def _check_every_picture(taken: list[str], received: list[dict[str, Any]]) -> None:
    scans = {line["seq"]: line["sha256"] for line in received}
    assert len({line["epoch"] for line in received}) == 1
    assert len(taken) >= FRAMES_AT_LEAST
    assert [seq for seq in range(len(taken)) if seq not in scans] == [], "missing"
    assert [seq for seq, scan in enumerate(taken) if scans[seq] != scan] == [], (
        "scan bytes changed on the way"
    )
