"""A consumer of kafka-python, whether its brokers are there, and why not."""

import base64
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from kafka import KafkaConsumer
from kafka.errors import KafkaError

from shutterbus_transport.kafka.availability import PartitionState
from shutterbus_transport.kafka.bounds import Bound, Bounds
from shutterbus_transport.kafka.library import Net, finish_joins, rest_between_heartbeats
from shutterbus_transport.settings import BrokerSettings

BOOTSTRAP_TIMEOUT_MS = 15_000
CLOSE_TIMEOUT_MS = 1_000
BUSY_WAIT_MS = 10
"""How long a broker may keep a fetch that has nothing to bring while other topics have."""


def topic_id(kafka: Any, topic: str) -> str:
    """Return the id that the cluster gave *topic* when it was made, as Kafka's own tools write it.

    Empty where it tells none. A topic that is deleted and made anew has another.
    """
    known = kafka._cluster.topic_id(topic)  # noqa: SLF001 - it has no other way to ask
    return base64.urlsafe_b64encode(known.bytes).decode().rstrip("=") if known and known.int else ""


class Consumer:
    """One connection's worth of a consumer.

    Attributes:
        kafka: The ``KafkaConsumer`` itself.

    Raises:
        KafkaError, OSError: No broker answers; nothing is left running, and the error names the cause.
    """

    def __init__(self, settings: BrokerSettings, options: Mapping[str, Any]) -> None:
        self._net = Net()
        try:
            self.kafka: Any = KafkaConsumer(
                **{
                    **settings.kafka_consumer(),
                    "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
                    # The page has to be live again soon after the broker is.
                    "reconnect_backoff_max_ms": 1_000,
                    **options,
                    "kafka_client": self._net,
                }
            )
        except (KafkaError, OSError) as error:
            cause = self._net.failure or error
            # The constructor has started a thread by now and forgets it.
            self._net.abort()
            self._net.close()
            if cause is error:
                raise
            raise KafkaError(str(cause)) from error
        coordinator = self.kafka._coordinator  # noqa: SLF001 - the library keeps it to itself
        rest_between_heartbeats(coordinator)
        finish_joins(coordinator)
        self._bounds = Bounds(self.kafka)
        self._idle_wait_ms: int = self.kafka.config["fetch_max_wait_ms"]

    @property
    def connected(self) -> bool:
        """Whether any broker is connected now. ``poll`` does not say: it returns nothing, as when nothing comes."""
        return self._net.connected

    @property
    def failure(self) -> str:
        """Why the last connection failed, or an empty text."""
        return str(self._net.failure or "")

    def expect_more(self, *, soon: bool) -> None:
        """Say whether more records are likely to be there already.

        The library has one fetch on its way to each broker. While it hands out what it has of one topic it asks for the others,
        and the broker keeps that question until something comes: what is next of the first topic waits behind it.
        """
        wait_ms = min(BUSY_WAIT_MS, self._idle_wait_ms) if soon else self._idle_wait_ms
        self.kafka._fetcher.config["fetch_max_wait_ms"] = wait_ms  # noqa: SLF001 - read with each fetch

    def bounds(self, partitions: Collection[Any]) -> dict[Any, Bound]:
        """Return where the logs of *partitions* begin and end, for those whose leader has said it; within half a second."""
        return self._bounds.of(partitions)

    def states(self, partitions: Iterable[Any]) -> Iterator[PartitionState]:
        """Yield what the cluster last said of *partitions*; nothing of those that it does not tell of."""
        cluster = self.kafka._cluster  # noqa: SLF001 - it has no other way to ask for replicas
        failures = self._net.failures
        for partition in partitions:
            known = cluster._partitions.get(partition.topic, {}).get(partition.partition)  # noqa: SLF001 - likewise
            if known is None:
                continue
            broker = cluster.broker_metadata(known.leader_id)
            leader = f"{broker.host}:{broker.port}" if broker else None
            yield PartitionState(
                partition.topic, leader, leader in failures, len(known.isr_nodes), len(known.replica_nodes)
            )

    def close(self) -> None:
        """Close within about a second."""
        self.kafka.close(autocommit=False, timeout_ms=CLOSE_TIMEOUT_MS)
        self._net.close()
