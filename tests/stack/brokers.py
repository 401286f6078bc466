"""A real Kafka and a real Mosquitto in containers, plain and local, to be stopped and started at will."""

import contextlib
import fcntl
import functools
import json
import os
import random
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

import testrun
from machine import needs_docker

KAFKA_IMAGE = "apache/kafka:4.3.1"
MOSQUITTO_IMAGE = "eclipse-mosquitto:2"
_QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"
_ARCHIVE = "/etc/kafka/secrets/classes.jsa"
QUICK_KAFKA = {"KAFKA_JVM_PERFORMANCE_OPTS": f"{_QUICK} -XX:SharedArchiveFile={_ARCHIVE}"}
"""A broker that lives for minutes: its start costs half the processor time, of which a run of all tests has many.

The classes of the archive are what the public image brings; where a server has none, they are read one by one.
"""

PORTS = range(20_000, 32_000)
"""Below those that the kernel gives to outgoing connections, which would take one meanwhile."""
_claims: list[socket.socket] = []


def free_port() -> int:
    """Return a TCP port that nothing uses now, and that no other process which asks here gets while this one lives."""
    while True:
        port = random.choice(PORTS)
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0shutterbus-test-port-{port}")  # a name, no file: it ends with this process
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("", port))
        except OSError:
            claim.close()
        else:
            _claims.append(claim)
            return port


def docker(*arguments: str, timeout_s: float = 120) -> str:
    """Run docker and return what it printed; a failure shows what it said."""
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=timeout_s, check=False
    )
    if done.returncode:
        raise RuntimeError(
            f"docker {' '.join(arguments)}: exit code {done.returncode}: {done.stderr.strip()}"
        )
    return done.stdout.strip()


@functools.cache
def gateway() -> str:
    """Return this machine's address as containers on any bridge of its own see it."""
    return docker("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}")


def publish(port: int) -> list[str]:
    """Return arguments that make *port* of a container this machine's, for it and its containers and nobody else."""
    return [part for host in ("127.0.0.1", gateway()) for part in ("-p", f"{host}:{port}:{port}")]


def _shares() -> list[str]:
    """A broker is a server of its own in the field: where a test is alone, its start must not take the camera's turn."""
    return [] if "PYTEST_XDIST_WORKER" in os.environ else ["--cpu-shares", "128"]


class Container:
    """One broker in a container. Its data outlives stop and start, and is gone at the end."""

    def __init__(self, port: int, arguments: Sequence[str]) -> None:
        self.port = port
        self.name = f"{testrun.name()}-{secrets.token_hex(4)}"
        docker("run", "-d", *_shares(), "--name", self.name, *arguments)

    @property
    def address(self) -> str:
        """``127.0.0.1:<port>``, where clients reach it."""
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Send SIGTERM and wait until it is gone."""
        docker("stop", "-t", "60", self.name)

    def kill(self) -> None:
        """Send SIGKILL."""
        docker("kill", self.name)

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        docker("pause", self.name)

    def unpause(self) -> None:
        docker("unpause", self.name)

    def start(self) -> None:
        """Start it again on the same data and port."""
        docker("start", self.name)
        self.wait_ready()

    def begin(self) -> None:
        """Return when it is ready for the first time; one that never is leaves nothing behind."""
        try:
            self.wait_ready()
        except OSError:
            self.remove()
            raise

    def wait_ready(self, within_s: float = 120) -> None:
        """Return when it accepts connections on its port."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                self._probe()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def _probe(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            # A port that Docker's proxy holds accepts before the broker listens, then closes at once.
            connection.settimeout(1.0)
            with contextlib.suppress(TimeoutError):
                if connection.recv(1) == b"":
                    raise ConnectionResetError("closed at once")

    def remove(self) -> None:
        docker("rm", "-f", "-v", self.name)


def class_archive() -> Path:
    """Return the classes that Kafka uses, in the form that Java maps into memory; made once for a run."""
    folder = testrun.folder() / "classes"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        archive = folder / "classes.jsa"
        if not archive.exists():
            folder.chmod(0o777)  # Kafka's user writes there
            _write_class_archive(folder)
            archive.with_suffix(".part").rename(archive)
            archive.chmod(0o644)
    return archive


def bring_classes(server: Path) -> None:
    """Put the classes where the Kafka of the server in that folder looks for them."""
    place = server / "state/server/kafka"
    archive = place / Path(_ARCHIVE).name
    shutil.copy(class_archive(), archive)
    os.chown(archive, place.stat().st_uid, place.stat().st_gid)


def _write_class_archive(folder: Path) -> None:
    """Have a Kafka write it as it ends, with all that it needed to take a message and give it back."""
    options = f"{_QUICK} -XX:ArchiveClassesAtExit=/classes/classes.part"
    broker = KafkaContainer(arguments=["-v", f"{folder}:/classes"], KAFKA_JVM_PERFORMANCE_OPTS=options)
    try:
        with KafkaAdminClient(bootstrap_servers=broker.address) as admin:
            admin.create_topics([NewTopic("first", 1, 1)])
        producer = KafkaProducer(bootstrap_servers=broker.address)
        producer.send("first", b"light").get(timeout=30)
        producer.close()
        consumer = KafkaConsumer(
            "first", bootstrap_servers=broker.address, group_id="first", auto_offset_reset="earliest"
        )
        next(consumer)
        consumer.close()
        broker.stop()
    finally:
        broker.remove()


PLAIN_KAFKA = {
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_INTER_BROKER_LISTENER_NAME": "LAN",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,LAN:PLAINTEXT",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_MESSAGE_MAX_BYTES": "8388620",
    "KAFKA_HEAP_OPTS": "-Xms256m -Xmx512m",
    **QUICK_KAFKA,
}
"""What every node of our tests is told, alone or in a cluster."""


def options(environment: Mapping[str, str]) -> list[str]:
    """Return docker's arguments that set *environment*."""
    return [part for name, value in environment.items() for part in ("-e", f"{name}={value}")]


def classes() -> list[str]:
    """Return docker's arguments that give a Kafka the classes of ``class_archive``."""
    return ["-v", f"{class_archive()}:{_ARCHIVE}:ro"]


class KafkaContainer(Container):
    """Kafka 4.3.1, plaintext on loopback. ``settings`` are further ``KAFKA_*`` names, ``arguments`` those of docker run.

    Attributes:
        containers_port: Where containers reach it, at ``gateway()``, if it was made *for_containers*.
    """

    def __init__(
        self, *, for_containers: bool = False, arguments: Sequence[str] = (), **settings: str
    ) -> None:
        port = free_port()
        inner = self.containers_port = free_port()
        environment = PLAIN_KAFKA | {
            "KAFKA_NODE_ID": "1",
            "KAFKA_LISTENERS": f"CONTROLLER://:9095,LAN://:{port}",
            "KAFKA_ADVERTISED_LISTENERS": f"LAN://127.0.0.1:{port}",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9095",
        }
        if for_containers:
            # A broker is known by what it says of itself, and loopback in a container is the container.
            environment["KAFKA_LISTENERS"] += f",CONTAINERS://:{inner}"
            environment["KAFKA_ADVERTISED_LISTENERS"] += f",CONTAINERS://{gateway()}:{inner}"
            environment["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"] += ",CONTAINERS:PLAINTEXT"
        environment |= settings
        ports = ["-p", f"127.0.0.1:{port}:{port}", *(publish(inner) if for_containers else [])]
        super().__init__(port, [*ports, *options(environment), *arguments, KAFKA_IMAGE])
        self.begin()


class MosquittoContainer(Container):
    """Mosquitto 2, anonymous on loopback, with persistence. ``lines`` are further lines of its configuration.

    *rights* are the lines of its ACL file; without, everybody may do everything.
    """

    def __init__(self, *lines: str, rights: str = "") -> None:
        port = free_port()
        self._folder = tempfile.TemporaryDirectory(dir=testrun.folder())
        folder = Path(self._folder.name)
        if rights:
            (folder / "acl").write_text(rights)
            lines = (*lines, "acl_file /mosquitto/config/acl")
        (folder / "mosquitto.conf").write_text(
            "\n".join(
                [
                    f"listener {port}",
                    "allow_anonymous true",
                    "persistence true",
                    "persistence_location /mosquitto/data/",
                    "max_queued_messages 20000",
                    "max_inflight_messages 20",
                    *(
                        []
                        if any(line.startswith("max_packet_size") for line in lines)
                        else ["max_packet_size 8388620"]
                    ),
                    *lines,
                    "",
                ]
            )
        )
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o644)
        super().__init__(
            port,
            [
                *publish(port),
                "-v",
                f"{folder}:/mosquitto/config:ro",
                MOSQUITTO_IMAGE,
            ],
        )
        self.begin()

    def remove(self) -> None:
        super().remove()
        self._folder.cleanup()


@contextlib.contextmanager
def kafka(*, for_containers: bool = False, **settings: str) -> Iterator[KafkaContainer]:
    """A real Kafka for the length of the context."""
    needs_docker()
    broker = KafkaContainer(for_containers=for_containers, arguments=classes(), **settings)
    try:
        yield broker
    finally:
        broker.remove()


@contextlib.contextmanager
def mosquitto(*lines: str, rights: str = "") -> Iterator[MosquittoContainer]:
    """A real Mosquitto for the length of the context."""
    needs_docker()
    broker = MosquittoContainer(*lines, rights=rights)
    try:
        yield broker
    finally:
        broker.remove()


def host_pid(name: str) -> int:
    """Return the process id, on this machine, of the container's first process."""
    return int(json.loads(docker("inspect", "-f", "{{json .State.Pid}}", name)))
