"""The command ``shutterbus-viewer run`` as a user runs it: real sockets, slow and stuck clients, and its end."""

import base64
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from stack.brokers import MosquittoContainer, free_port, mosquitto
from stack.programs import BIN, Program, program, wait_for_http
from stack.viewing import PATIENT_S, MqttSender, mqtt_sending
from stack.waiting import wait_until
from viewer.fakes_viewer import EPOCH, PASSWORD, frame, header_of, jpeg

pytestmark = pytest.mark.stack

IMPATIENT = "from shutterbus_viewer import __main__, app; app.STUCK_MS = 2_000; raise SystemExit(__main__.main(['run']))"
"""The same command, but a client that takes nothing is given 2 s: the test need not wait as long as people may."""

BASIC = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()


class Running:
    """A viewer process on a Mosquitto of its own."""

    def __init__(self, process: Program, port: int, send: MqttSender) -> None:
        self.process = process
        self.port = port
        self.send = send
        self.http = httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", auth=("admin", PASSWORD), trust_env=False
        )

    def live(self) -> Connection:
        """Return a WebSocket as a page opens it."""
        return connect(
            f"ws://127.0.0.1:{self.port}/api/live",
            additional_headers={"Authorization": BASIC},
            max_size=None,
            proxy=None,
        )

    def resident_mb(self) -> float:
        status = Path(f"/proc/{self.process.process.pid}/status").read_text()
        match = re.search(r"VmRSS:\s+(\d+)", status)
        assert match is not None
        return int(match[1]) / 1024

    def metric(self, name: str) -> float:
        text = self.http.get("/metrics").text
        return float(text.split(f"\n{name} ")[1].split("\n")[0])


@pytest.fixture(scope="module")
def broker() -> Iterator[MosquittoContainer]:
    with mosquitto() as running:
        yield running


@pytest.fixture
def running(broker: MosquittoContainer, tmp_path: Path) -> Iterator[Running]:
    port = free_port()
    environment = {
        "VIEWER_MQTT_BROKERS": broker.address,
        "VIEWER_PORT": str(port),
        "VIEWER_PASSWORD": PASSWORD,
    }
    with (
        program([sys.executable, "-c", IMPATIENT], environment, tmp_path / "viewer.log") as process,
        mqtt_sending(broker.port) as send,
    ):
        wait_for_http(f"http://127.0.0.1:{port}/livez", process)
        started_viewer = Running(process, port, send)
        try:
            yield started_viewer
        finally:
            started_viewer.http.close()


def next_picture(page: Connection) -> str:
    """Return the id of the next picture, and acknowledge it."""
    while True:
        message = page.recv(timeout=PATIENT_S)
        if isinstance(message, bytes):
            header = header_of(message)
            page.send(json.dumps({"type": "ack", "camera": header["camera"], "id": header["id"]}))
            return str(header["id"])


def test_page_sees_each_picture(running: Running) -> None:
    with running.live() as page:
        page.send('{"type":"watch","cameras":{"gate":{"width":320}}}')
        running.send.frames(frame(0, picture=jpeg(1_280, 720)))
        assert next_picture(page) == f"{EPOCH}-0"
        for seq in range(1, 11):
            running.send.frames(frame(seq, picture=jpeg(1_280, 720)))
            assert next_picture(page) == f"{EPOCH}-{seq}"


@pytest.mark.alone
def test_clients_that_stop_reading_cost_the_others_nothing_and_are_let_go(running: Running) -> None:
    """A laptop that was shut, a phone in a tunnel: their connections stay open and take nothing."""
    comment = b"\xff\xfe\xff\xff" + os.urandom(65_533).replace(b"\xff", b"\x00")
    plain = jpeg()
    heavy = plain[:2] + comment * 30 + plain[2:]  # 2 MB
    running.send.frames(frame(0, camera="busy", picture=heavy))
    wait_until(lambda: "busy" in running.http.get("/api/cameras").text, PATIENT_S, lambda: "no camera")
    stuck = [stuck_page(running.port) for _ in range(10)] + [stuck_stream(running.port) for _ in range(4)]
    before = running.resident_mb()
    try:
        with running.live() as page:
            page.send('{"type":"watch","cameras":{"busy":{"width":0}}}')
            next_picture(page)
            delays = []
            for seq in range(1, 31):
                started = time.monotonic()
                running.send.frames(frame(seq, camera="busy", picture=heavy))
                assert next_picture(page) == f"{EPOCH}-{seq}", running.process.said()
                delays.append(time.monotonic() - started)
            assert sorted(delays)[15] < 0.5
            # One picture each at most, and what the allocator keeps: not one for every picture that passed.
            assert running.resident_mb() - before < 14 * 2 + 100
            wait_until(
                lambda: (
                    (running.metric("shutterbus_viewer_pages"), running.metric("shutterbus_viewer_streams"))
                    == (1, 0)
                ),
                20,
                lambda: running.http.get("/metrics").text,
            )
            running.send.frames(frame(31, camera="busy", picture=heavy))
            assert next_picture(page) == f"{EPOCH}-31"
    finally:
        for client_socket in stuck:
            client_socket.close()


def stuck_page(port: int) -> socket.socket:
    """Open a WebSocket, watch everything, acknowledge in advance, and read nothing of it."""
    client_socket = stuck_socket(port)
    key = base64.b64encode(os.urandom(16)).decode()
    client_socket.sendall(
        f"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: {BASIC}\r\n\r\n".encode()
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += client_socket.recv(1)
    assert b" 101 " in answer
    watch(client_socket, '{"type":"watch","cameras":{"busy":{"width":0}}}')
    for seq in range(31):
        watch(client_socket, f'{{"type":"ack","camera":"busy","id":"{EPOCH}-{seq}"}}')
        watch(client_socket, '{"type":"watch","cameras":{}}')
        watch(client_socket, '{"type":"watch","cameras":{"busy":{"width":0}}}')
    return client_socket


def watch(client_socket: socket.socket, text: str) -> None:
    """Send a text message with an empty mask."""
    client_socket.sendall(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text.encode())


def stuck_stream(port: int) -> socket.socket:
    client_socket = stuck_socket(port)
    client_socket.sendall(
        f"GET /api/cameras/busy/stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: {BASIC}\r\n\r\n".encode()
    )
    return client_socket


def stuck_socket(port: int) -> socket.socket:
    client_socket = socket.socket()
    client_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client_socket.connect(("127.0.0.1", port))
    return client_socket


@pytest.mark.alone
def test_it_ends_within_five_seconds_with_pages_and_streams_open(running: Running) -> None:
    running.send.frames(frame(40))
    with (
        running.live() as page,
        running.http.stream("GET", "/api/cameras/gate/stream.mjpg") as stream,
    ):
        next(stream.iter_raw())
        page.recv(timeout=5)
        started = time.monotonic()

        assert running.process.terminate() == 0

    assert time.monotonic() - started < 5
    assert "Traceback" not in running.process.said()


def test_password_and_pictures_are_never_in_the_log(running: Running) -> None:
    running.send.frames(frame(50))
    running.http.get("/api/cameras")
    running.http.post("/login", data={"username": "admin", "password": PASSWORD})

    assert running.process.terminate() == 0
    said = running.process.said()
    assert PASSWORD not in said
    assert "JFIF" not in said


def test_health_check_asks_the_process(running: Running, tmp_path: Path) -> None:
    def ask(port: int) -> subprocess.CompletedProcess[str]:
        environment = {"VIEWER_PORT": str(port), "VIEWER_MQTT_BROKERS": "127.0.0.1:1", "VIEWER_PASSWORD": "x"}
        return subprocess.run(
            [BIN / "shutterbus-viewer", "healthcheck"],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    assert ask(running.port).returncode == 0
    refused = ask(free_port())
    assert refused.returncode == 1
    assert "does not answer" in refused.stderr


def test_port_that_is_taken_is_said_in_a_sentence(running: Running, tmp_path: Path) -> None:
    environment = {
        "VIEWER_PORT": str(running.port),
        "VIEWER_MQTT_BROKERS": "127.0.0.1:1",
        "VIEWER_PASSWORD": "x",
    }
    done = subprocess.run(
        [BIN / "shutterbus-viewer", "run"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert done.returncode == 1
    assert done.stderr.strip().endswith("cannot be listened on: Address already in use")
