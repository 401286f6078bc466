"""A spool entry goes through its states as its table says, and in no other way."""

import itertools

import pytest

from shutterbus_edge.spool.entry import PLACES, STAYS, Entry, Event, Place, Stay, TransitionError
from shutterbus_edge.spool.names import Held
from shutterbus_wire.identity import FrameId

HELD = Held("name", "frame", FrameId("00c0ffee00c0ffee", 0), 3, 0)
OF_PLACE = {Event.WRITE, Event.WRITTEN, Event.UNWRITTEN}
OF_STAY = set(Event) - OF_PLACE


def in_state(stay: Stay, place: Place) -> Entry:
    return Entry(HELD, 0.0, stay, place, data=b"jpg", digest=7 if place is Place.DISK else None)


def moved(entry: Entry, event: Event) -> None:
    match event:
        case Event.WRITE:
            assert entry.write() == b"jpg"
        case Event.WRITTEN:
            entry.written(7)
        case _:
            entry.unwritten()


@pytest.mark.parametrize(
    ("stay", "event"), [*itertools.product(Stay, sorted(OF_STAY, key=lambda e: e.value))]
)
def test_every_transition_of_who_has_it(stay: Stay, event: Event) -> None:
    entry = in_state(stay, Place.DISK)
    wanted = STAYS.get((stay, event))
    if wanted is None:
        with pytest.raises(TransitionError, match=f"name is {stay.value}"):
            entry.on(event)
        assert entry.stay is stay
    else:
        entry.on(event)
        assert entry.stay is wanted


@pytest.mark.parametrize(
    ("place", "event"), [*itertools.product(Place, sorted(OF_PLACE, key=lambda e: e.value))]
)
def test_every_transition_of_where_its_bytes_are(place: Place, event: Event) -> None:
    entry = in_state(Stay.WAITING, place)
    wanted = PLACES.get((place, event))
    if wanted is None:
        with pytest.raises(TransitionError, match=f"{event.value} is refused"):
            moved(entry, event)
        assert entry.place is place
    else:
        moved(entry, event)
        assert entry.place is wanted
        assert (entry.file is not None, entry.data is None) == ((wanted is Place.DISK),) * 2


def test_nothing_leaves_the_state_gone() -> None:
    assert not [stay for stay, _ in STAYS if stay is Stay.GONE]


def test_entry_whose_file_is_being_written_makes_no_room() -> None:
    entry = in_state(Stay.WAITING, Place.WRITING)
    assert not entry.may_be_dropped
    with pytest.raises(TransitionError, match="cannot be dropped"):
        entry.on(Event.DROP)


def test_what_was_put_is_claimed_and_what_was_found_waits() -> None:
    put, recovered = Entry.put(HELD, 0.0, b"jpg"), Entry.from_disk(HELD, 0.0, 7)
    assert (put.stay, put.place) == (Stay.SENDING, Place.MEMORY)
    assert (recovered.stay, recovered.place) == (Stay.WAITING, Place.DISK)
