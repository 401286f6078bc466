"""The spool: what its callers see. Its promises are in the package's docstring."""

import logging
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from shutterbus_edge.errors import FrameGoneError
from shutterbus_edge.spool import epoch as epochs
from shutterbus_edge.spool import metadata, names, quarantine, recovery
from shutterbus_edge.spool.counters import FrameCounters, SpoolCounts
from shutterbus_edge.spool.entry import Entry, Event, Stay
from shutterbus_edge.spool.files import Files, FolderFiles
from shutterbus_edge.spool.limits import Mode, SpoolLimits
from shutterbus_edge.spool.names import Held, Kind
from shutterbus_edge.spool.state import SpoolState
from shutterbus_edge.spool.writer import Writer
from shutterbus_runtime.clock import Clock
from shutterbus_runtime.slow import Slowness
from shutterbus_wire.frame import FrameMetadata
from shutterbus_wire.identity import FrameId

log = logging.getLogger(__name__)

SLOW_PUT: Mapping[Mode, str] = {
    "durable": "SPOOL_MODE=durable waits for the SD card or disk; look at its fsyncs, and at what else writes to it",
    "spill": "it waits for no disk; look at what else keeps the processor busy",
    "memory": "it waits for no disk; look at what else keeps the processor busy",
}
"""What to look at where keeping a frame is slow."""


class Spool:
    """Frames and telemetry that wait for the server; safe for any number of threads.

    A *held* thing is either claimed by one lane, which is sending it, or waiting. What is put is claimed by its caller;
    ``release`` makes it wait, ``claim_oldest`` claims what waits, ``ack`` and ``set_aside`` end its stay.

    Args:
        folder: Made with mode 0700 if it is not there.
        camera: Whose frames these are; another name than last time begins a new epoch.
        mode: See ``put``.
        files: The disk, for tests.
        machine: What tells this machine from others, for tests.
        background: Whether a thread does what is due; without it call ``maintain``.

    Raises:
        SpoolInUseError: Another process owns the folder.
        MisconfiguredError: The folder can never be used as it is. A disk that fails is no reason not to start.
    """

    def __init__(
        self,
        folder: Path,
        *,
        camera: str,
        clock: Clock,
        mode: Mode = "spill",
        limits: SpoolLimits | None = None,
        files: Files | None = None,
        machine: str | None = None,
        background: bool = True,
    ) -> None:
        self._folder = folder
        self._fsync = Slowness(
            "fsync",
            clock,
            log,
            look_at=f"look at dmesg for errors of the SD card or disk of {folder}, which may be dying",
        )
        self._put = Slowness("put", clock, log, look_at=SLOW_PUT[mode])
        self._files = files or FolderFiles(folder, self._fsync.timed)
        self._clock = clock
        self._mode = mode
        self._limits = limits or SpoolLimits()
        self._camera = camera
        self._machine = epochs.machine_fingerprint() if machine is None else machine
        opened = recovery.open_folder(self._files, folder, camera, self._machine, clock)
        saved = opened.saved
        self._uncertain = saved.uncertain
        self._next_seq = self._next_put_seq = saved.next_seq
        self._next_telemetry_seq = dict(saved.streams)
        self._state = SpoolState(saved.epoch, FrameCounters(saved.tally))
        self._writer = Writer(self._files, self._state, self._limits, mode, clock)
        twice = self._state.adopt(opened.entries, held_before=saved.tally.held)
        if opened.entries:
            log.info("%d frames, reports and readings wait in %s", len(opened.entries) - len(twice), folder)
        for entry in twice:
            self._quarantine(
                entry.held, entry.file, None, "identity-conflict: another frame here has this number"
            )
        if opened.failure is not None:
            self._writer.note_first(epochs.FILE, saved.encode(), opened.failure)
        self.frame_max_bytes = metadata.read_frame_max_bytes(self._files)
        """The largest frame the broker was last known to take; None if it never said."""
        if background:
            self._writer.start()

    @property
    def epoch(self) -> str:
        """The epoch of the frames that are put now."""
        return self._state.epoch

    @property
    def next_seq(self) -> int:
        """The number in the id that ``next_id`` returns next."""
        with self._state.lock:
            return self._next_seq

    def next_id(self) -> FrameId:
        """Return the id for the next frame. A number that is never put is counted as dropped, ``unfinished``."""
        with self._state.lock:
            self._next_seq += 1
            return FrameId(self._state.epoch, self._next_seq - 1)

    def next_telemetry_seq(self, stream: str) -> int:
        """Return the number of the next report or reading of *stream* in this epoch."""
        with self._state.lock:
            seq = self._next_telemetry_seq.get(stream, 0)
            self._next_telemetry_seq[stream] = seq + 1
            return seq

    def put(self, frame: FrameMetadata | FrameId, data: bytes) -> Held:
        """Keep a frame, claimed by the caller; frames are put in the order of their numbers.

        In ``durable`` mode it returns once the frame is on disk and blocks as long as that takes: call it from the thread that hands
        pictures over, not from one that has to keep time. In ``spill`` and ``memory`` mode it never waits for a disk.
        If the disk or the limits refuse the frame it stays in memory, so that it can at least go live.
        """
        if isinstance(frame, FrameMetadata):
            identity, captured_at_us = frame.id, frame.captured_at_us
        else:
            identity, captured_at_us = frame, self._clock.utc_us()
        held = Held(names.frame_name(identity), "frame", identity, len(data), captured_at_us)
        entry = self._entry(held, data)
        state = self._state
        with state.lock:
            if identity.epoch != state.epoch or identity.seq < self._next_put_seq:
                raise ValueError(f"{identity} is not the next frame: {state.epoch}-{self._next_put_seq} is")
            if identity.seq > self._next_put_seq:
                state.this_epoch.captured += identity.seq - self._next_put_seq
                state.this_epoch.drop("unfinished", state.epoch, self._next_put_seq, identity.seq - 1)
            self._next_put_seq = identity.seq + 1
            self._next_seq = max(self._next_seq, self._next_put_seq)
            state.add(entry)
            state.this_epoch.captured += 1
        return self._keep(entry)

    def put_telemetry(self, stream: str, seq: int, data: bytes) -> Held:
        """Keep a report or reading, claimed by the caller, who got *seq* from ``next_record_seq``. See ``put``."""
        identity = FrameId(self.epoch, seq)
        name = names.telemetry_name(identity, stream)
        entry = self._entry(Held(name, "telemetry", identity, len(data), self._clock.utc_us(), stream), data)
        with self._state.lock:
            self._state.add(entry)
        return self._keep(entry)

    def read(self, held: Held) -> bytes:
        """Return the bytes that were put.

        Raises:
            FrameGoneError: It was confirmed meanwhile, or is damaged and set aside. Take the next.
        """
        with self._state.lock:
            entry = self._state.index.get(held.name)
            if entry is None:
                raise FrameGoneError(f"{held.name} is no longer held")
            data, file = entry.data, entry.file
        if data is not None:
            return data
        assert file is not None
        try:
            data = self._files.read(file)
        except FileNotFoundError:
            with self._state.lock:
                if not entry.is_gone:
                    self._state.drop(entry, "vanished", Event.LOSE)
            raise FrameGoneError(f"{file} has vanished from the spool folder") from None
        except OSError as error:
            raise self._bad(held, "unreadable", f"{file} cannot be read: {error.strerror}") from error
        if not names.is_whole(file, data):
            raise self._bad(
                held, "damaged", f"the {len(data)} bytes of {file} do not have the digest in its name"
            )
        return data

    def _quarantine(self, held: Held, file: str | None, data: bytes | None, explanation: str) -> None:
        name = file or names.file_name(held, names.digest_of(data or b""))
        try:
            quarantine.set_aside(self._files, name, data, explanation)
        except OSError as error:
            log.warning("%s could not be moved into quarantine: %s", name, error)

    def _bad(self, held: Held, reason: str, sentence: str) -> FrameGoneError:
        log.error("set aside: %s", sentence)
        self.set_aside(held, reason, sentence)
        return FrameGoneError(sentence)

    def claim_oldest(self, kind: Kind | None = None) -> Held | None:
        """Claim and return what has waited longest, of *kind* or of either; None if nothing waits."""
        with self._state.lock:
            entry = self._state.index.oldest_waiting(kind)
            if entry is None:
                return None
            self._state.index.claim(entry)
            return entry.held

    def release(self, held: Held) -> None:
        """Give up a claim: it was not confirmed, and waits from now on. Without effect on what is no longer held."""
        with self._state.lock:
            entry = self._state.index.get(held.name)
            if entry is None or entry.stay is not Stay.SENDING:
                return
            self._state.index.release(entry)
            self._writer.memory.bound()
            if entry.file is None and self._mode != "spill":
                self._writer.wake()

    def ack(self, held: Held) -> None:
        """Forget what is confirmed, no matter which lane has claimed it. Without effect on what is no longer held."""
        with self._state.lock:
            entry = self._state.index.get(held.name)
            if entry is not None:
                self._state.acked(entry)
        self._writer.remove_dropped()

    def set_aside(self, held: Held, reason: str, sentence: str) -> None:
        """Move what can never be sent into the quarantine folder, with *sentence* beside it; the caller logs it."""
        with self._state.lock:
            entry = self._state.index.get(held.name)
            if entry is None:
                return
            data, file = entry.data, entry.file
            self._state.set_aside(entry)
        self._quarantine(held, file, data, f"{reason}: {sentence}")

    def counts(self) -> SpoolCounts:
        """Return the sums, all of one instant."""
        state = self._state
        with state.lock:
            index = state.index
            held_here = state.held_of_this_epoch
            oldest = next(iter(index.frames.values()), None)
            return SpoolCounts(
                epoch=state.epoch,
                this_epoch=state.this_epoch.tally(held_here),
                previous_epochs=state.previous_epochs.tally(len(index.frames) - held_here),
                held_frames=len(index.frames),
                held_bytes=index.frame_bytes + index.telemetry_bytes,
                held_telemetry=len(index.telemetry),
                in_memory_frames=sum(e.held.kind == "frame" for e in index.memory.values()),
                oldest_held_age_s=max(0.0, self._clock.monotonic_s() - oldest.put_at_s) if oldest else None,
                records_dropped=state.records_dropped,
                uncertain=self._uncertain,
                trouble=self._writer.trouble,
                slow={operation.name: operation.count for operation in (self._fsync, self._put)},
            )

    def learn_frame_max_bytes(self, frame_max_bytes: int) -> None:
        """Remember the largest frame that the broker takes, over restarts where the disk allows. Never waits for it."""
        if frame_max_bytes != self.frame_max_bytes:
            self.frame_max_bytes = frame_max_bytes
            self._writer.note_soon(*metadata.frame_max_note(frame_max_bytes))

    def maintain(self) -> None:
        """Do what is due; for tests that have no thread for it."""
        self._writer.maintain()

    def close(self) -> None:
        """Bring what is in memory to disk and note a clean stop. Nothing may be put any more."""
        self._writer.drain()
        counts = self.counts()
        clean = epochs.SavedEpoch(
            epoch=counts.epoch,
            camera=self._camera,
            machine=self._machine,
            next_seq=self._next_put_seq,
            streams=self._next_telemetry_seq,
            clean=True,
            uncertain=self._uncertain,
            tally=counts.this_epoch,
        )
        try:
            self._writer.note(epochs.FILE, clean.encode())
        except OSError as error:
            log.warning("the clean stop could not be noted, the next start begins a new epoch: %s", error)
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _entry(self, held: Held, data: bytes) -> Entry:
        return Entry.put(held, self._clock.monotonic_s(), data)

    def _keep(self, entry: Entry) -> Held:
        with self._put.timed():
            if self._mode == "durable" and self._writer.store(entry) == "stored":
                return entry.held
            with self._state.lock:
                self._writer.memory.bound()
            if self._mode == "spill" and self._writer.memory.is_half_full():
                self._writer.wake()
            return entry.held
