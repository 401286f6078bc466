"""What the doctor says of this machine, its disk, its camera and its line."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shutterbus_edge import healthcheck
from shutterbus_edge.__main__ import main
from shutterbus_edge.doctor import machine, pictures, sizes, spool, uplink
from shutterbus_edge.doctor.context import CheckContext
from shutterbus_edge.hardware import board
from shutterbus_edge.settings.capture import CaptureSettings
from shutterbus_edge.settings.edge import EdgeSettings, SpoolSettings
from shutterbus_edge.spool.files import FolderFiles
from shutterbus_runtime.clock import SystemClock
from shutterbus_transport.settings import BrokerSettings

GIB = 1 << 30


def context(tmp_path: Path, port: int = 1, **given: Any) -> CheckContext:
    broker = {"brokers": (("127.0.0.1", port),), **given.pop("broker", {})}
    settings = EdgeSettings(
        **{
            "camera_source": "testcard",
            "spool": SpoolSettings(dir=tmp_path / "spool"),
            "health_port": 9,
            "broker": BrokerSettings(**broker),
            **given,
        }
    )
    return CheckContext(settings, "gate", SystemClock())


def a_board(root: Path, memory_kb: int, cma_kb: int | None = None) -> Path:
    (root / "proc").mkdir()
    lines = [f"MemTotal: {memory_kb} kB", *([f"CmaTotal: {cma_kb} kB"] if cma_kb else [])]
    (root / "proc/meminfo").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture
def slow_line() -> Iterator[int]:
    """A port whose other side reads 64 kB a second."""
    with socket.socket() as server:
        # As little as the kernel gives, so that what is unread is unacknowledged.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        server.bind(("127.0.0.1", 0))
        server.listen()

        def read() -> None:
            connection, _ = server.accept()
            with connection:
                pause = threading.Event()
                while connection.recv(3276):
                    pause.wait(0.05)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


def test_camera_gives_a_picture_and_its_size_is_learnt(tmp_path: Path) -> None:
    check_context = context(tmp_path, capture=CaptureSettings(size_px=(640, 480)))

    result = pictures.camera(check_context)

    assert result.status == "ok"
    assert "640 x 480" in result.sentence
    assert check_context.picture_px == (640, 480)
    assert check_context.picture_bytes


def test_camera_that_is_not_there_is_a_failure_with_the_next_step(tmp_path: Path) -> None:
    result = pictures.camera(context(tmp_path, camera_source="v4l2:/dev/video77"))

    assert result.status == "failure"
    assert result.fix == "v4l2-ctl --list-devices"


def test_camera_is_left_to_the_edge_that_runs(tmp_path: Path) -> None:
    """No second process can open it."""
    (tmp_path / "spool").mkdir()
    files = FolderFiles(tmp_path / "spool")
    files.open()
    result = pictures.camera(context(tmp_path, camera_source="picamera2"))
    files.close()

    assert result.status == "skipped"
    assert result.fix == "docker compose exec edge shutterbus-edge doctor"


@pytest.mark.parametrize(
    ("settings", "limit_bytes", "named"),
    [
        ({}, 100_000, "topic x (its own max.message.bytes) takes 100,000"),
        ({"broker": {"max_request_size": 90_000}}, 8_388_620, "SS_MAX_REQUEST_SIZE takes 90,000"),
    ],
)
def test_limit_that_is_too_small_is_named_with_both_numbers(
    settings: dict[str, Any], limit_bytes: int, named: str, tmp_path: Path
) -> None:
    """Several may be at fault; the smallest is."""
    check_context = context(tmp_path, **settings)
    check_context.picture_bytes = 200_000

    result = sizes.judge(limit_bytes, "topic x (its own max.message.bytes)", check_context)

    assert result.status == "failure"
    assert named in result.sentence
    assert "200,000 bytes" in result.sentence


def test_4k_under_a_small_limit_is_a_warning(tmp_path: Path) -> None:
    """A simple scene fits, a tree in leaf does not."""
    check_context = context(tmp_path)
    check_context.picture_bytes, check_context.picture_px = 900_000, (3840, 2160)

    assert sizes.judge(2_097_164, "the broker", check_context).status == "warning"
    assert sizes.judge(8_388_620, "the broker", check_context).status == "ok"


def test_slow_line_is_measured_and_compared_with_the_pictures(tmp_path: Path, slow_line: int) -> None:
    """Without a single whole message."""
    check_context = context(tmp_path, slow_line, schedule="1")
    check_context.picture_bytes = 200_000

    result = uplink.look(check_context)

    assert check_context.uplink_bytes_per_s is not None
    assert 30_000 < check_context.uplink_bytes_per_s < 130_000
    assert result.status == "warning", result
    assert "the pictures need 1.6 Mbit/s: the spool will fill" in result.sentence


def test_picture_that_outlasts_the_clients_patience_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be sent again and again and never arrive."""
    monkeypatch.setattr(uplink, "measure", lambda _: 20_000.0)
    kafka, mqtt = context(tmp_path), context(tmp_path, broker={"type": "mqtt", "keepalive_s": 20})
    kafka.picture_bytes = mqtt.picture_bytes = 1_300_000

    result = uplink.look(kafka)
    assert "needs 65 s, and the client waits 60 s (request_timeout_ms is 120 s)" in result.sentence
    assert result.fix
    assert result.fix.startswith("send less")
    result = uplink.look(mqtt)
    assert "needs 65 s, and the client waits 30 s (SS_KEEPALIVE is 20 s)" in result.sentence
    assert result.fix == "in .env: SS_KEEPALIVE=130"


def test_patience_that_somebody_has_shortened_is_named_with_who(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker, or an option of the library."""
    monkeypatch.setattr(uplink, "measure", lambda _: 20_000.0)
    mqtt = context(tmp_path, broker={"type": "mqtt", "keepalive_s": 600})
    mqtt.picture_bytes = 1_300_000
    assert uplink.look(mqtt).status == "ok"
    mqtt.keepalive_s = 30
    result = uplink.look(mqtt)
    assert "the client waits 45 s (the broker's max_keepalive is 30 s)" in result.sentence
    assert result.fix == "on the server, in broker/mosquitto/mosquitto.conf: no max_keepalive"

    kafka = context(tmp_path, broker={"client_options": {"delivery_timeout_ms": 30_000}})
    kafka.picture_bytes = 1_300_000
    result = uplink.look(kafka)
    assert "the client waits 15 s (delivery_timeout_ms is 30 s)" in result.sentence
    assert result.fix == "in .env: no SS_DELIVERY_TIMEOUT_MS"


def test_disk_is_timed_and_nothing_is_left_on_it(tmp_path: Path) -> None:
    result = spool.disk(context(tmp_path))

    assert "stores 200 kB in" in result.sentence or result.status == "warning"
    assert list((tmp_path / "spool").iterdir()) == []


def test_disk_that_takes_nothing_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where a folder should be")

    assert spool.disk(context(tmp_path)).status == "failure"


def test_disk_that_is_nearly_full_is_a_failure(tmp_path: Path) -> None:
    check_context = context(tmp_path, spool=SpoolSettings(dir=tmp_path, min_free_bytes=1 << 60))

    result = spool.room(check_context)

    assert result.status == "failure"
    assert "SPOOL_MIN_FREE" in result.sentence


def test_what_was_set_aside_is_shown_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "spool/quarantine").mkdir(parents=True)
    (tmp_path / "spool/quarantine/x.jpg.txt").write_text("its message has 3 bytes\n")

    result = spool.room(context(tmp_path))

    assert result.status == "warning"
    assert "the last because: its message has 3 bytes" in result.sentence


def test_outage_budget_is_the_limit_that_is_reached_first(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    for limits, first, status in (
        ({"max_bytes": 36_000_000}, "10 hours before a picture is lost (SPOOL_MAX_BYTES", "ok"),
        ({"max_files": 100}, "17 minutes before a picture is lost (SPOOL_MAX_FILES", "warning"),
        ({"max_bytes": GIB, "max_age_s": 86_400}, "24 hours before a picture is lost (SPOOL_MAX_AGE", "ok"),
    ):
        check_context = context(
            tmp_path, schedule="10", spool=SpoolSettings(dir=tmp_path / "spool", **limits)
        )
        check_context.picture_bytes = 10_000
        result = spool.outage(check_context)
        assert first in result.sentence, result
        assert result.status == status


def test_calendar_schedule_counts_by_its_average(tmp_path: Path) -> None:
    check_context = context(tmp_path, schedule="*/10 6-17 * * *")

    assert check_context.pictures_per_s is not None
    assert check_context.pictures_per_s * 86_400 == pytest.approx(72, rel=0.5)


def test_film_that_the_container_does_not_have_is_answered_with_where_to_put_it(tmp_path: Path) -> None:
    """The path is right, outside."""
    (tmp_path / ".dockerenv").touch()
    check_context = context(tmp_path, camera_source="file:/home/pi/film.mp4")
    check_context.root = tmp_path

    result = pictures.camera(check_context)

    assert result.status == "failure"
    assert result.fix is not None
    assert "Put it into the folder media beside the compose file" in result.fix


@pytest.mark.parametrize(
    ("memory_kb", "cma_kb", "said"),
    [
        (437_000, None, "this board has 447 MB of memory"),
        (900_000, 32_768, "keeps 33 MB for cameras (CMA)"),
        (900_000, 262_144, None),
    ],
)
def test_4k_is_refused_where_the_boards_memory_cannot(
    memory_kb: int, cma_kb: int | None, said: str | None, tmp_path: Path
) -> None:
    """A Zero 2 has 512 MB less what its graphics take; older systems keep little for the camera."""
    check_context = context(
        tmp_path,
        camera_source="picamera2",
        capture=CaptureSettings(size_px=(3840, 2160), given={"size_px": "PICAMERA_RESOLUTION"}),
    )

    sentences = board.cannot(check_context.settings, a_board(tmp_path, memory_kb, cma_kb))

    assert [sentence for sentence in sentences if said and said in sentence] == sentences
    assert bool(sentences) is (said is not None)


def test_4k_is_refused_where_the_sensor_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Camera Module 2."""
    monkeypatch.setattr(board, "sensor_px", lambda number: (3280, 2464) if number == 1 else None)
    size = CaptureSettings(size_px=(3840, 2160), given={"size_px": "PICAMERA_RESOLUTION"})
    check_context = context(tmp_path, camera_source="picamera2:1", capture=size)

    sentences = board.cannot(check_context.settings, a_board(tmp_path, 4_000_000))

    assert len(sentences) == 1
    assert sentences[0].startswith(
        "PICAMERA_RESOLUTION=3840x2160 cannot be used: the sensor has 3280 x 2464 pixels"
    )


def test_check_says_what_the_board_cannot(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.environ", {"CAMERA_SOURCE": "testcard", "SS_BROKERS": "h"})
    monkeypatch.setattr(board, "cannot", lambda _: ["too large"])

    assert main(["check"]) == 1
    assert "too large" in capsys.readouterr().err
    assert main(["check", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["problems"] == ["too large"]


def test_clock_from_before_this_software_is_a_failure(tmp_path: Path) -> None:
    check_context = context(tmp_path)
    check_context.clock = type("Past", (SystemClock,), {"utc_us": lambda _: 1_000_000})()

    result = machine.clock(check_context)

    assert (result.status, result.fix) == ("failure", "timedatectl set-ntp true")


def test_walls_of_a_container_are_told(tmp_path: Path) -> None:
    for place, text in {
        ".dockerenv": "",
        "proc/1/comm": "docker-init\n",
        "proc/self/status": "Name:\tx\nCapEff:\t0000000000000004\n",
    }.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    check_context = context(tmp_path)
    check_context.root = tmp_path

    assert machine.container(check_context).sentence == "unprivileged"
    (tmp_path / "proc/self/status").write_text("CapEff:\t000001fffeffffff\n")
    assert machine.container(check_context).sentence.startswith("privileged")
    (tmp_path / "proc/1/comm").write_text("shutterbus-edge\n")
    assert machine.container(check_context).fix == "init: true"


def test_doctor_on_settings_that_cannot_be_used_says_so_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.environ", {"CAMERA_SOURCE": "testcard", "SS_BROKRES": "h"})
    monkeypatch.setattr("logging.disable", lambda _: None)

    assert main(["doctor"]) == 1

    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith(" 1  failure  settings: ")
    assert "did you mean SS_BROKERS?" in first
    assert all("because of 1" in line for line in others)


def test_doctor_ends_in_time_when_nothing_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """And what hangs on the network says on which line."""
    monkeypatch.chdir(tmp_path)
    environ = {
        "CAMERA_SOURCE": "testcard",
        "CAMERA_ID": "gate",
        "SS_BROKERS": "127.0.0.1:1",
        "SPOOL_DIR": str(tmp_path),
    }
    monkeypatch.setattr("os.environ", environ)
    monkeypatch.setattr("logging.disable", lambda _: None)
    begun_s = time.monotonic()

    assert main(["doctor", "--json"]) == 1

    assert time.monotonic() - begun_s < 15
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    checks_by_name = {check["check"]: check for check in report["checks"]}
    failing = [check["check"] for check in report["checks"] if check["status"] == "failure"]
    assert failing[0] == "port"
    assert checks_by_name["login"]["status"] == "skipped"
    assert checks_by_name["camera"]["status"] == "ok"


def test_healthcheck_asks_the_port_and_says_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            for status in (b"200 OK", b"500 No"):
                connection, _ = server.accept()
                with connection:
                    assert connection.recv(4096).startswith(b"GET /livez ")
                    connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        monkeypatch.setenv("HEALTH_PORT", str(port))
        assert main(["healthcheck"]) == 0
        assert healthcheck.healthy(port) == f"the edge on 127.0.0.1:{port} answers 500"
        thread.join(5)
    assert main(["healthcheck"]) == 1
    assert f"no edge answers on 127.0.0.1:{port}" in capsys.readouterr().err
