"""Where reading of a partition begins, and how far it has been acknowledged: the policies of a Kafka reader.

=================  ==============================  ================================
policy             begins at                       acknowledges
=================  ==============================  ================================
``LastRecords``    some records before the end     nothing: it has no group
``NewestFrames``   the last live frame (Rewind)    nothing: it has no group
``CommittedOffsets``  what its group committed     what the handler is finished with
=================  ==============================  ================================
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from kafka import OffsetAndMetadata
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError

from shutterbus_runtime.clock import Clock
from shutterbus_transport.consuming import Delivery, Gap, Group
from shutterbus_transport.kafka.consumer import topic_id
from shutterbus_transport.kafka.rewind import Rewind
from shutterbus_wire.names import camera_of_kafka_topic

log = logging.getLogger(__name__)

CHECK_S = 0.5
REWIND_GIVEN_UP_S = 10.0
LAG_MAX = 256
"""Records behind the end at which a reader of the newest jumps to it. Catching up would show the past."""

OFFSETS_TIMEOUT_MS = 3_000
SESSION_TIMEOUT_MS = 10_000
"""A member that died and comes back within this time takes up where it was; with the default nothing is read for 45 s."""
HEARTBEAT_INTERVAL_MS = 1_000
"""Members learn of a rebalance by their heartbeats, and one that restarts in the middle of it waits for all of them."""

Deliver = Callable[[Sequence[Any]], Iterable[tuple[int, bool]]]
"""Hands records to the handler; yields offset and usability of each."""


class Offsets(ABC):
    """A policy; one object serves one reader, over all its connections."""

    def options(self) -> dict[str, Any]:
        """Return further arguments for the consumer."""
        return {}

    @abstractmethod
    def assigned(self, consumer: Any, begins: Mapping[Any, int], ends: Mapping[Any, int]) -> None:
        """Seek in each new partition to where reading begins."""

    def take(self, _consumer: Any, _partition: Any, records: Sequence[Any], deliver: Deliver) -> None:
        """Pass on what is wanted of *records*."""
        for _ in deliver(records):
            pass

    def turn(self, consumer: Any) -> None:  # noqa: B027 (not every policy has a use for it)
        """Do what is due between polls."""

    def skipped(self, partition: Any, offset: int) -> None:  # noqa: B027 (not every policy has a use for it)
        """Take note that nothing can be read at *offset*."""

    def lost(self, partitions: Iterable[Any]) -> None:  # noqa: B027 (not every policy has a use for it)
        """Forget partitions that are no longer ours."""

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:  # noqa: B027 (not every policy has a use for it)
        """Take note that *deliveries* are finished; the next turn commits it."""

    def finished(self, _partition: Any) -> int | None:
        """Return the offset below which a partition is finished; None where nothing is acknowledged."""
        return None

    def flush(self, consumer: Any) -> None:  # noqa: B027 (not every policy has a use for it)
        """Wait until what was acknowledged is committed; reading ends."""


class LastRecords(Offsets):
    """Begins *back* records before the end."""

    def __init__(self, back: int) -> None:
        self._back = back

    def assigned(self, consumer: Any, begins: Mapping[Any, int], ends: Mapping[Any, int]) -> None:
        for partition, end in ends.items():
            consumer.seek(partition, max(begins[partition], end - self._back))


class NewestFrames(Offsets):
    """Finds the last live frame of each camera, then reads on from the end; falls never more than a little behind."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rewinds: dict[Any, tuple[Rewind, float]] = {}
        self._checked_s = 0.0

    def assigned(self, consumer: Any, begins: Mapping[Any, int], ends: Mapping[Any, int]) -> None:
        for partition, end in ends.items():
            self._start(consumer, partition, begins[partition], end)

    def take(self, consumer: Any, partition: Any, records: Sequence[Any], deliver: Deliver) -> None:
        rewind, _ = self._rewinds.get(partition, (None, 0.0))
        if rewind is None:
            for _ in deliver(records):
                pass
            self._jump(consumer, partition, records[-1].offset)
            return
        for offset, live in deliver([record for record in records if rewind.wants(record.offset)]):
            rewind.seen(offset, live=live)
        rewind.seen(records[-1].offset, live=False)

    def turn(self, consumer: Any) -> None:
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

    def skipped(self, partition: Any, offset: int) -> None:
        if partition in self._rewinds:
            self._rewinds[partition][0].seen(offset, live=False)

    def lost(self, partitions: Iterable[Any]) -> None:
        for partition in partitions:
            self._rewinds.pop(partition, None)

    def _start(self, consumer: Any, partition: Any, begin: int, end: int) -> None:
        rewind = Rewind(begin, end)
        consumer.seek(partition, rewind.start)
        if rewind.satisfied:
            self._rewinds.pop(partition, None)
        else:
            self._rewinds[partition] = rewind, self._clock.monotonic_s()

    def _jump(self, consumer: Any, partition: Any, offset: int) -> None:
        end = consumer.highwater(partition)
        if end is not None and end - offset > LAG_MAX:
            log.info("%s: %d records behind, going to the newest", partition.topic, end - offset)
            self._start(consumer, partition, offset, end)

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


class Progress:
    """How far one partition has been delivered and acknowledged.

    Attributes:
        next: The offset to be delivered next.
        committed: Up to where that was committed last, or is being.
        made: The id of its topic: offsets mean something in that one alone.
    """

    def __init__(self, start: int, made: str) -> None:
        self.next = self.committed = start
        self.made = made
        self._waiting: dict[int, None] = {}

    def delivered(self, offset: int) -> None:
        """Note that the record at *offset* went to the handler; offsets only grow."""
        self._waiting[offset] = None
        self.next = offset + 1

    def acknowledged(self, offset: int) -> None:
        """Note that it need not come again."""
        self._waiting.pop(offset, None)

    @property
    def committable(self) -> int:
        """Everything below this offset is finished."""
        return next(iter(self._waiting), self.next)


class CommittedOffsets(Offsets):
    """Begins where the group has committed, commits what the handler acknowledges, and reports what it missed."""

    def __init__(self, group: Group, gap: Callable[[Gap], None]) -> None:
        self._group = group
        self._gap = gap
        self._progress: dict[Any, Progress] = {}
        self._touched: set[Any] = set()
        self._commit: Any = None

    def options(self) -> dict[str, Any]:
        return {
            "group_id": self._group.name,
            # A static member: known again after a restart, without a rebalance.
            "group_instance_id": self._group.member,
            # With the library's default assignors a second member of one-partition topics gets nothing.
            "partition_assignment_strategy": (CooperativeStickyAssignor,),
            "session_timeout_ms": SESSION_TIMEOUT_MS,
            "heartbeat_interval_ms": HEARTBEAT_INTERVAL_MS,
            "auto_offset_reset": "earliest",
        }

    def assigned(self, consumer: Any, begins: Mapping[Any, int], ends: Mapping[Any, int]) -> None:
        # All in one request: ``committed`` asks for each by itself.
        committed = consumer._coordinator.fetch_committed_offsets(  # noqa: SLF001
            set(begins), timeout_ms=OFFSETS_TIMEOUT_MS
        )
        for partition, begin in begins.items():
            commit, made = committed.get(partition), topic_id(consumer, partition.topic)
            if commit is not None and made and commit.metadata not in {"", made}:
                log.info("%s was made anew: it is read from its beginning", partition.topic)
                commit = None
            start = begin if commit is None or commit.offset > ends[partition] else max(begin, commit.offset)
            if commit is not None and commit.offset < begin:
                self._missed(partition, commit.offset, begin)
            self._progress[partition] = Progress(start, made)
            consumer.seek(partition, start)

    def take(self, consumer: Any, partition: Any, records: Sequence[Any], deliver: Deliver) -> None:
        progress = self._progress[partition]
        if records[0].offset > progress.next:
            # Transaction markers take offsets too; only what is below the beginning of the log is gone.
            begin = consumer.beginning_offsets([partition], timeout_ms=OFFSETS_TIMEOUT_MS)[partition]
            if begin > progress.next:
                self._missed(partition, progress.next, min(begin, records[0].offset))
        for record in records:
            progress.delivered(record.offset)
        for _ in deliver(records):
            pass

    def skipped(self, partition: Any, offset: int) -> None:
        if partition in self._progress:
            self._progress[partition].delivered(offset)

    def lost(self, partitions: Iterable[Any]) -> None:
        for partition in partitions:
            self._progress.pop(partition, None)
            self._touched.discard(partition)

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            partition, offset, _ = delivery.receipt or (None, 0, 0)
            progress = self._progress.get(partition)
            if progress and progress.made == delivery.arrival.topic_id:
                progress.acknowledged(offset)
                self._touched.add(partition)

    def finished(self, partition: Any) -> int | None:
        progress = self._progress.get(partition)
        return progress.committable if progress else None

    def turn(self, consumer: Any) -> None:
        # One at a time: the library fails those that find its connection busy.
        if self._touched and (self._commit is None or self._commit.is_done):
            offsets = self._finished(self._touched)
            self._touched.clear()
            if offsets:
                self._commit = consumer.commit_async(offsets, callback=self._answered)

    def _finished(self, partitions: Iterable[Any]) -> dict[Any, OffsetAndMetadata]:
        """Return how far each of *partitions* is finished, where that is further than was committed."""
        offsets = {}
        for partition in partitions:
            progress = self._progress.get(partition)
            if progress and progress.committable > progress.committed:
                progress.committed = progress.committable
                offsets[partition] = OffsetAndMetadata(progress.committed, progress.made, -1)
        return offsets

    def _answered(self, offsets: Mapping[Any, Any], answer: Any) -> None:
        if isinstance(answer, Exception):
            log.warning("offsets of %d topics are not committed yet: %s", len(offsets), answer)
            for partition in offsets.keys() & self._progress.keys():
                self._progress[partition].committed = -1
                self._touched.add(partition)

    def flush(self, consumer: Any) -> None:
        if offsets := self._finished(self._touched):
            try:
                consumer.commit(offsets, timeout_ms=OFFSETS_TIMEOUT_MS)
            except KafkaError as error:  # they come again
                log.warning("the last offsets of %s are not committed: %s", self._group.name, error)

    def _missed(self, partition: Any, first: int, end: int) -> None:
        named = camera_of_kafka_topic(partition.topic)
        gap = Gap("kafka", partition.topic, named[0] if named else None, first, end - 1)
        log.warning(
            "%s: %d messages (%d to %d) were deleted before they were read",
            gap.topic, gap.count, gap.first, gap.last,
        )  # fmt: skip
        self._gap(gap)
