"""A server and edges of version 0.1.0, with pictures that wait, upgraded as docs/upgrade.md says, and taken back again.

The commands are read from that document and run as they stand there; ``ssh`` and ``scp`` reach a folder of this machine. All
that any edge stored is noted in its own container, all that a broker gave out by a raw consumer that stays connected.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from machine import needs
from stack.brokers import docker
from stack.installation import ROOT, SERVER_NAME, Camera, Installation, installation
from stack.programs import program
from stack.waiting import wait_until

pytestmark = [pytest.mark.stack(minutes=3.1), pytest.mark.timeout(1200)]

HERE = Path(__file__).parent
VERSION_0_1_0 = "4b2c4a7"
BROKERS = ("kafka", "mosquitto")
ENOUGH = 3
"""Frames that show that something goes on, or waits."""
WITHIN_S = 120
SPOOL = "/var/lib/shutterbus/spool"

SSH = """#!/bin/sh
host=$1
shift
cd "$HOSTS/$host" && exec sh -c "$*"
"""
SCP = """#!/bin/bash
to=${!#}
exec cp "${@:1:$#-1}" "$HOSTS/${to/://}"
"""

Key = tuple[str, str | None, int]


def commands(heading: str, block: int) -> list[str]:
    """Return the lines of a block of commands under a heading of docs/upgrade.md, counted from 0."""
    text = (ROOT / "docs/upgrade.md").read_text()
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [line.strip() for line in re.findall(r"(?m)^(?:    .+\n)+", section)[block].splitlines()]


class Site:
    """A server and the cameras ``gate``, over Kafka, and ``yard``, over MQTT, and who listens to them."""

    def __init__(self, server: Installation, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.cameras: dict[str, Camera] = {}
        self.waited: dict[str, int] = {}
        self.hosts = folder / "hosts"
        self.programs = folder / "bin"
        for made in (self.hosts, self.programs):
            made.mkdir()
        for name, text in (("ssh", SSH), ("scp", SCP)):
            (self.programs / name).write_text(text)
            (self.programs / name).chmod(0o755)

    def type_in(self, lines: list[str], camera: str = "gate") -> None:
        """Type commands in the server's folder; what they say of ``gate`` is meant of *camera*."""
        for line in lines:
            typed = re.sub(r"\bgate\b", camera, line)
            if typed == "git pull":
                # To the version that is tested, from the folder's own history.
                self.server.run("git", "checkout", "-q", "-B", "installed")
                self.server.run("git", "config", "branch.installed.remote", ".")
                self.server.run("git", "config", "branch.installed.merge", "refs/heads/newest")
            began_s = time.monotonic()
            search = f"PATH={self.programs}:{os.environ['PATH']}"
            self.server.run("env", search, f"HOSTS={self.hosts}", "sh", "-ec", typed, timeout_s=600)
            print(f"  {typed}: {time.monotonic() - began_s:.0f} s")

    def enroll(self, name: str, **settings: str) -> None:
        """Enroll a camera, and start its edge on a machine of its own, noting what it stores."""
        camera = self.cameras[name] = self.server.enroll(name)
        (self.hosts / f"pi@{name}").symlink_to(camera.folder.parent)
        (camera.folder / "noting").mkdir()
        for file in ("noting_spool.py", "raw_consumer.py"):
            shutil.copy(HERE / file, camera.folder / "noting")
        (camera.folder / "compose.noting.yml").write_text(
            "services: {edge: {entrypoint: [python3, /noting/noting_spool.py], command: [run], volumes: ['./noting:/noting']}}\n"
        )
        camera.set(
            COMPOSE_FILE="compose.yml:compose.noting.yml",
            EDGE_TARGET="debian",
            EDGE_IMAGE=camera.image,
            CAMERA_SOURCE="testcard:640x360",
            SCHEDULE="1",
            SPOOL_MODE="durable",
            SENSORS="simulated",
            READING_INTERVAL="2",
            **settings,
        )
        self.build(name)

    def build(self, name: str) -> None:
        """Do on the Pi what the document says is done there."""
        (line,) = commands("A camera", 1)
        camera = self.cameras[name]
        camera.run("sh", "-ec", f"cd .. && {re.sub('gate', name, line)}", timeout_s=600)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Note all that arrives, for the length of the context."""
        environment = {
            "SECRETS": str(self.server.reader("raw")),
            "HOSTS": f"{SERVER_NAME}={self.server.address}",
        }
        sources = {
            "gate": ("kafka", f"{SERVER_NAME}:9093", "shutterbus.gate.frames"),
            "yard": ("mqtt", f"{SERVER_NAME}:8883", "shutterbus/yard/frames,shutterbus/yard/readings/#"),
        }
        with contextlib.ExitStack() as stack:
            for camera, source in sources.items():
                notes = self.folder / f"{camera}.jsonl"
                command: list[str | Path] = [sys.executable, HERE / "raw_consumer.py", *source, notes]
                started = stack.enter_context(program(command, environment, notes.with_suffix(".log")))
                wait_until(notes.with_suffix(".ready").exists, 60, started.said)
            yield

    def arrived(self, name: str) -> list[dict[str, Any]]:
        """What the raw consumer of a camera has noted."""
        return lines(self.folder / f"{name}.jsonl")

    def stored(self, name: str) -> dict[Key, str]:
        """Return the SHA-256 of all that a camera stored and a raw consumer listens for: no readings over Kafka."""
        noted = lines(self.cameras[name].folder / "noting/stored.jsonl")
        return {
            key(line): line["sha256"]
            for line in noted
            if line["stream"] is None or (name == "yard" and line["stream"].startswith("readings-"))
        }

    def missing(self, name: str) -> list[Key]:
        """Return what was stored and has not arrived as it was."""
        arrived = {(key(line), line["sha256"]) for line in self.arrived(name)}
        return [
            stored_key
            for stored_key, sha256 in self.stored(name).items()
            if (stored_key, sha256) not in arrived
        ]

    def held(self, name: str) -> list[str]:
        """Return the frames that wait in a spool folder."""
        edge = self.cameras[name].container("edge")
        return docker("exec", edge, "find", SPOOL, "-maxdepth", "1", "-name", "*.jpg").split()

    def wait_held(self) -> None:
        """Stop the brokers, and return when every camera has pictures that wait."""
        self.server.compose("stop", *BROKERS)
        for name in self.cameras:
            wait_until(lambda: len(self.held(name)) >= ENOUGH, WITHIN_S, lambda: self.logs(name), 0.5)  # noqa: B023  used at once
            self.waited[name] = len(self.held(name))

    def wait_goes_on(self, what: str, readings: str) -> None:
        """Return when all that waits and more has arrived, is shown, and readings come on the topic *readings*."""
        began_s, since_us = time.monotonic(), time.time_ns() // 1000
        topics = self.topics()
        for name in self.cameras:
            goal = frames(self.stored(name)) + ENOUGH
            wait_until(lambda: frames(self.stored(name)) >= goal, WITHIN_S, lambda: self.logs(name))  # noqa: B023  used at once
            noted = self.missing(name)
            wait_until(
                lambda: not set(noted) & set(self.missing(name)),  # noqa: B023
                WITHIN_S,
                lambda: f"missing: {self.missing(name)}\n{self.logs(name)}",  # noqa: B023
            )
            wait_until(
                lambda: self.shown_us(name) > since_us,  # noqa: B023
                WITHIN_S,
                lambda: f"{name} is not live: {self.server.states()}",  # noqa: B023
            )
        wait_until(
            lambda: self.topics()[readings] > topics[readings],
            WITHIN_S,
            lambda: f"{self.topics()}\n{self.logs('yard')}",
        )
        waited = ", ".join(f"{count} frames of {name}" for name, count in self.waited.items())
        print(
            f"{what}: {waited or 'none'} waited; these and new ones there {time.monotonic() - began_s:.0f} s later"
        )

    def shown_us(self, name: str) -> int:
        """When the picture was taken that the viewer shows of a camera."""
        try:
            picture = self.server.states().get(name, {}).get("picture")
        except OSError:
            return 0
        return int(picture["captured_at_us"]) if picture else 0

    def wait_archived(self) -> None:
        """Return when the archive, which version 0.1.0 did not have, has pictures of every camera."""
        store = self.server.folder / "state/archive/store/frames"
        wait_until(
            lambda: all(any(store.glob(f"camera={name}/*/*/*.jpg")) for name in self.cameras),
            WITHIN_S,
            lambda: self.server.compose("logs", "--no-color", "--tail", "20", "archive"),
        )

    def topics(self) -> Counter[str]:
        """How many readings of ``yard`` came on which topic."""
        return Counter(line["topic"] for line in self.arrived("yard") if line["stream"])

    def images(self) -> set[str]:
        """Return the images that the viewer and the edges run on."""
        names = [
            self.server.container("viewer"),
            *(camera.container("edge") for camera in self.cameras.values()),
        ]
        return {docker("inspect", "-f", "{{.Image}}", name) for name in names}

    def logs(self, name: str) -> str:
        """Return what an edge still holds, and what it and its broker have said last."""
        places = (
            self.cameras[name].container("edge"),
            *(self.server.container(broker) for broker in BROKERS),
        )
        parts = [f"{name} holds {sorted(self.held(name))}"]
        for place in places:
            command = ["docker", "logs", "--tail", "40", place]
            done = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
            )
            parts += [f"== {place}", done.stdout]
        return "\n".join(parts)


def lines(file: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a file that another process writes."""
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def key(line: dict[str, Any]) -> Key:
    """Return what tells a frame or reading from all others of its camera."""
    return line["epoch"], line["stream"], line["seq"]


def frames(keys: dict[Key, str]) -> int:
    """How many of these are frames."""
    return sum(stream is None for _, stream, _ in keys)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Version 0.1.0, enrolled and up."""
    known = subprocess.run(
        ["git", "cat-file", "-e", f"{VERSION_0_1_0}^{{commit}}"], cwd=ROOT, capture_output=True, check=False
    )
    needs(
        known.returncode == 0,
        f"the history of this checkout lacks commit {VERSION_0_1_0}, version 0.1.0 (git fetch --unshallow)",
    )
    with installation() as server:
        server.run("git", "branch", "newest")
        server.run("git", "checkout", "-q", VERSION_0_1_0)
        server.init()
        server.make("up", timeout_s=600)
        made = Site(server, tmp_path)
        with made.listening():
            made.enroll("gate")
            made.enroll("yard", SS_TYPE="mqtt", SS_BROKERS=f"{SERVER_NAME}:8883")
            yield made


def test_upgrade_and_going_back_lose_no_frame(site: Site) -> None:
    """At each change pictures wait in the spools; one count of frames goes on through all of them."""
    together, by_sensor = "shutterbus/yard/readings", "shutterbus/yard/readings/simulated"
    site.wait_goes_on("version 0.1.0", together)
    old = site.images()

    site.wait_held()
    site.type_in(commands("The server", 0))
    site.wait_goes_on("new server, old edges", together)
    site.wait_archived()

    site.type_in(commands("A camera", 0), "gate")
    site.type_in(commands("A camera", 3), "yard")
    site.wait_held()
    for name in site.cameras:
        site.build(name)
    site.server.compose("start", *BROKERS)
    site.wait_goes_on("new server, new edges", by_sensor)
    assert not site.images() & old

    site.wait_held()
    site.type_in(commands("Going back", 0))
    site.wait_goes_on("old server, new edges", together)

    site.type_in(commands("Going back", 1), "gate")
    site.type_in(commands("Going back", 2), "yard")
    site.wait_held()
    for name in site.cameras:
        site.build(name)
    site.server.compose("start", *BROKERS)
    site.wait_goes_on("old server, old edges", together)

    for name, camera in site.cameras.items():
        camera.compose("stop")
        wait_until(lambda: not site.missing(name), WITHIN_S, lambda: f"{name}: {site.missing(name)}")  # noqa: B023
        stored, arrived = site.stored(name), site.arrived(name)
        keys = {key(line) for line in arrived}
        print(
            f"{name}: {frames(stored)} frames and {len(stored) - frames(stored)} readings stored, 0 missing, "
            f"{len(arrived) - len(keys)} twice"
        )
        assert {line["sha256"] for line in arrived if key(line) in stored} <= set(stored.values())
        assert len({epoch for epoch, stream, _ in stored if stream is None}) == 1
        assert sorted(seq for _, stream, seq in stored if stream is None) == list(range(frames(stored)))
    print(f"readings of yard: {dict(site.topics())}")
