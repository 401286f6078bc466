"""What every transport promises, on a real broker: to those who send, and to those who read and acknowledge."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from shutterbus_transport import TRANSPORTS
from shutterbus_transport.consuming import Group
from shutterbus_transport.errors import BrokerUnavailableError, MessageRefusedError
from stack.brokers import free_port, kafka, mosquitto
from stack.viewing import make_topics
from transport.rig import Broker, Notes, message, reading, send

pytestmark = [
    pytest.mark.stack,
    # kafka-python leaves the socket of a refused connection to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

_cameras = itertools.count()


@pytest.fixture(scope="module", params=list(TRANSPORTS))
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """One broker of each transport for all tests of this module, which takes messages of a megabyte."""
    limit = 1_048_588
    with ExitStack() as stack:
        made = (
            stack.enter_context(kafka(KAFKA_MESSAGE_MAX_BYTES=str(limit)))
            if request.param == "kafka"
            else stack.enter_context(mosquitto(f"max_packet_size {limit}"))
        )
        yield Broker(request.param, made)


@pytest.fixture
def camera(broker: Broker) -> str:
    """A camera of this test's own, with its topics."""
    name = f"camera-{next(_cameras)}"
    if broker.name == "kafka":
        make_topics(broker.container.address, [name])
    return name


@pytest.fixture
def group(camera: str) -> Group:
    """A group that has read nothing yet."""
    return Group(f"group-{camera}", f"member-{camera}")


# To those who send.


def test_what_is_confirmed_has_arrived_as_it_was_sent(broker: Broker, camera: str, group: Group) -> None:
    sent = [message(camera, seq, size_bytes=100_000) for seq in range(5)]
    notes = Notes(broker.topic(camera))
    with reading(broker, notes, group), broker.client(camera) as client:
        assert send(client, broker.topic(camera), *sent) == [None] * 5
        notes.wait(lambda: len(notes.deliveries) == 5)

    arrivals = [delivery.arrival for delivery in notes.deliveries]
    assert [arrival.value for arrival in arrivals] == [sent_message.value for sent_message in sent]
    assert [dict(arrival.attributes) for arrival in arrivals] == [
        dict(sent_message.attributes) for sent_message in sent
    ]
    assert {arrival.content_type for arrival in arrivals} == {"image/jpeg"}
    assert {arrival.topic for arrival in arrivals} == {broker.topic(camera)}
    assert not notes.refusals


def test_limit_is_known_and_what_is_over_it_is_refused_or_never_taken(broker: Broker, camera: str) -> None:
    with broker.client(camera) as client:
        assert client.limit_bytes == 1_048_588
        [answer] = send(client, broker.topic(camera), message(camera, 0, size_bytes=1_100_000))
        assert isinstance(answer, MessageRefusedError | BrokerUnavailableError)
    with broker.client(camera) as client, reading(broker, Notes(broker.topic(camera))):
        assert send(client, broker.topic(camera), message(camera, 1)) == [None]


def test_broker_that_is_away_is_said_in_a_sentence(broker: Broker) -> None:
    port = free_port()
    away = Broker(broker.name, type("Away", (), {"address": f"127.0.0.1:{port}"})())
    with pytest.raises(BrokerUnavailableError, match=str(port)), away.client("gate"):
        pass


def test_client_that_is_closed_answers_nothing_and_leaves_no_thread(broker: Broker, camera: str) -> None:
    before = set(threading.enumerate())
    with broker.client(camera):
        assert set(threading.enumerate()) - before
    left = {thread for thread in set(threading.enumerate()) - before if thread.is_alive()}
    assert not left


# To those who read.


def test_what_was_acknowledged_does_not_come_again_and_the_rest_does(
    broker: Broker, camera: str, group: Group
) -> None:
    first = Notes(broker.topic(camera), acknowledges=False)
    with reading(broker, first, group) as reader, broker.client(camera) as client:
        send(client, broker.topic(camera), *(message(camera, seq) for seq in range(6)))
        first.wait(lambda: len(first.deliveries) == 6)
        first.in_turn(lambda: reader.acknowledge(first.deliveries[:3]))
    again = Notes(broker.topic(camera))
    with reading(broker, again, group):
        again.wait(lambda: len(again.deliveries) == 3)
        again.turn_round()
    assert again.seqs == [3, 4, 5]
    # MQTT says so; on Kafka the same offset does.
    assert [each.arrival.redelivered for each in [*first.deliveries, *again.deliveries]] == [
        *[False] * 6,
        *[broker.name == "mqtt"] * 3,
    ]
    nothing = Notes(broker.topic(camera))
    with reading(broker, nothing, group):
        nothing.turn_round()
    assert nothing.seqs == []


def test_first_message_after_a_restart_is_there_within_five_seconds(
    broker: Broker, camera: str, group: Group
) -> None:
    with reading(broker, Notes(broker.topic(camera)), group), broker.client(camera) as client:
        send(client, broker.topic(camera), message(camera, 0))
    with broker.client(camera) as client:
        assert send(client, broker.topic(camera), message(camera, 1)) == [None]
    notes = Notes(broker.topic(camera))
    with reading(broker, notes, group):
        assert notes.wait(lambda: notes.seqs[-1:] == [1]) <= 5


def test_paused_reader_stays_connected_and_delivers_nothing_until_it_is_resumed(
    broker: Broker, camera: str, group: Group
) -> None:
    notes = Notes(broker.topic(camera))
    with reading(broker, notes, group) as reader, broker.client(camera) as client:
        send(client, broker.topic(camera), message(camera, 0))
        notes.wait(lambda: notes.seqs == [0])
        reader.pause()
        notes.turn_round()
        send(client, broker.topic(camera), *(message(camera, seq) for seq in range(1, 5)))
        notes.turn_round()
        assert notes.seqs == [0]
        assert reader.connected
        reader.resume()
        notes.wait(lambda: notes.seqs == [0, 1, 2, 3, 4])


def test_outage_is_told_with_its_end_and_nothing_is_missing(
    broker: Broker, camera: str, group: Group
) -> None:
    notes = Notes(broker.topic(camera))
    with reading(broker, notes, group), broker.client(camera) as client:
        send(client, broker.topic(camera), message(camera, 0))
        notes.wait(lambda: notes.seqs == [0])
        broker.container.stop()
        notes.wait(lambda: bool(notes.down))
        assert broker.container.address in notes.down
        broker.container.start()
        notes.wait(lambda: not notes.down, 60)
        with broker.client(camera) as later:
            assert send(later, broker.topic(camera), message(camera, 1)) == [None]
        notes.wait(lambda: set(notes.seqs) == {0, 1}, 60)


def test_acknowledgement_of_what_an_older_connection_brought_is_passed_over(
    broker: Broker, camera: str, group: Group
) -> None:
    """It would acknowledge something else: a packet id means another message on the next connection."""
    notes = Notes(broker.topic(camera), acknowledges=False)
    with reading(broker, notes, group), broker.client(camera) as client:
        send(client, broker.topic(camera), message(camera, 0))
        notes.wait(lambda: notes.seqs == [0])
    late = notes.deliveries[0]
    again = Notes(broker.topic(camera), acknowledges=False)
    with reading(broker, again, group) as reader:
        again.wait(lambda: again.seqs == [0])
        again.in_turn(lambda: reader.acknowledge([late]))
    third = Notes(broker.topic(camera))
    with reading(broker, third, group):
        third.wait(lambda: third.seqs == [0])
