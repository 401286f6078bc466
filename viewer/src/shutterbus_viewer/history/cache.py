"""Derived pictures in a folder: what was used least recently goes first, and losing all of it costs time only.

A file is called after the digest of what it was made from, and ends in a checksum of the rest, since none of them is synced.
Which there are and how large is known in memory, when each was used also to the files' times, so that a restart finds it.
"""

import contextlib
import hashlib
import logging
import os
import re
import shutil
import tempfile
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

BLOCK_BYTES = 4096
"""A file takes whole blocks of the disk, and most of these files are small."""
FLOOR_MAX_BYTES = 6 << 30
FLOOR_SHARE = 16
"""So a little more than the archive leaves free: on one disk this folder gives way before the archive stops or deletes."""

_NAME = re.compile(r"[0-9a-f]{32}")
_TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.tmp")
_CHECKSUM_BYTES = 4

log = logging.getLogger(__name__)

Free = Callable[[Path], int]


def floor_bytes(folder: Path) -> int:
    """Return what is left free on the disk of *folder* where nobody says how much."""
    try:
        return min(shutil.disk_usage(folder).total // FLOOR_SHARE, FLOOR_MAX_BYTES)
    except OSError:
        return FLOOR_MAX_BYTES


def free_bytes(folder: Path) -> int:
    """Return what is free on the disk of *folder*; raise OSError if that cannot be told."""
    return shutil.disk_usage(folder).free


class Cache:
    """Keeps bytes by a key. Any thread may call; every call may wait for the disk. Errors of the disk are misses.

    Attributes:
        max_bytes: The limit.
    """

    def __init__(
        self, folder: Path | None, max_bytes: int, min_free_bytes: int | None = None, free: Free = free_bytes
    ) -> None:
        """Keep at most *max_bytes* in *folder*; None: in a temporary one, which ``close`` removes.

        Args:
            folder: Made when first needed, where the one above it is there. What else is in it stays untouched.
            max_bytes: Counted in whole blocks of the disk.
            min_free_bytes: What the disk keeps free, before anything is kept here; None: see ``floor_bytes``.
            free: How much is free on a folder's disk.
        """
        self._folder = folder
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self.max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes
        self._free = free
        self._sizes: dict[str, int] | None = None
        """In blocks' bytes, least recently used first; None before the folder was looked at."""
        self._bytes = 0
        self._lock = threading.Lock()
        self._in_trouble = False

    @property
    def size_bytes(self) -> int:
        """What is kept now."""
        with self._lock:
            self._opened()
            return self._bytes

    def __contains__(self, key: str) -> bool:
        """Whether something is kept for *key*; it may turn out to be damaged."""
        with self._lock:
            return _name(key) in self._opened()

    def get(self, key: str) -> bytes | None:
        """Return what was put for *key*, None if it is not here any more."""
        name = _name(key)
        with self._lock:
            sizes = self._opened()
            if name not in sizes:
                return None
            sizes[name] = sizes.pop(name)
            folder = self._folder
        assert folder is not None
        try:
            piece = (folder / name).read_bytes()
            os.utime(folder / name)
        except OSError:
            piece = b""
        data = piece[:-_CHECKSUM_BYTES]
        if piece[-_CHECKSUM_BYTES:] == _checksum(data):
            return data
        with self._lock:
            self._remove(name)
        return None

    def put(self, key: str, data: bytes) -> None:
        """Keep *data* for *key*, if there is room: a disk that is nearly full, or a limit below its size, keeps nothing."""
        name = _name(key)
        piece = data + _checksum(data)
        size_bytes = _blocks(len(piece))
        with self._lock:
            self._opened()
            if self._folder is None or size_bytes > self.max_bytes or not self._made_room(size_bytes):
                return
            self._remove(name)
            try:
                self._write(self._folder, name, piece)
            except OSError as error:
                self._say(
                    f"{self._folder} cannot be written: {error.strerror}; sheets are made again each time"
                )
                return
            self._in_trouble = False
            self._note(name, size_bytes)

    def give_way(self) -> None:
        """Remove what the disk needs. ``put`` does it too; this is for while nothing is put."""
        with self._lock:
            self._opened()
            self._made_room(0)

    def clear(self) -> None:
        """Remove all that is kept."""
        with self._lock:
            for name in list(self._opened()):
                self._remove(name)

    def close(self) -> None:
        """Remove a temporary folder."""
        with self._lock:
            if self._temporary is not None:
                with contextlib.suppress(OSError):
                    self._temporary.cleanup()
                self._temporary, self._folder, self._sizes, self._bytes = None, None, None, 0

    def _opened(self) -> dict[str, int]:
        """Return what is kept, after a look at the folder the first time."""
        if self._sizes is not None:
            return self._sizes
        self._sizes = {}
        try:
            if self._folder is None:
                self._temporary = tempfile.TemporaryDirectory(
                    prefix="shutterbus-", ignore_cleanup_errors=True
                )
                self._folder = Path(self._temporary.name)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            found = sorted(self._found(self._folder))
        except OSError as error:
            self._say(f"{self._folder} cannot be read: {error.strerror}; sheets are made again each time")
            found = []
        for _, name, size_bytes in found:
            self._note(name, size_bytes)
        self._made_room(0)
        return self._sizes

    @staticmethod
    def _found(folder: Path) -> list[tuple[int, str, int]]:
        """Return when each file was used, its name and size; remove what a kill left half written."""
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if _TEMPORARY.fullmatch(entry.name):
                        os.unlink(entry.path)  # noqa: PTH108  (a scan of many)
                    elif _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        found.append((status.st_mtime_ns, entry.name, _blocks(status.st_size)))
        return found

    def _made_room(self, size_bytes: int) -> bool:
        """Remove what has to go before *size_bytes* may come; whether they may."""
        assert self._sizes is not None
        lacking = self._lacking_bytes() + size_bytes
        while self._sizes and (self._bytes + size_bytes > self.max_bytes or lacking > 0):
            oldest = next(iter(self._sizes))
            lacking -= self._sizes[oldest]
            self._remove(oldest)
        return lacking <= 0

    def _lacking_bytes(self) -> int:
        """Return how much less than the floor is free, negative where it is more."""
        if self._folder is None:
            return 0
        if self._min_free_bytes is None:
            self._min_free_bytes = floor_bytes(self._folder)
        try:
            return self._min_free_bytes - self._free(self._folder)
        except OSError:
            return 0

    def _note(self, name: str, size_bytes: int) -> None:
        assert self._sizes is not None
        self._sizes[name] = size_bytes
        self._bytes += size_bytes

    def _remove(self, name: str) -> None:
        """Forget *name* and its file; one that cannot be removed is found again by the next start."""
        assert self._sizes is not None
        self._bytes -= self._sizes.pop(name, 0)
        assert self._folder is not None
        with contextlib.suppress(OSError):
            (self._folder / name).unlink()

    def _write(self, folder: Path, name: str, piece: bytes) -> None:
        beside = folder / f".{name}.tmp"
        folder.mkdir(mode=0o700, exist_ok=True)  # somebody may have removed it, which is theirs to do
        try:
            beside.write_bytes(piece)
            beside.rename(folder / name)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise

    def _say(self, sentence: str) -> None:
        if not self._in_trouble:
            self._in_trouble = True
            log.warning("%s", sentence)


def _name(key: str) -> str:
    return hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def _checksum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(_CHECKSUM_BYTES)


def _blocks(size_bytes: int) -> int:
    return -(-size_bytes // BLOCK_BYTES) * BLOCK_BYTES
