"""A viewer that somebody attacks goes on showing pictures to everybody else.

A viewer process on a Mosquitto of its own, over HTTPS, with pictures flowing to one page all the while; and what a person
who runs it in Compose does about users and passwords.
"""

import base64
import contextlib
import functools
import itertools
import json
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from certificates import issue
from stack.brokers import MosquittoContainer, docker, free_port, mosquitto
from stack.programs import BIN, Program, program
from stack.servers import Server, server
from stack.viewing import MqttSender, mqtt_sending
from stack.waiting import wait_until
from viewer.fakes_viewer import EPOCH, PASSWORD, frame, header_of, jpeg

pytestmark = [pytest.mark.stack(minutes=1.6), pytest.mark.timeout(600)]

IDLE = 3_000
GROWTH_MAX_MB = 150
REQUEST_S = 10
"""From accept to the whole request."""

NUMBERS = itertools.count(1)
"""Of pictures, over all tests: the broker keeps the last one."""

PICTURE = jpeg(640, 480)
BASIC = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()


@functools.cache
def trusting() -> ssl.SSLContext:
    """One for all: making it reads every authority that this machine knows, which takes longer than a handshake."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Viewer:
    """The process, and one person who looks at the camera ``gate`` in it."""

    def __init__(self, process: Program, port: int, send: MqttSender) -> None:
        self.process = process
        self.port = port
        self.send = send
        self.base = f"https://127.0.0.1:{port}"

    def client(self, source: str = "127.0.0.1") -> httpx2.Client:
        """Return somebody at the address *source*."""
        transport = httpx2.HTTPTransport(verify=trusting(), local_address=source)
        return httpx2.Client(base_url=self.base, transport=transport, timeout=30)

    @contextlib.contextmanager
    def page(self) -> Iterator[Connection]:
        """A page that shows ``gate``."""
        headers = {"Authorization": BASIC}
        url = f"wss://127.0.0.1:{self.port}/api/live"
        with connect(url, ssl=trusting(), additional_headers=headers, max_size=None, proxy=None) as page:
            page.send('{"type":"watch","cameras":{"gate":{"width":320}}}')
            yield page

    def show(self, page: Connection) -> None:
        """Send a picture, and return when *page* has it."""
        sent = next(NUMBERS)
        self.send.frames(frame(sent, picture=PICTURE))
        newest = ""
        while newest != f"{EPOCH}-{sent}":
            message = page.recv(timeout=60)
            if isinstance(message, bytes):
                header = header_of(message)
                newest = header["id"]
                page.send(json.dumps({"type": "ack", "camera": "gate", "id": newest}))

    def resident_mb(self) -> float:
        status = Path(f"/proc/{self.process.process.pid}/status").read_text()
        match = re.search(r"VmRSS:\s+(\d+)", status)
        assert match is not None
        return int(match[1]) / 1024

    def open(self, number: int) -> socket.socket:
        """Open connection *number*, each hundred from another address."""
        source = (f"127.0.{number // 100}.{1 + number % 100 // 50}", 0)
        return socket.create_connection(("127.0.0.1", self.port), 30, source)

    def trickle(self, beginning: bytes | None) -> float:
        """Send *beginning*, without it not even that of TLS, then two bytes a second; return when that was ended, in s."""
        began_s = time.monotonic()
        connection = self.open(0)
        if beginning is not None:
            connection = trusting().wrap_socket(connection)
            connection.sendall(beginning)
        connection.settimeout(0.5)
        with contextlib.closing(connection), contextlib.suppress(ConnectionError, ssl.SSLError):
            while time.monotonic() - began_s < 3 * REQUEST_S:
                with contextlib.suppress(TimeoutError):
                    if not connection.recv(4_096):
                        break
                if beginning:
                    connection.sendall(b"x")
        return time.monotonic() - began_s

    def answers(self, request: bytes) -> bytes:
        """Return the status line that answers *request*."""
        with trusting().wrap_socket(self.open(0)) as connection:
            connection.sendall(request)
            return connection.recv(4_096).split(b"\r\n")[0]


@pytest.fixture(scope="module")
def broker() -> Iterator[MosquittoContainer]:
    with mosquitto() as running:
        yield running


@contextlib.contextmanager
def viewer(broker: MosquittoContainer, folder: Path) -> Iterator[Viewer]:
    """A viewer whose certificate and database are in *folder*."""
    port = free_port()
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if not key.exists():
        issue(folder, "viewer")
    environment = {
        "VIEWER_MQTT_BROKERS": broker.address,
        "VIEWER_PORT": str(port),
        "VIEWER_PASSWORD": PASSWORD,
        "VIEWER_TLS": "files",
        "VIEWER_TLS_CERT": str(certificate),
        "VIEWER_TLS_KEY": str(key),
        "VIEWER_STATE_DIR": str(folder),
    }
    log = folder / "viewer.log"
    with (
        program([BIN / "shutterbus-viewer", "run"], environment, log) as process,
        mqtt_sending(broker.port) as send,
    ):
        started_viewer = Viewer(process, port, send)

        def serving() -> bool:
            try:
                return started_viewer.answers(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").endswith(
                    b"200 OK"
                )
            except OSError:
                return False

        wait_until(serving, 30, process.said)
        yield started_viewer


@pytest.fixture
def running(broker: MosquittoContainer, tmp_path: Path) -> Iterator[Viewer]:
    with viewer(broker, tmp_path) as started_viewer:
        yield started_viewer


def silent(opened: socket.socket) -> socket.socket:
    """Send nothing at all."""
    return opened


def encrypted(opened: socket.socket) -> socket.socket:
    """Begin TLS, then send nothing."""
    return trusting().wrap_socket(opened)


def answered(opened: socket.socket) -> socket.socket:
    """Ask for something that needs no login, then send nothing more."""
    talk = trusting().wrap_socket(opened)
    talk.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    talk.recv(4_096)
    return talk


@pytest.mark.parametrize("kind", [silent, encrypted, answered], ids=["silent", "encrypted", "answered"])
def test_3000_idle_connections_cost_150_mb_at_most_and_the_live_view_goes_on(
    running: Viewer, kind: Callable[[socket.socket], socket.socket]
) -> None:
    opened: list[socket.socket] = []
    with running.page() as page, running.client() as person:
        running.show(page)
        before = most = running.resident_mb()
        try:
            for number in range(IDLE):
                connection = running.open(number)
                with contextlib.suppress(OSError):  # it made room for a newer one in this moment
                    opened.append(kind(connection))
                if number % 100 == 99:
                    running.show(page)
                    most = max(most, running.resident_mb())
            assert person.get("/api/cameras", auth=("admin", PASSWORD)).status_code == 200
            text = person.get("/metrics", auth=("admin", PASSWORD)).text
            assert float(text.split("\nshutterbus_viewer_connections ")[1].split()[0]) <= 512
            running.show(page)
        finally:
            for connection in opened:
                connection.close()
    print(f"{IDLE} connections: {before:.0f} MB before, {most:.0f} MB at most")
    assert most - before <= GROWTH_MAX_MB


BEGINNINGS = {
    "no TLS": None,
    "nothing": b"",
    "header": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ",
    "body": b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n",
    "body that nobody reads": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n",
}


@pytest.mark.alone
def test_request_that_trickles_in_is_ended_ten_seconds_after_accept(running: Viewer) -> None:
    """Two bytes a second keep no connection open, wherever in the request it stands."""
    with ThreadPoolExecutor(len(BEGINNINGS)) as pool:
        lasted_s = dict(zip(BEGINNINGS, pool.map(running.trickle, BEGINNINGS.values()), strict=True))

    assert max(lasted_s.values()) < REQUEST_S + 1.5, lasted_s


def test_flood_of_guesses_is_refused_at_once_and_who_is_known_waits_for_none_of_them(running: Viewer) -> None:
    statuses: list[int] = []

    def guess(number: int) -> None:
        with running.client(f"127.0.1.{number}") as stranger:
            statuses.append(stranger.get("/api/cameras", auth=("admin", f"guess {number}")).status_code)

    with running.client() as person, running.page() as page:
        assert person.get("/api/cameras", auth=("admin", PASSWORD)).status_code == 200
        with ThreadPoolExecutor(40) as pool:
            guesses = [pool.submit(guess, number) for number in range(1, 121)]
            while not all(future.done() for future in guesses):
                assert person.get("/api/cameras", auth=("admin", PASSWORD)).status_code == 200
                running.show(page)

    assert set(statuses) == {401, 503}


def test_login_and_logout_outlive_a_restart(broker: MosquittoContainer, tmp_path: Path) -> None:
    cookies = []
    with viewer(broker, tmp_path) as first:
        for _ in range(2):
            with first.client() as person:
                person.get("/login")
                form = {"username": "admin", "password": PASSWORD, "csrf": person.cookies["shutterbus_login"]}
                assert person.post("/login", data=form).status_code == 303
                cookies.append((f"shutterbus_{first.port}", person.cookies[f"shutterbus_{first.port}"]))
                if len(cookies) == 1:
                    assert person.post("/logout", data={"csrf": person.cookies["csrf"]}).status_code == 303
        first.process.process.kill()  # not even a clean end
    with viewer(broker, tmp_path) as again, again.client() as person:
        statuses = []
        for _, token in cookies:
            person.cookies.set(f"shutterbus_{again.port}", token, domain="127.0.0.1")
            statuses.append(person.get("/api/cameras").status_code)

    assert statuses == [401, 200]


def test_host_that_is_none_is_answered_with_400(running: Viewer) -> None:
    assert running.answers(b"GET /livez HTTP/1.1\r\nHost: [\r\n\r\n") == b"HTTP/1.1 400 Bad Request"


DECODE = """
import re, sys
import cv2, numpy as np
from shutterbus_viewer import decode_plan, scaling
from shutterbus_wire.jpeg import read_header

def most_bytes():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024

to_px = int(sys.argv[1])
picture = open(sys.argv[2], "rb").read()
cv2.setNumThreads(1)
scaling.scaled(cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes(), decode_plan.Plan(1, 0), 32)
how = decode_plan.plan(read_header(picture), to_px, 10**12)
before = most_bytes()
scaling.scaled(picture, how, to_px)
print(how.cost_bytes, most_bytes() - before)
"""


@pytest.mark.parametrize(
    ("size_px", "kind", "to_px"),
    [
        ((8_192, 8_192), "baseline", 1_024),
        ((8_192, 8_192), "baseline", 3_840),
        ((8_192, 8_192), "progressive", 1_024),
        ((8_192, 8_192), "progressive", 3_840),
        ((4_000, 3_000), "progressive", 3_840),
        ((4_000, 3_000), "png", 640),
    ],
)
def test_decoding_takes_no_more_memory_than_was_planned(
    size_px: tuple[int, int], kind: str, to_px: int, tmp_path: Path
) -> None:
    import cv2
    import numpy as np

    width_px, height_px = size_px
    image = np.zeros((height_px, width_px, 3), np.uint8)
    image[::64] = 200
    file = tmp_path / f"picture.{'png' if kind == 'png' else 'jpg'}"
    options = [] if kind == "png" else [cv2.IMWRITE_JPEG_PROGRESSIVE, int(kind == "progressive")]
    cv2.imwrite(str(file), image, options)
    arguments = [str(to_px), str(file)]
    done = subprocess.run(
        [sys.executable, "-c", DECODE, *arguments], check=True, capture_output=True, text=True
    )
    planned, taken = map(int, done.stdout.split())

    print(f"{kind} {size_px} to {to_px}: planned {planned / 1e6:.0f} MB, taken {taken / 1e6:.0f} MB")
    assert taken <= planned + 16_000_000


@pytest.fixture(scope="module")
def in_compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of Mosquitto and viewer alone."""
    with server(tmp_path_factory.mktemp("server"), env="COMPOSE_PROFILES=mqtt\n") as made:
        made.up()
        yield made


def status(made: Server, user: str, password: str, path: str = "/api/cameras") -> int:
    """Return how the viewer answers *user*, once it is there."""
    with httpx2.Client(base_url=f"https://{made.address}:8080", verify=trusting()) as client:
        deadline = time.monotonic() + 60
        while True:
            try:
                return client.get(path, auth=(user, password)).status_code
            except httpx2.TransportError:
                assert time.monotonic() < deadline
                time.sleep(0.2)


def piped(made: Server, typed: str, *command: str) -> str:
    """Run a command in the server's folder with *typed* on its standard input and no terminal."""
    done = subprocess.run(
        command,
        cwd=made.folder,
        env=made.environment,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_users_and_passwords_are_made_in_compose_and_restart_the_viewer_alone(in_compose: Server) -> None:
    made = in_compose
    born = re.search(r"password (\S+)", made.init_said)
    assert born
    started = _started(made)

    said = made.make("user", NAME="ann", CAMERAS="gate yard")
    shown = re.search(r"ann: role look, cameras gate yard\npassword (\S+)", said)
    assert shown, said
    assert status(made, "ann", shown[1]) == 200
    assert status(made, "ann", shown[1], "/api/log") == 403
    assert status(made, "admin", born[1], "/api/log") == 200

    piped(made, "changed by hand\n", "make", "-s", "password", "NAME=ann")
    assert status(made, "ann", "changed by hand") == 200
    assert status(made, "ann", shown[1]) == 401
    piped(made, "also changed\n", "make", "-s", "password")
    assert status(made, "admin", "also changed") == 200
    assert made.make("user").splitlines() == [
        "admin: role admin, all cameras",
        "ann: role look, cameras gate yard",
    ]

    after = _started(made)
    assert after["mosquitto"] == started["mosquitto"]
    assert after["viewer"] != started["viewer"]


def test_password_is_hashed_in_the_container_without_a_terminal(in_compose: Server) -> None:
    command = ("docker", "compose", "run", "--rm", "--no-deps", "-T", "viewer", "hash-password")

    assert piped(in_compose, "a password\n", *command).startswith("$argon2id$")


def test_password_in_the_env_file_is_the_first_users(in_compose: Server) -> None:
    env = in_compose.folder / ".env"
    env.write_text(env.read_text() + "VIEWER_PASSWORD=from the file\n")
    in_compose.up()

    assert status(in_compose, "admin", "from the file") == 200


def _started(made: Server) -> dict[str, str]:
    """Return when each service was started."""
    start_times = {}
    for name in made.compose("ps", "--services").split():
        container = made.compose("ps", "-q", name).strip()
        start_times[name] = docker("inspect", "-f", "{{.State.StartedAt}}", container)
    return start_times
