"""kafka-python as the viewer needs it: no leaked threads, no flood of log lines, and a word on why it fails.

Two of its faults would end all reading for ever while a broker stops or starts, and are mended here:

- What is not a KafkaError ends its refresh of metadata, and a connection that is reset before TLS begins raises one of
  the operating system's (``Manager``).
- It waits without end for the TLS handshake of a broker that takes connections and is mute (``Selector``).
"""

import logging
import ssl
import time
from collections.abc import Mapping
from typing import Any

from kafka import KafkaConsumer
from kafka.errors import KafkaConnectionError, KafkaError
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

BOOTSTRAP_TIMEOUT_MS = 15_000
CLOSE_TIMEOUT_MS = 1_000
HANDSHAKE_S = 10.0
"""Longer than a handshake takes on any line, each time the other side has something to say."""


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


class Selector(NetworkSelector):  # type: ignore[misc] # kafka-python has no types
    """Gives up a TLS handshake in which nothing comes."""

    def wait_read(self, fileobj: Any, timeout_at: float | None = None) -> Any:
        if timeout_at is None and isinstance(fileobj, ssl.SSLSocket) and fileobj.version() is None:
            timeout_at = time.monotonic() + HANDSHAKE_S
        return super().wait_read(fileobj, timeout_at)


class Manager(KafkaConnectionManager):  # type: ignore[misc] # likewise
    """Raises nothing but the library's own errors when it connects."""

    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> Any:
        try:
            return await super()._build_transport(node, timeout_at=timeout_at)
        except OSError as error:
            raise KafkaConnectionError(str(error)) from error


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
        net = Selector(**options)
        client = KafkaNetClient(net, Manager(net, **options))
        self._clients.append(client)
        return client
