"""What the modules of a store in a folder do with its files."""

import errno
import os
from pathlib import Path


def write_all(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of *data* at *offset*."""
    view = memoryview(data)
    while view:
        count = os.pwrite(descriptor, view, offset)
        view, offset = view[count:], offset + count


def end_of_lines(descriptor: int) -> int:
    """Return where the next line begins; what a power cut left of one is cut away."""
    size = os.fstat(descriptor).st_size
    at = size
    while at > 0:
        begin = max(0, at - 4_096)
        block = os.pread(descriptor, at - begin, begin)
        if (newline := block.rfind(b"\n")) >= 0:
            at = begin + newline + 1
            break
        at = begin
    if at != size:
        os.ftruncate(descriptor, at)
    return at


def sync_folder(folder: Path) -> None:
    """Make what was made, renamed or removed in *folder* durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def words(error: OSError) -> str:
    """Return *error* in words for people."""
    text = (error.strerror or str(error)).lower()
    return "the disk is full" if error.errno in {errno.ENOSPC, errno.EDQUOT} else text
