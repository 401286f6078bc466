"""The spool itself."""

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from shutterbus_edge.errors import NoLongerHeldError
from shutterbus_edge.spool import names
from shutterbus_edge.spool.names import Held
from shutterbus_edge.spool.tally import SpoolCounts, Tally
from shutterbus_wire.clock import Clock
from shutterbus_wire.frame import Facts
from shutterbus_wire.identity import FrameId, new_epoch


@dataclass(slots=True)
class _Entry:
    held: Held
    file: str
    claimed: bool
    put_at_s: float


class Spool:
    """Safe for any number of threads."""

    def __init__(self, folder: Path, *, camera: str, clock: Clock) -> None:  # noqa: ARG002 - begins an epoch soon
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.epoch = new_epoch()
        self._folder = folder
        self._clock = clock
        self._changed = threading.Condition()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._next_seq = 0
        self._next_record_seq: dict[str, int] = {}
        self._captured = self._acked = self._quarantined = 0
        for path in sorted(folder.iterdir()):
            status = path.stat()
            if held := names.parse(path.name, status.st_size, status.st_mtime_ns // 1000):
                self._entries[held.name] = _Entry(
                    held, path.name, claimed=False, put_at_s=clock.monotonic_s()
                )

    def next_id(self) -> FrameId:
        """Return the id of the next frame; give it to one picture, and put that."""
        with self._changed:
            self._next_seq += 1
            return FrameId(self.epoch, self._next_seq - 1)

    def next_record_seq(self, stream: str) -> int:
        """Return the number of the next record of *stream* in this epoch."""
        with self._changed:
            seq = self._next_record_seq.get(stream, 0)
            self._next_record_seq[stream] = seq + 1
            return seq

    def put(self, frame: Facts | FrameId, data: bytes) -> Held:
        """Keep a frame, claimed by the caller, who offers it to the live lane."""
        if isinstance(frame, Facts):
            identity, captured_at_us = frame.id, frame.captured_at_us
        else:
            identity, captured_at_us = frame, self._clock.utc_us()
        self._captured += 1
        return self._store(
            Held(names.frame_name(identity), "frame", identity, len(data), captured_at_us), data
        )

    def put_record(self, stream: str, seq: int, data: bytes) -> Held:
        """Keep a report or reading, claimed by the caller."""
        identity = FrameId(self.epoch, seq)
        return self._store(
            Held(
                names.record_name(identity, stream),
                "record",
                identity,
                len(data),
                self._clock.utc_us(),
                stream,
            ),
            data,
        )

    def _store(self, held: Held, data: bytes) -> Held:
        file = names.file_name(held, data)
        temporary = self._folder / f".{file}.tmp"
        with temporary.open("xb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        temporary.rename(self._folder / file)
        with self._changed:
            self._entries[held.name] = _Entry(held, file, claimed=True, put_at_s=self._clock.monotonic_s())
        return held

    def read(self, held: Held) -> bytes:
        """Return the bytes that were put. NoLongerHeldError: confirmed meanwhile, or damaged and now set aside."""
        with self._changed:
            entry = self._entries.get(held.name)
        if entry is None:
            raise NoLongerHeldError(f"{held.name} is no longer held")
        data = (self._folder / entry.file).read_bytes()
        if not names.is_whole(entry.file, data):
            self.set_aside(held, "damaged", "its bytes are not those that were put")
            raise NoLongerHeldError(f"{held.name} is damaged")
        return data

    def claim_oldest(self) -> Held | None:
        """Return what has waited longest and nobody is sending, now claimed by the caller; None if all is sent."""
        with self._changed:
            for entry in self._entries.values():
                if not entry.claimed:
                    entry.claimed = True
                    return entry.held
            return None

    def release(self, held: Held) -> None:
        """Give up a claim: it was not confirmed, and is backlog from now on."""
        with self._changed:
            if entry := self._entries.get(held.name):
                entry.claimed = False
                self._changed.notify_all()

    def ack(self, held: Held) -> None:
        """Forget what is confirmed. Without effect on what is no longer held."""
        with self._changed:
            entry = self._entries.pop(held.name, None)
            if entry is None:
                return
            self._acked += held.kind == "frame"
        (self._folder / entry.file).unlink(missing_ok=True)

    def set_aside(self, held: Held, reason: str, sentence: str) -> None:  # noqa: ARG002 - kept in the quarantine folder soon
        """Move what can never be sent into the quarantine folder, with *sentence* beside it."""
        with self._changed:
            entry = self._entries.pop(held.name, None)
            if entry is None:
                return
            self._quarantined += held.kind == "frame"
        quarantine = self._folder / "quarantine"
        quarantine.mkdir(mode=0o700, exist_ok=True)
        (self._folder / entry.file).rename(quarantine / entry.file)

    def wait_backlog(self, timeout_s: float) -> bool:
        """Return True as soon as there is something to claim, False after *timeout_s* without."""
        with self._changed:
            return self._changed.wait_for(
                lambda: any(not e.claimed for e in self._entries.values()), timeout_s
            )

    def counts(self) -> SpoolCounts:
        """Return the sums, all of one instant."""
        with self._changed:
            frames = [e for e in self._entries.values() if e.held.kind == "frame"]
            return SpoolCounts(
                epoch=self.epoch,
                this_epoch=Tally(self._captured, self._acked, self._quarantined, len(frames)),
                earlier=Tally(0, 0, 0, 0),
                held_frames=len(frames),
                held_bytes=sum(e.held.size_bytes for e in self._entries.values()),
                held_records=len(self._entries) - len(frames),
                in_memory_frames=0,
                oldest_held_age_s=self._clock.monotonic_s() - frames[0].put_at_s if frames else None,
                records_dropped=0,
                uncertain=(),
                trouble=None,
            )

    def close(self) -> None:
        """Write what is in memory to disk and note a clean stop."""
