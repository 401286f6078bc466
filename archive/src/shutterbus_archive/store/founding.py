"""How a folder becomes a store, and which one it is."""

from pathlib import Path

from shutterbus_archive.errors import NotOurStoreError
from shutterbus_archive.store import marker
from shutterbus_archive.store.files import sync_folder, words
from shutterbus_wire.store_layout import MARKER


def initialise(root: Path) -> marker.Marker:
    """Make the empty folder *root* a store, and return its marker.

    Raises:
        NotOurStoreError: It is not there, or not empty.
    """
    try:
        inside = sorted(path.name for path in root.iterdir() if path.name != "lost+found")
        if inside:
            raise NotOurStoreError(
                f"{root} is not empty ({inside[0]} is in it) and no store: choose an empty folder"
            )
        made = marker.write(root / MARKER)
        sync_folder(root)
    except OSError as error:
        raise NotOurStoreError(f"{root} cannot be made a store: {words(error)}") from error
    return made


def read_marker(root: Path) -> marker.Marker | None:
    """Return the marker of the store at *root*; None where there is none."""
    try:
        data = (root / MARKER).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotOurStoreError(f"{root / MARKER} cannot be read: {words(error)}") from error
    return marker.decode(data, str(root / MARKER))


def adopt(root: Path) -> marker.Marker:
    """Make what is in *root* another store than it was, and than any copy of it; return its marker.

    Raises:
        NotOurStoreError: It cannot be written there.
    """
    path = root / MARKER
    beside = path.with_name(f"{MARKER}.tmp")
    try:
        beside.unlink(missing_ok=True)
        made = marker.write(beside)
        beside.rename(path)
        sync_folder(root)
    except OSError as error:
        raise NotOurStoreError(f"{root} cannot be adopted: {words(error)}") from error
    return made


def is_copy(root: Path) -> bool:
    """Whether the marker of the store at *root* was copied there."""
    present = read_marker(root)
    return present is not None and present.is_copy((root / MARKER).stat().st_ino)
