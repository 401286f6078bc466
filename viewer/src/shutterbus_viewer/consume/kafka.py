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
from typing import Any

from kafka.errors import CorruptRecordError, KafkaError, KafkaTimeoutError, UnsupportedCodecError

from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.consume.intake import Intake
from shutterbus_viewer.consume.kafka_client import Connection, LastWords
from shutterbus_viewer.consume.rewind import Rewind
from shutterbus_wire.broker import BrokerSettings
from shutterbus_wire.clock import Clock
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.message import Arrival, arrival_from_kafka
from shutterbus_wire.names import camera_of_kafka_topic
from shutterbus_wire.outage import Outage

log = logging.getLogger(__name__)

POLL_MS = 250
OFFSETS_TIMEOUT_MS = 3_000
RETRY_S = 1.0
AWAY_S = 1.0
"""How long no broker may be connected before that is an outage: an idle connection is closed and opened again."""

CHECK_S = 0.5
REWIND_GIVEN_UP_S = 10.0
LAG_MAX = 256
"""Records behind the end at which the viewer jumps to it. Catching up would show the past."""

TELEMETRY_BACK = 128
"""Records of telemetry read at the start: the last status and report, and readings of the last minutes."""

FAILURES_IN_A_ROW = 20

UNREADABLE = (
    CorruptRecordError,
    UnsupportedCodecError,
    struct.error,
    zlib.error,
    EOFError,
    ValueError,
    LookupError,
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
            except (KafkaError, OSError) as error:
                self._away(f"{type(error).__name__}: {error}")
                self._clock.wait(RETRY_S, self._end)
            finally:
                self._known.clear()
                self._forget()
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
            except UNREADABLE as error:
                failures += 1
                if failures > FAILURES_IN_A_ROW * 10 or not self._skip(consumer, error):
                    raise KafkaError(f"cannot read on: {error}") from error
                continue
            except KafkaError as error:
                failures += 1
                if failures > FAILURES_IN_A_ROW:
                    raise
                log.warning("Kafka (%s): %s", self.kind, error)
                self._clock.wait(RETRY_S, self._end)
                continue
            failures = 0
            for partition, records in batch.items():
                if partition in self._known:
                    self._take(consumer, partition, records)
            self._after_poll(consumer)

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
        if records is None:
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


class PictureFollower(Follower):
    """Shows the last picture of each camera, then every newer one."""

    kind = "pictures"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._rewinds: dict[Any, tuple[Rewind, float]] = {}
        self._checked_s = 0.0

    def _start(self, consumer: Any, partition: Any, begin: int, end: int) -> None:
        rewind = Rewind(begin, end)
        consumer.seek(partition, rewind.start)
        if rewind.found:
            self._rewinds.pop(partition, None)
        else:
            self._rewinds[partition] = rewind, self._clock.monotonic_s()

    def _take(self, consumer: Any, partition: Any, records: list[Any]) -> None:
        rewind, _ = self._rewinds.get(partition, (None, 0.0))
        wanted = [record for record in records if rewind is None or rewind.wants(record.offset)]
        for offset, arrival, age_s in self._arrivals(wanted, self._known[partition]):
            frame = self._intake.picture(arrival, age_s)
            if rewind:
                rewind.seen(offset, live=frame is not None and frame.lane != "backlog")
        if rewind:
            rewind.seen(records[-1].offset, live=False)
        else:
            self._jump(consumer, partition, records[-1].offset)

    def _jump(self, consumer: Any, partition: Any, offset: int) -> None:
        end = consumer.highwater(partition)
        if end is not None and end - offset > LAG_MAX:
            log.info("%s: %d records behind, going to the newest", partition.topic, end - offset)
            self._known[partition] = end
            self._start(consumer, partition, offset, end)

    def _after_poll(self, consumer: Any) -> None:
        if not self._rewinds:
            return
        now_s = self._clock.monotonic_s()
        if now_s - self._checked_s >= CHECK_S:
            self._checked_s = now_s
            self._check(consumer, now_s)
        for partition, (rewind, _) in list(self._rewinds.items()):
            if rewind.complete:
                if rewind.step():
                    consumer.seek(partition, rewind.start)
                else:
                    self._live(consumer, partition, rewind)

    def _check(self, consumer: Any, now_s: float) -> None:
        """Look after partitions whose records do not come: offsets may hold markers, or nothing any more."""
        assigned = consumer.assignment()
        for partition, (rewind, since_s) in list(self._rewinds.items()):
            if partition not in assigned:
                del self._rewinds[partition]
            elif now_s - since_s > REWIND_GIVEN_UP_S:
                self._live(consumer, partition, rewind)
            else:
                position = consumer.position(partition, timeout_ms=0)
                rewind.seen((position or 0) - 1, live=False)

    def _live(self, consumer: Any, partition: Any, rewind: Rewind) -> None:
        del self._rewinds[partition]
        consumer.seek(partition, rewind.end)

    def _skipped(self, partition: Any, offset: int) -> None:
        if partition in self._rewinds:
            self._rewinds[partition][0].seen(offset, live=False)

    def _forget(self) -> None:
        self._rewinds.clear()
