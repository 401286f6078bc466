"""The demo as a newcomer runs it: the command itself, on this machine, from its first line to its last process."""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stack.brokers import free_port
from stack.waiting import wait_until

pytestmark = pytest.mark.stack

PATIENT_S = 60
OPEN = re.compile(r"Open http://127\.0\.0\.1:(\d+)/  user admin  password (\S+)")


class Running:
    """A demo that was started and is read line by line."""

    def __init__(self, cache: Path, **environment: str) -> None:
        self.port = int(environment.get("VIEWER_PORT") or free_port())
        self.mark = f"{cache}/shutterbus/demo-{self.port}"  # every part stands in this folder
        self.process = subprocess.Popen(
            [Path(sys.executable).parent / "shutterbus-broker", "demo"],
            env={**os.environ, "XDG_CACHE_HOME": str(cache), "VIEWER_PORT": str(self.port), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said: list[str] = []
        self.password = ""

    def wait_open(self) -> None:
        """Return when it has said where to look."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if match := OPEN.fullmatch(line.strip()):
                assert int(match[1]) == self.port
                self.password = match[2]
                return
        raise AssertionError("".join(self.said))

    def kept_in(self) -> Path:
        """Return the folder that it says its pictures are kept in."""
        assert self.process.stdout is not None
        self.said.append(self.process.stdout.readline())
        match = re.match(
            r"Every picture is kept as a file in (.+), the newest 2 GiB of them\.", self.said[-1]
        )
        assert match, self.said
        return Path(match[1])

    def cameras(self, path: str = "/api/cameras") -> list[dict[str, Any]]:
        """What the viewer knows of its cameras, or of those that are kept."""
        credentials = base64.b64encode(f"admin:{self.password}".encode()).decode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Basic {credentials}"}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            cameras: list[dict[str, Any]] = json.load(answer)["cameras"]
        return cameras

    def parts(self) -> dict[int, str]:
        """Return the command lines of all processes that stand in its folder, by process id."""
        command_lines = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if str((process / "cwd").readlink()) == self.mark:
                    command_lines[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue  # it ended meanwhile
        return command_lines

    def wait_gone(self, within_s: float) -> None:
        """Return when none of its processes is left."""
        deadline_s = time.monotonic() + within_s
        while left := self.parts():
            assert time.monotonic() < deadline_s, left
            time.sleep(0.05)


@contextmanager
def demo(cache: Path, **environment: str) -> Iterator[Running]:
    """A demo that is over when the context ends, whatever happened in it."""
    running = Running(cache, **environment)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
        assert running.process.stdout is not None
        running.said += running.process.stdout.readlines()
        running.process.wait(PATIENT_S)
        running.process.stdout.close()


@pytest.mark.alone
def test_three_cameras_are_live_at_once_and_nothing_is_left_afterwards(tmp_path: Path) -> None:
    """With settings around it that mean something to the parts, none of which gets in."""
    hostile = {
        "SS_BROKERS": "nowhere:1",
        "PICAMERA_ROTATION": "wrong",
        "VIEWER_USER": "me",
        "SCHEDULE": "never",
    }
    started_s = time.monotonic()
    with demo(tmp_path, **hostile) as running:
        running.wait_open()
        assert time.monotonic() - started_s < 30
        cameras = running.cameras()
        assert {camera["id"] for camera in cameras} == {"gate", "yard", "tower"}
        assert all(camera["picture"] for camera in cameras)
        tower = next(camera["picture"] for camera in cameras if camera["id"] == "tower")
        assert tower["height"] > tower["width"]
        assert running.password not in "".join(running.parts().values())
        store = running.kept_in()
        wait_until(
            lambda: len(list(store.rglob("*.jpg"))) > 3, PATIENT_S, lambda: str(list(store.rglob("*")))
        )
        kept = {camera["id"]: camera["frames"] for camera in running.cameras("/api/archive")}
        assert kept.keys() <= {"gate", "yard", "tower"}
        assert kept["gate"] > 0

        running.process.send_signal(signal.SIGINT)
        stopped_s = time.monotonic()
        assert running.process.wait(5) == 0
        running.wait_gone(5 - (time.monotonic() - stopped_s))
    numbers = sorted(
        int(path.stem.rpartition("-")[2]) for path in (store / "frames/camera=gate").rglob("*.jpg")
    )
    assert numbers == list(range(len(numbers))), "a frame is missing from the first to the last"


@pytest.mark.alone
def test_killing_the_demo_leaves_nothing_running(tmp_path: Path) -> None:
    """No process outlives it, not even where it had no chance to end them."""
    with demo(tmp_path) as running:
        running.wait_open()
        assert len(running.parts()) >= 5

        running.process.kill()

        running.wait_gone(5)


def test_two_demos_run_side_by_side_and_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    """Each has a port, a folder, a broker and a password of its own."""
    with demo(tmp_path) as first, demo(tmp_path) as second:
        first.wait_open()
        second.wait_open()
        assert first.password != second.password
        assert len(first.cameras()) == len(second.cameras()) == 3

        with demo(tmp_path, VIEWER_PORT=str(first.port)) as third:
            assert third.process.wait(PATIENT_S) == 1
        (said,) = third.said
        assert said.startswith(
            f"shutterbus-broker: Port {first.port} cannot be used (address already in use)"
        )


def test_part_that_dies_is_named_with_its_last_lines(tmp_path: Path) -> None:
    """And the rest ends with it."""
    with demo(tmp_path) as running:
        running.wait_open()
        viewer = next(pid for pid, command in running.parts().items() if "shutterbus-viewer" in command)
        os.kill(viewer, signal.SIGKILL)
        assert running.process.wait(PATIENT_S) == 1
        running.wait_gone(PATIENT_S)
    assert any("viewer ended by itself" in line for line in running.said)


def test_folder_of_pictures_can_be_the_third_camera(tmp_path: Path) -> None:
    """DEMO_SOURCE is a film, a picture or a folder."""
    (tmp_path / "pictures").mkdir()
    from PIL import Image

    for number in range(3):
        Image.new("RGB", (64, 48), (90 * number, 0, 0)).save(tmp_path / "pictures" / f"{number}.jpg")
    with demo(tmp_path, DEMO_SOURCE=str(tmp_path / "pictures")) as running:
        running.wait_open()
        assert {camera["id"] for camera in running.cameras()} == {"gate", "yard", "street"}

    with demo(tmp_path, DEMO_SOURCE=str(tmp_path / "nothing")) as running:
        assert running.process.wait(PATIENT_S) == 1
    assert "there is no such film, picture or folder" in "".join(running.said)


def test_source_that_gives_no_picture_is_said_at_once_and_the_wall_opens_with_the_others(
    tmp_path: Path,
) -> None:
    """A film whose end was cut off, say."""
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(3000))
    with demo(tmp_path, DEMO_SOURCE=str(tmp_path / "film.mp4")) as running:
        running.wait_open()
        said = running.said
        (trouble,) = [line for line in said if line.startswith("street gives no picture: ")]
        assert "film.mp4" in trouble
        assert not [line for line in said if "Waiting for the first picture of street" in line]
        cameras = {camera["id"]: camera for camera in running.cameras()}
        assert {name for name, camera in cameras.items() if camera["picture"]} == {"gate", "yard"}


def test_port_that_answers_but_is_not_listened_on_by_us_is_refused(tmp_path: Path) -> None:
    """Whoever listens on every address has the port as well."""
    with (
        socket.create_server(("", 0)) as taken,
        demo(tmp_path, VIEWER_PORT=str(taken.getsockname()[1])) as running,
    ):
        assert running.process.wait(PATIENT_S) == 1
    assert "choose another" in "".join(running.said)
