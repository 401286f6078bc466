"""The edge's image and compose file on a real engine: as a person starts them, and what they do when stopped."""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import KafkaAdminClient

import testrun
from certificates import issue
from machine import needs_docker
from shutterbus_broker.topics import ensure_topics
from stack.brokers import KafkaContainer, MosquittoContainer, docker, gateway, kafka, mosquitto
from stack.footage import footage
from stack.programs import program

# The first run on a machine builds the image.
pytestmark = [pytest.mark.stack(minutes=1.3), pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
VIRTUAL = ROOT / "tests/stack/virtual_camera"
IMAGE = f"shutterbus-edge:{testrun.name()}-debian"
VIRTUAL_IMAGE = f"shutterbus-edge:{testrun.name()}-virtual"
RAW_CONSUMER = Path(__file__).with_name("raw_consumer.py")
DAC_READ_SEARCH = 1 << 2
BOARD = "Character devices:\n 81 video4linux\n250 dma_heap\n511 media\n\nBlock devices:\n  8 sd\n"


def until(condition: Callable[[], Any], within_s: float, otherwise: Callable[[], str] = str) -> Any:
    """Return what *condition* returns as soon as that is true."""
    deadline = time.monotonic() + within_s
    while not (result := condition()):
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.1)
    return result


class Edge:
    """A folder with a compose file and an ``.env``, as a camera has one."""

    def __init__(self, folder: Path, camera: str, *lines: str, compose_file: str | None = None) -> None:
        """With *compose_file* named on every command line, else called what Compose looks for."""
        self.folder = folder
        self.camera = camera
        self._named = ("-f", compose_file) if compose_file else ()
        testrun.note_project(f"shutterbus-edge-{camera}")
        folder.mkdir(exist_ok=True)
        shutil.copy(ROOT / "compose.edge.yml", folder / (compose_file or "compose.yml"))
        if lines:
            (folder / ".env").write_text(
                "\n".join((f"CAMERA_ID={camera}", f"EDGE_IMAGE={IMAGE}", *lines, ""))
            )

    def compose(self, *arguments: str, good: bool = True) -> subprocess.CompletedProcess[str]:
        """Run docker compose in the folder."""
        done = subprocess.run(
            ["docker", "compose", *self._named, *arguments],
            cwd=self.folder,
            env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0 or not good, f"{done.stdout}\n{done.stderr}"
        return done

    @property
    def container(self) -> str:
        return self.compose("ps", "-aq", "edge").stdout.strip()

    def inspect(self, path: str) -> Any:
        """Return a part of what the engine knows of the container."""
        return json.loads(docker("inspect", "-f", f"{{{{json {path}}}}}", self.container))

    def log(self) -> str:
        done = self.compose("logs", "--no-color", "edge")
        return done.stdout + done.stderr

    def shell(self, command: str) -> str:
        """Run a command in the running container."""
        return docker("exec", self.container, "sh", "-c", command)

    def status(self) -> dict[str, Any]:
        """Ask the edge how it is; nothing is known of one that is still starting."""
        asked = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8081/status').read().decode())"
        with contextlib.suppress(RuntimeError):
            status: dict[str, Any] = json.loads(docker("exec", self.container, "python3", "-c", asked))
            return status
        return {"held_frames": None, "lanes": {"live": {"connected": False}}}

    def pictures_in_spool(self) -> int:
        """Count those on the volume, of a container that need not run."""
        volume = f"shutterbus-edge-{self.camera}_spool"
        listed = docker(
            "run",
            "--rm",
            *testrun.labelled(),
            "-v",
            f"{volume}:/spool:ro",
            "--entrypoint",
            "find",
            IMAGE,
            "/spool",
            "-name",
            "*.jpg",
        )
        return len(listed.split())

    def stop(self) -> None:
        """Stop it as Compose does, and see that it ended by itself: whoever is killed after the grace says 137."""
        self.compose("stop")
        assert self.inspect(".State.ExitCode") == 0, self.log()

    def gone(self) -> None:
        self.compose("down", "--volumes", "--timeout", "2", good=False)


class Reader:
    """A stranger who writes down what arrives."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes

    def arrived(self) -> list[dict[str, Any]]:
        text = self._notes.read_text() if self._notes.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def numbers(self) -> set[int]:
        return {message["seq"] for message in self.arrived()}


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Callable[[str, str, str], Reader]]:
    """What starts a reader of one topic."""
    running = []

    def start(transport: str, address: str, topic: str) -> Reader:
        notes = tmp_path / f"{transport}.jsonl"
        environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
        entered = program(
            [sys.executable, str(RAW_CONSUMER), transport, address, topic, str(notes)],
            environment,
            notes.with_suffix(".log"),
        )
        entered.__enter__()
        running.append(entered)
        until(notes.with_suffix(".ready").exists, 20, notes.with_suffix(".log").read_text)
        return Reader(notes)

    yield start
    for consumer in running:
        consumer.__exit__(None, None, None)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image as it ships for any machine, and one with the virtual camera in it; Docker caches both."""
    needs_docker()
    docker(
        "build",
        "-q",
        "--target",
        "debian",
        "-t",
        IMAGE,
        "-f",
        str(ROOT / "edge/Dockerfile"),
        str(ROOT),
        timeout_s=500,
    )
    overlay = ("--build-arg", f"EDGE={IMAGE}", "-f", str(VIRTUAL / "edge.Dockerfile"), str(VIRTUAL))
    docker("build", "-q", "-t", VIRTUAL_IMAGE, *overlay, timeout_s=300)
    return IMAGE


@pytest.fixture(scope="module")
def kafka_broker(image: str) -> Iterator[KafkaContainer]:
    with kafka(for_containers=True) as broker:
        with KafkaAdminClient(bootstrap_servers=broker.address) as admin:
            list(ensure_topics(admin, ["gate"]))
        yield broker


@pytest.fixture
def mqtt_broker(image: str) -> Iterator[MosquittoContainer]:
    with mosquitto() as broker:
        yield broker


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Callable[..., Edge]]:
    """What makes an edge, gone at the end."""
    made = []

    def make(camera: str, *lines: str, **more: Any) -> Edge:
        made.append(Edge(more.pop("folder", tmp_path / camera), camera, *lines, **more))
        return made[-1]

    yield make
    for made_edge in made:
        made_edge.gone()


def server(port: int) -> tuple[str, ...]:
    """The lines with which an edge finds a broker of this machine by a name that no DNS knows."""
    return (f"SS_BROKERS=server.test:{port}", "SERVER_NAME=server.test", f"SERVER_ADDRESS={gateway()}")


def devices_of(board: str, camera: Edge) -> str:
    """Run ``devices`` in a container to which the kernel lists *board*'s devices, and return what it says."""
    listed = camera.folder / "proc-devices"
    listed.write_text(board)
    command = f"mount --bind /project/{listed.name} /proc/devices && exec shutterbus-edge devices"
    return camera.compose("run", "--rm", "-T", "--entrypoint", "sh", "edge", "-c", command).stdout


def mounted(camera: Edge) -> dict[str, str]:
    """Return what of this machine is in the container, by where."""
    return {mount["Destination"]: mount["Source"] for mount in camera.inspect(".Mounts")}


def test_seeds_flow_brings_pictures_to_kafka_and_a_stop_loses_none(
    kafka_broker: KafkaContainer,
    edge: Callable[..., Edge],
    reader: Callable[[str, str, str], Reader],
    tmp_path: Path,
) -> None:
    """Copy the example, edit, up; and whether the broker answers or not, what was taken is sent or spooled."""
    folder = tmp_path / "project"
    for name in ("edge", "wire", "runtime", "transport"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".dockerignore", ".env.example"):
        shutil.copy(ROOT / name, folder)
    example = (folder / ".env.example").read_text()
    assert "\nSS_BROKERS=\n" in example
    edited = {
        "SS_BROKERS=": server(kafka_broker.containers_port)[0],
        "# CAMERA_SOURCE=picamera2": "CAMERA_SOURCE=testcard",
        "# CAMERA_ID=gate": "CAMERA_ID=gate",
        "# SCHEDULE=every 5 minutes": "SCHEDULE=0.5",
    }
    lines = [edited.get(line, line) for line in example.splitlines()]
    more = (
        *server(kafka_broker.containers_port)[1:],
        "EDGE_TARGET=debian",
        f"EDGE_IMAGE={IMAGE}",
        "EDGE_MTU=1200",
    )
    (folder / ".env").write_text("\n".join((*lines, *more, "")))
    seen = reader("kafka", kafka_broker.address, "shutterbus.gate.frames")
    gate = edge("gate", folder=folder, compose_file="compose.edge.yml")

    gate.compose("build")
    gate.compose("up", "-d", "--wait", "--wait-timeout", "60")
    until(lambda: len(seen.arrived()) >= 3, 30, gate.log)

    assert gate.inspect(".HostConfig.Privileged") is True
    assert gate.inspect(".HostConfig.Init") is True
    assert gate.inspect(".HostConfig.Memory") == 256 << 20
    mounts = {mount["Destination"]: mount for mount in gate.inspect(".Mounts")}
    assert mounts["/run/udev"]["RW"] is False
    assert mounts["/run/secrets"]["RW"] is False
    assert mounts["/var/lib/shutterbus/spool"]["Type"] == "volume"
    assert gate.shell("cat /sys/class/net/eth0/mtu") == "1200"

    gate.stop()
    assert gate.pictures_in_spool() == 0
    sent = max(seen.numbers())
    assert seen.numbers() == set(range(sent + 1))

    gate.compose("start")
    until(lambda: max(seen.numbers()) > sent, 30, gate.log)
    kafka_broker.pause()
    until(lambda: (gate.status()["held_frames"] or 0) > 3, 30, gate.log)
    gate.stop()
    assert gate.pictures_in_spool() > 3
    kafka_broker.unpause()
    gate.compose("start")
    until(lambda: gate.status()["lanes"]["live"]["connected"], 60, gate.log)
    until(
        lambda: gate.status()["held_frames"] == 0 and seen.numbers() == set(range(max(seen.numbers()) + 1)),
        60,
        gate.log,
    )
    assert len({message["epoch"] for message in seen.arrived()}) == 1


def test_two_cameras_on_a_machine_are_two_folders(
    mqtt_broker: MosquittoContainer,
    edge: Callable[..., Edge],
    reader: Callable[[str, str, str], Reader],
    tmp_path: Path,
) -> None:
    """One plays street footage from the folder media beside its compose file, the other a test card."""
    film = footage(tmp_path)
    shown = reader("mqtt", mqtt_broker.address, "shutterbus/+/frames")
    for camera, source in (("gate", "testcard"), ("yard", f"file:/media/{film.name}")):
        started_edge = edge(
            camera,
            *("EDGE_TARGET=debian", f"CAMERA_SOURCE={source}", "SCHEDULE=1", "SS_TYPE=mqtt"),
            *server(mqtt_broker.port),
        )
        (started_edge.folder / "media").mkdir()
        shutil.copy(film, started_edge.folder / "media")
        started_edge.compose("up", "-d")

    until(
        lambda: {message["camera"] for message in shown.arrived()} == {"gate", "yard"}, 40, started_edge.log
    )


def test_real_picamera2_runs_at_1080p_within_256_mb_and_without_privilege(
    mqtt_broker: MosquittoContainer, edge: Callable[..., Edge], reader: Callable[[str, str, str], Reader]
) -> None:
    """On libcamera's own software camera, whose pictures count into the container's memory, as a Pi's do not."""
    shown = reader("mqtt", mqtt_broker.address, "shutterbus/pi/frames")
    camera = edge(
        "pi",
        f"EDGE_IMAGE={VIRTUAL_IMAGE}",
        *("CAMERA_SOURCE=picamera2", "PICAMERA_RESOLUTION=FHD", "SCHEDULE=0.1", "SS_TYPE=mqtt"),
        *server(mqtt_broker.port),
    )
    camera.compose("up", "-d")
    until(lambda: len(shown.arrived()) >= 100, 60, camera.log)
    assert camera.inspect(".HostConfig.Privileged") is True
    mounts_before = mounted(camera)
    assert mounts_before.pop("/project") == str(camera.folder)
    assert "1920 x 1080" in camera.log()
    used = int(
        camera.shell(
            "cat /sys/fs/cgroup/memory.peak /sys/fs/cgroup/memory/memory.max_usage_in_bytes 2>/dev/null || true"
        )
    )
    print(f"at most {used >> 20} MiB in use, the kernel's own cache of files included")
    assert used < 256 << 20
    assert camera.inspect(".State.OOMKilled") is False

    # A folder and a secret of another user, as who unpacks what `make enroll` made may be one.
    secret = camera.folder / "secrets/PICAMERA_RESOLUTION"
    secret.write_text("VGA\n")
    secret.chmod(0o600)
    for path in (camera.folder, secret):
        os.chown(path, 12345, 12345)
    said = devices_of(BOARD, camera)
    assert said == "Wrote compose.override.yml. To run so: docker compose up -d\n"
    assert (camera.folder / "compose.override.yml").stat().st_uid == 12345
    camera.compose("up", "-d")
    before = len(shown.arrived())
    until(lambda: len(shown.arrived()) >= before + 20, 40, camera.log)
    assert camera.inspect(".HostConfig.Privileged") is False
    assert camera.inspect(".HostConfig.ReadonlyRootfs") is True
    assert "640 x 480" in camera.log()
    held = camera.shell("grep CapEff /proc/1/status").split()[1]
    assert int(held, 16) == DAC_READ_SEARCH
    # Also of a container that took another's place, which had the folder.
    mounts = mounted(camera)
    assert mounts.pop("/project") == "/dev/null"
    assert mounts == mounts_before
    assert camera.shell("cat /project; ! ls /project/compose.yml 2>/dev/null") == ""
    camera.stop()


def test_doctor_and_devices_run_in_the_container(
    kafka_broker: KafkaContainer, edge: Callable[..., Edge]
) -> None:
    """By the commands that the documents give."""
    gate = edge("gate", "CAMERA_SOURCE=testcard", "SCHEDULE=10", *server(kafka_broker.containers_port))

    report = json.loads(gate.compose("run", "--rm", "-T", "edge", "doctor", "--json").stdout)
    lines = report["checks"]

    checks_by_name = {check["check"]: check for check in lines}
    assert [check for check in lines if check["status"] == "failure"] == []
    assert report["ok"] is True
    assert "server.test is" in checks_by_name["name"]["sentence"]
    assert gateway() in checks_by_name["advertised"]["sentence"]
    assert checks_by_name["anonymous"]["status"] == "warning"
    assert checks_by_name["spool"]["status"] == "ok", checks_by_name["spool"]
    assert "256 MiB for this container" in checks_by_name["memory"]["sentence"]
    assert "privileged" in checks_by_name["container"]["sentence"]
    assert "edge devices" in checks_by_name["container"]["fix"]

    elsewhere = ("-e", "CAMERA_SOURCE=file:/home/pi/film.mp4", "edge", "check")
    checked = gate.compose("run", "--rm", "-T", *elsewhere, good=False)
    assert checked.returncode == 1
    assert "write CAMERA_SOURCE=file:/media/film.mp4" in checked.stderr

    healthy = gate.compose("run", "--rm", "-T", "edge", "healthcheck", good=False)
    assert healthy.returncode == 1
    assert "no edge answers on 127.0.0.1:8081" in healthy.stderr

    devices = gate.compose("run", "--rm", "-T", "edge", "devices", good=False)
    written = gate.folder / "compose.override.yml"
    if " video4linux" in Path("/proc/devices").read_text():
        assert '- "c 81:* rmw"' in written.read_text()
    else:
        assert (devices.returncode, devices.stdout) == (1, "")
        assert "no video4linux devices" in devices.stderr
        assert not written.exists()


def test_certificate_names_the_camera(image: str, edge: Callable[..., Edge]) -> None:
    """Where the .env does not."""
    gate = edge("gate")
    (gate.folder / "secrets").mkdir()
    certificate, key = issue(gate.folder, "gate.3")
    shutil.copy(certificate, gate.folder / "secrets/gate.crt")
    shutil.copy(key, gate.folder / "secrets/gate.key")
    (gate.folder / ".env").write_text(
        f"EDGE_IMAGE={IMAGE}\nCAMERA_SOURCE=testcard\nSS_BROKERS=server.test\n"
        "SS_TLS__CERTFILE=/run/secrets/gate.crt\nSS_TLS__KEYFILE=/run/secrets/gate.key\n"
    )

    said = gate.compose("run", "--rm", "-T", "edge", "check").stdout

    assert said.startswith("The settings can be used: testcard as gate,")
    assert "server.test:9093" in said


def test_server_that_wants_a_certificate_is_answered_in_one_sentence(
    image: str, edge: Callable[..., Edge], tmp_path: Path
) -> None:
    """The seed's settings against a server of ours."""
    certificate, key = issue(tmp_path, "server.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server((gateway(), 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        gate = edge("gate", "CAMERA_SOURCE=testcard", "SCHEDULE=10", *server(listening.getsockname()[1]))
        gate.compose("up", "-d")
        until(lambda: "expects an encrypted connection" in gate.log(), 40, gate.log)
        listening.shutdown(socket.SHUT_RDWR)
    sentences = [line for line in gate.log().splitlines() if "expects an encrypted connection" in line]
    # Each lane has a connection of its own.
    assert len(sentences) <= 2
    assert "SS_TLS__CA_CERTS" in sentences[0]
