"""What topics lack while their cluster is connected: a leader that answers, or replicas enough to take messages.

A reader notices nothing of it by itself: where nothing can be written, nothing comes, as when nobody sends.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from kafka.errors import KafkaError

from shutterbus_runtime.clock import Clock
from shutterbus_transport.errors import TransportError
from shutterbus_transport.kafka import admin
from shutterbus_transport.settings import BrokerSettings

LACKING_AFTER_S = 10.0
"""A leader that dies has a successor by then."""
ANSWER_S = 3.0


class Lack(Enum):
    """What a topic may lack; the value is said of one or of several."""

    LEADER = "no leader"
    ANSWER = "a leader that gives no connection"
    REPLICAS = "too few replicas in sync for min.insync.replicas"


@dataclass(frozen=True, slots=True)
class PartitionState:
    """What the cluster says of a partition.

    Attributes:
        leader: Its address; None where there is none.
        leader_fails: Whether our last attempt to connect there failed.
    """

    topic: str
    leader: str | None
    leader_fails: bool
    in_sync: int
    replicas: int


Lacking = Mapping[Lack, tuple[str, Sequence[str]]]
"""For each thing that any topic lacks, a sentence and those topics."""


class Availability:
    """Looks at the partitions of one reader, about once a second."""

    def __init__(self, clock: Clock, ask_least: Callable[[Sequence[str]], Mapping[str, int]]) -> None:
        """*ask_least* returns min.insync.replicas of topics, as far as we may know it."""
        self._clock = clock
        self._ask_least = ask_least
        self._since_s: dict[tuple[str, Lack | None], float] = {}
        self._least: dict[str, int] = {}

    def look(self, states: Iterable[PartitionState]) -> Lacking:
        """Return what has been lacking for ``LACKING_AFTER_S``."""
        states = list(states)
        now_s = self._clock.monotonic_s()
        shrunk = [state.topic for state in states if state.in_sync < state.replicas]
        since_s: dict[tuple[str, Lack | None], float] = {
            (topic, None): self._since_s.get((topic, None), now_s) for topic in shrunk
        }
        long_shrunk = [
            topic
            for topic in shrunk
            if now_s - since_s[topic, None] >= LACKING_AFTER_S and topic not in self._least
        ]
        if long_shrunk:
            told = self._ask_least(long_shrunk)
            self._least |= {topic: told.get(topic, 0) for topic in long_shrunk}
        self._least = {topic: least for topic, least in self._least.items() if topic in shrunk}
        lacking: dict[Lack, list[str]] = {}
        for state in states:
            if lack := self._lack(state):
                key = state.topic, lack
                # Replicas were too few from when they shrank, which is when the question was worth asking.
                begun_s = since_s[state.topic, None] if lack is Lack.REPLICAS else now_s
                since_s[key] = self._since_s.get(key, begun_s)
                if now_s - since_s[key] >= LACKING_AFTER_S:
                    lacking.setdefault(lack, []).append(state.topic)
        self._since_s = since_s
        return {lack: (_sentence(lack, topics, states), topics) for lack, topics in lacking.items()}

    def _lack(self, state: PartitionState) -> Lack | None:
        if state.leader is None:
            return Lack.LEADER
        if state.leader_fails:
            return Lack.ANSWER
        return Lack.REPLICAS if state.in_sync < self._least.get(state.topic, 0) else None


def _sentence(lack: Lack, topics: Sequence[str], states: Iterable[PartitionState]) -> str:
    who = (
        f"topic {topics[0]} has"
        if len(topics) == 1
        else f"{len(topics)} topics, among them {topics[0]}, have"
    )
    leaders = {
        state.leader for state in states if state.topic in topics and state.leader and state.leader_fails
    }
    where = f" ({', '.join(sorted(leaders))})" if lack is Lack.ANSWER else ""
    return f"{who} {lack.value}{where}; nothing comes from there"


def least_in_sync(client: admin.KafkaAdminClient, topics: Sequence[str]) -> dict[str, int]:
    """Return min.insync.replicas of *topics*; of none that we may not look at."""
    wanted = [
        admin.ConfigResource(admin.ConfigResourceType.TOPIC, topic, ["min.insync.replicas"])
        for topic in topics
    ]
    try:
        configs = client.describe_configs(wanted, config_filter="all").get("topic", {})
    except KafkaError:
        return {}
    return {
        topic: int(entries["min.insync.replicas"]["value"])
        for topic, entries in configs.items()
        if "min.insync.replicas" in entries
    }


def ask_least(settings: BrokerSettings, topics: Sequence[str]) -> Mapping[str, int]:
    """Return the same by a connection of its own; of none where nobody answers."""
    try:
        with admin.connect(settings, ANSWER_S) as client:
            return least_in_sync(client, topics)
    except TransportError:
        return {}
