"""Reads Kafka: topics by pattern, new cameras within two seconds, one bad batch never more than itself.

With a group, members share the partitions; without one, every reader sees everything. Where reading of a partition
begins and what is committed is the business of ``offsets``.
"""

import itertools
import logging
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from kafka.errors import CorruptRecordError, KafkaError, KafkaTimeoutError, UnsupportedCodecError

from shutterbus_runtime.clock import Clock
from shutterbus_runtime.outage import Outage
from shutterbus_transport.broker_list import BrokerList
from shutterbus_transport.consuming import MISTAKES, Delivery, Handler
from shutterbus_transport.kafka.availability import Availability, Lack, ask_least
from shutterbus_transport.kafka.bounds import Bound
from shutterbus_transport.kafka.consumer import Consumer, topic_id
from shutterbus_transport.kafka.offsets import OFFSETS_TIMEOUT_MS, Offsets
from shutterbus_transport.kafka.unpacking import PoisonBatchError, Unpacking
from shutterbus_transport.reader_thread import ReaderThread
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.message import Arrival, arrival_from_kafka
from shutterbus_wire.names import camera_of_kafka_topic

log = logging.getLogger(__name__)

POLL_MS = 250
LOOK_S = 1.0
RETRY_S = 1.0
AWAY_S = 1.0
"""How long no broker may be connected before that is an outage: an idle connection is closed and opened again."""

FAILURES_IN_A_ROW = 20
SAY_INTERVAL_S = 60.0
LOG_APPEND_TIME = 1
NOTHING = Bound(0, 0)

UNREADABLE = (
    CorruptRecordError,
    PoisonBatchError,
    UnsupportedCodecError,
    struct.error,
    *MISTAKES,
    NotImplementedError,
)
"""What kafka-python raises over a batch that it cannot read: at the same place each time, unless one seeks past."""


_connections = itertools.count(1)
"""Numbers the connections of this process, so that a receipt tells which of them brought it."""


class KafkaReader(ReaderThread):
    """See ``Reader``. Frames and telemetry have a reader each: a wall of large pictures holds up no status."""

    def __init__(
        self,
        settings: BrokerSettings,
        kind: Literal["frames", "telemetry"],
        pattern: str,
        handler: Handler,
        clock: Clock,
        offsets: Offsets,
        unpacking: Unpacking,
        brokers: BrokerList,
    ) -> None:
        where = f"Kafka at {', '.join(settings.addresses)}"
        outage = Outage(f"{where} ({kind})", clock, log)
        super().__init__(f"kafka-{kind}", "kafka", where, handler, clock, outage)
        self._settings = settings
        self._kind = kind
        self._pattern = pattern
        self._offsets = offsets
        self._unpacking = unpacking
        self._brokers = brokers
        self._availability = Availability(clock, partial(ask_least, settings))
        self._lacking = {lack: Outage(f"{where} ({kind}), {lack.value}", clock, log) for lack in Lack}
        self._look_at_s = float("-inf")
        self._connection = 0
        self._ends: dict[Any, int] = {}
        self._made: dict[Any, str] = {}
        self._away_since_s: float | None = None
        self._said: dict[str, float] = {}

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        self._offsets.acknowledge(
            delivery
            for delivery in deliveries
            if delivery.receipt and delivery.receipt[2] == self._connection
        )

    def run(self) -> None:
        while not self._end.is_set():
            self._brokers.look()  # names what is away; the consumer takes the first that answers
            try:
                consumer = Consumer(self._settings, self._offsets.options())
            except (KafkaError, OSError) as error:
                self._note_away(str(error))
                self._idle(RETRY_S)
                continue
            self._connection = next(_connections)
            self._unpacking.watch(consumer.kafka)
            try:
                consumer.kafka.subscribe(pattern=self._pattern)
                self._follow(consumer)
            except (KafkaError, OSError, *UNREADABLE) as error:
                self._note_away(f"{type(error).__name__}: {error}")
                self._idle(RETRY_S)
            finally:
                self._offsets.lost(self._ends)
                self._ends.clear()
                self.lag = {}
                with suppress(KafkaError, OSError):
                    consumer.close()
        self._unpacking.close()

    def _follow(self, consumer: Consumer) -> None:
        kafka = consumer.kafka
        failures = 0
        while not self._end.is_set():
            self._notice_connection(consumer)
            self._notice_partitions(consumer)
            if (now_s := self._clock.monotonic_s()) >= self._look_at_s:
                self._look_at_s = now_s + LOOK_S
                self._notice_lacking(consumer)
                self._notice_lag(consumer)
            self._hold(kafka)
            try:
                batch = kafka.poll(timeout_ms=POLL_MS)
                self._unpacking.done()
            except (KafkaError, *UNREADABLE) as error:
                failures += 1
                if isinstance(error, UNREADABLE) and self._skip(kafka, error):
                    continue
                if failures > FAILURES_IN_A_ROW:
                    raise KafkaError(f"cannot read on: {error}") from error
                self._say(f"{type(error).__name__}: {error}")
                self._idle(RETRY_S)
                continue
            failures = 0
            consumer.expect_more(soon=bool(batch))
            for partition, records in batch.items():
                if partition not in self._ends or self._is_made_anew(kafka, partition):
                    continue  # it is read from where its policy says, in the next turn
                if self._paused.is_set():
                    kafka.seek(partition, records[0].offset)  # a rebalance has resumed it
                else:
                    self._offsets.take(
                        kafka,
                        partition,
                        records,
                        partial(self._deliver, partition),
                    )
            self._handler.turn(more=bool(batch))
            self._offsets.turn(kafka)
        self._handler.turn(more=False)
        self._offsets.flush(kafka)

    def _hold(self, kafka: Any) -> None:
        """Make what is paused agree with what was asked for; a rebalance forgets it."""
        if not self._paused.is_set():
            if paused := kafka.paused():
                kafka.resume(*paused)
        elif running := kafka.assignment() - kafka.paused():
            kafka.pause(*running)

    def _say(self, reason: str) -> None:
        """Log *reason* unless it was said within the last minute."""
        now_s = self._clock.monotonic_s()
        if now_s - self._said.get(reason, -SAY_INTERVAL_S) >= SAY_INTERVAL_S:
            self._said = {reason: now_s}
            log.warning("Kafka (%s): %s", self._kind, reason)

    def _notice_connection(self, consumer: Consumer) -> None:
        now_s = self._clock.monotonic_s()
        if consumer.connected:
            self._away_since_s = None
            self._note_connected()
        elif self._away_since_s is None:
            self._away_since_s = now_s
        elif now_s - self._away_since_s >= AWAY_S:
            self._note_away(consumer.failure or "no broker is connected")

    def _notice_lacking(self, consumer: Consumer) -> None:
        """Say what our topics lack, once, and when they have it again."""
        lacking = self._availability.look(consumer.states(consumer.kafka.assignment()))
        for lack in Lack:
            sentence, topics = lacking.get(lack, ("", ()))
            outage = self._lacking[lack]
            if sentence:
                outage.failed(sentence)
            elif outage.reason:
                outage.succeeded()
            else:
                continue
            cameras = {owner[0] for topic in topics if (owner := camera_of_kafka_topic(topic))}
            self._handler.lacking(f"{self.name}: {lack.value}", "kafka", sentence, cameras)

    def _notice_lag(self, consumer: Consumer) -> None:
        lag: dict[str, int] = {}
        # While it reads, each answer tells where a log ends.
        bounds = consumer.bounds(self._ends) if self._paused.is_set() else {}
        for partition, end in self._ends.items():
            finished = self._offsets.finished(partition)
            if finished is None:
                continue
            with suppress(KafkaError):  # taken from us in this moment
                known_end = max(
                    end, consumer.kafka.highwater(partition) or 0, bounds.get(partition, NOTHING).end
                )
                lag[partition.topic] = lag.get(partition.topic, 0) + max(0, known_end - finished)
        self.lag = lag

    def _notice_partitions(self, consumer: Consumer) -> None:
        kafka = consumer.kafka
        assigned = kafka.assignment()
        # The library takes a topic that was made anew for one that lost its end, and would pass over its beginning.
        remade = set()
        if self._clock.monotonic_s() >= self._look_at_s:
            remade = {partition for partition in self._ends if self._is_made_anew(kafka, partition)}
        gone = (self._ends.keys() - assigned) | remade
        for partition in gone:
            del self._ends[partition]
        self._offsets.lost(gone)
        new = [partition for partition in assigned if partition not in self._ends]
        if not new:
            return
        named = (camera_of_kafka_topic(partition.topic) for partition in new)
        self._handler.cameras({camera_and_kind[0] for camera_and_kind in named if camera_and_kind})
        self._made.update({partition: topic_id(kafka, partition.topic) for partition in new})
        # Whose leader has not told yet is asked again at the next turn, and keeps nobody waiting.
        bounds = consumer.bounds(new)
        if not bounds:
            return
        begins = {partition: bound.begin for partition, bound in bounds.items()}
        ends = {partition: bound.end for partition, bound in bounds.items()}
        with suppress(KafkaTimeoutError):  # what the group has committed is not known yet: likewise
            self._offsets.assigned(kafka, begins, ends)
            self._ends.update(ends)

    def _is_made_anew(self, kafka: Any, partition: Any) -> bool:
        return topic_id(kafka, partition.topic) not in {"", self._made[partition]}

    def _skip(self, kafka: Any, error: Exception) -> bool:
        """Go past what cannot be read; False if it is not known where that is."""
        # Only the fetcher knows which partition it was at; without a seek its next poll would never return.
        records = kafka._fetcher._next_partition_records  # noqa: SLF001
        if not records:
            return False
        partition = records.topic_partition
        if partition in kafka.assignment():
            first = kafka.position(partition, timeout_ms=OFFSETS_TIMEOUT_MS)
            # What is behind it in its batch cannot be found.
            last = max(first, self._unpacking.end_of(partition.topic, partition.partition) - 1)
            kafka.seek(partition, last + 1)
            self._offsets.skipped(partition, last)
            where, made = (partition.partition, last), self._made.get(partition, "")
            now_us = self._clock.utc_us()
            arrival = Arrival("kafka", partition.topic, b"", {}, None, where, now_us, topic_id=made)
            skipped = f"offset {last}" if first == last else f"offsets {first} to {last}"
            reason = "poison-batch" if isinstance(error, PoisonBatchError) else "corrupt-batch"
            self._handler.refused(
                Delivery(arrival, receipt=(partition, last, self._connection)),
                reason,
                f"{error} (skipped {skipped})",
            )
        return True

    def _deliver(self, partition: Any, records: Sequence[Any]) -> Iterator[tuple[int, bool]]:
        """Hand each record to the handler; yield its offset, and whether it is a frame from now."""
        for record in records:
            delivery = self._delivery(partition, record)
            yield record.offset, delivery is not None and self._hand_over(delivery)

    def _hand_over(self, delivery: Delivery) -> bool:
        if self._kind == "telemetry":
            self._handler.telemetry(delivery)
            return False
        return self._handler.frame(delivery) and delivery.arrival.attributes.get("lane") != "backlog"

    def _delivery(self, partition: Any, record: Any) -> Delivery | None:
        now_us, made = self._clock.utc_us(), self._made[partition]
        stored = record.timestamp_type == LOG_APPEND_TIME
        # The broker's time is worth something; a producer's only for what was there before us.
        before_us = record.offset < self._ends[partition]
        dated = record.timestamp > 0 and (stored or before_us)
        age_s = max(0.0, now_us / 1e6 - record.timestamp / 1e3) if dated else 0.0
        broker_time_us = record.timestamp * 1_000 if stored and record.timestamp > 0 else None
        receipt = (partition, record.offset, self._connection)
        try:
            arrival = arrival_from_kafka(
                record.topic,
                record.partition,
                record.offset,
                record.headers or (),
                record.value,
                now_us,
                made,
            )
        except MalformedError as error:
            where = (record.partition, record.offset)
            bare = Arrival("kafka", record.topic, record.value or b"", {}, None, where, now_us, topic_id=made)
            self._handler.refused(Delivery(bare, age_s, broker_time_us, receipt), error.reason, str(error))
            return None
        if before_us and not dated:
            arrival = replace(arrival, retained=True)
        return Delivery(arrival, age_s, broker_time_us, receipt)
