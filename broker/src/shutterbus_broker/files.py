"""Files that hold keys: never readable by others, not even for a moment, and never half written."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def private_folder(path: Path) -> Path:
    """Return *path*, made with mode 0700 where it is missing."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_mode & 0o777 != 0o700:  # what a broker runs as need not be who asks
        path.chmod(0o700)
    return path


def write_private(path: Path, data: bytes) -> None:
    """Write a file with mode 0600, whole or not at all."""
    with private_file(path) as file:
        file.write(data)


def write_if_new(path: Path, data: bytes) -> None:
    """Likewise, but leave a file alone that says the same already: somebody may be reading it."""
    if not path.exists() or path.read_bytes() != data:
        write_private(path, data)


@contextlib.contextmanager
def private_file(path: Path) -> Iterator[BinaryIO]:
    """A file of mode 0600 to write into, which becomes *path* at the end of the context, if that goes well."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).rename(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
