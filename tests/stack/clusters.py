"""A Kafka cluster of somebody else's: three nodes, each broker and controller, to be killed and started at will.

They share this machine's network, so that a node which is gone refuses connections as a machine's kernel does; Docker's
own forwarding would accept them first.
"""

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError

from machine import needs_docker
from stack.brokers import KAFKA_IMAGE, PLAIN_KAFKA, Container, classes, free_port, options

NODES = 3
MIN_IN_SYNC = 2
SOON = {
    # A node that died is noticed after 9 s by default, which is a third of a test. After 3 s, a node that only waits for
    # a busy disk is taken for dead as well.
    "KAFKA_BROKER_SESSION_TIMEOUT_MS": "6000",
    "KAFKA_BROKER_HEARTBEAT_INTERVAL_MS": "500",
}


class Node(Container):
    """One of them, not yet ready. Its number is from 1 on."""

    def __init__(self, number: int, controllers: Sequence[int]) -> None:
        port = free_port()
        voters = (f"{voter}@127.0.0.1:{of}" for voter, of in enumerate(controllers, 1))
        environment = {
            "KAFKA_NODE_ID": str(number),
            "KAFKA_LISTENERS": f"CONTROLLER://127.0.0.1:{controllers[number - 1]},LAN://127.0.0.1:{port}",
            "KAFKA_ADVERTISED_LISTENERS": f"LAN://127.0.0.1:{port}",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": ",".join(voters),
            "KAFKA_DEFAULT_REPLICATION_FACTOR": "3",
            "KAFKA_MIN_INSYNC_REPLICAS": str(MIN_IN_SYNC),
        }
        arguments = ["--network", "host", *options(PLAIN_KAFKA | SOON | environment), *classes(), KAFKA_IMAGE]
        super().__init__(port, arguments)
        self.number = number


class Cluster:
    """Three nodes of one cluster."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes

    @property
    def addresses(self) -> list[str]:
        """Where its brokers are, as ``SS_BROKERS`` lists them."""
        return [node.address for node in self.nodes]

    def others(self, *nodes: Node) -> list[Node]:
        """Return the nodes that are none of *nodes*."""
        return [node for node in self.nodes if node not in nodes]

    def create_topics(self, *names: str, min_insync: int = MIN_IN_SYNC) -> None:
        """Create topics of one partition, each with a replica on every node."""
        configs = {"min.insync.replicas": str(min_insync)}
        with KafkaAdminClient(bootstrap_servers=self.addresses) as admin:
            admin.create_topics([NewTopic(name, 1, NODES, topic_configs=configs) for name in names])
        self.wait_in_sync(*names)

    def create_topic_on(self, node: Node, name: str) -> None:
        """Create a topic of one partition whose only replica is on *node*."""
        with KafkaAdminClient(bootstrap_servers=self.addresses) as admin:
            admin.create_topics([NewTopic(name, replica_assignments={0: [node.number]})])

    def leader(self, topic: str, *without: Node) -> Node:
        """Return the node that leads *topic*, as those but *without* say it."""
        leader, _ = self._partition(topic, [node.address for node in self.others(*without)])
        return self.nodes[leader - 1]

    def wait_led(self, topic: str, *without: Node, within_s: float = 30) -> float:
        """Return when another than *without* leads *topic* with a second one in sync, as the others say it."""
        asked = [node.address for node in self.others(*without)]
        numbers = {node.number for node in without}

        def led() -> bool:
            leader, in_sync = self._partition(topic, asked)
            return leader not in numbers | {-1} and len(set(in_sync) - numbers) >= MIN_IN_SYNC

        return self._wait(led, f"{topic} has no leader with a replica in sync", within_s)

    def wait_in_sync(self, *topics: str, within_s: float = 60) -> float:
        """Return when all nodes have all of *topics*: the cluster is whole."""
        return self._wait(
            lambda: all(len(self._partition(topic, self.addresses)[1]) == NODES for topic in topics),
            f"{topics} are not in sync",
            within_s,
        )

    @contextlib.contextmanager
    def killed(self, *nodes: Node) -> Iterator[None]:
        """Without *nodes* for the length of the context."""
        for node in nodes:
            node.kill()
        try:
            yield
        finally:
            self.start(*nodes)

    def start(self, *nodes: Node) -> None:
        """Start *nodes* again, together: two of three need each other to be ready."""
        with ThreadPoolExecutor(len(nodes)) as pool:
            list(pool.map(Node.start, nodes))

    def _partition(self, topic: str, addresses: Sequence[str]) -> tuple[int, list[int]]:
        with KafkaAdminClient(bootstrap_servers=list(addresses)) as admin:
            (described,) = admin.describe_topics([topic])
        if not described["partitions"]:
            return -1, []
        (partition,) = described["partitions"]
        return partition["leader_id"], partition["isr_nodes"]

    def _wait(self, condition: object, otherwise: str, within_s: float) -> float:
        deadline_s = time.monotonic() + within_s
        while True:
            with contextlib.suppress(KafkaError):
                if condition():  # type: ignore[operator]
                    return time.monotonic()
            assert time.monotonic() < deadline_s, otherwise
            time.sleep(0.2)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """Three nodes for the length of the context."""
    needs_docker()
    # kafka-python tells of every attempt while a node is away, and of those that we look with there are many.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    controllers = [free_port() for _ in range(NODES)]
    with contextlib.ExitStack() as stack:
        nodes = []
        for number in range(1, NODES + 1):
            nodes.append(Node(number, controllers))
            stack.callback(nodes[-1].remove)
        for node in nodes:
            node.wait_ready()
        yield Cluster(nodes)
