"""What the server's doctor makes of ``docker inspect``."""

import copy
import json
from typing import Any

import pytest

from shutterbus_broker.doctor import containers
from shutterbus_broker.errors import SetupError

KAFKA: dict[str, Any] = {
    "Name": "/shutterbus-server-kafka-1",
    "State": {"Status": "running", "Health": {"Status": "healthy"}},
    "Config": {
        "User": "10001:10001",
        "Image": "apache/kafka:4.3.1",
        "Labels": {"com.docker.compose.service": "kafka"},
    },
    "HostConfig": {
        "ReadonlyRootfs": True,
        "Privileged": False,
        "CapDrop": ["ALL"],
        "CapAdd": None,
        "SecurityOpt": ["no-new-privileges:true"],
        "Memory": 2 << 30,
        "PidsLimit": 500,
        "RestartPolicy": {"Name": "unless-stopped"},
        "LogConfig": {"Type": "local"},
        "NetworkMode": "shutterbus-server_default",
        "Binds": ["/srv/state/kafka/data:/var/lib/kafka/data:rw"],
        "PortBindings": {"9093/tcp": [{"HostIp": "0.0.0.0", "HostPort": "9093"}]},
    },
}


def _named(name: str, **state: Any) -> dict[str, Any]:
    container = copy.deepcopy(KAFKA)
    container["Config"]["Labels"]["com.docker.compose.service"] = name
    container["HostConfig"]["PortBindings"] = {}
    container["State"] |= state
    return container


def _with(**host: Any) -> list[dict[str, Any]]:
    container = copy.deepcopy(KAFKA)
    container["HostConfig"] |= host
    return [container]


def test_healthy_containers_are_in_order() -> None:
    """Mosquitto is not missed where it is not meant to run."""
    inspected = [KAFKA, _named("setup"), _named("archive"), _named("viewer")]
    assert containers.healthy(inspected, {"kafka"}).status == "ok"
    assert containers.hardened(inspected, with_legacy=False).status == "ok"


@pytest.mark.parametrize(
    ("viewer", "words"),
    [
        ([], "viewer is not there"),
        ([_named("viewer", Status="restarting")], "viewer is restarting"),
        ([_named("viewer", Health={"Status": "unhealthy"})], "viewer is unhealthy"),
    ],
)
def test_container_that_is_not_well_is_named(viewer: list[dict[str, Any]], words: str) -> None:
    """With its log as the next thing to look at."""
    result = containers.healthy([KAFKA, _named("setup"), _named("archive"), *viewer], {"kafka"})
    assert (result.status, result.sentence) == ("failure", words)


@pytest.mark.parametrize(
    "error",
    [
        "Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use",
        "Bind for 0.0.0.0:8080 failed: port is already allocated",
    ],
)
def test_port_that_somebody_else_has_is_named_with_its_setting(error: str) -> None:
    """The container's log says nothing, since it never ran."""
    viewer = _named("viewer", Status="created", Error=f"driver failed on endpoint x (1f): {error}")
    result = containers.healthy([KAFKA, _named("setup"), _named("archive"), viewer], {"kafka"})
    assert result.sentence == "viewer cannot start: port 8080 is taken by another program"
    assert result.fix == "in .env: another VIEWER_PORT; docker compose up -d"


def test_disk_that_is_not_shared_with_containers_is_named_with_its_setting() -> None:
    """Where there is no systemd, which shares them."""
    error = "path /mnt/pictures is mounted on / but it is not a shared or slave mount"
    inspected = [KAFKA, _named("setup"), _named("archive", Status="created", Error=error), _named("viewer")]
    result = containers.healthy(inspected, {"kafka"})
    assert result.sentence == "archive cannot start: disks of this machine are not shared with containers"
    assert result.fix is not None
    assert result.fix.startswith("in .env: ARCHIVE_PROPAGATION=rprivate")


def test_container_that_starts_is_waited_for() -> None:
    """Nothing is wrong with it yet; one that is broken beside it is named first."""
    inspected = [
        KAFKA,
        _named("setup", Health={"Status": "starting"}),
        _named("archive"),
        _named("viewer"),
    ]
    assert containers.healthy(inspected, {"kafka"}).status == "warning"
    assert "setup not ready yet" in containers.healthy(inspected, {"kafka"}).sentence
    inspected[-1]["State"]["Health"] = {"Status": "unhealthy"}
    assert containers.healthy(inspected, {"kafka"}).sentence == "viewer is unhealthy"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ReadonlyRootfs": False}, "kafka may write to its own root"),
        ({"Privileged": True}, "kafka is privileged"),
        ({"CapDrop": None}, "kafka keeps capabilities"),
        ({"CapAdd": ["NET_ADMIN"]}, "kafka keeps capabilities"),
        ({"SecurityOpt": None}, "kafka may gain privileges"),
        ({"Memory": 0}, "kafka has no memory limit"),
        ({"PidsLimit": None}, "kafka has no limit of processes"),
        ({"RestartPolicy": {"Name": "no"}}, "kafka does not start again by itself"),
        ({"LogConfig": {"Type": "json-file"}}, "kafka has unbounded logs"),
        ({"NetworkMode": "host"}, "kafka is on the host's own network"),
        ({"Binds": ["/var/run/docker.sock:/var/run/docker.sock"]}, "kafka holds Docker's socket"),
        ({"PortBindings": {"9094/tcp": []}}, "kafka publishes more ports than it needs"),
    ],
)
def test_container_that_may_do_too_much_is_named(change: dict[str, Any], words: str) -> None:
    """One loosened flag, one sentence."""
    result = containers.hardened(_with(**change), with_legacy=False)
    assert (result.status, result.sentence) == ("failure", words)


def test_plain_port_is_in_order_only_where_it_was_asked_for() -> None:
    """The door for old clients has a line of its own."""
    inspected = _with(PortBindings={"9093/tcp": [], "9092/tcp": []})
    assert containers.hardened(inspected, with_legacy=True).status == "ok"
    assert containers.hardened(inspected, with_legacy=False).status == "failure"


def test_image_that_is_not_the_pinned_one_is_named() -> None:
    """Ours are built here, so only those of others are compared."""
    compose = "services:\n  kafka:\n    image: apache/kafka:4.4.0\n  viewer:\n    image: shutterbus-viewer:${TAG:-latest}\n"
    result = containers.versions([KAFKA, _named("viewer")], compose)
    assert result.sentence == "kafka runs apache/kafka:4.3.1, and the compose file says apache/kafka:4.4.0"


def test_nothing_is_claimed_where_docker_cannot_be_asked() -> None:
    """Skipped is not in order."""
    assert containers.healthy(None, {"kafka"}).status == "skipped"
    assert containers.hardened(None, with_legacy=False).status == "skipped"
    assert containers.versions(None, "").status == "skipped"
    with pytest.raises(SetupError, match="not what docker inspect prints"):
        containers.read("no such thing")
    assert [
        containers.service(container) for container in containers.read(json.dumps([KAFKA, _named("tools")]))
    ] == ["kafka"]
