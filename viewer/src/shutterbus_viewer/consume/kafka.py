"""Kafka: every instance of the viewer sees everything, from the last picture of each camera on.

There is no consumer group. Partitions are assigned by pattern from metadata that is never older than two
seconds, so a new camera appears by itself. Pictures and telemetry have a consumer each: a wall of large
pictures does not hold up the word that a camera is offline.
"""

import logging
import struct
import threading
import zlib
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from kafka.errors import CorruptRecordError, KafkaError, KafkaTimeoutError, UnsupportedCodecError

from shutterbus_runtime.clock import Clock
from shutterbus_runtime.outage import Outage
from shutterbus_transport.settings import BrokerSettings
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.consume.intake import Intake
from shutterbus_viewer.consume.kafka_client import Connection, LastWords
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.message import Arrival, arrival_from_kafka
from shutterbus_wire.names import camera_of_kafka_topic

log = logging.getLogger(__name__)

POLL_MS = 250
OFFSETS_TIMEOUT_MS = 3_000
RETRY_S = 1.0
AWAY_S = 1.0
"""How long no broker may be connected before that is an outage: an idle connection is closed and opened again."""

TELEMETRY_BACK = 128
"""Records of telemetry read at the start: the last status and report, and readings of the last minutes."""

FAILURES_IN_A_ROW = 20
SAY_INTERVAL_S = 60.0

UNREADABLE = (
    CorruptRecordError,
    UnsupportedCodecError,
    struct.error,
    zlib.error,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    NotImplementedError,
)
"""What kafka-python raises over a batch that it cannot read: at the same place for ever, unless one seeks past."""


class Follower(threading.Thread):
    """Follows the topics that match *pattern* until ``stop``, whatever the brokers do."""

    kind = "telemetry"

    def __init__(
        self, settings: BrokerSettings, pattern: str, intake: Intake, cameras: Cameras, clock: Clock
    ) -> None:
        super().__init__(name=f"kafka-{self.kind}", daemon=True)
        self._settings = settings
        self._pattern = pattern
        self._intake = intake
        self._cameras = cameras
        self._clock = clock
        self._end = threading.Event()
        self._known: dict[Any, int] = {}
        self._words = LastWords.listen()
        self._outage = Outage(f"Kafka at {', '.join(settings.addresses)} ({self.kind})", clock, log)
        self._away_since_s: float | None = None
        self._said: dict[str, float] = {}
        self.connected = False

    def stop(self) -> None:
        """End soon; ``join`` to wait for it."""
        self._end.set()

    def run(self) -> None:
        while not self._end.is_set():
            try:
                connection = Connection(self._options())
            except (KafkaError, OSError) as error:
                self._away(self._words.text or str(error))
                self._clock.wait(RETRY_S, self._end)
                continue
            try:
                connection.consumer.subscribe(pattern=self._pattern)
                self._follow(connection)
            except (KafkaError, OSError, *UNREADABLE) as error:
                self._away(f"{type(error).__name__}: {error}")
                self._clock.wait(RETRY_S, self._end)
            finally:
                self._known.clear()
                self._forget()
                with suppress(KafkaError, OSError):
                    connection.close()

    def _options(self) -> dict[str, Any]:
        return {
            **self._settings.kafka_consumer(),
            "reconnect_backoff_max_ms": 1_000,  # the page has to be live again soon after the broker is
        }

    def _follow(self, connection: Connection) -> None:
        consumer = connection.consumer
        failures = 0
        while not self._end.is_set():
            self._notice_connection(connection)
            self._notice_partitions(consumer)
            try:
                batch = consumer.poll(timeout_ms=POLL_MS)
            except (KafkaError, *UNREADABLE) as error:
                failures += 1
                if isinstance(error, UNREADABLE) and self._skip(consumer, error):
                    continue
                if failures > FAILURES_IN_A_ROW:
                    raise KafkaError(f"cannot read on: {error}") from error
                self._say(f"{type(error).__name__}: {error}")
                self._clock.wait(RETRY_S, self._end)
                continue
            failures = 0
            for partition, records in batch.items():
                if partition in self._known:
                    self._take(consumer, partition, records)
            self._after_poll(consumer)

    def _say(self, reason: str) -> None:
        """Log *reason* unless it was said within the last minute."""
        now_s = self._clock.monotonic_s()
        if now_s - self._said.get(reason, -SAY_INTERVAL_S) >= SAY_INTERVAL_S:
            self._said = {reason: now_s}
            log.warning("Kafka (%s): %s", self.kind, reason)

    def _notice_connection(self, connection: Connection) -> None:
        now_s = self._clock.monotonic_s()
        if connection.connected:
            self._away_since_s = None
            self.connected = True
            self._outage.worked()
            self._cameras.outage(self.name, "", of="kafka")
        elif self._away_since_s is None:
            self._away_since_s = now_s
        elif now_s - self._away_since_s >= AWAY_S:
            self._away(self._words.text or "no broker is connected")

    def _away(self, reason: str) -> None:
        self.connected = False
        self._outage.failed(reason)
        where = ", ".join(self._settings.addresses)
        self._cameras.outage(self.name, f"Kafka at {where} cannot be reached: {reason}", of="kafka")

    def _notice_partitions(self, consumer: Any) -> None:
        assigned = consumer.assignment()
        for gone in self._known.keys() - assigned:
            del self._known[gone]
        new = [partition for partition in assigned if partition not in self._known]
        if not new:
            return
        named = (camera_of_kafka_topic(partition.topic) for partition in new)
        self._cameras.claim({one[0] for one in named if one})
        try:
            begins = consumer.beginning_offsets(new, timeout_ms=OFFSETS_TIMEOUT_MS)
            ends = consumer.end_offsets(new, timeout_ms=OFFSETS_TIMEOUT_MS)
        except KafkaTimeoutError:
            return  # no leader yet: asked again at the next turn
        for partition in new:
            try:
                self._start(consumer, partition, begins[partition], ends[partition])
            except ValueError:
                continue  # deleted in this moment
            self._known[partition] = ends[partition]

    def _skip(self, consumer: Any, error: Exception) -> bool:
        """Go past what cannot be read; False if it is not known where that is."""
        # Only the fetcher knows which partition it was at; without a seek its next poll would never return.
        records = consumer._fetcher._next_partition_records  # noqa: SLF001
        if not records:
            return False
        partition = records.topic_partition
        if partition in consumer.assignment():
            offset = consumer.position(partition, timeout_ms=OFFSETS_TIMEOUT_MS)
            self._intake.refuse(
                "kafka", partition.topic, "corrupt-batch", f"{error} (skipped offset {offset})"
            )
            consumer.seek(partition, offset + 1)
            self._skipped(partition, offset)
        return True

    def _arrivals(self, records: Iterable[Any], end: int) -> Iterable[tuple[int, Arrival, float]]:
        """Yield offset, arrival and age of each record that can be read."""
        for record in records:
            now_us = self._clock.utc_us()
            # The broker's time is worth something; a producer's only for what was there before us.
            dated = record.timestamp_type == 1 or record.offset < end
            age_s = max(0.0, now_us / 1e6 - record.timestamp / 1e3) if dated and record.timestamp > 0 else 0.0
            try:
                arrival = arrival_from_kafka(
                    record.topic, record.partition, record.offset, record.headers or (), record.value, now_us
                )
            except MalformedError as error:
                self._intake.refuse("kafka", record.topic, error.reason, str(error))
                continue
            yield record.offset, arrival, age_s

    def _start(self, consumer: Any, partition: Any, begin: int, end: int) -> None:
        consumer.seek(partition, max(begin, end - TELEMETRY_BACK))

    def _take(self, _consumer: Any, partition: Any, records: list[Any]) -> None:
        for _, arrival, age_s in self._arrivals(records, self._known[partition]):
            self._intake.record(arrival, age_s)

    def _after_poll(self, consumer: Any) -> None:
        """Do what is due between polls."""

    def _skipped(self, partition: Any, offset: int) -> None:
        """Note that nothing can be read at *offset*."""

    def _forget(self) -> None:
        """Forget what belonged to a consumer that is closed."""
