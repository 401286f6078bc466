"""The connections of kafka-python 3, made to fail at once with their cause, and to end with all that belongs to them.

- It tries to connect again and again by itself and tells nobody why it cannot. So every attempt is stopped at its
  first failure and the cause kept (``Manager``): when to try again is decided in one place, ``Retry``.
- What is not a KafkaError ends its refresh of metadata, and a connection that is reset before TLS begins raises one of
  the operating system's (``Manager``).
- It waits without a limit for the TLS handshake of a broker that takes connections and is mute (``Selector``).
- A producer that is garbage collected silences the log of all later ones, and ``close`` of one whose messages cannot be
  sent raises and leaves thread and sockets behind (``Producer``).
- It unpacks a compressed batch of any size, and needs a library for each kind of compression (``codecs``).
"""

import contextlib
import ssl
import threading
import time
from typing import Any

from kafka import KafkaProducer
from kafka import errors as kafka_errors
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from shutterbus_transport.kafka import codecs

CLOSE_TIMEOUT_S = 2.0
HANDSHAKE_S = 10.0
"""Longer than a handshake takes on any line, each time the other side has something to say."""
BY_US = "closed by its lane"
codecs.install()


class Producer(KafkaProducer):  # type: ignore[misc] # kafka-python has no types
    """Whoever makes one calls ``end``."""

    def __del__(self) -> None:
        """Leave the module's logger alone; ``end`` has closed what there is."""

    def end(self) -> None:
        """End at once, giving up what is not sent."""
        self._sender.force_close()
        self._sender.join(CLOSE_TIMEOUT_S)
        with contextlib.suppress(kafka_errors.KafkaTimeoutError):
            self.close(timeout=0)


class Selector(NetworkSelector):  # type: ignore[misc] # kafka-python has no types
    """Gives up a TLS handshake in which nothing comes."""

    def wait_read(self, fileobj: Any, timeout_at: float | None = None) -> Any:
        if timeout_at is None and isinstance(fileobj, ssl.SSLSocket) and fileobj.version() is None:
            timeout_at = time.monotonic() + HANDSHAKE_S
        return super().wait_read(fileobj, timeout_at)


class Manager(KafkaConnectionManager):  # type: ignore[misc] # kafka-python has no types
    """Remembers why the last connection failed, and gives up the first connecting at its first failure."""

    def __init__(self, net: Selector, **options: Any) -> None:
        super().__init__(net, **options)
        self.failure: Exception | None = None

    def get_connection(self, node_id: Any, **options: Any) -> Any:
        is_new = node_id not in self._conns
        connection = super().get_connection(node_id, **options)
        if is_new:
            connection.init_future.add_callback(self._connected)
            connection.close_future.add_errback(self._failed, connection)
        return connection

    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> Any:
        try:
            return await super()._build_transport(node, timeout_at=timeout_at)
        except OSError as error:
            raise kafka_errors.KafkaConnectionError(str(error)) from error

    def _connected(self, _: Any) -> None:
        self.failure = None

    def _failed(self, connection: Any, error: Exception) -> None:
        if not self.bootstrapped:
            self.closed = True
            if self.config["sasl_mechanism"] and connection.broker_version_data is not None:
                # It throws away an answer that comes together with the end of the connection.
                error = kafka_errors.SaslAuthenticationFailedError(f"wrong password? ({error})")
        self.failure = error


class Net:
    """Makes the network client of one producer or admin client, and ends all of it, whatever became of its owner."""

    def __init__(self) -> None:
        self._made: KafkaNetClient | None = None

    def __call__(self, **options: Any) -> KafkaNetClient:
        net = Selector(**options)
        self._made = KafkaNetClient(net, Manager(net, **options))
        return self._made

    @property
    def connected(self) -> bool:
        """Whether any broker is connected now."""
        made = self._made
        return made is not None and any(made.connected(broker.node_id) for broker in made.cluster.brokers())

    @property
    def failure(self) -> Exception | None:
        """Why there is no connection, where that is known."""
        return self._made._manager.failure if self._made else None  # noqa: SLF001 - the library keeps it to itself

    def abort(self) -> None:
        """Have the thread that owns the connections drop them, with what they were about to write."""
        if self._made:
            dropped = threading.Event()
            self._made._manager.call_soon(self._drop).add_both(lambda _: dropped.set())  # noqa: SLF001 - likewise
            dropped.wait(CLOSE_TIMEOUT_S)

    def close(self) -> None:
        """Free every socket. Call it when no thread uses them any more."""
        if self._made:
            self._drop()
            made, self._made = self._made, None
            with contextlib.suppress(RuntimeError):  # the producer's own thread closed it as it ended
                made.close()

    def _drop(self) -> None:
        manager = self._made._manager  # type: ignore[union-attr] # noqa: SLF001 - likewise
        manager.closed = False  # else its own close() leaves open what is open
        for connection in list(manager._conns.values()):  # noqa: SLF001 - likewise
            if connection.transport and connection.transport._write_buffer:  # noqa: SLF001 - close() would write it first
                connection.transport.abort(kafka_errors.KafkaConnectionError(BY_US))
            else:
                connection.close()
