"""Whatever starts first, a server and its cameras find each other, and nobody lifts a hand.

``gate`` sends over Kafka and ``yard`` over MQTT. Before the next part of an order starts, each has found out that what it
needs is not there: otherwise all would start together, and Kafka, the slowest, would be last in any order.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from stack.brokers import docker
from stack.installation import SERVER_NAME, Camera, Installation, installation
from stack.waiting import wait_until

pytestmark = [pytest.mark.stack(minutes=2.7), pytest.mark.timeout(300)]

CONVERGES_WITHIN_S = 120
ASK_EVERY_S = 0.5
ORDERS = [
    ("edges", "viewer", "setup", "mosquitto", "kafka"),
    ("viewer", "kafka", "mosquitto", "edges", "setup"),
    ("setup", "edges", "mosquitto", "kafka", "viewer"),
    ("kafka", "mosquitto", "setup", "viewer", "edges"),
]
ASK_STATUS = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8081/status').read().decode())"


class Site:
    """A server that has never run, and cameras with what ``make enroll`` made for them."""

    def __init__(self, server: Installation) -> None:
        self.server = server
        self.cameras: dict[str, Camera] = {}

    def enroll(self, name: str, **settings: str) -> Camera:
        """Enroll a camera that shows a test card; all share one image."""
        camera = self.cameras[name] = self.server.enroll(name)
        image = next(iter(self.cameras.values())).image
        camera.set(
            EDGE_TARGET="debian",
            EDGE_IMAGE=image,
            CAMERA_SOURCE="testcard:640x360",
            SCHEDULE="1",
            **settings,
        )
        return camera

    @property
    def edges(self) -> list[str]:
        return [camera.container("edge") for camera in self.cameras.values()]

    def begin_new(self, part: str) -> None:
        """Start one service of a server that was just installed, or the edges that wait for it."""
        if part == "edges":
            docker("start", *self.edges)
        else:
            self.server.compose("up", "-d", "--no-deps", part)

    def begin_again(self, part: str) -> None:
        """Start what the engine starts when its machine does."""
        docker("start", *(self.edges if part == "edges" else [self.server.container(part)]))

    def wait_tried(self, part: str, since_s: float, *, without_rights: bool) -> None:
        """Return when *part* is ready, or has found out what it has to wait for."""
        if part == "mosquitto":
            return  # ready within a second, and its health known only after ten
        if part == "edges":
            self.wait_edge("gate", "does not let us write" if without_rights else "")
            self.wait_edge("yard")
            return
        container = self.server.container(part)
        wait_until(
            lambda: (
                self.health(container) == "healthy"
                or (part == "setup" and "Waiting for Kafka" in said(container, since_s))
            ),
            60,
            lambda: said(container, since_s),
            ASK_EVERY_S,
        )

    def status(self, name: str) -> dict[str, Any] | None:
        """What an edge says of itself; None while it cannot."""
        ask = ["docker", "exec", self.cameras[name].container("edge"), "python3", "-c", ASK_STATUS]
        done = subprocess.run(ask, capture_output=True, text=True, check=False)
        status: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
        return status

    def wait_edge(self, name: str, words: str = "") -> None:
        """Return when an edge has been refused, with *words*, or without any has sent something."""

        def tried() -> bool:
            if (status := self.status(name)) is None:
                return False
            reason = status["lanes"]["live"]["reason"]
            return words in reason and bool(reason or status["published"])

        wait_until(tried, 60, lambda: str(self.status(name)), ASK_EVERY_S)

    def health(self, container: str) -> str:
        return docker("inspect", "-f", "{{.State.Health.Status}}", container)

    def lacking(self, since_us: int) -> list[str]:
        """Return what is not yet as it should be, a sentence each."""
        containers = [*self.server.containers(), *self.edges]
        healths = docker("inspect", "-f", "{{.State.Health.Status}}", *containers).split()
        sentences = [
            f"{name} is {health}"
            for name, health in zip(containers, healths, strict=True)
            if health != "healthy"
        ]
        try:
            states = self.server.states()
        except OSError as error:
            return [*sentences, f"the viewer: {error}"]
        for name in self.cameras:
            picture = states.get(name, {}).get("picture")
            if picture is None or picture["captured_at_us"] < since_us:
                sentences.append(f"{name} is not live")
        return sentences

    def wait_converged(self, what: str) -> None:
        """Everything was started; return when pictures taken from now on are shown and every service is healthy."""
        started_s = time.time()
        since_us = int(started_s * 1e6)
        wait_until(
            lambda: not self.lacking(since_us),
            CONVERGES_WITHIN_S,
            lambda: "\n".join([*self.lacking(since_us), *self.logs()]),
            ASK_EVERY_S,
        )
        print(f"{what}: live and healthy {time.time() - started_s:.1f} s after the last start")

    def logs(self) -> Iterator[str]:
        for name in [*self.server.containers(), *self.edges]:
            yield f"== {name}\n{said(name, time.time() - CONVERGES_WITHIN_S)}"

    def remove_server(self) -> None:
        """Take the server's containers away with all that its brokers know."""
        docker("rm", "-f", *self.server.containers())
        for data in ("kafka/data", "mosquitto/data"):
            for path in (self.server.folder / "state" / data).iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def unpack_again(self, name: str) -> None:
        """Enroll a camera whose edge runs, and unpack over the folder that it has."""
        self.server.make("enroll", CAMERA=name)
        tar = self.server.folder / f"{name}.tar"
        parent_folder = self.cameras[name].folder.parent
        self.server.person.run("tar", "-xpf", str(tar), folder=parent_folder, environment={})


def said(container: str, since_s: float) -> str:
    """Return what a container has said since then."""
    command = ["docker", "logs", "--since", f"{since_s:.3f}", container]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    ).stdout


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with installation() as server:
        server.init()
        server.compose("build", "-q", timeout_s=600)
        made = Site(server)
        made.enroll("gate")
        made.enroll("yard", SS_TYPE="mqtt", SS_BROKERS=f"{SERVER_NAME}:8883")
        made.cameras["gate"].compose("build", "-q", timeout_s=600)
        for camera in made.cameras.values():
            camera.compose("up", "-d", "--no-build")
        yield made


def test_server_that_starts_for_the_first_time_is_found_by_edges_that_run_already(site: Site) -> None:
    for name in site.cameras:
        site.wait_edge(name)
    site.server.compose("up", "-d")
    site.wait_converged("edges before a new server")


@pytest.mark.parametrize(
    "order",
    [ORDERS[0], *(pytest.param(order, marks=pytest.mark.soak) for order in ORDERS[1:])],
    ids=", ".join,
)
def test_new_server_converges_in_any_order(site: Site, order: tuple[str, ...]) -> None:
    """Nobody has rights or topics on its Kafka until the set-up has been there."""
    docker("kill", *site.edges)
    site.remove_server()
    for number, part in enumerate(order):
        since_s = time.time()
        site.begin_new(part)
        if part != order[-1]:
            without_rights = "kafka" in order[:number] and "setup" not in order[:number]
            site.wait_tried(part, since_s, without_rights=without_rights)
    site.wait_converged(", ".join(order))


@pytest.mark.parametrize(
    "order", [ORDERS[0], pytest.param(ORDERS[0][::-1], marks=pytest.mark.soak)], ids=", ".join
)
def test_machine_that_lost_power_converges_in_any_order(site: Site, order: tuple[str, ...]) -> None:
    """Its engine starts all containers as they were, at once, in an order of its own."""
    docker("kill", *site.edges, *site.server.containers())
    for part in order:
        site.begin_again(part)
    site.wait_converged(", ".join(order))


def test_camera_that_is_enrolled_while_its_edge_runs_is_live_by_itself(site: Site) -> None:
    """``gate`` and ``yard`` have lost their rights, and ``porch`` never had a certificate."""
    site.server.up()
    porch = site.enroll("porch")
    for file in (porch.folder / "secrets").iterdir():
        file.unlink()
    porch.compose("up", "-d", "--no-build")
    for name in ("gate", "yard"):
        site.server.make("revoke", CAMERA=name)
    site.wait_edge("gate", "does not let us write")
    site.wait_edge("yard", "does not let us write")
    edge = porch.container("edge")
    wait_until(lambda: "porch.crt cannot be read" in said(edge, 0), 60, lambda: said(edge, 0), ASK_EVERY_S)

    assert "Quota exceeded" not in said(site.server.container("mosquitto"), 0), "cut off instead of denied"

    for name in site.cameras:
        site.unpack_again(name)
    site.wait_converged("enrolled while they run")
