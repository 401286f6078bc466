"""What is held, in the order in which it was put, and the sums over it. In memory; the folder is the truth."""

from collections import OrderedDict
from collections.abc import Iterator

from shutterbus_edge.spool.entry import Entry, Event, Place, Stay
from shutterbus_edge.spool.names import Kind


class Index:
    """Not safe for threads: the spool's lock is held around every call."""

    def __init__(self) -> None:
        self.frames: OrderedDict[str, Entry] = OrderedDict()
        self.telemetry: OrderedDict[str, Entry] = OrderedDict()
        self.memory: OrderedDict[str, Entry] = OrderedDict()
        """Those in memory only, of both kinds."""
        self.waiting = 0
        """How many nobody is sending."""
        self.stored_files = 0
        self.stored_bytes = 0
        self.frame_bytes = 0
        self.telemetry_bytes = 0
        """stored_* are of frames on disk, the others of all."""

    def get(self, name: str) -> Entry | None:
        return self.frames.get(name) or self.telemetry.get(name)

    def add(self, entry: Entry) -> None:
        """Take *entry* in as the newest."""
        series = self._series(entry)
        if entry.held.name in series:
            raise ValueError(f"{entry.held.name} has been put before")
        series[entry.held.name] = entry
        if entry.place is not Place.DISK:
            self.memory[entry.held.name] = entry
        self._count(entry, 1)

    def remove(self, entry: Entry, event: Event) -> None:
        """Forget *entry* by *event*."""
        self._count(entry, -1)
        del self._series(entry)[entry.held.name]
        self.memory.pop(entry.held.name, None)
        entry.on(event)

    def stored(self, entry: Entry, digest: int) -> None:
        """Note that *entry* is on disk now."""
        entry.written(digest)
        del self.memory[entry.held.name]
        if entry.held.kind == "frame":
            self.stored_files += 1
            self.stored_bytes += entry.held.size_bytes

    def claim(self, entry: Entry) -> None:
        """Give *entry*, which waits, to who is about to send it."""
        entry.on(Event.CLAIM)
        self.waiting -= 1

    def release(self, entry: Entry) -> None:
        """Let *entry*, which was being sent, wait."""
        entry.on(Event.RELEASE)
        self.waiting += 1

    def oldest_waiting(self, kind: Kind | None = None) -> Entry | None:
        """Return what has waited longest and nobody is sending, of *kind* or of either."""
        series = {"frame": [self.frames], "telemetry": [self.telemetry], None: [self.telemetry, self.frames]}[
            kind
        ]
        heads = [next((e for e in entries.values() if e.stay is Stay.WAITING), None) for entries in series]
        return min((e for e in heads if e), key=lambda e: e.put_at_s, default=None)

    def waiting_on_disk(self) -> Iterator[Entry]:
        """Frames that may be dropped from the disk, oldest first."""
        return (e for e in self.frames.values() if may_leave_disk(e))

    def waiting_in_memory(self, *, newest_first: bool = False) -> Iterator[Entry]:
        """Frames that may be dropped from memory."""
        entries = reversed(self.memory.values()) if newest_first else iter(self.memory.values())
        return (e for e in entries if e.held.kind == "frame" and may_leave_memory(e))

    def memory_bytes(self, *, waiting_only: bool) -> int:
        """Bytes of frames that are in memory only. The ring is short, so it is summed when asked."""
        return sum(
            e.held.size_bytes
            for e in self.memory.values()
            if e.held.kind == "frame" and not (waiting_only and e.stay is Stay.SENDING)
        )

    def _series(self, entry: Entry) -> OrderedDict[str, Entry]:
        return self.frames if entry.held.kind == "frame" else self.telemetry

    def _count(self, entry: Entry, sign: int) -> None:
        self.waiting += sign * (entry.stay is Stay.WAITING)
        if entry.held.kind == "telemetry":
            self.telemetry_bytes += sign * entry.held.size_bytes
            return
        self.frame_bytes += sign * entry.held.size_bytes
        if entry.place is Place.DISK:
            self.stored_files += sign
            self.stored_bytes += sign * entry.held.size_bytes


def may_leave_disk(entry: Entry) -> bool:
    return entry.place is Place.DISK and entry.may_be_dropped


def may_leave_memory(entry: Entry) -> bool:
    return entry.place is Place.MEMORY and entry.may_be_dropped
