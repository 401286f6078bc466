"""The archive as a service of the server: what comes over either broker is a file, also where its disk comes later."""

import base64
import contextlib
import datetime as dt
import io
import json
import re
import ssl
import time
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import testrun
from shutterbus_broker.doctor import CheckContext, backlog
from shutterbus_broker.installation import Installation
from shutterbus_broker.kafka_admin import kafka_admin
from shutterbus_transport.kafka.admin import KafkaAdminClient
from shutterbus_wire import exif, jpeg
from shutterbus_wire.frame import FrameMetadata
from shutterbus_wire.identity import FrameId, new_epoch
from shutterbus_wire.names import ARCHIVE_GROUP
from stack.brokers import docker
from stack.servers import Identity, Server
from stack.test_identities import Producer, Publisher
from stack.waiting import wait_until

pytestmark = [pytest.mark.stack(minutes=0.5), pytest.mark.timeout(600)]

PICTURE = (Path(__file__).parents[1] / "data/bare.jpg").read_bytes()
TAKEN = {0, 0x10}
"""What Mosquitto answers: with somebody who listens, or nobody now."""
WITHIN_S = 30


@pytest.fixture(scope="module")
def running(shared_server: Server) -> Server:
    """All services of both profiles."""
    return shared_server


def pictures(camera: str, count: int) -> list[bytes]:
    """Return new pictures of *camera*, each with its identity in it."""
    epoch = new_epoch()
    return [
        exif.stamp(
            PICTURE,
            FrameMetadata(camera, FrameId(epoch, seq), time.time_ns() // 1_000),
            software="test",
        )
        for seq in range(count)
    ]


def send(camera: Identity, sent: Sequence[bytes]) -> None:
    """Send half of them over Kafka and half over MQTT, each acknowledged by the broker."""
    producer, publisher = Producer(camera), Publisher(camera.mqtt)
    for number, picture in enumerate(sent):
        if number % 2:
            assert publisher.publish(f"shutterbus/{camera.name}/frames", picture) in TAKEN
        else:
            assert producer.send(f"shutterbus.{camera.name}.frames", picture) == "ok"
    producer.close()
    publisher.close()


def files(store: Path, camera: str) -> list[bytes]:
    """Return what the files of *camera* contain."""
    folder = store / "frames" / f"camera={camera}"
    return [path.read_bytes() for path in folder.rglob("*.jpg")] if folder.exists() else []


def wait_for_files(running: Server, store: Path, camera: str, sent: Sequence[bytes]) -> None:
    """Return when each of *sent* is a file, and nothing else is."""
    wait_until(
        lambda: len(files(store, camera)) >= len(sent),
        WITHIN_S,
        lambda: running.compose("logs", "--no-color", "--tail", "20", "archive"),
    )
    assert sorted(files(store, camera)) == sorted(sent)


def ready(running: Server) -> str:
    """Return what the archive says is wrong, or ``ok``."""
    ask = "import urllib.request as u, urllib.error as e\ntry: print(u.urlopen('http://localhost:8082/readyz').read().decode())\n"
    ask += "except e.HTTPError as error: print(error.read().decode())"
    return running.compose("exec", "-T", "archive", "python", "-c", ask).strip()


@contextlib.contextmanager
def kafkas_admin(running: Server) -> Iterator[KafkaAdminClient]:
    """What may ask Kafka anything, as the doctor does."""
    with kafka_admin(
        CheckContext(Installation(running.folder), dt.datetime.now(dt.UTC)).kafka_admin
    ) as admin:
        yield admin


def members(running: Server) -> set[str]:
    """Return the members of the archive's groups; one that has left and come back is another."""
    with kafkas_admin(running) as admin:
        described = admin.describe_groups([ARCHIVE_GROUP, f"{ARCHIVE_GROUP}.telemetry"])
    return {member["member_id"] for group in described.values() for member in group["members"]}


def unread_frames(running: Server, camera: str) -> int:
    """Return how many of *camera*'s frames in Kafka the archive has not read, as the doctor counts them."""
    with kafkas_admin(running) as admin:
        counted = {entry.topic: entry for entry in backlog.unread(admin, set())}
    entry = counted[f"shutterbus.{camera}.frames"]
    assert bool(entry.messages) is (0 < entry.share < backlog.HALF)
    return entry.messages


def asked(running: Server, path: str) -> bytes:
    """Return what the viewer answers to a script."""
    match = re.search(r"user (\S+)  password (\S+)", running.init_said)
    assert match
    user = base64.b64encode(f"{match[1]}:{match[2]}".encode()).decode()
    request = urllib.request.Request(
        f"https://{running.address}:8080{path}", headers={"Authorization": f"Basic {user}"}
    )
    context = ssl.create_default_context(cafile=str(running.folder / "state/ca/ca.crt"))
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:
        return bytes(answer.read())


def latest(running: Server, camera: str) -> bytes:
    """Return what the viewer shows of *camera*."""
    return asked(running, f"/api/cameras/{camera}/latest.jpg")


def test_pictures_over_both_brokers_become_files_that_the_viewer_gives_back(running: Server) -> None:
    """Byte for byte, of a camera that was enrolled while the archive ran."""
    sent = pictures("cove", 4)
    send(running.enroll("cove"), sent)
    wait_for_files(running, running.folder / "state/archive/store", "cove", sent)
    assert ready(running) == "ok"

    past = "/api/cameras/cove"
    span = "from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z"
    listed = json.loads(asked(running, f"{past}/frames?{span}"))["frames"]
    assert [asked(running, f"{past}/frames/{frame}.jpg") for _, frame, _ in listed] == sent
    with zipfile.ZipFile(io.BytesIO(asked(running, f"{past}/frames.zip?{span}"))) as zipped:
        assert [zipped.read(name) for name in zipped.namelist()] == sent
    hour = dt.datetime.fromtimestamp(listed[0][0] // 1_000_000, dt.UTC).strftime("%Y-%m-%dT%H")
    assert json.loads(asked(running, f"{past}/sheets/{hour}.json"))["minutes"][0][1:] == listed[0][:2]
    assert jpeg.read_header(asked(running, f"{past}/sheets/{hour}.jpg")).size_px[0] > 0
    assert list((running.folder / "state/viewer/downloads").iterdir()) == [], "a download that has ended"
    assert list((running.folder / "state/viewer/cache").iterdir()) != []


def test_its_state_is_told_inside_compose_and_nowhere_else(running: Server) -> None:
    """Other services reach it; it is no port of the machine."""
    asked = "import urllib.request as u; print(u.urlopen('http://archive:8082/status').read().decode())"
    said = json.loads(running.compose("exec", "-T", "viewer", "python", "-c", asked))
    assert said["problems"] == []
    assert said["store"]["free_bytes"] > 0
    ports = docker(
        "inspect",
        "-f",
        "{{json .HostConfig.PortBindings}}",
        running.compose("ps", "-q", "archive").strip(),
    )
    assert ports in {"{}", "null"}


def test_make_audit_finds_what_is_missing(running: Server) -> None:
    sent, store = pictures("glen", 3), running.folder / "state/archive/store"
    send(running.enroll("glen"), sent)
    wait_for_files(running, store, "glen", sent)
    assert re.search(
        r"^\d+ frames: 0 missing, 0 damaged, 0 untracked$",
        running.make("audit", ARGS="--content"),
        re.MULTILINE,
    )
    gone, *_ = (store / "frames/camera=glen").rglob("*.jpg")
    aside = gone.rename(running.folder / gone.name)
    try:
        with pytest.raises(RuntimeError, match=rf"missing frames/camera=glen/.*{gone.name}"):
            running.make("audit")
    finally:
        aside.rename(gone)


def mount(script: str) -> None:
    """Do something with the disks of the machine that the engine runs on, as its owner would."""
    engine = "pid=$(grep -lx dockerd /proc/[0-9]*/comm | head -n 1 | cut -d / -f 3)"
    docker(
        "run",
        "--rm",
        *testrun.labelled(),
        "--privileged",
        "--pid",
        "host",
        "debian:trixie-slim",
        "sh",
        "-ec",
        f'{engine}; exec nsenter -t "$pid" -m -- sh -ec "$0"',
        script,
    )


@contextlib.contextmanager
def disk_that_is_away(running: Server) -> Iterator[tuple[Path, str]]:
    """What the archive has had until now is on a disk that is not mounted; yield its folder, and how to mount it."""
    place = running.folder / "state/archive"
    store, disk = place / "store", place / "disk"
    running.compose("stop", "archive")
    store.rename(disk)
    owner = disk.stat()
    docker(
        "run",
        "--rm",
        *testrun.labelled(),
        "-v",
        f"{place}:/place",
        "debian:trixie-slim",
        "sh",
        "-ec",
        f"mkdir -m 700 /place/store; chown {owner.st_uid}:{owner.st_gid} /place/store",
    )
    # A machine with systemd has all its disks so.
    mount(f"mount --bind {place} {place}; mount --make-shared {place}")
    try:
        running.environment["ARCHIVE_PROPAGATION"] = "rslave"
        yield disk, f"mount --bind {disk} {store}"
    finally:
        running.compose("rm", "-sf", "archive")
        mount(f"umount -l {store} 2>/dev/null || true; umount -l {place}")
        del running.environment["ARCHIVE_PROPAGATION"]
        store.rmdir()
        disk.rename(store)
        running.compose("up", "-d", "--wait", "archive")


def test_disk_that_is_mounted_later_gets_all_that_came_meanwhile(running: Server) -> None:
    """Without a hand: the archive starts without it, says so, writes nothing beside it and acknowledges nothing. Live goes on."""
    camera = running.enroll("fen")
    before, meanwhile = pictures("fen", 4), pictures("fen", 10)
    send(camera, before)
    wait_for_files(running, running.folder / "state/archive/store", "fen", before)
    with disk_that_is_away(running) as (disk, mounting):
        running.compose("up", "-d", "--wait", "archive")
        container = running.compose("ps", "-q", "archive").strip()
        send(camera, meanwhile)
        wait_until(lambda: "is its disk mounted?" in ready(running), WITHIN_S, lambda: ready(running), 0.5)
        assert list((running.folder / "state/archive/store").iterdir()) == []
        assert unread_frames(running, "fen") == len(meanwhile) // 2
        wait_until(lambda: latest(running, "fen") in meanwhile, WITHIN_S, lambda: "the viewer shows another")
        waiting = members(running)
        assert len(waiting) == 2

        mount(mounting)

        wait_for_files(running, disk, "fen", [*before, *meanwhile])
        wait_until(lambda: unread_frames(running, "fen") == 0, WITHIN_S, lambda: "not committed", 0.5)
        assert members(running) == waiting, "no rebalance"
        assert running.compose("ps", "-q", "archive").strip() == container
        assert docker("inspect", "-f", "{{.RestartCount}}", container) == "0"
        assert "store: back after" in running.compose("logs", "--no-color", "archive")
