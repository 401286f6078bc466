"""Where the logs of partitions begin and end, by each leader that answers.

kafka-python's own ``beginning_offsets`` and ``end_offsets`` answer for all partitions or for none: one topic without a leader,
or with one that is away, would keep every other from being read.
"""

import time
from collections.abc import Collection
from contextlib import suppress
from typing import Any, NamedTuple

from kafka.errors import KafkaError
from kafka.future import Future
from kafka.protocol.consumer import OffsetSpec

WAIT_MS = 500
"""How long answers are waited for, once. A leader that takes longer is heard when it answers, and keeps nobody waiting."""


class Bound(NamedTuple):
    """The first offset that the log of a partition has, and the one that its next record will have."""

    begin: int
    end: int


class Bounds:
    """Asks the leaders of partitions, by the connections of one consumer."""

    def __init__(self, kafka: Any) -> None:
        self._fetcher = kafka._fetcher  # noqa: SLF001 - what it offers itself is all or nothing
        self._manager = self._fetcher._manager  # noqa: SLF001 - likewise
        self._asked: dict[Any, tuple[int, Future]] = {}

    def of(self, partitions: Collection[Any]) -> dict[Any, Bound]:
        """Return what is known by now. Whoever wants the others asks again."""
        self._asked = {
            partition: (leader, answer)
            for partition, (leader, answer) in self._asked.items()
            if partition in partitions and leader == self._manager.cluster.leader_for_partition(partition)
        }
        if unasked := [partition for partition in partitions if partition not in self._asked]:
            self._asked.update(self._manager.run(self._ask, unasked))
        bounds: dict[Any, Bound] = {}
        for partition, (_, answer) in list(self._asked.items()):
            if answer.is_done:
                del self._asked[partition]
                if answer.succeeded() and partition in answer.value:
                    bounds[partition] = answer.value[partition]
        return bounds

    async def _ask(self, partitions: Collection[Any]) -> dict[Any, tuple[int, Future]]:
        """Ask all leaders at the same time, and wait for them a while."""
        asked: dict[Any, tuple[int, Future]] = {}
        for leader, question in self._by_leader(partitions, OffsetSpec.EARLIEST).items():
            answer = self._manager.call_soon(self._ask_leader, leader, list(question))
            asked.update(dict.fromkeys(question, (leader, answer)))
        until_s = time.monotonic() + WAIT_MS / 1000
        for _, answer in set(asked.values()):
            with suppress(KafkaError):
                await self._manager.wait_for(answer, max(0.0, until_s - time.monotonic()) * 1000)
        return asked

    async def _ask_leader(self, leader: int, partitions: Collection[Any]) -> dict[Any, Bound]:
        ends: dict[Any, Any] = {}
        try:
            begins = await self._offsets(leader, partitions, OffsetSpec.EARLIEST)
            ends = await self._offsets(leader, begins, OffsetSpec.LATEST)
        finally:
            if len(ends) < len(partitions):  # another may lead them by now
                self._manager.cluster.request_update()
        return {partition: Bound(begins[partition].offset, end.offset) for partition, end in ends.items()}

    async def _offsets(self, leader: int, partitions: Collection[Any], which: OffsetSpec) -> dict[Any, Any]:
        """Return those that *leader* tells; nothing of a partition that it does not lead."""
        if not (question := self._by_leader(partitions, which).get(leader)):
            return {}
        offsets, _ = await self._fetcher._send_list_offsets_request(leader, question)  # noqa: SLF001 - likewise
        return dict(offsets)

    def _by_leader(self, partitions: Collection[Any], which: OffsetSpec) -> dict[int, dict[Any, Any]]:
        """Return the question to each leader; the library looks up again those that have none."""
        by_leader = self._fetcher._group_list_offset_requests(dict.fromkeys(partitions, which))  # noqa: SLF001 - likewise
        return dict(by_leader)
