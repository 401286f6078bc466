"""A compressed batch that has ended the process twice is passed over, and said."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from shutterbus_transport.consuming import Group
from shutterbus_transport.kafka.unpacking import SUSPECTS_MAX, Place, PoisonBatchError, Unpacking
from stack.brokers import kafka
from stack.viewing import make_topics
from transport.rig import Broker, Notes, deliver, message, reading

READER = Path(__file__).parent / "bomb_reader.py"
PLACE = ("old-camera", 0, 17)


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "unpacking.json"


def die_unpacking(note: Path, place: Place = PLACE) -> None:
    """As a process does that is killed before it can say that it has unpacked the batch."""
    with closing(Unpacking(note)) as unpacking:
        unpacking.begin(place, place[2] + 1, packed=True)


def is_refused(note: Path, place: Place = PLACE) -> bool:
    """Whether a new process passes the batch over; if not, it unpacks it and lives."""
    with closing(Unpacking(note)) as unpacking:
        try:
            unpacking.begin(place, place[2] + 1, packed=True)
        except PoisonBatchError:
            return True
        finally:
            unpacking.done()
        return False


def test_batch_is_tried_again_after_one_death_and_refused_after_two(note: Path) -> None:
    die_unpacking(note)
    die_unpacking(note)
    with (
        closing(Unpacking(note)) as unpacking,
        pytest.raises(PoisonBatchError, match="ended this process 2 times"),
    ):
        unpacking.begin(PLACE, 18, packed=True)


def test_it_stays_refused_at_every_start(note: Path) -> None:
    die_unpacking(note)
    die_unpacking(note)
    assert [is_refused(note) for _ in range(3)] == [True, True, True]


def test_others_before_it_change_nothing(note: Path) -> None:
    """A reader that has no group begins before the batch each time."""
    for _ in range(2):
        with closing(Unpacking(note)) as unpacking:
            for offset in (15, 16):
                unpacking.begin(("old-camera", 0, offset), offset + 1, packed=True)
                unpacking.done()
        die_unpacking(note)
    assert is_refused(note)


def test_batch_that_could_be_unpacked_after_all_is_forgiven(note: Path) -> None:
    die_unpacking(note)
    assert not is_refused(note)
    die_unpacking(note)
    assert not is_refused(note)


def test_what_was_met_last_is_remembered(note: Path) -> None:
    places = [("old-camera", 0, offset) for offset in range(SUSPECTS_MAX + 5)]
    for place in places:
        die_unpacking(note, place)
        die_unpacking(note, place)
    assert is_refused(note, places[-1])
    assert not is_refused(note, places[0])


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"now": 3, "deaths": []}', b'{"deaths": [[1]]}', b"\xff\xfe"]
)
def test_note_that_is_damaged_costs_its_content(note: Path, damage: bytes) -> None:
    note.write_bytes(damage)
    die_unpacking(note)
    die_unpacking(note)
    assert is_refused(note)


def test_without_a_place_for_the_note_everything_is_read(tmp_path: Path) -> None:
    for path in (None, tmp_path / "missing" / "unpacking.json"):
        with closing(Unpacking(path)) as unpacking:
            unpacking.begin(PLACE, 18, packed=True)
            unpacking.done()


def test_end_is_that_of_the_partition_alone(note: Path) -> None:
    with closing(Unpacking(note)) as unpacking:
        unpacking.begin(PLACE, 30, packed=True)
        unpacking.done()
        assert unpacking.end_of("old-camera", 0) == 30
        assert unpacking.end_of("old-camera", 1) == 0
        unpacking.begin(("gate", 0, 3), 4, packed=False)
        assert unpacking.end_of("old-camera", 0) == 0


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with kafka() as running:
        yield Broker("kafka", running)


@pytest.mark.stack
def test_reader_that_a_batch_ends_twice_goes_on_behind_it(broker: Broker, tmp_path: Path) -> None:
    """Ten records in one batch, which is gzip; what unpacks gzip in this reader ends its process, as a fault would."""
    make_topics(broker.container.address, ["gate"])
    topic = broker.topic("gate")
    packed = KafkaProducer(
        bootstrap_servers=broker.container.address, compression_type="gzip", linger_ms=1_000, acks="all"
    )
    with broker.client("gate") as client:
        deliver(client, topic, message("gate", 0))
        sent = [packed.send(topic, b"a picture") for _ in range(10)]
        packed.flush()
        offsets = [future.get(timeout=20).offset for future in sent]
        assert all(second == first + 1 for first, second in pairwise(offsets))
        packed.close()
        deliver(client, topic, message("gate", 1))
    command: list[str | Path] = [sys.executable, READER, broker.container.address, tmp_path]
    ends = [subprocess.run(command, check=False, timeout=60, capture_output=True) for _ in range(3)]
    assert [end.returncode for end in ends] == [-signal.SIGKILL, -signal.SIGKILL, 0], [
        end.stderr for end in ends
    ]
    assert (tmp_path / "said").read_text().splitlines()[-2:] == [
        f"poison-batch: a compressed batch has ended this process 2 times (skipped offsets {offsets[0]} to {offsets[-1]})",
        "frame 1",
    ]


def _has_two(notes: Notes) -> bool:
    return len(notes.deliveries) == 2


@pytest.mark.stack
def test_topic_that_its_broker_compresses_is_read(broker: Broker) -> None:
    """The broker's own libraries write what is read here, Java's framing of snappy among it."""
    cameras = ("zstd", "lz4", "snappy", "gzip")
    with KafkaAdminClient(bootstrap_servers=broker.container.address) as admin:
        admin.create_topics(
            [NewTopic(broker.topic(kind), 1, 1, topic_configs={"compression.type": kind}) for kind in cameras]
        )
    notes = [Notes(broker.topic(camera)) for camera in cameras]
    for camera, note in zip(cameras, notes, strict=True):
        with broker.client(camera) as client:
            deliver(client, note.topic, message(camera, 0, 200_000), message(camera, 1, 200_000))
        with reading(broker, note, Group(f"compressed-{camera}", "one")):
            note.wait(partial(_has_two, note))
        assert [delivery.arrival.value for delivery in note.deliveries] == [
            message(camera, seq, 200_000).value for seq in (0, 1)
        ]
        assert note.refusals == []
