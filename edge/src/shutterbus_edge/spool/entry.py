"""One frame, report or reading in the spool, as an explicit state machine: who has it, and where its bytes are.

Who has it (``stay``)::

    event      WAITING    SENDING    GONE
    claim      SENDING    -          -
    release    -          WAITING    -
    confirm    GONE       GONE       -
    drop       GONE       -          -
    lose       GONE       GONE       -
    set_aside  GONE       GONE       -

Where its bytes are (``place``)::

    event      MEMORY     WRITING    DISK
    write      WRITING    -          -
    written    -          DISK       -
    unwritten  -          MEMORY     -

``-`` is refused with a TransitionError, which is a defect of the caller. ``drop`` makes room and is refused while a lane
is sending the entry, and while its file is being written; ``lose`` notes that the bytes have vanished, no matter which lane has it. A
confirmation counts from any lane: a frame may be confirmed by a lane that has given it back.

Confirmation by the archive adds a column ``AT_BROKER`` between SENDING and GONE: acknowledged by the broker, held until
the archive has it, and neither claimed nor dropped before that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from shutterbus_edge.spool.names import Held, file_name


class Stay(Enum):
    """Who has an entry."""

    WAITING = "waiting"
    SENDING = "sending"
    GONE = "gone"


class Place(Enum):
    """Where the bytes of an entry are."""

    MEMORY = "memory"
    WRITING = "writing"
    DISK = "disk"


class Event(Enum):
    """What happens to an entry."""

    CLAIM = "claim"
    RELEASE = "release"
    CONFIRM = "confirm"
    DROP = "drop"
    LOSE = "lose"
    SET_ASIDE = "set_aside"
    WRITE = "write"
    WRITTEN = "written"
    UNWRITTEN = "unwritten"


STAYS: Mapping[tuple[Stay, Event], Stay] = MappingProxyType({
    (Stay.WAITING, Event.CLAIM): Stay.SENDING,
    (Stay.SENDING, Event.RELEASE): Stay.WAITING,
    (Stay.WAITING, Event.CONFIRM): Stay.GONE,
    (Stay.SENDING, Event.CONFIRM): Stay.GONE,
    (Stay.WAITING, Event.DROP): Stay.GONE,
    (Stay.WAITING, Event.LOSE): Stay.GONE,
    (Stay.SENDING, Event.LOSE): Stay.GONE,
    (Stay.WAITING, Event.SET_ASIDE): Stay.GONE,
    (Stay.SENDING, Event.SET_ASIDE): Stay.GONE,
})  # fmt: skip

PLACES: Mapping[tuple[Place, Event], Place] = MappingProxyType({
    (Place.MEMORY, Event.WRITE): Place.WRITING,
    (Place.WRITING, Event.WRITTEN): Place.DISK,
    (Place.WRITING, Event.UNWRITTEN): Place.MEMORY,
})  # fmt: skip


class TransitionError(RuntimeError):
    """Something was asked of an entry that its state does not allow: a defect of the caller."""


@dataclass(slots=True, eq=False)
class Entry:
    """One frame, report or reading.

    Attributes:
        put_at_s: On the monotonic clock.
        data: Its bytes until they are on disk.
        digest: CRC-32C of its bytes, which completes the name of its file, once that is durable. A number, since
            hundreds of thousands of entries may be held.
    """

    held: Held
    put_at_s: float
    stay: Stay = Stay.WAITING
    place: Place = Place.MEMORY
    data: bytes | None = None
    digest: int | None = None

    @classmethod
    def put(cls, held: Held, put_at_s: float, data: bytes) -> "Entry":
        """Return what was just put: in memory, and claimed by who put it."""
        return cls(held, put_at_s, Stay.SENDING, Place.MEMORY, data)

    @classmethod
    def from_disk(cls, held: Held, put_at_s: float, digest: int) -> "Entry":
        """Return what was found on disk: it waits."""
        return cls(held, put_at_s, Stay.WAITING, Place.DISK, digest=digest)

    @property
    def file(self) -> str | None:
        """The name of its file; None until it is on disk."""
        return None if self.digest is None else file_name(self.held, self.digest)

    @property
    def is_gone(self) -> bool:
        """Whether it was confirmed, dropped, lost or set aside."""
        return self.stay is Stay.GONE

    @property
    def may_be_dropped(self) -> bool:
        """Whether it may make room for another."""
        return self.stay is Stay.WAITING and self.place is not Place.WRITING

    def on(self, event: Event) -> None:
        """Change ``stay`` by *event*; raise TransitionError where the table has no entry."""
        if event is Event.DROP and not self.may_be_dropped:
            raise TransitionError(
                f"{self.held.name} is {self.stay.value} and {self.place.value}: it cannot be dropped"
            )
        try:
            self.stay = STAYS[self.stay, event]
        except KeyError:
            raise TransitionError(
                f"{self.held.name} is {self.stay.value}: {event.value} is refused"
            ) from None

    def write(self) -> bytes:
        """Begin to make its file, and return the bytes for it."""
        self._move(Event.WRITE)
        assert self.data is not None
        return self.data

    def written(self, digest: int) -> None:
        """Note that its file is durable."""
        self._move(Event.WRITTEN)
        self.digest, self.data = digest, None

    def unwritten(self) -> None:
        """Note that its file could not be made."""
        self._move(Event.UNWRITTEN)

    def _move(self, event: Event) -> None:
        try:
            self.place = PLACES[self.place, event]
        except KeyError:
            raise TransitionError(
                f"{self.held.name} is in {self.place.value}: {event.value} is refused"
            ) from None
