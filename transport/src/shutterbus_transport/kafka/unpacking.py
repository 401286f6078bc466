"""Compressed batches, which may end the process that unpacks them: by its memory, or by a fault in a library.

Nothing of ours compresses, but a foreign producer may. So which batch is being unpacked is noted in a file that outlives the
process, and one that has ended it twice is passed over. A batch that is not compressed costs nothing here.
"""

import contextlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kafka.consumer.fetcher import Fetcher
from kafka.errors import KafkaError

log = logging.getLogger(__name__)

DEATHS_MAX = 2
SUSPECTS_MAX = 32
"""Of batches that have ended the process, how many are remembered: those that were met last."""

Place = tuple[str, int, int]
"""Topic, partition, and offset of the first record."""


class PoisonBatchError(KafkaError):  # type: ignore[misc] # kafka-python has no types
    """A batch that has ended the process each time it was unpacked."""

    def __str__(self) -> str:
        return str(self.args[0])  # theirs begins with the name of the class


class Unpacking:
    """What one reader is unpacking, and what has ended its process before."""

    def __init__(self, path: Path | None) -> None:
        """Go on with what *path* says; without one, nothing is remembered."""
        self._deaths: dict[Place, int] = {}
        self._now: Place | None = None
        self._end: tuple[Place, int] | None = None
        self._file: int | None = None
        if path is not None:
            self._open(path)

    def watch(self, consumer: Any) -> None:
        """Have the ``KafkaConsumer`` *consumer* tell what it reads."""
        unpacking = self

        class Records(Fetcher.PartitionRecords):  # type: ignore[misc] # kafka-python has no types
            def _unpack_records(self, partition: Any, fetched: Any, *deserializers: Any) -> Iterator[Any]:
                batches = _Batches(fetched, partition, unpacking)
                records: Iterator[Any] = super()._unpack_records(partition, batches, *deserializers)
                return records

        consumer._fetcher.PartitionRecords = Records  # noqa: SLF001 - the library has no other place for it

    def begin(self, place: Place, end: int, *, packed: bool) -> None:
        """Note that the batch at *place*, up to *end*, is read next; if it is *packed*, where that outlives the process.

        Raises:
            PoisonBatchError: It has ended this process too often.
        """
        self.done()
        self._end = place, end
        if not packed:
            return
        if (deaths := self._deaths.get(place, 0)) >= DEATHS_MAX:
            raise PoisonBatchError(f"a compressed batch has ended this process {deaths} times")
        self._now = place
        self._write()

    def done(self) -> None:
        """Note that the process lives after what was begun."""
        if self._now is not None:
            self._deaths.pop(self._now, None)
            self._now = None
            self._write()

    def end_of(self, topic: str, partition: int) -> int:
        """Return the offset behind the batch that was begun last, if it is of this partition; else 0."""
        place, end = self._end or (("", 0, 0), 0)
        return end if place[:2] == (topic, partition) else 0

    def close(self) -> None:
        """Free the file. What is being unpacked stays noted."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            said = os.read(self._file, path.stat().st_size)
        except OSError as error:
            log.warning("%s: what is being unpacked is not noted: %s", path, error.strerror)
            return
        with contextlib.suppress(ValueError, LookupError, TypeError):  # damaged: it costs its content
            # What a longer note has left behind it does not count.
            noted, _ = json.JSONDecoder().raw_decode(said.decode())
            self._deaths = {
                (topic, number, offset): deaths for topic, number, offset, deaths in noted["deaths"]
            }
            if noted["now"]:
                topic, number, offset = noted["now"]
                place = topic, number, offset
                self._deaths[place] = self._deaths.pop(place, 0) + 1
                log.warning("unpacking a batch of %s at offset %d has ended this process", topic, offset)
        for place in list(self._deaths)[:-SUSPECTS_MAX]:
            del self._deaths[place]
        self._write()

    def _write(self) -> None:
        """In one write, into the kernel's memory: it has to outlive this process, not the machine."""
        if self._file is not None:
            deaths = [[*place, count] for place, count in self._deaths.items()]
            os.pwrite(self._file, json.dumps({"now": self._now, "deaths": deaths}).encode(), 0)


class _Batches:
    """What was fetched of one partition; says of each batch that it is read next."""

    def __init__(self, fetched: Any, partition: Any, unpacking: Unpacking) -> None:
        self._fetched = fetched
        self._partition = partition
        self._unpacking = unpacking

    def next_batch(self) -> Any:
        batch = self._fetched.next_batch()
        if batch is not None:
            # Before version 2 of its format, the offset of a compressed batch is that of its last record.
            end = batch.next_offset if batch.magic >= 2 else batch.base_offset + 1
            place = (self._partition.topic, self._partition.partition, batch.base_offset)
            self._unpacking.begin(place, end, packed=bool(batch.compression_type))
        return batch
