"""Pictures from Kafka: the last live one of each camera at the start, and from then on the newest."""

import logging
from typing import Any

from shutterbus_viewer.consume.kafka import Follower
from shutterbus_viewer.consume.rewind import Rewind

log = logging.getLogger(__name__)

CHECK_S = 0.5
REWIND_GIVEN_UP_S = 10.0
LAG_MAX = 256
"""Records behind the end at which the viewer jumps to it. Catching up would show the past."""


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
