"""The connections of kafka-python 3, made to fail at once with their cause, and to end with all that belongs to them.

- It tries to connect again and again by itself, to one broker of the list after the other, and tells nobody why it cannot.
  So each broker is asked once, no slow one is waited for, and the causes are kept (``Manager``): when to try again is
  decided in one place, ``Retry``.
- What is not a KafkaError ends its refresh of metadata, and a connection that is reset before TLS begins raises one of
  the operating system's (``Manager``).
- It waits without a limit for the TLS handshake of a broker that takes connections and is mute (``Selector``).
- What a broker answers to a message that it tries to send again is told to nobody (``Producer``).
- A producer that is garbage collected silences the log of all later ones, and ``close`` of one whose messages cannot be
  sent raises and leaves thread and sockets behind (``Producer``).
- A member of a group whose heartbeat is not answered, since its broker is frozen or very busy, asks for records again and again
  without a pause (``rest_between_heartbeats``).
- It forgets a join of a group that takes longer than one ``poll`` (``finish_joins``).
- It unpacks a compressed batch of any size, and needs a library for each kind of compression (``codecs``).
"""

import contextlib
import logging
import ssl
import threading
import time
from collections.abc import Collection, Mapping
from typing import Any

from kafka import KafkaProducer
from kafka import errors as kafka_errors
from kafka.future import Future
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from shutterbus_transport.kafka import codecs
from shutterbus_transport.log_throttle import quiet
from shutterbus_transport.probe import tls_refusal

log = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 2.0
HANDSHAKE_S = 10.0
"""Longer than a handshake takes on any line, each time the other side has something to say."""
SLOW_S = 1.0
"""After so long the next broker of the list is asked as well."""
REST_S = 0.1
"""Of a session's ten seconds it is little, and of a processor's time nearly all."""
BY_US = "closed by its lane"
LOGIN_REFUSALS = (
    kafka_errors.AuthorizationError,
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedSaslMechanismError,
    kafka_errors.IllegalSaslStateError,
    # What its SCRAM makes of an answer that says no.
    KeyError,
    ValueError,
)
codecs.install()


def note_refusals(sender: Any, refusals: dict[str, Exception]) -> None:
    """Have the thread that sends note in *refusals*, by topic, why an attempt was not taken."""
    dispatch = sender._dispatch_error  # noqa: SLF001 - the library keeps it to itself

    def note(batch: Any, exception: Exception, partition_response: Any) -> None:
        refusals[batch.topic_partition.topic] = exception
        dispatch(batch, exception, partition_response)

    sender._dispatch_error = note  # noqa: SLF001 - likewise


def finish_joins(coordinator: Any) -> None:
    """Have ``poll`` go on with a join of the group that took longer than the ``poll`` that began it.

    A join for topics that came or went counts as done as soon as the group knows them. Where it is not finished by then the
    library forgets it: what was assigned is never read, and no heartbeat is sent.
    """
    needs_one = coordinator.need_rejoin

    def needs_one_or_is_at_it() -> bool:
        return coordinator._join_task is not None or bool(needs_one())  # noqa: SLF001 - nothing else says it

    coordinator.need_rejoin = needs_one_or_is_at_it


def rest_between_heartbeats(coordinator: Any) -> None:
    """Have ``poll`` wait a moment also where a heartbeat is due that cannot be sent: the one before is on its way."""
    due_in_s = coordinator.time_to_next_poll

    def due_in_or_rest_s() -> float:
        return max(REST_S, float(due_in_s()))

    coordinator.time_to_next_poll = due_in_or_rest_s


class Producer(KafkaProducer):  # type: ignore[misc] # kafka-python has no types
    """Whoever makes one calls ``end``.

    Attributes:
        refusals: By topic, why the last attempt to send was not taken and is made again; whoever is told of a success
            takes it out.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.refusals: dict[str, Exception] = {}
        note_refusals(self._sender, self.refusals)

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
    """Asks every broker of the list once, and remembers why a connection failed.

    Attributes:
        failures: By address of the broker, until it is connected again; the latest is the last.
    """

    def __init__(self, net: Selector, **options: Any) -> None:
        super().__init__(net, **options)
        self.failures: dict[str, Exception] = {}

    @property
    def failure(self) -> Exception | None:
        """Why there is no connection: what a person has to mend, else the latest that failed."""
        failures = list(self.failures.values())
        return next(filter(needs_mending, failures), failures[-1] if failures else None)

    def get_connection(self, node_id: Any, **options: Any) -> Any:
        is_new = node_id not in self._conns
        connection = super().get_connection(node_id, **options)
        if is_new:
            broker = self.cluster.broker_metadata(node_id)
            address = f"{broker.host}:{broker.port}"
            connection.init_future.add_callback(lambda _: self.failures.pop(address, None))
            connection.close_future.add_errback(self._failed, connection, address)
        return connection

    async def _do_bootstrap(self, deadline: float | None) -> bool:
        """Return when a broker has told where all are; raise when each has failed, or *deadline* is over.

        The next one is asked when one fails, or is slow: a dead one of three costs a second at most.
        """
        answered, failed = Future(), 0
        brokers = self.cluster.bootstrap_brokers()

        def succeed(_: Any) -> None:
            if not answered.is_done:
                answered.success(True)

        def fail(error: Exception) -> None:
            nonlocal failed
            failed += 1
            cause = self.failure or error
            # A password is not tried at each of them: so many attempts lock an account.
            if not answered.is_done and (failed == len(brokers) or isinstance(cause, LOGIN_REFUSALS)):
                known = isinstance(cause, kafka_errors.KafkaError)
                answered.failure(cause if known else kafka_errors.KafkaConnectionError(repr(cause)))

        try:
            for broker in brokers:
                asked = self.call_soon(self._ask, broker.node_id, deadline)
                asked.add_callback(succeed)
                asked.add_errback(fail)
                with contextlib.suppress(kafka_errors.KafkaError):
                    await self.wait_for(asked, SLOW_S * 1000)
                if answered.is_done or self.closed:
                    break
            await self.wait_for(answered, None if deadline is None else _left_ms(deadline))
        except kafka_errors.KafkaTimeoutError:
            raise kafka_errors.KafkaTimeoutError(
                "it accepts connections and does not answer in time"
            ) from None
        finally:
            for broker in brokers:
                if connection := self._conns.pop(broker.node_id, None):
                    connection.close(
                        None if connection.connected else kafka_errors.KafkaConnectionError(BY_US)
                    )
        self.cluster.start_refresh_loop()
        return True

    async def _ask(self, node_id: str, deadline: float | None) -> None:
        """Connect to one broker of the list and ask it where all are."""
        await self.get_connection(
            node_id,
            timeout_ms=None if deadline is None else _left_ms(deadline),
            pop_on_close=False,
            refresh_metadata_on_err=False,
        )
        await self.cluster.refresh_metadata(node_id)
        if not self.cluster.brokers():
            raise kafka_errors.KafkaConnectionError("it does not know its cluster yet")

    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> Any:
        try:
            return await super()._build_transport(node, timeout_at=timeout_at)
        except OSError as error:
            raise kafka_errors.KafkaConnectionError(str(error)) from error

    def _failed(self, connection: Any, address: str, error: Exception) -> None:
        if BY_US in str(error):
            return
        if not self.bootstrapped and connection.broker_version_data is not None:
            if self.config["sasl_mechanism"]:
                # It throws away an answer that comes together with the end of the connection.
                error = kafka_errors.SaslAuthenticationFailedError(f"wrong password? ({error})")
            else:
                error = kafka_errors.KafkaConnectionError(
                    "it greets and then ends the connection, as one does that wants a user and password"
                )
        self.failures.pop(address, None)
        self.failures[address] = error


def needs_mending(error: Exception) -> bool:
    """Whether *error* stays until a person has changed a password or certificate."""
    return isinstance(error, LOGIN_REFUSALS) or tls_refusal(error) is not None


def _left_ms(deadline: float) -> float:
    return max(0.0, (deadline - time.monotonic()) * 1000)


class Net:
    """Makes the network client of one producer or admin client, and ends all of it, whatever became of its owner."""

    def __init__(self) -> None:
        quiet("kafka", log, ours=BY_US)
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
    def sockets(self) -> list[Any]:
        """Those of all connections."""
        connections = list(self._made._manager._conns.values()) if self._made else []  # noqa: SLF001 - likewise
        return [each.transport._sock for each in connections if each.transport and each.transport._sock]  # noqa: SLF001 - likewise

    def waits_for_other_than(self, node_ids: Collection[int], over_s: float) -> bool:
        """Whether a broker that is none of *node_ids* has left a request unanswered for so long."""
        now_s = time.monotonic()
        connections = list(self._made._manager._conns.items()) if self._made else []  # noqa: SLF001 - likewise
        return any(
            node_id not in node_ids and requests and now_s - requests[0][2] > over_s
            for node_id, requests in (
                (node_id, list(each.in_flight_requests)) for node_id, each in connections
            )
        )

    @property
    def failure(self) -> Exception | None:
        """Why there is no connection, where that is known."""
        return self._made._manager.failure if self._made else None  # noqa: SLF001 - the library keeps it to itself

    @property
    def failures(self) -> Mapping[str, Exception]:
        """Why which brokers gave no connection, by address."""
        return dict(self._made._manager.failures) if self._made else {}  # noqa: SLF001 - likewise

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
