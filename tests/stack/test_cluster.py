"""On a Kafka cluster of somebody else's: no frame is lost, and what it lacks is said with its cause.

Two cameras, five frames a second each, and a viewer run through all of it. ``gate`` has topics that go on with two of three
nodes; ``yard`` has topics that want all three.
"""

import contextlib
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import httpx2
import pytest
from kafka import KafkaConsumer, TopicPartition

from shutterbus_broker.__main__ import main as topics_command
from shutterbus_edge.doctor import run_doctor
from shutterbus_runtime.clock import SystemClock
from shutterbus_transport import Sending, transport
from shutterbus_transport.broker_list import BrokerList
from shutterbus_transport.consuming import Delivery, Handler, Subscription
from shutterbus_transport.kafka.consumer import Consumer
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire.names import camera_of_kafka_topic, kafka_topic
from stack.brokers import free_port
from stack.clusters import Cluster, Node, cluster
from stack.programs import BIN, Program, program, wait_for_http
from stack.waiting import wait_until

pytestmark = [pytest.mark.stack(minutes=2), pytest.mark.alone(last=True), pytest.mark.timeout(300)]

PASSWORD = "correct horse battery"
FRAMES = kafka_topic("gate", "frames")
ALL = [kafka_topic(camera, kind) for camera in ("gate", "yard") for kind in ("frames", "telemetry")]
TOO_FEW = "topic shutterbus.yard.frames has too few replicas in sync{replicas}"

START_WITHIN_S = 3
SAID_WITHIN_S = 15
LIVE_AGAIN_WITHIN_S = 20
PATIENT_S = 120
"""For what is not promised within a time: a node may not know a new topic at once, and then a report waits for the next."""
BUSY_S = 3
"""What two cores with three nodes on them may add to a time that is promised."""


@dataclass
class Camera:
    """An edge as a person runs it, and what it says of itself."""

    name: str
    process: Program
    port: int

    def status(self) -> dict[str, Any]:
        """Return ``/status``."""
        with urlopen(f"http://127.0.0.1:{self.port}/status", timeout=10) as answer:
            status: dict[str, Any] = json.load(answer)
        return status

    def readyz(self) -> tuple[int, str]:
        """Return the code and text of ``/readyz``."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def lines(self, part: str) -> list[str]:
        """Return the lines of its log that have *part* in them."""
        return [line for line in self.process.said().splitlines() if part in line]

    def wait_live(self, within_s: float) -> None:
        """Return when frames are acknowledged, the newest first as always, and nothing is wrong."""
        published = self.status()["published"]
        wait_until(
            lambda: self.status()["published"] > published and not self.status()["problems"],
            within_s,
            lambda: f"{self.status()}\n{self.process.said()}",
        )

    def wait_problem(self, part: str, within_s: float = SAID_WITHIN_S + BUSY_S) -> str:
        """Return the problem of the live lane with *part* in it, which ``/readyz`` says too."""

        def of_live(problems: list[str]) -> list[str]:
            return [problem for problem in problems if problem.startswith("live lane: ") and part in problem]

        wait_until(
            lambda: bool(of_live(self.status()["problems"])),
            within_s,
            lambda: f"{self.status()}\n{self.process.said()}",
        )
        code, text = self.readyz()
        assert code == 503
        return of_live(text.splitlines())[0]

    def check_complete(self, whole: Cluster) -> None:
        """Every frame captured so far is in its topic, once or more."""
        captured = self.status()["captured"]
        missing: set[int] = set()

        def complete() -> bool:
            nonlocal missing
            missing = set(range(captured)) - numbers(whole, self.name)
            return not missing

        wait_until(complete, 60, lambda: f"{sorted(missing)} of {captured} are missing", every_s=1)


@dataclass
class Page:
    """What a viewer shows."""

    process: Program
    client: httpx2.Client

    def camera(self, name: str) -> dict[str, Any]:
        """Return what its page is made of."""
        answer: dict[str, Any] = self.client.get(f"/api/cameras/{name}").json()
        return answer

    def problems(self, name: str) -> list[str]:
        """Return the sentences at the head of a camera's page."""
        return list(self.camera(name)["problems"])

    def wait_live(self, name: str, within_s: float) -> None:
        """Return when it shows a picture that was taken from now on."""
        now_us = time.time_ns() // 1000

        def live() -> bool:
            picture = self.camera(name).get("picture")
            return bool(picture and picture["captured_at_us"] > now_us)

        wait_until(live, within_s, lambda: f"{self.camera(name)}\n{self.process.said()}", every_s=0.2)

    def wait_problem(self, name: str, part: str) -> None:
        """Return when the page of a camera has a sentence with *part* in it."""
        wait_until(
            lambda: any(part in sentence for sentence in self.problems(name)),
            SAID_WITHIN_S + BUSY_S,
            lambda: f"{self.problems(name)}\n{self.process.said()}",
            every_s=0.2,
        )


def numbers(whole: Cluster, camera: str) -> set[int]:
    """Return the numbers of a camera's frames in its topic."""
    partition = TopicPartition(kafka_topic(camera, "frames"), 0)
    consumer = KafkaConsumer(bootstrap_servers=whole.addresses, consumer_timeout_ms=10_000)
    try:
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        (end,) = consumer.end_offsets([partition]).values()
        seen: set[int] = set()
        while consumer.position(partition) < end:
            for record in consumer.poll(1000).get(partition, []):
                seen.add(int(dict(record.headers)["ce_sequence"]))
        return seen
    finally:
        consumer.close()


class Seen(Handler):
    """Notes whose frames came, and why nothing came."""

    def __init__(self) -> None:
        self.senders: set[str] = set()
        self.outages: list[str] = []

    def frame(self, delivery: Delivery) -> bool:
        if named := camera_of_kafka_topic(delivery.arrival.topic):
            self.senders.add(named[0])
        return True

    def telemetry(self, delivery: Delivery) -> None:
        pass

    def refused(self, delivery: Delivery, reason: str, sentence: str) -> None:
        self.outages.append(sentence)

    def outage(self, source: str, transport: str, sentence: str) -> None:
        if sentence:
            self.outages.append(sentence)


@contextlib.contextmanager
def edge(name: str, addresses: list[str], folder: Path) -> Iterator[Camera]:
    """An edge that takes five frames a second."""
    port = free_port()
    environment = {
        "CAMERA_ID": name,
        "CAMERA_SOURCE": "testcard",
        "PICAMERA_FRAMERATE": "5",
        "PICAMERA2_SIZE": "320x240",
        "SS_TYPE": "kafka",
        "SS_BROKERS": ",".join(addresses),
        "SPOOL_DIR": str(folder / f"spool-{name}"),
        "HEALTH_PORT": str(port),
    }
    with program([BIN / "shutterbus-edge", "run"], environment, folder / f"{name}.log") as running:
        camera = Camera(name, running, port)

        def answers() -> bool:
            with contextlib.suppress(OSError):
                return bool(camera.status())
            return False

        wait_until(answers, 30, running.said)
        yield camera


@pytest.fixture(scope="module")
def whole() -> Iterator[Cluster]:
    """The cluster, with the topics of both cameras."""
    with cluster() as made:
        made.create_topics(kafka_topic("gate", "frames"), kafka_topic("gate", "telemetry"))
        made.create_topics(kafka_topic("yard", "frames"), kafka_topic("yard", "telemetry"), min_insync=3)
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def gate(whole: Cluster, folder: Path) -> Iterator[Camera]:
    with edge("gate", whole.addresses, folder) as camera:
        camera.wait_live(PATIENT_S)
        yield camera


@pytest.fixture(scope="module")
def yard(whole: Cluster, folder: Path) -> Iterator[Camera]:
    with edge("yard", whole.addresses, folder) as camera:
        camera.wait_live(PATIENT_S)
        yield camera


@pytest.fixture(scope="module")
def page(whole: Cluster, folder: Path, gate: Camera, yard: Camera) -> Iterator[Page]:
    """A viewer that shows both cameras."""
    port = free_port()
    environment = {
        "VIEWER_KAFKA_BROKERS": ",".join(whole.addresses),
        "VIEWER_PORT": str(port),
        "VIEWER_PASSWORD": PASSWORD,
    }
    with (
        program([BIN / "shutterbus-viewer", "run"], environment, folder / "viewer.log") as running,
        httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", auth=("admin", PASSWORD), trust_env=False
        ) as client,
    ):
        wait_for_http(f"http://127.0.0.1:{port}/livez", running)
        made = Page(running, client)
        for camera in (gate, yard):
            made.wait_live(camera.name, PATIENT_S)
        yield made


@pytest.fixture(scope="class")
def dead(whole: Cluster, gate: Camera, yard: Camera, page: Page) -> Iterator[Node]:
    """The leader of the frames of ``gate``, killed; nobody else has those of ``shed``."""
    leader = whole.leader(FRAMES)
    whole.create_topic_on(leader, kafka_topic("shed", "frames"))
    with whole.killed(leader):
        yield leader


class TestWhileOneOfThreeIsDead:
    """One round for all that is to be seen meanwhile."""

    def test_camera_is_live_again_soon_after_the_cluster(
        self, whole: Cluster, dead: Node, gate: Camera, page: Page
    ) -> None:
        whole.wait_led(FRAMES, dead)
        gate.wait_live(LIVE_AGAIN_WITHIN_S)
        page.wait_live("gate", LIVE_AGAIN_WITHIN_S)

    def test_too_few_replicas_are_said_by_the_edge_once(self, dead: Node, yard: Camera) -> None:
        said = "connected, but nothing is acknowledged: " + TOO_FEW.format(
            replicas=": 2 of 3, fewer than its min.insync.replicas"
        )
        problem = yard.wait_problem("too few replicas")
        assert problem == f"live lane: {said}; {dead.address} refuses the connection"
        assert len(yard.lines(f"live pictures: {said}; {dead.address}")) == 1

    def test_too_few_replicas_are_said_on_the_page_of_that_camera(self, dead: Node, page: Page) -> None:
        said = TOO_FEW.format(replicas=" for min.insync.replicas") + "; nothing comes from there"
        page.wait_problem("yard", said)
        assert page.problems("gate") == []

    def test_dead_broker_is_named_in_the_log_once(self, dead: Node, yard: Camera) -> None:
        lines = yard.lines("one of 3")
        assert [line.partition(": ")[2] for line in lines] == [
            f"broker {dead.address}, one of 3: {dead.address} refuses the connection"
        ]

    @pytest.mark.parametrize("place", [0, 2])
    def test_client_of_either_kind_opens_in_three_seconds(
        self, whole: Cluster, dead: Node, place: int
    ) -> None:
        nodes = whole.others(dead)
        nodes.insert(place, dead)
        settings = BrokerSettings(brokers=tuple(("127.0.0.1", node.port) for node in nodes))
        clients = transport("kafka").open_clients(
            settings, Sending("test", FRAMES, kafka_topic("gate", "telemetry"))
        )

        begun_s = time.monotonic()
        BrokerList(settings.brokers, SystemClock(), logging.getLogger("test")).reach()
        sending = clients["live"]()
        took_s = time.monotonic() - begun_s
        sending.close()
        begun_s = time.monotonic()
        reading = Consumer(settings, {})
        took_reading_s = time.monotonic() - begun_s
        reading.close()

        assert (took_s < START_WITHIN_S, took_reading_s < START_WITHIN_S) == (True, True)

    def test_topic_without_a_leader_keeps_no_other_from_being_read(
        self, whole: Cluster, dead: Node, gate: Camera
    ) -> None:
        """A reader that starts now has to learn where each topic begins, and nobody can tell it of ``shed``."""
        shed = TopicPartition(kafka_topic("shed", "frames"), 0)
        settings = BrokerSettings(brokers=tuple(("127.0.0.1", node.port) for node in whole.nodes))
        looking = Consumer(settings, {})
        asked = [shed, TopicPartition(FRAMES, 0)]
        try:
            looking.kafka.assign(asked)
            wait_until(
                lambda: set(looking.bounds(asked)) == {asked[1]},
                SAID_WITHIN_S,
                lambda: f"{looking.bounds(asked)}",
            )
        finally:
            looking.close()
        seen = Seen()
        readers = transport("kafka").readers(settings, Subscription(("frames",)), seen, SystemClock())
        for reader in readers:
            reader.start()
        try:
            wait_until(
                lambda: "gate" in seen.senders, SAID_WITHIN_S, lambda: f"{seen.senders}, {seen.outages}"
            )
        finally:
            for reader in readers:
                reader.stop()
        assert seen.outages == []

    def test_doctor_warns_of_it_and_goes_on(
        self, whole: Cluster, dead: Node, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        told = {
            "CAMERA_ID": "gate",
            "CAMERA_SOURCE": "testcard",
            "SS_BROKERS": ",".join(whole.addresses),
            "SPOOL_DIR": str(folder / "spool-doctor"),
        }
        lines = {line.name: line.finding for line in run_doctor(told)}
        capsys.readouterr()
        assert lines["port"].status == "warning"
        assert lines["port"].sentence == f"{dead.address} refuses the connection; 2 of 3 brokers can be used"
        assert lines["login"].status == "ok"
        assert lines["topics"].sentence.startswith(f"topic {FRAMES} has 2 of 3 replicas in sync")
        assert lines["size"].status == "ok"
        assert not [name for name, finding in lines.items() if finding.status == "failure"]
        assert not [
            finding.fix for finding in lines.values() if finding.fix and "on the server" in finding.fix
        ]

    def test_topics_says_what_replication_it_made(
        self, whole: Cluster, dead: Node, capsys: pytest.CaptureFixture[str]
    ) -> None:
        to_it = ["--brokers", ",".join(whole.addresses)]
        assert topics_command(["topics", "pond", *to_it]) == 0
        assert capsys.readouterr().out.rstrip().endswith(": 3 replicas, min.insync.replicas 2")

        assert topics_command(["topics", "lane", "--replicas", "1", *to_it]) == 0
        assert ": 1 replica, min.insync.replicas 2. One broker of " in capsys.readouterr().out

    def test_second_that_dies_is_named_too_and_nothing_is_lost(
        self, whole: Cluster, dead: Node, gate: Camera, page: Page
    ) -> None:
        """One of three can decide nothing: the topic keeps the leader that it had."""
        whole.wait_led(FRAMES, dead)
        leader = whole.leader(FRAMES, dead)
        refused = " and ".join(sorted(node.address for node in (dead, leader)))
        with whole.killed(leader):
            problem = gate.wait_problem("nothing is acknowledged")
            page.wait_problem("gate", f"a leader that gives no connection ({leader.address})")
        assert problem == (
            f"live lane: connected, but nothing is acknowledged: topic {FRAMES} is led by {leader.address}; "
            f"{refused} refuse the connection"
        )

        whole.wait_led(FRAMES, dead)
        gate.wait_live(LIVE_AGAIN_WITHIN_S)
        page.wait_live("gate", LIVE_AGAIN_WITHIN_S)
        # The node that came back has to catch up before its replicas count.
        wait_until(
            lambda: page.problems("gate") == [], PATIENT_S, lambda: f"{page.problems('gate')}", every_s=0.5
        )


def test_camera_that_wants_all_replicas_is_live_soon_after_they_are_there(
    whole: Cluster, yard: Camera, page: Page
) -> None:
    whole.wait_in_sync(*ALL)
    yard.wait_live(LIVE_AGAIN_WITHIN_S)
    page.wait_live("yard", LIVE_AGAIN_WITHIN_S)
    yard.check_complete(whole)


def test_frozen_leader_is_left_for_its_successor(whole: Cluster, gate: Camera, page: Page) -> None:
    """Its connections stand, and the client library would wait two minutes for its answer."""
    leader = whole.leader(FRAMES)
    leader.pause()
    try:
        whole.wait_led(FRAMES, leader)
        published = gate.status()["published"]
        wait_until(
            lambda: gate.status()["published"] > published + 2,
            LIVE_AGAIN_WITHIN_S,
            lambda: f"{gate.status()}\n{gate.process.said()}",
        )
        page.wait_live("gate", LIVE_AGAIN_WITHIN_S)
    finally:
        leader.unpause()
    whole.wait_in_sync(*ALL)
    gate.wait_live(LIVE_AGAIN_WITHIN_S)


def test_rolling_restart_loses_nothing(whole: Cluster, gate: Camera, yard: Camera) -> None:
    for node in whole.nodes:
        node.stop()
        whole.start(node)
        whole.wait_in_sync(*ALL)
    for camera in (gate, yard):
        camera.wait_live(LIVE_AGAIN_WITHIN_S)
        camera.check_complete(whole)


def test_log_has_no_line_of_the_library_and_no_traceback(gate: Camera, yard: Camera, page: Page) -> None:
    for process in (gate.process, yard.process, page.process):
        lines = [line for line in process.said().splitlines() if " kafka." in line or "Traceback" in line]
        assert lines == []
