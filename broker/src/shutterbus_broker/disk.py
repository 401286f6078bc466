"""How Kafka's disk is divided, so that it cannot fill.

A log is trimmed by whole segments, some seconds late. A partition therefore holds at its peak what it should
keep, two segments more, and what can arrive meanwhile; the last is bounded by a quota for each sender.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shutterbus_broker import legacy
from shutterbus_broker.errors import SetupError
from shutterbus_broker.identities import Identities, counted
from shutterbus_broker.installation import DISK_MAX, disk_max_bytes, message_max_bytes
from shutterbus_broker.topics import MIB, Room, Rooms

GIB = 1 << 30
OWN_BYTES = GIB
"""Set aside for Kafka's own topics, its metadata and the room of the doctor."""
LEAST_GIB = 3
"""Enough for a few cameras; less helps no disk."""
LATE_S = 12
"""The broker looks every 5 s and deletes 1 s later. Its quota is a mean over 11 s, so that who was quiet before can
send as much as that in less; and what is on its way when the quota is reached is still taken."""
QUOTA_MIN = 2 * MIB
QUOTA_MAX = 32 * MIB
_SMALL = Rooms()


@dataclass(frozen=True, slots=True)
class Division:
    """What each camera gets of the disk, and how fast any user may send, in bytes a second."""

    rooms: Rooms
    quota: int


def fitting(free_bytes: int) -> str:
    """Return Kafka's part of a disk for ``.env``: what is usual, or a quarter of what is free where that is less.

    The rest is for pictures that are kept, and for the system.
    """
    usual = int(DISK_MAX.removesuffix("GiB"))
    return f"{max(LEAST_GIB, min(usual, free_bytes // 4 // GIB))}GiB"


def of(identities: Identities, settings: Mapping[str, str]) -> Division:
    """Return the shares of all who were ever enrolled, and of old clients' topics.

    A revoked camera counts as well: its pictures stay, and take room.

    Raises:
        SetupError: KAFKA_DISK_MAX in *settings* is too little; its sentence has the number needed.
    """
    topics = legacy.on_kafka(legacy.listed(settings))
    return divide(
        disk_max_bytes(settings), len(identities.cameras) + len(topics), message_max_bytes(settings)
    )


def divide(disk_bytes: int, cameras: int, message_max_bytes: int) -> Division:
    """Return the shares of *cameras* on a disk of *disk_bytes*.

    Raises:
        SetupError: That is too little; its sentence has the number needed.
    """
    cameras = max(1, cameras)
    needed = OWN_BYTES + cameras * _share_min(message_max_bytes)
    if disk_bytes < needed:
        raise SetupError(
            f"KAFKA_DISK_MAX is {disk_bytes / GIB:.3g}GiB, too little for {counted(cameras)} with messages of up to "
            f"{message_max_bytes} bytes: at least {_text(needed)} is needed"
        )
    share = (disk_bytes - OWN_BYTES) // cameras - _SMALL.small_peak_bytes
    quota = min(QUOTA_MAX, max(QUOTA_MIN, share // 4 // LATE_S))
    share -= quota * LATE_S
    segment = min(256 * MIB, max(_segment_min(message_max_bytes), share // 16))
    return Division(Rooms(frames=Room(share - 2 * segment, segment)), quota)


def _segment_min(message_max_bytes: int) -> int:
    return max(4 * MIB, 2 * message_max_bytes)


def _share_min(message_max_bytes: int) -> int:
    return _SMALL.small_peak_bytes + QUOTA_MIN * LATE_S + 3 * _segment_min(message_max_bytes)


def _text(size_bytes: int) -> str:
    """A size that is not smaller than the bytes it stands for."""
    return f"{-(-size_bytes // (GIB // 10)) / 10:.1f}GiB"
