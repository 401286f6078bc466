"""What makes a folder a store: a small file that says which one. Without it an unmounted disk looks like an empty archive."""

import json
import secrets
from dataclasses import dataclass

from shutterbus_archive.errors import NotOurStoreError

FILE = ".shutterbus-archive.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Marker:
    """The content of the file.

    Attributes:
        store: 16 hex digits that no other store has.
        format: Of the layout; a program refuses one that is newer than itself.
    """

    store: str
    format: int = FORMAT

    def encode(self) -> bytes:
        return json.dumps({"format": self.format, "store": self.store}).encode() + b"\n"


def new() -> Marker:
    """Return the marker of a store that is made now."""
    return Marker(secrets.token_hex(8))


def decode(data: bytes, where: str) -> Marker:
    """Return the marker that *data* spells, from the file *where*.

    Raises:
        NotOurStoreError: It is damaged, or of a newer format.
    """
    try:
        members = json.loads(data)
        marker = Marker(str(members["store"]), int(members["format"]))
    except (ValueError, LookupError, TypeError) as error:
        raise NotOurStoreError(f"{where} is damaged: {data[:60]!r}; nothing there is touched") from error
    if marker.format > FORMAT:
        raise NotOurStoreError(
            f"{where} is of format {marker.format}, and this program knows formats up to {FORMAT}: upgrade it"
        )
    return marker
