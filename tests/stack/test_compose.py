"""The whole stack in Docker, from a fresh clone to the picture on the screen, and what becomes of it when things break.

Who may do what on the brokers is in test_identities.py; what a server alone promises is in test_server.py. Here cameras
in containers send to a server in containers, on one machine: ``gate`` is the real picamera2 on libcamera's virtual camera,
over Kafka, and ``yard`` plays street footage over MQTT.
"""

import contextlib
import datetime as dt
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import kafka
import kafka.errors
import pytest
from playwright.sync_api import Browser, Error, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

import testrun
from shutterbus_broker import dotenv
from shutterbus_edge.hardware.devices import override
from stack.brokers import docker, host_pid
from stack.browser import chromium, log_in, wait_for_picture_after
from stack.doors import assert_no_broker_answers, listening
from stack.footage import footage
from stack.installation import SERVER_NAME, Camera, Installation, Place, installation, ordinary_user
from stack.largest import LARGEST_BYTES, carry_over_kafka, carry_over_mqtt, largest_frame, mqtt_client
from stack.programs import program
from stack.servers import Identity
from stack.waiting import wait_until

pytestmark = [pytest.mark.stack(minutes=4.6), pytest.mark.timeout(900)]

VIRTUAL_CAMERA = Path(__file__).parent / "virtual_camera"
RAW_CONSUMER = Path(__file__).parent / "raw_consumer.py"
CAMERAS = ("gate", "yard")
LIVE_AGAIN_WITHIN_S = 60
ASK_EVERY_S = 0.5


@pytest.fixture(scope="module")
def server() -> Iterator[Installation]:
    """A server after ``make init``, its images built and all of it up."""
    with installation() as made, pytest.MonkeyPatch.context() as patch:
        know_host(SERVER_NAME, made.address, patch)
        made.init()
        made.compose("build", "-q", timeout_s=600)
        made.up()
        yield made


def know_host(name: str, address: str, patch: pytest.MonkeyPatch) -> None:
    """Resolve *name* in this process, as a line in /etc/hosts would."""
    ask = socket.getaddrinfo

    def answer(host: Any, *rest: Any, **more: Any) -> Any:
        return ask(address if host == name else host, *rest, **more)

    patch.setattr(socket, "getaddrinfo", answer)


def edge_up(camera: Camera, **settings: str) -> None:
    """Edit .env as its owner would, build from what was in the tar, and start."""
    camera.set(EDGE_TARGET="debian", EDGE_IMAGE=camera.image, SPOOL_MODE="durable", SCHEDULE="1", **settings)
    camera.compose("up", "-d", "--build", timeout_s=600)


@pytest.fixture(scope="module")
def gate(server: Installation) -> Camera:
    """The real picamera2, on libcamera's virtual camera."""
    camera = server.enroll("gate")
    camera.set(EDGE_TARGET="debian", EDGE_IMAGE=f"{camera.image}-plain")
    camera.compose("build", "-q", timeout_s=600)
    overlay = camera.folder / "virtual"
    overlay.mkdir()
    for name in ("Overlay.Dockerfile", "dma_heap.c", "virtual.yaml", "virtual.py", "sitecustomize.py"):
        shutil.copy(VIRTUAL_CAMERA / name, overlay)
    (camera.folder / "compose.virtual.yml").write_text(
        f"services: {{edge: {{build: !override {{context: virtual, dockerfile: Overlay.Dockerfile, args: {{EDGE_IMAGE: {camera.image}-plain}}}}}}}}\n"
    )
    edge_up(camera, COMPOSE_FILE="compose.yml:compose.virtual.yml", PICAMERA_RESOLUTION="640x480")
    return camera


@pytest.fixture(scope="module")
def yard(server: Installation, tmp_path_factory: pytest.TempPathFactory) -> Camera:
    """Street footage, over MQTT."""
    camera = server.enroll("yard")
    shutil.copy(footage(tmp_path_factory.mktemp("film")), camera.folder / "vtest.avi")
    (camera.folder / "compose.film.yml").write_text(
        "services: {edge: {volumes: ['./vtest.avi:/film/vtest.avi:ro']}}\n"
    )
    edge_up(
        camera,
        COMPOSE_FILE="compose.yml:compose.film.yml",
        CAMERA_SOURCE="file:/film/vtest.avi",
        SS_TYPE="mqtt",
        SS_BROKERS=f"{SERVER_NAME}:8883",
    )
    return camera


@pytest.fixture(scope="module")
def pages(server: Installation, gate: Camera, yard: Camera) -> Iterator[dict[str, Page]]:
    """A tab for each camera, that stays open through all that happens."""
    del gate, yard
    with chromium() as browser:
        yield open_pages(browser, server)


def open_pages(browser: Browser, server: Installation) -> dict[str, Page]:
    """Log in, and open the page of every camera."""
    context = browser.new_context(
        ignore_https_errors=True
    )  # that it is our authority's is asserted elsewhere
    patiently(lambda: log_in(context.new_page(), server.web, server.password))
    pages = {}
    for camera in CAMERAS:
        page = pages[camera] = context.new_page()
        patiently(lambda page=page, camera=camera: page.goto(f"{server.web}/cameras/{camera}"))  # type: ignore[misc]
    return pages


def patiently(load: Callable[[], object], within_s: float = 30) -> None:
    """Do it again while containers come and go: Chromium drops every load when an interface appears."""
    deadline_s = time.monotonic() + within_s
    while True:
        try:
            load()
        except Error:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.5)
        else:
            return


def wait_all_live(pages: dict[str, Page], since_us: int, within_s: float) -> None:
    """Return when every page has drawn a picture taken after *since_us*."""
    deadline_s = time.monotonic() + within_s
    for camera, page in pages.items():
        try:
            wait_for_picture_after(page, since_us, max(1.0, deadline_s - time.monotonic()))
        except PlaywrightTimeoutError as error:
            known = page.evaluate("async () => (await fetch('/api/cameras')).text()")
            raise AssertionError(
                f"{camera} is not live after {within_s:.0f} s; the page says: {page.title()!r} "
                f"{page.inner_text('body')!r}; the viewer: {known}"
            ) from error


def test_both_cameras_are_live_in_the_browser(pages: dict[str, Page]) -> None:
    """Over HTTPS, with pictures taken from now on."""
    wait_all_live(pages, time.time_ns() // 1000, 60)


def test_4k_reaches_both_brokers_and_the_screen_byte_for_byte(
    server: Installation, pages: dict[str, Page]
) -> None:
    """One target, nothing to set on any camera, and both cameras are live again behind it."""
    said = server.make("4k")
    assert dotenv.read(server.folder / ".env")["KAFKA_MESSAGE_MAX_BYTES"] == "8388620"
    assert f"Kafka: a picture of {LARGEST_BYTES} bytes came back as it was sent" in said
    assert f"Mosquitto: a picture of {LARGEST_BYTES} bytes came back as it was sent" in said
    wide = server.enroll("wide").identity
    nas = Identity(server, "nas", server.reader("nas"))  # type: ignore[arg-type]  # of a server it needs the address alone

    for number, carry in enumerate((carry_over_kafka, carry_over_mqtt)):
        frame = largest_frame("wide", number)
        assert len(frame.data) == LARGEST_BYTES
        assert carry(wide, nas, frame) == frame.data
        wait_until(
            lambda frame=frame: server.states()["wide"]["picture"]["id"] == str(frame.metadata.id),  # type: ignore[misc]
            20,
            lambda: str(server.states()["wide"]),
        )
        status, shown = server.get("/api/cameras/wide/latest.jpg", f"admin:{server.password}")
        assert status == 200
        assert shown == frame.data
    wait_all_live(pages, time.time_ns() // 1000, LIVE_AGAIN_WITHIN_S)


def test_every_process_may_be_killed(
    server: Installation, gate: Camera, yard: Camera, pages: dict[str, Page], tmp_path: Path
) -> None:
    """With kill -9 from the machine, one container after another: nobody lifts a hand, and every picture is there."""
    secrets = server.reader("raw")
    environment = {"SECRETS": str(secrets), "HOSTS": f"{SERVER_NAME}={server.address}"}
    received = {"gate": tmp_path / "gate.jsonl", "yard": tmp_path / "yard.jsonl"}
    sources = {
        "gate": ("kafka", f"{SERVER_NAME}:9093", "shutterbus.gate.frames"),
        "yard": ("mqtt", f"{SERVER_NAME}:8883", "shutterbus/yard/frames"),
    }
    places = [(server, name) for name in ("kafka", "mosquitto", "setup", "viewer", "archive")]
    away: list[tuple[float, float]] = []  # when Mosquitto was
    with contextlib.ExitStack() as stack:
        consumers = {}
        for camera, file in received.items():
            command: list[str | Path] = [sys.executable, RAW_CONSUMER, *sources[camera], file]
            started = stack.enter_context(program(command, environment, tmp_path / f"{camera}.log"))
            wait_until(file.with_suffix(".ready").exists, 30, started.said)
            consumers[camera] = started
        for place, service in [*places, (gate, "edge"), (yard, "edge")]:
            killed_s, live_s = kill_and_wait(place, service, pages)
            if service == "mosquitto":
                away.append((killed_s, live_s))
        last = {camera: newest_number(server, camera) for camera in CAMERAS}
        for camera, file in received.items():
            wait_until(
                lambda c=camera, f=file: last[c] in numbers(f),  # type: ignore[misc]
                60,
                lambda c=camera, f=file: f"{c}: {last[c]} after {lines(f)[-1]}; {consumers[c].said()}",  # type: ignore[misc]
            )
        wait_until(lambda: not holes(received["gate"]), 60, lambda: f"missing: {holes(received['gate'])}")
    for after, before, missing in holes(received["yard"]):
        print(f"Over MQTT {missing} pictures between {after:.1f} s and {before:.1f} s never came")
        assert any(killed_s - 2 < after and before < live_s + 10 for killed_s, live_s in away), (
            "while Mosquitto was there"
        )


def kill_and_wait(place: Place, service: str, pages: dict[str, Page]) -> tuple[float, float]:
    """Kill a container's first process; return when that was, and when all was live again."""
    name = place.container(service)
    pid, killed_s = host_pid(name), time.time()
    if os.geteuid() == 0:
        os.kill(pid, signal.SIGKILL)
    else:
        docker(
            "run",
            "--rm",
            *testrun.labelled(),
            "--pid",
            "host",
            "debian:trixie-slim",
            "sh",
            "-c",
            f"kill -9 {pid}",
        )
    wait_until(
        lambda: host_pid(name) not in {0, pid}, LIVE_AGAIN_WITHIN_S, lambda: f"{name} stays away", ASK_EVERY_S
    )
    back_us = time.time_ns() // 1000
    wait_all_live(pages, back_us, LIVE_AGAIN_WITHIN_S - (time.time() - killed_s))
    if isinstance(place, Installation):
        wait_until(
            lambda: health(name) == "healthy",
            LIVE_AGAIN_WITHIN_S - (time.time() - killed_s),
            lambda: health(name),
            ASK_EVERY_S,
        )
    print(f"{service}: all live {time.time() - killed_s:.1f} s after kill -9")
    return killed_s, time.time()


def health(container: str) -> str:
    """What Docker's health check says."""
    return docker("inspect", "-f", "{{.State.Health.Status}}", container)


def newest_number(server: Installation, camera: str) -> tuple[str, int]:
    """Epoch and number of the newest picture that the viewer has."""
    epoch, _, seq = server.states()[camera]["picture"]["id"].rpartition("-")
    return epoch, int(seq)


def lines(file: Path) -> list[dict[str, Any]]:
    """What a raw consumer has noted."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def numbers(file: Path) -> set[tuple[str, int]]:
    """The pictures that arrived, by epoch and number."""
    return {(line["epoch"], line["seq"]) for line in lines(file)}


def holes(file: Path) -> list[tuple[float, float, int]]:
    """Return when the pictures on either side of each hole were taken, and how many lack between them.

    What a broker had retained does not count: after a kill Mosquitto gives the one that it saved last, from before we listened.
    """
    taken_s: dict[str, dict[int, float]] = defaultdict(dict)
    for line in lines(file):
        if line["retained"]:
            continue
        taken_s[line["epoch"]][line["seq"]] = dt.datetime.fromisoformat(line["time"]).timestamp()
    return [
        (times[first], times[second], second - first - 1)
        for times in taken_s.values()
        for first, second in pairwise(sorted(times))
        if second != first + 1
    ]


def test_no_door_opens_without_certificate_or_password(
    server: Installation, gate: Camera, yard: Camera
) -> None:
    """Whatever listens in any container is found in its kernel's own list, and tried from outside it."""
    open_ports = set()
    for place in (server, gate, yard):
        for container in place.containers():
            address = docker(
                "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container
            )
            for port in listening(container):
                service = container.removeprefix(f"{place.project}-")
                open_ports.add((service, port))
                if service not in {"viewer-1", "archive-1"}:
                    assert_no_broker_answers(address, port)
    assert open_ports == {
        ("kafka-1", 9093),
        ("kafka-1", 9094),
        ("mosquitto-1", 8883),
        ("viewer-1", 8080),
        ("archive-1", 8082),  # how it is, for the doctor, and nothing else
    }
    archive = docker(
        "inspect",
        "-f",
        "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
        server.container("archive"),
    )
    for path in ("/", "/frames", "/../state", "/api/cameras"):
        connection = http.client.HTTPConnection(archive, 8082, timeout=10)
        connection.request("GET", path)
        assert connection.getresponse().status == 404, path
        connection.close()

    status, described = server.get("/openapi.json", f"admin:{server.password}")
    assert status == 200
    paths = {re.sub(r"{\w+}", "gate", path) for path in json.loads(described)["paths"]}
    open_paths = {
        path for path in (*paths, "/openapi.json", "/", "/cameras/gate") if server.get(path)[0] == 200
    }
    # The pages lead to the login form.
    assert open_paths - {"/", "/cameras/gate"} <= {"/livez", "/readyz", "/login"}
    for path in ("/", "/cameras/gate"):
        assert b'name="password"' in server.get(path)[1]


def logs(container: str) -> str:
    """Return all that a container has said."""
    command = ["docker", "logs", container]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    ).stdout


def test_stolen_camera_takes_no_session(server: Installation, gate: Camera, yard: Camera) -> None:
    """What it may write and read is in test_identities.py; here, that it cannot become somebody else by name."""
    del yard
    stolen = gate.identity
    log = logs(server.container("mosquitto"))
    names = set(
        re.findall(
            r"New client connected from \S+ as (\S+) \(.*u'(?:(?:viewer|archive)\.service|yard\.\d+)'", log
        )
    )
    assert names
    assert all(re.search(r"-[0-9a-f]{16,}\b", name) for name in names), names  # 64 bits that nobody guesses
    before = log.count("already connected")
    for name in (
        "shutterbus-viewer",
        "shutterbus-archive",
        "shutterbus-yard",
        "viewer.service",
        "yard.1",
        "yard",
        "viewer",
    ):
        with mqtt_client(stolen, name):
            pass
    assert logs(server.container("mosquitto")).count("already connected") == before
    for group in ("viewer", "shutterbus-archive", "shutterbus-archive.telemetry", "nas.viewer", "gate.1"):
        consumer = kafka.KafkaConsumer(**stolen.kafka.kafka_client(), group_id=group)
        consumer.subscribe(["shutterbus.gate.commands"])
        with pytest.raises(kafka.errors.GroupAuthorizationFailedError):
            consumer.poll(timeout_ms=10_000)
        consumer.close()


def test_compose_files_are_clean_in_every_combination(
    server: Installation, gate: Camera, tmp_path: Path
) -> None:
    """No warning and no error, whatever is laid over what."""
    for name in ("demo-kafka", "demo-mqtt"):  # what make up-demo unpacks
        (server.folder / "state/demo" / name).mkdir(parents=True)
        (server.folder / "state/demo" / name / ".env").touch()
    over = [name for name in ("compose.demo.yml", "compose.legacy.yml") if (server.folder / name).exists()]
    overlays: list[list[str]] = [[], *([name] for name in over), over]
    for profiles in ("", "kafka", "mqtt", "kafka,mqtt", "kafka,mqtt,tools"):
        for overlay in overlays:
            files = [part for name in ("compose.server.yml", *overlay) for part in ("-f", name)]
            environment = [f"COMPOSE_PROFILES={profiles}", "LEGACY_ADDRESS=127.0.0.1", "LEGACY_TOPICS=old"]
            assert server.run("env", *environment, "docker", "compose", *files, "config", "-q") == "", (
                profiles,
                overlay,
            )
    assert server.compose("-f", "compose.edge.yml", "config", "-q") == ""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/devices").write_text("Character devices:\n 81 video4linux\n\nBlock devices:\n")
    unprivileged = tmp_path / "compose.override.yml"
    unprivileged.write_text(override(tmp_path))
    for files in ([], ["-f", "compose.yml"], ["-f", "compose.yml", "-f", str(unprivileged)]):
        assert gate.compose(*files, "config", "-q") == ""


def test_no_secret_is_in_any_log_image_or_environment(
    server: Installation, gate: Camera, yard: Camera
) -> None:
    """Looked for as they are: the password, its hash, and every private key there is."""
    secrets = {server.password.encode()}
    for folder in (server.folder / "state", gate.folder / "secrets", yard.folder / "secrets"):
        for path in folder.rglob("*"):
            if path.suffix in {".key", ".pem"} and path.is_file():
                keys = re.findall(rb"BEGIN PRIVATE KEY-----\n(.+?)\n", path.read_bytes())
                secrets.update(keys)
    secrets.add((server.folder / "state/server/viewer/VIEWER_PASSWORD_HASH").read_bytes().strip())
    assert len(secrets) >= 9
    images = set()
    for place in (server, gate, yard):
        for container in place.containers():
            said = (logs(container) + docker("inspect", container)).encode()
            assert not [secret for secret in secrets if secret in said], container
            images.add(docker("inspect", "-f", "{{.Image}}", container))
    ours = [
        image
        for image in images
        if "shutterbus" in docker("image", "inspect", "-f", "{{.Config.Entrypoint}} {{.Config.Env}}", image)
    ]
    assert len(ours) >= 4
    with subprocess.Popen(["docker", "save", *ours], stdout=subprocess.PIPE) as save:
        grep = subprocess.run(
            ["grep", "-a", "-c", "-F", "-e", b"\n".join(secrets)],
            stdin=save.stdout,
            capture_output=True,
            check=False,
        )
    assert save.returncode == 0
    assert (grep.returncode, grep.stdout) == (1, b"0\n"), "a secret is in an image"


def test_revoked_camera_is_out_at_once_and_stays_out(
    server: Installation, gate: Camera, pages: dict[str, Page]
) -> None:
    """A real camera that sends; enrolling its name again lets the new certificate in, not the old one."""
    wait_for_picture_after(pages["gate"], time.time_ns() // 1000, LIVE_AGAIN_WITHIN_S)
    server.make("revoke", CAMERA="gate")
    revoked_us = time.time_ns() // 1000
    time.sleep(5)
    late = server.states()["gate"]["picture"]["captured_at_us"]
    assert late < revoked_us + 5_000_000
    fresh = server.enroll("gate")
    time.sleep(5)
    assert server.states()["gate"]["picture"]["captured_at_us"] == late
    gate.compose("down")
    producer = kafka.KafkaProducer(**fresh.identity.kafka.kafka_producer())
    producer.send("shutterbus.gate.frames", b"of the new one").get(timeout=20)
    producer.close()


def test_one_laptop_is_enough_for_an_ordinary_user() -> None:
    """``make up-demo`` and nothing else, by somebody who may use Docker and is not root."""
    with ordinary_user() as user, installation(user) as laptop:
        (laptop.folder / ".env").write_text(f"BIND_ADDR={laptop.address}\n")
        laptop.person.owns(laptop.folder / ".env")
        laptop.check_hostname = False  # it is known as localhost, which other tests use
        laptop.init_said = laptop.make("up-demo", timeout_s=600)
        assert "Open https://localhost:8080/" in laptop.init_said
        names = {"demo-kafka", "demo-mqtt"}
        since_us = time.time_ns() // 1000

        def newest_us(name: str) -> int:
            picture = laptop.states().get(name, {}).get("picture")
            return int(picture["captured_at_us"]) if picture else 0

        wait_until(
            lambda: all(newest_us(name) > since_us for name in names),
            30,
            lambda: str(laptop.states()),
        )
        owners = {path.stat().st_uid for path in laptop.folder.rglob("*")}
        assert owners == {laptop.folder.stat().st_uid}
        laptop.make("revoke", CAMERA="demo-kafka")
        laptop.make("backup")
        laptop.make("uninstall")
        assert laptop.containers() == []
        assert docker("images", "-q", "--filter", f"reference=shutterbus-*:{laptop.project}*") == ""
        label = f"label=com.docker.compose.project={laptop.project}"
        assert docker("volume", "ls", "-q", "--filter", label) == ""
        assert (laptop.folder / "state/ca/ca.key").exists()
