"""What a line in ``.env`` reaches, and which folder a server belongs to: asked of Compose, without a broker."""

import contextlib
import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.brokers import docker
from stack.servers import Server, server

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

ELSEWHERE = """
services:
  mosquitto:
    image: eclipse-mosquitto:2
    entrypoint: [sleep, infinity]
    init: true
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server after ``make init``, of which nothing runs."""
    with server(tmp_path_factory.mktemp("server"), "kafka") as ready:
        yield ready


def _kafka(made: Server) -> tuple[str, dict[str, str]]:
    """Return the container that Compose has for Kafka, made anew if that is what it takes, and what is in its environment."""
    made.compose("create", "--no-build", "kafka")
    name = made.compose("ps", "-aq", "kafka").strip()
    entries: list[str] = json.loads(docker("inspect", "-f", "{{json .Config.Env}}", name))
    return name, dict(entry.split("=", 1) for entry in entries)


@contextlib.contextmanager
def _with_lines(made: Server, *lines: str) -> Iterator[None]:
    env = made.folder / ".env"
    text = env.read_text()
    env.write_text("\n".join([text, *lines, ""]))
    try:
        yield
    finally:
        env.write_text(text)


def test_line_of_kafkas_reaches_it_with_plain_compose(made: Server) -> None:
    """As soon as it is written: there is no copy of it that could be old. What this server relies on stays."""
    before, _ = _kafka(made)
    with _with_lines(made, "KAFKA_NUM_IO_THREADS=4", "KAFKA_LISTENERS=PLAINTEXT://:9092"):
        now, environment = _kafka(made)
    assert now != before
    assert environment["KAFKA_NUM_IO_THREADS"] == "4"
    assert environment["KAFKA_LISTENERS"].startswith("EDGE://")


def test_line_of_somebody_elses_neither_restarts_kafka_nor_is_shown_to_it(made: Server) -> None:
    """A password for a broker of the user's own, say."""
    before, _ = _kafka(made)
    with _with_lines(
        made, "VIEWER_KAFKA_PASSWORD=hush", "VIEWER_TITLE=Mine", "SS_PASSWORD=hush", "TZ=Asia/Tokyo"
    ):
        now, environment = _kafka(made)
    assert now == before
    assert not [name for name in environment if name.startswith(("VIEWER_", "SS_"))]
    assert "hush" not in environment.values()


def test_server_of_another_folder_is_not_taken_over(made: Server, tmp_path: Path) -> None:
    """Compose knows it by its name alone, and would give its containers this folder's keys and data."""
    (tmp_path / "compose.yml").write_text(ELSEWHERE)

    def elsewhere(*arguments: str) -> None:
        command = ["docker", "compose", *arguments]
        subprocess.run(command, cwd=tmp_path, env=made.environment, check=True, capture_output=True)

    elsewhere("up", "-d")
    try:
        for target in ("up", "down", "4k"):
            with pytest.raises(RuntimeError) as refused:
                made.make(target)
            assert f"belongs to another folder, {tmp_path}" in str(refused.value)
        running = subprocess.run(
            ["docker", "compose", "ps", "-q"],
            cwd=tmp_path,
            env=made.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        assert running.stdout.strip()
        name = made.environment["COMPOSE_PROJECT_NAME"]
        assert f"docker compose -p {name} down" in str(refused.value)
    finally:
        elsewhere("down", "--timeout", "1")
    made.make("down")


def test_keys_that_enroll_and_backup_write_are_none_of_gits(made: Server) -> None:
    """A commit of everything must not publish them."""
    made.run("git", "init", "-q")
    (made.folder / ".gitignore").write_text((Path(__file__).parents[2] / ".gitignore").read_text())
    for name in (
        "gate.tar",
        "shutterbus-backup-20261121T100000Z.tar",
        "shutterbus-backup-1-catalog.sqlite",
        ".env",
        "state/ca/ca.key",
    ):
        made.run("git", "check-ignore", "-q", name)


@pytest.mark.parametrize(
    ("port", "sentence"),
    [
        (8080, "Port 8080 of {address} is taken by another program: in .env set VIEWER_PORT=8081"),
        (
            9093,
            "Port 9093 of {address}, which kafka needs, is taken by another program: end it (sudo ss -ltnp",
        ),
    ],
)
def test_taken_port_is_named_before_anything_is_started(port: int, sentence: str, made: Server) -> None:
    """Docker's own words come after the brokers run, and name no setting."""
    with socket.create_server((made.address, port)), pytest.raises(RuntimeError) as refused:
        made.make("up")
    assert sentence.format(address=made.address) in str(refused.value)
    assert made.compose("ps", "-q").strip() == ""


def test_address_of_another_machine_is_named_before_anything_is_started(made: Server) -> None:
    """BIND_ADDR is the setting."""
    with _with_lines(made, "BIND_ADDR=192.0.2.1"), pytest.raises(RuntimeError) as refused:
        made.make("up")
    assert "192.0.2.1 is no address of this machine: put one that is into .env as BIND_ADDR" in str(
        refused.value
    )
    assert made.compose("ps", "-q").strip() == ""


def test_clone_without_a_server_is_told_to_make_one(made: Server) -> None:
    """By Compose too, where somebody calls it without make."""
    env = made.folder / ".env"
    text = env.read_text()
    env.write_text("")
    try:
        with pytest.raises(RuntimeError) as refused:
            made.compose("-f", "compose.server.yml", "up", "-d")
    finally:
        env.write_text(text)
    assert "SERVER_NAME is missing a value: run make init first" in str(refused.value)
