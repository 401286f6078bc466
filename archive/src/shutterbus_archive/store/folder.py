"""A store in a folder: one file a frame, which any program opens.

A group of files is made durable together, in this order: all are written beside their names, synced in several threads,
renamed, and then each folder is synced once, with those above it that are new. What a power cut leaves is whole files under
their names, or ``.tmp`` files, which are nobody's. Files, folders and the marker are reached through the descriptor of the
folder that the marker was found in: what is mounted over it later, or unmounted under it, is noticed and never written into.
"""

import contextlib
import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from shutterbus_archive.errors import NotOurStoreError, StoreUnavailableError
from shutterbus_archive.store import Room, Stored, StoredObject, marker
from shutterbus_archive.store.files import end_of_lines, words, write_all
from shutterbus_wire.store_layout import MARKER

SYNC_THREADS = 8
"""One file after the other takes ten times as long on a slow disk; more than these gain nothing."""
TEMPORARY_PREFIX, TEMPORARY_SUFFIX = ".", ".tmp"

T = TypeVar("T")


class FolderStore:
    """See ``Store``.

    Args:
        root: The folder. It is never made, nor is anything above it.
        expected: The marker that this archive's store has.
    """

    def __init__(self, root: Path, expected: marker.Marker) -> None:
        self._root = root
        self._expected = expected
        self._at: int | None = None
        self._seen: tuple[int, int, int] | None = None
        self._pool = ThreadPoolExecutor(SYNC_THREADS, thread_name_prefix="store")
        self._writing = threading.Lock()
        """Held while something is written: the same frame may come from both brokers at once, and has one name."""

    def check(self) -> None:
        with self._translated():
            status = (self._root / MARKER).stat()
            place = status.st_dev, status.st_ino, status.st_ctime_ns  # an inode is given again
            if self._at is None or place != self._seen:
                self._open(place)

    def put(self, objects: Mapping[str, bytes]) -> Mapping[str, Stored]:
        with self._writing:
            return self._put(objects)

    def _put(self, objects: Mapping[str, bytes]) -> Mapping[str, Stored]:
        outcomes: dict[str, Stored] = {}
        written: dict[str, int] = {}
        folders: dict[str, None] = {}
        try:
            with self._translated():
                for key, data in objects.items():
                    if (present := self._read(key)) is not None:
                        # It may be there without being durable: what wrote it may have been killed before its fsync.
                        outcomes[key] = "same" if present == data else "other"
                        written[key] = os.open(
                            key, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=self._fd
                        )
                    else:
                        outcomes[key] = "new"
                        if os.path.dirname(key) not in folders:  # noqa: PTH120 (a key is no path of this machine)
                            folders.update(dict.fromkeys(self._make_folders(key)))
                        written[key] = self._write(_temporary(key), data)
                    folders[os.path.dirname(key)] = None  # noqa: PTH120 (likewise)
                list(self._pool.map(os.fsync, written.values()))
                for key, outcome in outcomes.items():
                    if outcome == "new":
                        os.rename(_temporary(key), key, src_dir_fd=self._fd, dst_dir_fd=self._fd)
                list(self._pool.map(self._sync_folder, folders))
        except StoreUnavailableError:
            self._discard(key for key, outcome in outcomes.items() if outcome == "new")
            raise
        finally:
            for descriptor in written.values():
                os.close(descriptor)
        return outcomes

    def put_file(self, key: str, source: Path) -> None:
        temporary = _temporary(key)
        with self._translated():
            folders = dict.fromkeys([*self._make_folders(key), os.path.dirname(key)])  # noqa: PTH120 (likewise)
            try:
                with source.open("rb") as file, os.fdopen(self._write(temporary, b""), "wb") as copy:
                    shutil.copyfileobj(file, copy)
                    copy.flush()
                    os.fsync(copy.fileno())
                os.rename(temporary, key, src_dir_fd=self._fd, dst_dir_fd=self._fd)
            except OSError:
                self._discard([key])
                raise
            for folder in folders:
                self._sync_folder(folder)

    def append(self, lines: Mapping[str, bytes]) -> None:
        with self._writing, self._translated():
            folders: dict[str, None] = {}
            for key, data in lines.items():
                folders.update(dict.fromkeys(self._make_folders(key)))
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
                descriptor = os.open(key, flags, 0o640, dir_fd=self._fd)
                try:
                    write_all(descriptor, data, end_of_lines(descriptor))
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
                folders[os.path.dirname(key)] = None  # noqa: PTH120 (likewise)
            for folder in folders:
                self._sync_folder(folder)

    def read(self, key: str) -> bytes | None:
        with self._translated():
            return self._read(key)

    def remove(self, keys: Iterable[str]) -> None:
        with self._translated():
            folders: dict[str, None] = {}
            for key in keys:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(key, dir_fd=self._fd)
                folders[os.path.dirname(key)] = None  # noqa: PTH120 (likewise)
            for folder in folders:
                with contextlib.suppress(FileNotFoundError):
                    self._sync_folder(folder)
                self._remove_empty(folder)

    def head(self, key: str) -> StoredObject | None:
        with self._translated():
            try:
                status = os.stat(key, dir_fd=self._fd, follow_symlinks=False)
            except (FileNotFoundError, NotADirectoryError):
                return None
            return _described(key, status) if stat.S_ISREG(status.st_mode) else None

    def keys(self, prefix: str) -> Iterator[str]:
        with self._translated():
            yield from (key for key, _ in self._walk(prefix, lambda _: None))

    def folders(self, prefix: str) -> Iterator[str]:
        with self._translated():
            folders, _ = self._list(prefix, lambda _: None)
        for folder in sorted(folders):
            if any(self.keys(folder)):
                yield folder[len(prefix) : -1]

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        with self._translated():
            for key, status in self._walk(prefix, lambda entry: entry.stat(follow_symlinks=False)):
                yield _described(key, status)

    def room(self) -> Room:
        with self._translated():
            status, device = os.fstatvfs(self._fd), os.fstat(self._fd).st_dev
        return Room(
            total_bytes=status.f_blocks * status.f_frsize,
            free_bytes=status.f_bavail * status.f_frsize,
            free_files=status.f_favail if status.f_files else None,
            device=device,
        )

    def close(self) -> None:
        self._pool.shutdown()
        if self._at is not None:
            os.close(self._at)
            self._at = None

    @property
    def _fd(self) -> int:
        if self._at is None:
            self.check()
        assert self._at is not None
        return self._at

    def _open(self, place: tuple[int, int, int]) -> None:
        """Hold the folder that is there now, if its marker is the one expected."""
        at = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._check_marker(at)
        except BaseException:
            os.close(at)
            raise
        if self._at is not None:
            os.close(self._at)
        self._at, self._seen = at, place

    def _check_marker(self, at: int) -> None:
        with open(MARKER, "rb", opener=lambda name, flags: os.open(name, flags, dir_fd=at)) as file:
            present = marker.decode(file.read(4_096), str(self._root / MARKER))
            is_copy = present.is_copy(os.fstat(file.fileno()).st_ino)
        if present.store != self._expected.store:
            raise NotOurStoreError(
                f"{self._root} is store {present.store}, and this archive's is {self._expected.store}: mount that one there, or "
                "adopt this one with shutterbus-archive adopt"
            )
        if is_copy:
            raise NotOurStoreError(
                f"{self._root} is a copy of store {present.store}: mount the one it was copied from, or go on with the copy, after "
                "shutterbus-archive adopt"
            )

    def _read(self, key: str) -> bytes | None:
        try:
            descriptor = os.open(key, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=self._fd)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            return file.read()

    def _make_folders(self, key: str) -> list[str]:
        """Make the folders above *key*; return those that have a new one in them."""
        changed = []
        folders = key.split("/")[:-1]
        for depth in range(1, len(folders) + 1):
            folder = "/".join(folders[:depth])
            try:
                os.mkdir(folder, 0o750, dir_fd=self._fd)
            except FileExistsError:
                continue
            changed.append("/".join(folders[: depth - 1]))
        return changed

    def _write(self, name: str, data: bytes) -> int:
        """Write *data* to a new file; return its descriptor, which is still to be synced."""
        flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(name, flags, 0o640, dir_fd=self._fd)
        try:
            write_all(descriptor, data, 0)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _sync_folder(self, folder: str) -> None:
        descriptor = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._fd)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _discard(self, keys: Iterable[str]) -> None:
        for key in keys:
            with contextlib.suppress(OSError):
                os.unlink(_temporary(key), dir_fd=self._fd)

    def _remove_empty(self, folder: str) -> None:
        """Remove *folder* and those above it that are empty now, but for the first."""
        while "/" in folder:
            try:
                os.rmdir(folder, dir_fd=self._fd)
            except OSError:
                return
            folder = folder.rpartition("/")[0]

    def _walk(self, prefix: str, look: Callable[[os.DirEntry[str]], T]) -> Iterator[tuple[str, T]]:
        """Yield every file whose key begins with *prefix*, with what *look* says of it."""
        folders, files = self._list(prefix, look)
        for key in sorted([*folders, *files]):
            if key in files:
                yield key, files[key]
            else:
                yield from self._walk(key, look)

    def _list(self, prefix: str, look: Callable[[os.DirEntry[str]], T]) -> tuple[list[str], dict[str, T]]:
        """Return what begins with *prefix* in its folder: folders, ending in ``/``, and files."""
        above = prefix.rpartition("/")[0]
        folders: list[str] = []
        files: dict[str, T] = {}
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(above or ".", flags, dir_fd=self._fd)
        except (FileNotFoundError, NotADirectoryError):
            return folders, files
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    key = f"{above}/{entry.name}" if above else entry.name
                    if entry.name.startswith(TEMPORARY_PREFIX) or not key.startswith(prefix):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(f"{key}/")
                    elif entry.is_file(follow_symlinks=False):
                        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                            files[key] = look(entry)
        finally:
            os.close(descriptor)
        return folders, files

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn errors of the operating system into what the archive does about them."""
        try:
            yield
        except FileNotFoundError as error:
            if error.filename and str(error.filename).endswith(MARKER):
                raise NotOurStoreError(
                    f"there is no store at {self._root} ({MARKER} is missing): is its disk mounted? Nothing is written there"
                ) from error
            raise StoreUnavailableError(
                f"the store {self._root} lost {error.filename} while it was used"
            ) from error
        except OSError as error:
            raise StoreUnavailableError(f"the store {self._root}: {words(error)}") from error


def _described(key: str, status: os.stat_result) -> StoredObject:
    return StoredObject(key, status.st_size, status.st_mtime_ns // 1_000)


def _temporary(key: str) -> str:
    folder, _, name = key.rpartition("/")
    return f"{folder}/{TEMPORARY_PREFIX}{name}{TEMPORARY_SUFFIX}"
