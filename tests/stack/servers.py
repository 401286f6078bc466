"""A server of our own compose file, in a folder and on a loopback address of its own, driven by make as a person would."""

import contextlib
import random
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import testrun
from machine import needs_docker, needs_tool
from shutterbus_transport.settings import BrokerSettings, Tls
from stack.brokers import QUICK_KAFKA, bring_classes, docker
from stack.programs import run, typed_in

ROOT = Path(__file__).parents[2]
_NEEDED = (
    "Makefile",
    "compose.server.yml",
    "compose.edge.yml",
    "compose.legacy.yml",
    ".dockerignore",
    "wire",
    "runtime",
    "transport",
    "edge",
    "broker",
    "viewer",
    "archive",
)


class Server:
    """A folder with the project in it, and what was started from there."""

    def __init__(self, folder: Path, services: tuple[str, ...]) -> None:
        self.folder = folder
        self.services = services
        self.init_said = ""
        # Every address of 127/8 is this machine, so fixed ports do not collide.
        self.address = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
        name = f"{testrun.name()}-{self.address.replace('.', '-')}"
        self.environment = {
            **typed_in(),
            "COMPOSE_PROJECT_NAME": name,
            # Nobody else's images are replaced, on a machine where somebody runs a server.
            "SHUTTERBUS_TAG": name,
        }
        for name in _NEEDED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy(source, folder / name)

    def run(self, *command: str, timeout_s: float = 300) -> str:
        """Run a command in the folder and return all it said; raise with that when it fails."""
        return run(command, self.folder, self.environment, timeout_s)

    def make(self, target: str, **variables: str) -> str:
        """Run make."""
        return self.run("make", "-s", target, *(f"{name}={value}" for name, value in variables.items()))

    def compose(self, *arguments: str, timeout_s: float = 300) -> str:
        """Run docker compose."""
        return self.run("docker", "compose", *arguments, timeout_s=timeout_s)

    def up(self, timeout_s: int = 60) -> None:
        """Start the services, and return when all are healthy."""
        try:
            self.compose("up", "-d", "--wait", "--wait-timeout", str(timeout_s), *self.services)
        except RuntimeError as error:
            raise RuntimeError(f"{error}\n{self.compose('logs', '--no-color', '--tail', '15')}") from error

    def enroll(self, camera: str) -> "Identity":
        """Enroll a camera, and unpack what it gets into a folder of its own."""
        self.make("enroll", CAMERA=camera)
        return self.unpacked(camera)

    def enroll_reader(self, reader: str) -> "Identity":
        """Likewise for somebody who only looks."""
        self.make("enroll", READER=reader)
        return self.unpacked(reader)

    def unpacked(self, name: str) -> "Identity":
        """Return who ``make enroll`` made *name* last, from its file."""
        number = len(list(self.folder.glob(f"unpacked-{name}-*")))
        target = self.folder / f"unpacked-{name}-{number}"
        with tarfile.open(self.folder / f"{name}.tar") as tar:
            tar.extractall(target, filter="data")
        return Identity(self, name, target / name / "secrets")


class Identity:
    """A certificate and its key, as a device has them."""

    def __init__(self, server: Server, name: str, secrets: Path) -> None:
        self.server = server
        self.name = name
        self.secrets = secrets

    @property
    def tls(self) -> Tls:
        """How it proves who it is."""
        folder = self.secrets
        return Tls(
            ca_certs=folder / "ca.crt",
            certfile=folder / f"{self.name}.crt",
            keyfile=folder / f"{self.name}.key",
        )

    @property
    def kafka(self) -> BrokerSettings:
        """How it reaches Kafka."""
        return BrokerSettings(tls=self.tls, brokers=((self.server.address, 9093),))

    @property
    def mqtt(self) -> BrokerSettings:
        """How it reaches Mosquitto."""
        return BrokerSettings(type="mqtt", tls=self.tls, brokers=((self.server.address, 8883),))


@contextlib.contextmanager
def server(folder: Path, *services: str, env: str = "") -> Iterator[Server]:
    """A server after ``make init``, not yet up, with *env* as the ``.env`` it had before; gone at the end.

    ADDRESS in *env* stands for the server's. Where *env* names the server, ``make init`` is not told.
    """
    needs_docker()
    needs_tool("make", "make")
    made = Server(folder, services)
    lines = {"BIND_ADDR": made.address, **QUICK_KAFKA}
    said = "".join(f"{name}={value}\n" for name, value in lines.items())
    (folder / ".env").write_text(said + env.replace("ADDRESS", made.address))
    try:
        made.init_said = made.make("init", **({} if "BROKER_HOSTNAME" in env else {"HOST": made.address}))
        bring_classes(folder)
        made.compose("build", "-q", *services)
        yield made
    finally:
        made.compose("--profile", "*", "down", "--volumes", "--timeout", "0")
        tag = made.environment["SHUTTERBUS_TAG"]
        named = "{{.Repository}}:{{.Tag}}"
        if images := docker(
            "images", "--filter", f"reference=shutterbus-*:{tag}*", "--format", named
        ).split():
            docker("image", "rm", *images)
