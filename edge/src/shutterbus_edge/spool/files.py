"""What the spool asks of the operating system: one method a system call, so that a test can be the disk."""

import errno
import fcntl
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from shutterbus_edge.errors import SpoolInUseError

LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file in a folder; written_at_us is its modification time."""

    name: str
    size_bytes: int
    written_at_us: int


class Free(NamedTuple):
    """Room on the file system, for a user without privileges; inodes are None where they are made as needed."""

    total_bytes: int
    free_bytes: int
    free_inodes: int | None
    total_inodes: int | None


class Files(Protocol):
    """Names are relative to the spool's folder. Everything may raise OSError."""

    def open(self) -> None:
        """Make the folder if need be, and own it. SpoolInUseError: another process does."""

    def close(self) -> None: ...

    def create(self, name: str) -> int:
        """Return a descriptor of a new file for writing; FileExistsError if there is one."""

    def write(self, descriptor: int, data: bytes) -> None:
        """Write all of *data*."""

    def fsync(self, descriptor: int) -> None: ...

    def close_file(self, descriptor: int) -> None: ...

    def rename(self, old: str, new: str) -> None: ...

    def sync_folder(self) -> None:
        """Make the folder's entries durable."""

    def unlink(self, name: str) -> None: ...

    def make_folder(self, name: str) -> None:
        """Make a folder in the spool's, unless it is there."""

    def read(self, name: str) -> bytes: ...

    def list(self, folder: str = ".") -> list[FileEntry]:
        """Return the regular files in *folder*, in no order."""

    def free(self) -> Free: ...


class FolderFiles:
    """A folder of a real file system; each fsync is made within *timed*."""

    def __init__(self, folder: Path, timed: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._folder = folder
        self._timed = timed
        self._opening = threading.Lock()
        self._closed = False
        self._descriptor: int | None = None
        self._lock: int | None = None

    @property
    def _at(self) -> int:
        """The folder's descriptor; a folder that could not be opened at the start is tried again at each call."""
        if self._descriptor is None:
            try:
                self.open()
            except SpoolInUseError as error:
                raise OSError(errno.EBUSY, str(error)) from error
        assert self._descriptor is not None
        return self._descriptor

    def open(self) -> None:
        with self._opening:
            if self._closed:
                raise OSError(errno.EBADF, "the spool is closed")
            if self._descriptor is not None:
                return
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            at = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                self._lock = _own(at, self._folder)
            except BaseException:
                os.close(at)
                raise
            self._descriptor = at

    def close(self) -> None:
        with self._opening:
            self._closed = True
            for descriptor in (self._descriptor, self._lock):
                if descriptor is not None:
                    os.close(descriptor)
            self._descriptor = self._lock = None

    def create(self, name: str) -> int:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(name, flags, 0o600, dir_fd=self._at)

    def write(self, descriptor: int, data: bytes) -> None:
        written = os.write(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, memoryview(data)[written:])

    def fsync(self, descriptor: int) -> None:
        with self._timed():
            os.fsync(descriptor)

    def close_file(self, descriptor: int) -> None:
        os.close(descriptor)

    def rename(self, old: str, new: str) -> None:
        at = self._at
        os.rename(old, new, src_dir_fd=at, dst_dir_fd=at)

    def sync_folder(self) -> None:
        with self._timed():
            os.fsync(self._at)

    def unlink(self, name: str) -> None:
        os.unlink(name, dir_fd=self._at)

    def make_folder(self, name: str) -> None:
        try:
            os.mkdir(name, 0o700, dir_fd=self._at)
        except FileExistsError:
            return

    def read(self, name: str) -> bytes:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=self._at)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            return file.read()

    def list(self, folder: str = ".") -> list[FileEntry]:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._at)
        try:
            files = []
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        files.append(FileEntry(entry.name, status.st_size, status.st_mtime_ns // 1_000))
            return files
        finally:
            os.close(descriptor)

    def free(self) -> Free:
        status = os.statvfs(self._at)
        # btrfs and others make inodes as they need them, and report none in total.
        counts_inodes = status.f_files > 0
        return Free(
            total_bytes=status.f_blocks * status.f_frsize,
            free_bytes=status.f_bavail * status.f_frsize,
            free_inodes=status.f_favail if counts_inodes else None,
            total_inodes=status.f_files if counts_inodes else None,
        )


def store(files: Files, name: str, data: bytes) -> None:
    """Make *data* the content of *name*, durably, or raise OSError and leave no trace that is not cleaned at the next start.

    A file is never visible under its name before all of it is on the disk. After an error of fsync the kernel
    may take the pages for clean, so the same descriptor is never synced again: the caller stores anew.
    """
    temporary = f".{name}.tmp"
    try:
        descriptor = files.create(temporary)
    except FileExistsError:  # left by an attempt whose clean-up failed too
        files.unlink(temporary)
        descriptor = files.create(temporary)
    try:
        try:
            files.write(descriptor, data)
            files.fsync(descriptor)
        finally:
            files.close_file(descriptor)
        files.rename(temporary, name)
    except OSError:
        discard(files, temporary)
        raise
    files.sync_folder()


def discard(files: Files, name: str) -> bool:
    """Unlink *name* if that is possible; say whether it is gone."""
    try:
        files.unlink(name)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _own(folder: int, path: Path) -> int | None:
    """Return the descriptor whose lock makes *folder* ours; None on a disk that is read-only and has no lock file."""
    try:
        # For reading, so that it does not keep a dying disk from being remounted read-only.
        lock = os.open(LOCK, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    except OSError:
        try:
            lock = os.open(LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=folder)
        except FileNotFoundError:
            return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise SpoolInUseError(
            f"another process is using the spool folder {path}: stop it, or give this one its own SPOOL_DIR"
        ) from error
    return lock
