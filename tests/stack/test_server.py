"""A server from nothing, as the README tells it: init, up, look, and larger pictures when they are wanted."""

import re
import ssl
import urllib.error
import urllib.request
from base64 import b64encode

import pytest

from shutterbus_broker import dotenv
from stack.brokers import docker
from stack.servers import Server

pytestmark = [pytest.mark.stack(minutes=0.9), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def running(shared_server: Server) -> Server:
    """All services of both profiles."""
    return shared_server


def _get(running: Server, path: str, user: str = "") -> int:
    """Return the status of the answer, which must come under a certificate of our authority."""
    context = ssl.create_default_context(cafile=str(running.folder / "state/ca/ca.crt"))
    request = urllib.request.Request(f"https://{running.address}:8080{path}")
    if user:
        request.add_header("Authorization", f"Basic {b64encode(user.encode()).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_viewer_is_up_over_https_for_whom_init_told_the_password(running: Server) -> None:
    """And for nobody else."""
    match = re.search(r"user (\S+)  password (\S+)", running.init_said)
    assert match
    assert _get(running, "/livez") == 200
    assert _get(running, "/api/cameras", f"{match[1]}:{match[2]}") == 200
    assert _get(running, "/api/cameras", f"{match[1]}:wrong") == 401
    assert _get(running, "/api/cameras") == 401


def test_every_container_has_no_more_than_it_needs(running: Server) -> None:
    """Nothing is root, nothing can be written but data, and three ports are open."""
    ports = set()
    for name in running.compose("ps", "-q").split():
        flags = "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} {{.HostConfig.RestartPolicy.Name}}"
        assert docker("inspect", "-f", flags, name) == "true [ALL] [no-new-privileges:true] unless-stopped"
        assert docker("inspect", "-f", "{{.Config.User}}", name).split(":")[0] not in {"", "0", "root"}
        assert int(docker("inspect", "-f", "{{.HostConfig.Memory}}", name)) > 0
        assert docker("inspect", "-f", "{{.HostConfig.LogConfig.Type}}", name) == "local"
        assert docker("inspect", "-f", "{{json .State.Health.Status}}", name) == '"healthy"'
        ports |= set(
            re.findall(
                r"(\S+):(\d+)->",
                docker("ps", "--filter", f"id={name}", "--format", "{{.Ports}}").replace(",", " "),
            )
        )
    assert ports == {(running.address, "9093"), (running.address, "8883"), (running.address, "8080")}


def test_images_of_another_checkout_on_this_machine_stay(running: Server) -> None:
    """Each has a tag of its own where SHUTTERBUS_TAG says so."""
    tag = running.environment["SHUTTERBUS_TAG"]
    images = docker("ps", "--filter", f"label=com.docker.compose.project={tag}", "--format", "{{.Image}}")
    ours = {name for name in images.split() if name.startswith("shutterbus-")}
    assert ours == {f"shutterbus-{name}:{tag}" for name in ("archive", "broker", "viewer")}


def test_no_secret_is_in_any_log_or_environment(running: Server) -> None:
    """Keys are files, the password only a hash."""
    match = re.search(r"password (\S+)", running.init_said)
    assert match
    everything = running.compose("logs", "--no-color") + docker(
        "inspect", *running.compose("ps", "-q").split()
    )
    assert match[1] not in everything
    assert "PRIVATE KEY" not in everything
    assert "argon2" not in everything


def test_4k_raises_one_number_and_every_broker_follows(running: Server) -> None:
    """Proved with a picture of exactly the largest size, and undone as easily."""
    said = running.make("4k")
    assert dotenv.read(running.folder / ".env")["KAFKA_MESSAGE_MAX_BYTES"] == "8388620"
    assert "Kafka: a picture of 8384524 bytes came back as it was sent" in said
    assert "Mosquitto: a picture of 8384524 bytes came back as it was sent" in said

    said = running.make("4k-off")
    assert dotenv.read(running.folder / ".env")["KAFKA_MESSAGE_MAX_BYTES"] == "2097164"
    assert "Mosquitto: a picture of 2093068 bytes came back as it was sent" in said


@pytest.mark.soak
def test_4k_that_cannot_work_leaves_everything_as_it_was(running: Server) -> None:
    """Here Mosquitto is given no room to follow; the sentence names the broker."""
    configuration = running.folder / "broker/mosquitto/start.sh"
    text = configuration.read_text()
    configuration.write_text(
        text.replace("max_packet_size ${MESSAGE_MAX_BYTES:?}", "max_packet_size 2097164")
    )

    with pytest.raises(RuntimeError) as failed:
        running.make("4k")

    assert "Mosquitto does not take a picture of 8384524 bytes" in str(failed.value)
    assert "Everything is as it was before." in str(failed.value)
    assert dotenv.read(running.folder / ".env")["KAFKA_MESSAGE_MAX_BYTES"] == "2097164"
    assert "2097164" in running.compose("exec", "-T", "kafka", "printenv", "KAFKA_MESSAGE_MAX_BYTES")
