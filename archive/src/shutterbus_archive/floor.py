"""How much stays free on the disk of the pictures, for the rest of the machine."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shutterbus_archive.store import Room

LOOK_S = 10.0
BLOCK_BYTES = 512
"""What ``st_blocks`` counts in."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A folder of somebody else's that grows up to *max_bytes*: Kafka's, where it shares the archive's disk."""

    folder: Path
    max_bytes: int

    def may_still_take(self, device: int | None) -> int:
        """Return how many bytes it may still take of the disk with that number: none where it is on another."""
        try:
            if device is None or self.folder.stat().st_dev != device:
                return 0
        except OSError:
            return 0  # it is not on this machine
        return max(0, self.max_bytes - _used_bytes(self.folder))


class Floor:
    """What may not be used; any thread may ask.

    Args:
        min_free_bytes: ARCHIVE_MIN_FREE; None for the smaller of a twentieth and 5 GiB.
        monotonic_s: A clock; a neighbour's files are not counted for each group of frames.
    """

    def __init__(
        self,
        min_free_bytes: int | None,
        monotonic_s: Callable[[], float],
        neighbour: Neighbour | None = None,
    ) -> None:
        self._min_free_bytes = min_free_bytes
        self._monotonic_s = monotonic_s
        self._neighbour = neighbour
        self._looked: tuple[float, int] | None = None

    def free_bytes(self, room: Room) -> int:
        """Return how much has to stay free of *room*."""
        return self._own(room) + self._neighbours(room)

    def said(self, room: Room) -> str:
        """Return the same as a part of a sentence."""
        neighbours = self._neighbours(room)
        besides = (
            f", besides {neighbours / 1e9:.2f} GB that Kafka may still take of the disk" if neighbours else ""
        )
        return f"ARCHIVE_MIN_FREE keeps {self._own(room) / 1e9:.2f} GB{besides}"

    def _own(self, room: Room) -> int:
        return min(room.total_bytes // 20, 5 << 30) if self._min_free_bytes is None else self._min_free_bytes

    def short_bytes(self, room: Room, incoming_bytes: int = 0) -> int:
        """Return how much too little is free of *room*, if *incoming_bytes* come; none or less where there is enough."""
        return self.free_bytes(room) + incoming_bytes - room.free_bytes

    def _neighbours(self, room: Room) -> int:
        if self._neighbour is None:
            return 0
        now_s, looked = self._monotonic_s(), self._looked
        if looked is None or now_s - looked[0] >= LOOK_S:
            looked = self._looked = now_s, self._neighbour.may_still_take(room.device)
        return looked[1]


def _used_bytes(folder: Path) -> int:
    used = 0
    for path, _, files in os.walk(folder):
        for name in files:
            try:
                used += Path(path, name).lstat().st_blocks * BLOCK_BYTES
            except FileNotFoundError:
                continue  # deleted meanwhile
    return used
