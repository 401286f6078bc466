"""A disk whose power can be cut at any system call, that can be full, read-only or slow, and that may lie on request."""

import errno
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fakes import FakeClock
from shutterbus_edge.spool.files import FileEntry, Files, Free


class PowerCut(BaseException):
    """The machine is off. Not an Exception, as nothing gets to handle it."""


@dataclass(eq=False)
class Node:
    """A file's content as processes see it, and as it would survive; never synced: nothing would."""

    data: bytes = b""
    synced: bytes | None = None
    written_at_us: int = 0


def _no_fault(call: str, name: str) -> None:
    """Nothing fails."""


@dataclass
class Disk:
    """What processes see (``names``), what a power cut would leave for certain (``durable``), and what it may or may not (``pending``)."""

    names: dict[str, Node] = field(default_factory=dict)
    durable: dict[str, Node] = field(default_factory=dict)
    pending: list[tuple[str, str, Node]] = field(default_factory=list)
    total_bytes: int = 1 << 40
    capacity_bytes: int = 1 << 39

    @property
    def used_bytes(self) -> int:
        return sum(len(node.data) for node in self.names.values())

    def contents(self) -> dict[str, bytes]:
        return {name: node.data for name, node in self.names.items()}

    def after_cut(self) -> "Iterator[Disk]":
        """Every disk that a power cut may leave now.

        Entries of the folder that were not synced are there or not, in any combination; data that were not synced
        are missing, zero, half or whole.
        """
        count = len(self.pending)
        chosen = (
            itertools.product((False, True), repeat=count)
            if count <= 5
            else [tuple(i < n for i in range(count)) for n in range(count + 1)]
        )
        for keep in chosen:
            names = dict(self.durable)
            for (call, name, node), kept in zip(self.pending, keep, strict=True):
                if not kept:
                    continue
                if call == "unlink":
                    names.pop(name, None)
                else:
                    if call.startswith("rename "):
                        names.pop(call.removeprefix("rename "), None)
                    names[name] = node
            unsynced = any(node.data != node.synced for node in names.values())
            for damage in (_lost, _zeroed, _halved, _whole) if unsynced else (_whole,):
                left = {n: damage(node) for n, node in names.items()}
                yield Disk(names=left, durable=dict(left))


def _survivor(node: Node, data: bytes) -> Node:
    kept = data if node.synced is None or node.synced != node.data else node.data
    return Node(kept, kept, node.written_at_us)


def _lost(node: Node) -> Node:
    return _survivor(node, node.synced or b"")


def _zeroed(node: Node) -> Node:
    return _survivor(node, bytes(len(node.data)))


def _halved(node: Node) -> Node:
    return _survivor(node, node.data[: len(node.data) // 2])


def _whole(node: Node) -> Node:
    return _survivor(node, node.data)


class FakeFiles(Files):
    """A process's view of a Disk.

    Attributes:
        calls: Every system call so far that changes the disk, with its file.
        cut_after: The power is cut instead of the call after so many.
        fault: Asked before each call; it may raise OSError.
        lies: Told (call, file) of each sync; the sync is skipped, and reported as done, where it returns True.

    """

    def __init__(self, disk: Disk, clock: FakeClock, *, cut_after: int | None = None) -> None:
        self.disk = disk
        self.calls: list[tuple[str, str]] = []
        self.cut_after = cut_after
        self.fault: Callable[[str, str], None] = _no_fault
        self.lies: Callable[[str, str], bool] = lambda _call, _name: False
        self._clock = clock
        self._open: dict[int, tuple[str, Node]] = {}
        self._descriptors = itertools.count(100)
        self._last_name = ""

    def open(self) -> None:
        self.fault("open", "")

    def close(self) -> None:
        self._open.clear()

    def create(self, name: str) -> int:
        self._call("create", name)
        if name in self.disk.names:
            raise FileExistsError(errno.EEXIST, "File exists", name)
        node = Node(written_at_us=self._clock.utc_us())
        self.disk.names[name] = node
        self.disk.pending.append(("create", name, node))
        descriptor = next(self._descriptors)
        self._open[descriptor] = (name, node)
        return descriptor

    def write(self, descriptor: int, data: bytes) -> None:
        name, node = self._open[descriptor]
        # In two parts, so that a cut may come between them.
        for part in (data[: len(data) // 2], data[len(data) // 2 :]):
            self._call("write", name)
            if self.disk.used_bytes + len(part) > self.disk.capacity_bytes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            node.data += part

    def fsync(self, descriptor: int) -> None:
        name, node = self._open[descriptor]
        self._call("fsync", name)
        if not self.lies("fsync", name):
            node.synced = node.data

    def close_file(self, descriptor: int) -> None:
        self._open.pop(descriptor)

    def rename(self, old: str, new: str) -> None:
        self._call("rename", new)
        self._last_name = new
        node = self.disk.names.pop(old)
        self.disk.names[new] = node
        self.disk.pending.append((f"rename {old}", new, node))

    def sync_folder(self) -> None:
        self._call("sync_folder", self._last_name)
        if not self.lies("sync_folder", self._last_name):
            self.disk.durable = dict(self.disk.names)
            self.disk.pending.clear()

    def unlink(self, name: str) -> None:
        self._call("unlink", name)
        if name not in self.disk.names:
            raise FileNotFoundError(errno.ENOENT, "No such file", name)
        self.disk.pending.append(("unlink", name, self.disk.names.pop(name)))

    def make_folder(self, name: str) -> None:
        self._call("make_folder", name)

    def read(self, name: str) -> bytes:
        self.fault("read", name)
        if name not in self.disk.names:
            raise FileNotFoundError(errno.ENOENT, "No such file", name)
        return self.disk.names[name].data

    def list(self, folder: str = ".") -> list[FileEntry]:
        self.fault("list", folder)
        prefix = "" if folder == "." else f"{folder}/"
        return [
            FileEntry(name.removeprefix(prefix), len(node.data), node.written_at_us)
            for name, node in self.disk.names.items()
            if name.startswith(prefix) and "/" not in name.removeprefix(prefix)
        ]

    def free(self) -> Free:
        self.fault("free", "")
        free_bytes = max(0, self.disk.capacity_bytes - self.disk.used_bytes)
        return Free(self.disk.total_bytes, free_bytes, None, None)

    def _call(self, call: str, name: str) -> None:
        if self.cut_after is not None and len(self.calls) >= self.cut_after:
            raise PowerCut
        self.fault(call, name)
        self.calls.append((call, name))


def failing(number: int, *calls: str) -> Callable[[str, str], None]:
    """A fault: *calls* (all that write, if none is named) fail with errno *number*."""
    named = calls or ("create", "write", "fsync", "rename", "unlink", "sync_folder", "make_folder")

    def fault(call: str, name: str) -> None:
        if call in named:
            raise OSError(number, os.strerror(number))

    return fault
