"""What ``make`` does around the tools: many cameras at once, files that travel, messages as they come."""

import os
import re
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from stack.brokers import docker
from stack.servers import Identity, Server
from stack.test_identities import Producer, Publisher

pytestmark = [pytest.mark.stack(minutes=0.7), pytest.mark.timeout(600)]

SSH = """#!/bin/sh
echo "$*" >>"$SSH_RECORD"
[ "$1" = pi@ford ] || { cat >/dev/null; echo "ssh: connect to host ${1#*@}: no route to host" >&2; exit 255; }
shift
cd "$SSH_HOME" && exec sh -c "$*"
"""


@pytest.fixture(scope="module")
def running(shared_server: Server) -> Server:
    """A server with both brokers."""
    return shared_server


@pytest.fixture
def pi(running: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What ``ssh pi@ford`` reaches: a folder, and beside it a record of what was asked."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "ssh").write_text(SSH)
    (programs / "ssh").chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    for name, value in (
        ("PATH", f"{programs}:{os.environ['PATH']}"),
        ("SSH_RECORD", str(tmp_path / "record")),
        ("SSH_HOME", str(home)),
    ):
        monkeypatch.setitem(running.environment, name, value)
    return home


def test_many_cameras_are_enrolled_at_once(running: Server, tmp_path: Path) -> None:
    """From a table that may lie anywhere; each gets a file of its own, which lets it in."""
    table = tmp_path / "cameras.csv"
    table.write_text("place,camera\nnorth,pier\nsouth,quay\neast,dock\n")

    said = running.make("enroll", FROM=str(table))

    for name in ("pier", "quay", "dock"):
        assert f"{name}.1 is enrolled" in said
        assert (running.folder / f"{name}.tar").stat().st_mode & 0o777 == 0o600
        producer = Producer(running.unpacked(name))
        assert producer.send(f"shutterbus.{name}.frames") == "ok"
        producer.close()


def test_what_is_sent_over_ssh_leaves_no_key_behind(running: Server, pi: Path) -> None:
    """The key is on the Pi and nowhere else, and was in no command line; sent again, it spares the settings.

    The source that was there goes: of another version, it would be part of the edge.
    """
    said = running.make("enroll", CAMERA="ford", TO="pi@ford")

    assert (pi / "ford/secrets/ford.key").stat().st_mode & 0o777 == 0o600
    key = (pi / "ford/secrets/ford.key").read_bytes()
    assert (pi / "ford/compose.yml").exists()
    assert "nothing of it is left here" in said
    assert not (running.folder / "ford.tar").exists()
    kept = [path for path in running.folder.rglob("*") if path.is_file() and key in path.read_bytes()]
    assert kept == []
    assert key not in (pi.parent / "record").read_bytes()
    producer = Producer(Identity(running, "ford", pi / "ford/secrets"))
    assert producer.send("shutterbus.ford.frames") == "ok"
    producer.close()

    settings = pi / "ford/.env"
    settings.write_text(edited := settings.read_text().replace("SCHEDULE=10", "SCHEDULE=5m"))
    (pi / "ford/edge/of_an_older_version.py").touch()
    running.make("enroll", CAMERA="ford", TO="pi@ford")
    assert settings.read_text() == edited
    assert (pi / "ford/edge/Dockerfile").exists()
    assert not (pi / "ford/edge/of_an_older_version.py").exists()
    assert (pi / "ford/secrets/ford.key").read_bytes() != key


def test_what_could_not_be_sent_is_still_here(running: Server, pi: Path) -> None:
    """Otherwise its identity would be lost; the sentence says where it is."""
    with pytest.raises(RuntimeError, match=r"Not sent; weir\.tar is still here and holds its key"):
        running.make("enroll", CAMERA="weir", TO="pi@elsewhere")
    assert (running.folder / "weir.tar").stat().st_mode & 0o777 == 0o600


def test_image_goes_along_for_a_pi_without_internet(running: Server, tmp_path: Path) -> None:
    """It is loaded there under the name that the compose file asks for, so nothing is built or fetched."""
    # A stand-in of a few bytes: how the edge's image is built is shown elsewhere.
    dockerfile = running.folder / "edge/Dockerfile"
    text = dockerfile.read_text()
    dockerfile.write_text('FROM scratch AS debian\nCOPY wire/pyproject.toml /\nCMD ["/none"]\n')
    architecture = docker("version", "-f", "{{.Server.Arch}}")
    name = f"shutterbus-edge:{running.environment['SHUTTERBUS_TAG']}"
    try:
        said = running.make(
            "enroll", CAMERA="barn", IMAGE="1", ARCH=architecture, EDGE_TARGET="debian", EDGE_IMAGE=name
        )
    finally:
        dockerfile.write_text(text)
    assert "docker load -i edge-image.tar.gz" in said
    docker("image", "rm", name)
    with tarfile.open(running.folder / "barn.tar") as tar:
        tar.extractall(tmp_path, filter="data")
    barn = tmp_path / "barn"

    docker("load", "-i", str(barn / "edge-image.tar.gz"))

    wanted = subprocess.run(
        ["docker", "compose", "config", "--images"], cwd=barn, capture_output=True, text=True, check=True
    )
    assert wanted.stdout.strip() == name
    docker("image", "inspect", name)


def test_tail_prints_a_line_for_each_message_on_both_brokers(running: Server, tmp_path: Path) -> None:
    """When, where, and how large; and it ends when it is interrupted."""
    identity = running.enroll("pond")
    producer, publisher = Producer(identity), Publisher(identity.mqtt)
    output = tmp_path / "said"
    with output.open("wb") as file:
        tail = subprocess.Popen(
            ["make", "-s", "tail"],
            cwd=running.folder,
            env=running.environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    wanted = (r"Z kafka shutterbus\.pond\.frames .* 7 bytes", r"Z mqtt  shutterbus/pond/frames .* 5 bytes")
    deadline_s = time.monotonic() + 60
    try:
        while not all(re.search(line, output.read_text()) for line in wanted):
            assert time.monotonic() < deadline_s, output.read_text()
            assert tail.poll() is None, output.read_text()
            producer.send("shutterbus.pond.frames", b"picture")
            publisher.publish("shutterbus/pond/frames", b"photo")
            time.sleep(0.2)
        os.killpg(tail.pid, signal.SIGINT)
        tail.wait(20)
    finally:
        if tail.poll() is None:
            os.killpg(tail.pid, signal.SIGKILL)
            tail.wait()
        producer.close()
        publisher.close()
    assert "Traceback" not in output.read_text()
    project = running.environment["COMPOSE_PROJECT_NAME"]
    labels = (f"label=com.docker.compose.project={project}", "label=com.docker.compose.service=tools")
    while docker("ps", "-q", *(part for label in labels for part in ("--filter", label))):
        assert time.monotonic() < deadline_s, "its container is still there"
        time.sleep(0.2)
