"""kafka-python as the viewer needs it: no leaked threads, no flood of log lines, and a word on why it fails."""

import logging
from collections.abc import Mapping
from typing import Any

from kafka import KafkaConsumer
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient

BOOTSTRAP_TIMEOUT_MS = 15_000
CLOSE_TIMEOUT_MS = 1_000


_SAY_NOTHING = ("Bootstrap", "Metadata refresh", "No node available")
"""Beginnings of lines that follow from the one before them, which says why."""


class LastWords(logging.Handler):
    """Keeps the last warning of kafka-python, whose exceptions do not say why a connection fails.

    It warns at every attempt, several times a second while a broker is away; the viewer says both ends of an
    outage itself. Its DEBUG lines hold whole pictures and never pass.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if not text.startswith(_SAY_NOTHING):
            self.text = text.removeprefix("Connection failed: ")[:300]

    @classmethod
    def listen(cls) -> "LastWords":
        """Take over all that kafka-python logs in this process; the same listener for everyone."""
        logger = logging.getLogger("kafka")
        for handler in logger.handlers:
            if isinstance(handler, cls):
                return handler
        words = cls()
        logger.addHandler(words)
        logger.propagate = False
        logger.setLevel(logging.WARNING)
        return words


class Connection:
    """A consumer, and whether its brokers are there.

    Raises:
        KafkaError, OSError: No broker answers; nothing is left running.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._clients: list[Any] = []
        try:
            self.consumer = KafkaConsumer(
                **{"bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS, **options}, kafka_client=self._make_client
            )
        except (KafkaError, OSError):
            # The constructor has started a thread by now and forgets it.
            for client in self._clients:
                client.close()
            raise

    @property
    def connected(self) -> bool:
        """Whether any broker is connected now. ``poll`` does not say: it returns nothing, as when nothing comes."""
        return any(
            client.connected(broker.node_id)
            for client in self._clients
            for broker in client.cluster.brokers()
        )

    def close(self) -> None:
        """Close within about a second."""
        self.consumer.close(autocommit=False, timeout_ms=CLOSE_TIMEOUT_MS)

    def _make_client(self, **options: Any) -> Any:
        client = KafkaNetClient(**options)
        self._clients.append(client)
        return client
