"""What ``docker inspect`` says of the containers, judged."""

import json
import re
import subprocess
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from shutterbus_broker.errors import SetupError
from shutterbus_runtime.checks import CheckResult, failure, ok, skipped, warning, worst_of

Containers = Sequence[Mapping[str, Any]]
UP = "docker compose up -d"
PORTS = {"kafka": {"9093/tcp"}, "mosquitto": {"8883/tcp"}, "viewer": {"8080/tcp"}}
LEGACY_PORTS = {"kafka": {"9092/tcp"}, "mosquitto": {"1883/tcp"}}
ASK_S = 10.0
_TAKEN_PORT = re.compile(r":(\d+)\b.*\balready (?:in use|allocated)")
"""In what Docker says of a container whose port it cannot open."""
_NOT_SHARED = "not a shared or slave mount"
"""Likewise, of one that is to see disks that are mounted later, where the engine's own are not shared."""


def read(text: str) -> Containers:
    """Return what ``docker inspect`` printed; raise SetupError where it is something else."""
    try:
        inspected = json.loads(text or "[]")
        return [container for container in inspected if service(container) != "tools"]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SetupError(f"--containers: not what docker inspect prints ({error})") from error


def ask(project: Path) -> Containers | None:
    """Ask Docker itself; None where it cannot be asked."""
    command = "docker compose -f compose.server.yml --profile '*' ps -aq | xargs -r docker inspect"
    try:
        done = subprocess.run(
            ["sh", "-c", command], cwd=project, capture_output=True, text=True, timeout=ASK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return read(done.stdout) if done.returncode == 0 else None


def service(container: Mapping[str, Any]) -> str:
    """Return the name of its service in the compose file."""
    return str(container["Config"]["Labels"].get("com.docker.compose.service", container["Name"].strip("/")))


def healthy(containers: Containers | None, profiles: Container[str]) -> CheckResult:
    """Whether all that should run does, and is well."""
    if containers is None:
        return skipped("Docker cannot be asked from here; make doctor can")
    wanted = {
        "viewer",
        "archive",
        *(["kafka", "setup"] if "kafka" in profiles else []),
        *(["mosquitto"] if "mqtt" in profiles else []),
    }
    states = {service(container): container["State"] for container in containers}
    if missing := sorted(wanted - set(states)):
        return failure(f"{', '.join(missing)} is not there", UP)
    starting = []
    for name in sorted(wanted):
        state = states[name]
        if port := _TAKEN_PORT.search(state.get("Error", "")):
            setting = (
                "in .env: another VIEWER_PORT" if name == "viewer" else f"sudo ss -ltnp sport = :{port[1]}"
            )
            return failure(
                f"{name} cannot start: port {port[1]} is taken by another program", f"{setting}; {UP}"
            )
        if _NOT_SHARED in state.get("Error", ""):
            return failure(
                f"{name} cannot start: disks of this machine are not shared with containers",
                "in .env: ARCHIVE_PROPAGATION=rprivate, or sudo mount --make-rshared /; docs/archive.md",
            )
        if state["Status"] != "running":
            return failure(f"{name} is {state['Status']}", f"docker compose logs --tail 20 {name}; {UP}")
        health = state.get("Health", {}).get("Status", "healthy")
        if health == "starting":
            starting.append(name)
        elif health != "healthy":
            return failure(f"{name} is {health}", f"docker compose logs --tail 20 {name}")
    if starting:
        return warning(f"{', '.join(starting)} not ready yet", "make doctor, in a minute")
    return ok(f"{', '.join(sorted(wanted))} run and are healthy")


def hardened(containers: Containers | None, *, with_legacy: bool) -> CheckResult:
    """Whether each container may do no more than it needs."""
    if containers is None:
        return skipped("Docker cannot be asked from here; make doctor can")
    return worst_of(
        [*_loose(containers, with_legacy=with_legacy)] or [ok("no container may do more than it needs")]
    )


def versions(containers: Containers | None, compose_file: str) -> CheckResult:
    """Whether the images that run are those that the compose file names."""
    if containers is None:
        return skipped("Docker cannot be asked from here; make doctor can")
    # Those that others publish: ours are built here, and renewed by docker compose up -d --build.
    wanted = dict(re.findall(r"(?m)^  ([a-z]+):\n(?:    .*\n)*?    image: ([^\s$]+)$", compose_file))
    for container in containers:
        name, image = service(container), container["Config"]["Image"]
        if name in wanted and image != wanted[name]:
            return failure(f"{name} runs {image}, and the compose file says {wanted[name]}", UP)
    return ok(", ".join(sorted({container["Config"]["Image"] for container in containers})))


def _loose(containers: Containers, *, with_legacy: bool) -> Iterator[CheckResult]:
    for container in containers:
        name, host = service(container), container["HostConfig"]
        allowed = PORTS.get(name, set()) | (LEGACY_PORTS.get(name, set()) if with_legacy else set())
        faults = {
            "runs as root": container["Config"]["User"].split(":")[0] in {"", "0", "root"},
            "may write to its own root": not host["ReadonlyRootfs"],
            "is privileged": host["Privileged"],
            "keeps capabilities": "ALL" not in (host["CapDrop"] or []) or bool(host["CapAdd"]),
            "may gain privileges": "no-new-privileges:true" not in (host["SecurityOpt"] or []),
            "has no memory limit": not host["Memory"],
            "has no limit of processes": (host["PidsLimit"] or 0) <= 0,
            "does not start again by itself": host["RestartPolicy"]["Name"] != "unless-stopped",
            "has unbounded logs": host["LogConfig"]["Type"] != "local",
            "is on the host's own network": host["NetworkMode"] == "host",
            "holds Docker's socket": any("docker.sock" in bind for bind in host["Binds"] or []),
            "publishes more ports than it needs": not set(host["PortBindings"] or {}) <= allowed,
        }
        if told := [fault for fault, present in faults.items() if present]:
            yield failure(f"{name} {' and '.join(told)}", f"{UP} --force-recreate {name}")
