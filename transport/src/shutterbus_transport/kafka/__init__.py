"""Kafka, by kafka-python 3."""

import hashlib
import logging
import re
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import cast

from shutterbus_runtime.clock import Clock
from shutterbus_runtime.settings import OptionCheck
from shutterbus_transport import BACKLOG_SEND_BUFFER_BYTES, Sending
from shutterbus_transport.broker_list import BrokerList
from shutterbus_transport.client_options import kafka_options
from shutterbus_transport.consuming import Handler, Reader, Subscription
from shutterbus_transport.patterns import TELEMETRY_PATTERN, frames_pattern
from shutterbus_transport.sending import OpenClient
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire import names
from shutterbus_wire.frame import Lane

log = logging.getLogger(__name__)

UNTOLD_LIMIT = (
    "Kafka does not say how large a message to topic %s may be, which takes the right DescribeConfigs on it; a picture that is "
    "too large is set aside when it is refused. SS_MAX_REQUEST_SIZE can say the topic's max.message.bytes instead"
)
API_VERSIONS = 18
"""The request that a broker reads from anybody."""
TELEMETRY_BACK = 128
"""Records of telemetry read at the start: the last status and report, and readings of the last minutes."""


class Kafka:
    """See ``Transport``. Telemetry has one topic, and its records say which kind they are."""

    name = "kafka"
    title = "Kafka"
    several_brokers = True
    reads_together = False
    retains = False

    def default_port(self, *, tls: bool) -> int:
        return 9093 if tls else 9092

    def check_topic(self, topic: str) -> None:
        if not (re.fullmatch(r"[A-Za-z0-9._-]+", topic) and topic.strip(".")):
            raise ValueError(
                "a Kafka topic of letters, digits and . _ - is expected, and {camera} in it if wanted"
            )

    def topic(self, camera: str, kind: str) -> str:
        return names.kafka_topic(camera, "frames" if kind == "frames" else "telemetry")

    def owner(self, topic: str) -> tuple[str, str] | None:
        return names.camera_of_kafka_topic(topic)

    def check_options(self, prefix: str, own: Sequence[str], *, reads: bool) -> OptionCheck:
        import kafka

        client = kafka.KafkaConsumer if reads else kafka.KafkaProducer
        return kafka_options(client.DEFAULT_CONFIG, prefix, own)

    def carry(self, settings: BrokerSettings, topic: str, size_bytes: int, within_s: float) -> None:
        from shutterbus_transport.kafka import roundtrip

        roundtrip.carry(settings, topic, size_bytes, within_s)

    def begin_message(
        self,
        connection: socket.socket,  # noqa: ARG002 (nothing has to be said before)
        settings: BrokerSettings,  # noqa: ARG002 (likewise)
        topic: str,  # noqa: ARG002 (a request of any kind will do)
        size_bytes: int,
    ) -> bytes:
        return struct.pack(">ihhi", size_bytes, API_VERSIONS, 0, 1)

    def open_clients(self, settings: BrokerSettings, sending: Sending) -> Mapping[Lane, OpenClient]:
        from shutterbus_transport.kafka.sending import KafkaClient

        seen: set[str] = set()
        untold: set[str] = set()

        def client(lane: Lane, send_buffer_bytes: int | None) -> KafkaClient:
            opened = KafkaClient(
                settings,
                f"{sending.name}-{lane}",
                sending.frames_topic,
                telemetry_topic=sending.telemetry_topic,
                send_buffer_bytes=send_buffer_bytes,
                seen=seen,
            )
            if opened.limit_bytes is None and sending.frames_topic not in untold:
                untold.add(sending.frames_topic)
                log.warning(UNTOLD_LIMIT, sending.frames_topic)
            return opened

        return {
            "live": lambda: client("live", None),
            "backlog": lambda: client("backlog", BACKLOG_SEND_BUFFER_BYTES),
        }

    def readers(
        self, settings: BrokerSettings, subscription: Subscription, handler: Handler, clock: Clock
    ) -> list[Reader]:
        from shutterbus_transport.kafka.offsets import CommittedOffsets, LastRecords, NewestFrames, Offsets
        from shutterbus_transport.kafka.reader import KafkaReader
        from shutterbus_transport.kafka.unpacking import Unpacking

        readers = []
        brokers = BrokerList(settings.brokers, clock, log)
        patterns = {"frames": frames_pattern(subscription.foreign), "telemetry": TELEMETRY_PATTERN}
        for kind in subscription.kinds:
            offsets: Offsets
            if group := subscription.group:
                offsets = CommittedOffsets(group.of(kind), handler.gap)
            elif subscription.begin == "now":
                offsets = LastRecords(0)
            else:
                offsets = NewestFrames(clock) if kind == "frames" else LastRecords(TELEMETRY_BACK)
            path = subscription.state_dir and subscription.state_dir / _note_name(settings, kind)
            unpacking = Unpacking(path)
            readers.append(
                KafkaReader(settings, kind, patterns[kind], handler, clock, offsets, unpacking, brokers)
            )
        return cast("list[Reader]", readers)


def _note_name(settings: BrokerSettings, kind: str) -> str:
    """Return the name of a reader's note, which is another one for each cluster."""
    cluster = hashlib.sha256(",".join(sorted(settings.addresses)).encode()).hexdigest()[:8]
    return f"unpacking-{kind}-{cluster}.json"


TRANSPORT = Kafka()
