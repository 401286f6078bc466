"""The project as somebody gets it, a server in it, and cameras elsewhere: driven by make and docker as a person would.

A Docker network is made for its gateway alone: an address of this machine that containers reach and nobody else uses,
so that fixed ports do not collide.
"""

import base64
import contextlib
import json
import os
import pwd
import re
import secrets
import shutil
import ssl
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import testrun
from machine import needs, needs_docker, needs_tool
from stack.brokers import QUICK_KAFKA, bring_classes, docker
from stack.programs import run, typed_in
from stack.servers import Identity

ROOT = Path(__file__).parents[2]
SOCKET = Path("/var/run/docker.sock")
SERVER_NAME = "cameras.test"
"""A name that no name server knows: containers get it by extra_hosts, as on a network without one of its own."""


class Person:
    """Who types the commands: whoever runs the tests, or a user of this machine who may use Docker and is not root."""

    def __init__(self, user: str | None = None) -> None:
        self.user = user
        self.home = Path.home() if user is None else Path(pwd.getpwnam(user).pw_dir)

    def run(self, *command: str, folder: Path, environment: Mapping[str, str], timeout_s: float = 300) -> str:
        """Run a command and return all it said; raise with that when it fails."""
        who: dict[str, Any] = {}
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            # The engine's socket has a group, which is docker where a package made it.
            who = {
                "user": entry.pw_uid,
                "group": entry.pw_gid,
                "extra_groups": [entry.pw_gid, SOCKET.stat().st_gid],
            }
        typed = {**typed_in(), "HOME": str(self.home), **environment}
        return run(command, folder, typed, timeout_s, **who)

    def owns(self, folder: Path) -> None:
        """Give *folder* and all in it to them."""
        if self.user is not None:
            subprocess.run(["chown", "-R", f"{self.user}:", folder], check=True)


class Place:
    """A folder with a compose file in it."""

    def __init__(self, person: Person, folder: Path, project: str) -> None:
        self.person = person
        self.folder = folder
        self.project = project

    def run(self, *command: str, timeout_s: float = 300) -> str:
        """Run a command there."""
        # With images of its own, so that no others are replaced on a machine where somebody runs a server.
        environment = {"COMPOSE_PROJECT_NAME": self.project, "SHUTTERBUS_TAG": self.project}
        return self.person.run(*command, folder=self.folder, environment=environment, timeout_s=timeout_s)

    def compose(self, *arguments: str, timeout_s: float = 300) -> str:
        """Run docker compose."""
        return self.run("docker", "compose", *arguments, timeout_s=timeout_s)

    def set(self, **settings: str) -> None:
        """Edit .env: change a line, or add one."""
        path = self.folder / ".env"
        text = path.read_text()
        for name, value in settings.items():
            line = f"{name}={value}"
            text, changed = re.subn(rf"(?m)^{name}=.*$", lambda _: line, text)  # noqa: B023  used at once
            if not changed:
                text += line + "\n"
        path.write_text(text)

    def container(self, service: str) -> str:
        """Return the name of the container of *service*."""
        return f"{self.project}-{service}-1"

    def containers(self) -> list[str]:
        """Return the names of all its containers."""
        filters = f"label=com.docker.compose.project={self.project}"
        return docker("ps", "-a", "--filter", filters, "--format", "{{.Names}}").split()


class Camera(Place):
    """What ``make enroll`` made, unpacked where nothing else is."""

    def __init__(self, server: "Installation", name: str, folder: Path) -> None:
        super().__init__(server.person, folder, f"{server.project}-{name}-{secrets.token_hex(2)}")
        self.server = server
        self.name = name
        self.image = f"{self.project}-image"

    @property
    def identity(self) -> Identity:
        """Its certificate, as a thief would have it."""
        return Identity(self.server, self.name, self.folder / "secrets")  # type: ignore[arg-type]  # of a server it needs the address alone


class Installation(Place):
    """A server in a clone of what is committed."""

    def __init__(self, person: Person, base: Path) -> None:
        project = f"{testrun.name()}-{secrets.token_hex(4)}"
        super().__init__(person, base / "clone", project)
        self.base = base
        self.init_said = ""
        self.check_hostname = True
        self.cameras: dict[str, Camera] = {}
        subprocess.run(["git", "clone", "-q", ROOT, self.folder], check=True)
        person.owns(self.folder)
        docker("network", "create", f"{project}-address")
        self.address = docker(
            "network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", f"{project}-address"
        )

    @property
    def web(self) -> str:
        """Where the viewer is."""
        return f"https://{self.address}:8080"

    @property
    def password(self) -> str:
        """What ``make init`` printed."""
        match = re.search(r"user admin  password (\S+)", self.init_said)
        assert match, self.init_said
        return match[1]

    def make(self, target: str, timeout_s: float = 300, **variables: str) -> str:
        """Run make."""
        given = (f"{name}={value}" for name, value in variables.items())
        return self.run("make", "-s", target, *given, timeout_s=timeout_s)

    def init(self, **env: str) -> None:
        """``make init`` beside an .env that says which address is this server's alone."""
        given = {
            "BIND_ADDR": self.address,
            **QUICK_KAFKA,
            **env,
        }
        lines = [f"{name}={value}" for name, value in given.items()]
        (self.folder / ".env").write_text("\n".join([*lines, ""]))
        self.person.owns(self.folder / ".env")
        self.init_said = self.make("init", HOST=f"{SERVER_NAME} {self.address}", timeout_s=600)
        bring_classes(self.folder)

    def up(self) -> None:
        """Start all services as the README says, and return when all are healthy."""
        self.compose("up", "-d", "--wait", "--wait-timeout", "120")

    def enroll(self, camera: str) -> Camera:
        """``make enroll``, and unpack what it made elsewhere."""
        self.make("enroll", CAMERA=camera)
        elsewhere = Path(tempfile.mkdtemp(prefix=f"{camera}-", dir=self.base))
        self.person.owns(elsewhere)
        self.person.run("tar", "-xpf", str(self.folder / f"{camera}.tar"), folder=elsewhere, environment={})
        made = Camera(self, camera, elsewhere / camera)
        self.cameras[made.project] = made
        return made

    def reader(self, name: str) -> Path:
        """Enroll a reader and return the folder of its certificate."""
        self.make("enroll", READER=name)
        with tarfile.open(self.folder / f"{name}.tar") as tar:
            tar.extractall(self.base, filter="data")
        return self.base / name / "secrets"

    def get(self, path: str, user: str = "") -> tuple[int, bytes]:
        """Return status and body of a page, which must come under a certificate of our authority."""
        context = ssl.create_default_context(cafile=str(self.folder / "state/ca/ca.crt"))
        context.check_hostname = self.check_hostname
        request = urllib.request.Request(f"{self.web}{path}")
        if user:
            request.add_header("Authorization", f"Basic {base64.b64encode(user.encode()).decode()}")
        try:
            with urllib.request.urlopen(request, timeout=10, context=context) as answer:
                return int(answer.status), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def states(self) -> dict[str, dict[str, Any]]:
        """Return what the viewer knows of each camera."""
        status, body = self.get("/api/cameras", f"admin:{self.password}")
        assert status == 200, body
        return {state["id"]: state for state in json.loads(body)["cameras"]}

    def remove(self) -> None:
        """Take away all that was started; images stay, but for those of these cameras."""
        for place in (*self.cameras.values(), self):
            containers = place.containers()
            if containers:
                docker("rm", "-f", "-v", *containers)
            label = f"label=com.docker.compose.project={place.project}"
            for kind in ("volume", "network"):
                if left := docker(kind, "ls", "-q", "--filter", label).split():
                    docker(kind, "rm", *left)
        docker("network", "rm", f"{self.project}-address")
        ours = f"reference=shutterbus-*:{self.project}*"
        if images := docker("images", "--filter", ours, "--format", "{{.Repository}}:{{.Tag}}").split():
            docker("image", "rm", *images)
        for camera in self.cameras.values():
            made = (camera.image, f"{camera.image}-plain")
            subprocess.run(["docker", "image", "rm", *made], capture_output=True, check=False)


@contextlib.contextmanager
def installation(user: str | None = None) -> Iterator[Installation]:
    """A clone in a folder of its own, before ``make init``; nothing of it is left at the end."""
    needs_docker()
    needs_tool("make", "make")
    needs_tool("git", "git")
    person = Person(user)
    base = Path(tempfile.mkdtemp(dir=testrun.folder()))
    person.owns(base)
    made = None
    try:
        made = Installation(person, base)
        yield made
    finally:
        if made is not None:
            made.remove()
        # Data of the brokers belongs to the user that they ran as.
        shutil.rmtree(base, ignore_errors=True)


@contextlib.contextmanager
def ordinary_user() -> Iterator[str | None]:
    """A new user who is not root; None where whoever runs the tests is one already."""
    if os.geteuid() != 0:
        yield None
        return
    needs(shutil.which("useradd") is not None, "useradd is not installed (Debian package passwd)")
    name = testrun.user_name(testrun.folder())
    subprocess.run(["useradd", "--create-home", name], check=True)
    try:
        if (plugins := Path.home() / ".docker/cli-plugins").is_dir():  # where they are one user's only
            shutil.copytree(plugins, Path(pwd.getpwnam(name).pw_dir) / ".docker/cli-plugins")
            Person(name).owns(Path(pwd.getpwnam(name).pw_dir))
        yield name
    finally:
        subprocess.run(["userdel", "--remove", name], capture_output=True, check=True)
