"""Kafka by kafka-python 3, with the settings and the care that its version 3.0 needs.

- It hides why it has no connection, and keeps what has been closed (``library``).
- A topic that does not exist is asked for ten times a second without end, so it is never left in the list of topics.
"""

import logging
import threading
import time
from typing import Any

from kafka import TopicPartition
from kafka import errors as kafka_errors

from shutterbus_transport import socket_options as sockets
from shutterbus_transport.errors import (
    BrokerUnavailableError,
    MessageRefusedError,
    NotAuthorizedError,
    TransportError,
    TransportMisconfiguredError,
)
from shutterbus_transport.kafka import admin, unacknowledged
from shutterbus_transport.kafka.library import Net, Producer
from shutterbus_transport.sending import Done, Outgoing
from shutterbus_transport.settings import BrokerSettings
from shutterbus_transport.upload import Upload
from shutterbus_wire.message import kafka_headers

log = logging.getLogger(__name__)

BOOTSTRAP_TIMEOUT_S = 10.0
TOPIC_TIMEOUT_S = 3.0
"""For a topic that the broker creates when it is asked for; one that exists is known after one answer."""
MUTE_S = 5.0
"""A broker of a topic that another leads has been lost if it left a request unanswered for so long."""
UNKNOWN_AFTER_S = 5.0
"""A restarting broker does not know its topics at once; after so long the topic is gone."""

_REFUSED = (
    kafka_errors.MessageSizeTooLargeError,
    kafka_errors.RecordListTooLargeError,
    kafka_errors.InvalidRecordError,
)
_TOPIC = (
    kafka_errors.AuthorizationError,
    kafka_errors.InvalidTopicError,
    kafka_errors.UnknownTopicOrPartitionError,
    kafka_errors.PolicyViolationError,
    kafka_errors.UnsupportedVersionError,
)


class KafkaClient:
    """One producer. See ``SendingClient``."""

    def __init__(
        self,
        settings: BrokerSettings,
        name: str,
        topic: str,
        *,
        telemetry_topic: str | None = None,
        send_buffer_bytes: int | None = None,
        seen: set[str] | None = None,
    ) -> None:
        """Connect, learn the largest message that *topic* takes, and see that it exists.

        *seen* is shared by the clients of one process: topics that existed. One that is missing for the first time
        may be a broker that has just started.
        *telemetry_topic* may be missing: pictures go without it. *send_buffer_bytes* bounds what the kernel holds
        of this connection, and so what another one has to wait for on the same line.
        """
        self.window: int | None = None
        self._settings = settings
        self._topic = topic
        self._telemetry_topic = telemetry_topic or topic
        self._upload = Upload()
        self._broken: TransportError | None = None
        self._unknown_since_s: float | None = None
        options: dict[str, Any] = {
            "client_id": name,
            "socket_options": sockets.options(send_buffer_bytes),
            "bootstrap_timeout_ms": int(BOOTSTRAP_TIMEOUT_S * 1000),
            # A new leader is found so much later at most.
            "reconnect_backoff_max_ms": 1_000,
        }
        self.limit_bytes = self._ask_limit(options)
        self._net = Net()
        self._producer: Any = None
        try:
            with admin.explained(self._settings, self._net):
                self._producer = Producer(
                    **{**settings.kafka_producer(self.limit_bytes), **options, "kafka_client": self._net}
                )
            seen = set() if seen is None else seen
            if not self._knows(topic, TOPIC_TIMEOUT_S):
                if topic not in seen:
                    raise self._unknown(topic)
                seen.discard(topic)
                raise BrokerUnavailableError(f"{self._where} does not know topic {topic} at the moment")
            seen.add(topic)
            if telemetry_topic:
                self._knows(telemetry_topic, 0.5)
        except TransportError:
            self.close()
            raise

    def send(self, outgoing: Outgoing, done: Done) -> None:
        """See ``SendingClient``."""
        if not self._knows(outgoing.topic, 0.2):
            unknown = self._unknown(outgoing.topic)
            # The topic of the pictures was there when we connected; ``broken`` tells when it is gone for good.
            done(BrokerUnavailableError(str(unknown)) if outgoing.topic == self._topic else unknown)
            return
        message = outgoing.message
        try:
            future = self._producer.send(
                outgoing.topic, message.value, key=outgoing.key, headers=kafka_headers(message)
            )
        except kafka_errors.KafkaError as error:
            done(self._judge(error, outgoing))
            return
        future.add_callback(lambda _: self._taken(outgoing.topic, done))
        future.add_errback(lambda error: done(self._judge(error, outgoing)))

    def broken(self) -> TransportError | None:
        """See ``SendingClient``."""
        if self._broken:
            return self._broken
        self._upload.look(self._net.sockets)
        if not self._producer._sender.is_alive():  # noqa: SLF001 - there is no other way to see it end
            return BrokerUnavailableError("the Kafka client has ended")
        # One broker of several may be set up wrongly for good.
        failure = None if self._net.connected else self._net.failure
        if failure and isinstance(
            explained := admin.explain(self._settings, failure), TransportMisconfiguredError
        ):
            return explained
        if self._producer._metadata.partitions_for_topic(self._topic) is not None:  # noqa: SLF001 - asking aloud waits
            self._unknown_since_s = None
        elif self._unknown_since_s is None:
            self._unknown_since_s = time.monotonic()
        elif time.monotonic() - self._unknown_since_s > UNKNOWN_AFTER_S:
            return self._unknown(self._topic)
        return None

    def unconfirmed(self, topic: str) -> str | None:
        """See ``SendingClient``. A broker that does not answer and leads the topic no more has the connection closed."""
        cluster = self._producer._metadata  # noqa: SLF001 - as above
        unacknowledged.refresh(cluster)
        leaders = {
            cluster.leader_for_partition(TopicPartition(each, 0))
            for each in (topic, self._topic, self._telemetry_topic)
        }
        if leaders - {None, -1} and self._net.waits_for_other_than(leaders, MUTE_S):
            self._broken = BrokerUnavailableError(
                f"the broker that led topic {topic} does not answer, and another leads it now"
            )
        return unacknowledged.cause(
            cluster, topic, self._settings.brokers, self._producer.refusals.get(topic), self._upload
        )

    def close(self) -> None:
        """See ``SendingClient``."""
        producer, self._producer = self._producer, None
        if producer:
            self._net.abort()
            producer.end()
        self._net.close()

    def _taken(self, topic: str, done: Done) -> None:
        self._producer.refusals.pop(topic, None)
        done(None)

    def _ask_limit(self, options: dict[str, Any]) -> int | None:
        """Return the largest message that the topic takes; None if the broker does not tell us."""
        timeouts = {"request_timeout_ms": 10_000}
        with admin.connect(self._settings, BOOTSTRAP_TIMEOUT_S, **{**options, **timeouts}) as client:
            resource = admin.ConfigResource(
                admin.ConfigResourceType.TOPIC, self._topic, ["max.message.bytes"]
            )
            try:
                # Without the filter it tells only what somebody has changed.
                configs = client.describe_configs([resource], config_filter="all")
            except kafka_errors.KafkaError as error:
                raise admin.explain(self._settings, error) from error
        entry = configs.get("topic", {}).get(self._topic, {}).get("max.message.bytes")
        limits = [int(entry["value"])] if entry else []
        if self._settings.max_request_size is not None:
            limits.append(self._settings.max_request_size)
        return min(limits, default=None)

    def _knows(self, topic: str, within_s: float) -> bool:
        """Whether the broker has *topic*, asked at least once and then until *within_s* is over."""
        cluster = self._producer._metadata  # noqa: SLF001 - partitions_for() waits long and asks ten times a second
        if cluster.partitions_for_topic(topic) is not None:
            return True
        deadline_s = time.monotonic() + within_s
        self._producer._sender.add_topic(topic)  # noqa: SLF001 - likewise
        while cluster.partitions_for_topic(topic) is None:
            answered = threading.Event()
            cluster.request_update().add_both(lambda *_, answered=answered: answered.set())
            self._producer._sender.wakeup()  # noqa: SLF001 - likewise
            answered.wait(max(0.05, deadline_s - time.monotonic()))
            if topic in cluster.unauthorized_topics or time.monotonic() > deadline_s:
                break
        if cluster.partitions_for_topic(topic) is not None:
            return True
        if topic != self._topic:
            cluster._topics.discard(topic)  # noqa: SLF001 - it would be asked for ten times a second from now on
        return False

    def _unknown(self, topic: str) -> NotAuthorizedError:
        if topic in self._producer._metadata.unauthorized_topics:  # noqa: SLF001 - as above
            return NotAuthorizedError(
                f"the broker does not let us write to topic {topic}; give this identity the right to"
            )
        return NotAuthorizedError(
            f"the broker has no topic {topic}; create it (shutterbus-broker topics), or name another with SS_TOPIC"
        )

    def _judge(self, error: Exception, outgoing: Outgoing) -> TransportError:
        """Return what *error* means to us; after some of them this producer is of no use."""
        if isinstance(error, _REFUSED):
            size = len(outgoing.message.value)
            # The limit may have been lowered since we asked; the next client asks again.
            self._broken = BrokerUnavailableError(
                "the broker refused a message; connecting again to ask for its limit"
            )
            if isinstance(error, kafka_errors.InvalidRecordError):
                return MessageRefusedError("invalid", f"topic {outgoing.topic} refuses it: {error}")
            limit = f"{self.limit_bytes:,}" if self.limit_bytes else "an unknown number of"
            return MessageRefusedError(
                "over-limit",
                f"its message has {size:,} bytes, more than topic {outgoing.topic} takes ({limit} at last asking)",
            )
        if isinstance(error, kafka_errors.TopicAuthorizationFailedError):
            judged: TransportError = NotAuthorizedError(
                f"the broker does not let us write to topic {outgoing.topic}; give this identity the right to"
            )
        elif isinstance(error, _TOPIC):
            judged = TransportMisconfiguredError(
                f"the broker refuses messages to topic {outgoing.topic}: {error}"
            )
        else:
            judged = BrokerUnavailableError(f"Kafka did not take it: {error}")
        if outgoing.topic == self._topic:
            self._broken = judged
        return judged

    @property
    def _where(self) -> str:
        return ", ".join(self._settings.addresses)
